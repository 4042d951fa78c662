// SPDX-License-Identifier: GPL-2.0
#include "node.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <system_error>

namespace lkl::fuse {

namespace {

constexpr int kPathFlags = LKL_O_PATH | LKL_O_NOFOLLOW | LKL_O_CLOEXEC;

// struct file_handle with room for those of any file system.
constexpr unsigned kMostHandleBytes = 128;

class Handle {
 public:
  Handle() { raw()->handle_bytes = kMostHandleBytes; }
  // From what key() gave.
  explicit Handle(std::string_view key) {
    std::memcpy(&raw()->handle_type, key.data(), sizeof(int));
    key.remove_prefix(sizeof(int));
    raw()->handle_bytes = static_cast<unsigned>(key.size());
    std::memcpy(raw()->f_handle, key.data(), key.size());
  }

  struct lkl_file_handle* raw() {
    return reinterpret_cast<struct lkl_file_handle*>(room_);
  }
  std::string key() {
    std::string key(reinterpret_cast<const char*>(&raw()->handle_type), sizeof(int));
    key.append(reinterpret_cast<const char*>(raw()->f_handle), raw()->handle_bytes);
    return key;
  }

 private:
  alignas(
      struct lkl_file_handle) std::byte room_[sizeof(struct lkl_file_handle) + kMostHandleBytes];
};

long long get_handle(int fd, Handle& handle) {
  int mount_id;
  return lkl_sys_name_to_handle_at(fd, "", handle.raw(), &mount_id, LKL_AT_EMPTY_PATH);
}

}  // namespace

PathFd::~PathFd() {
  if (node_) table_->unpin(node_);
}

std::string PathFd::proc_path() const {
  return fmt::format("/proc/self/fd/{}", fd_);
}

NodeTable::NodeTable(int root, std::size_t most_open, bool lasting_handles)
    : root_fd_(root), most_open_(most_open), root_(std::make_unique<Node>()) {
  Handle handle;
  handles_ = lasting_handles && get_handle(root, handle) == 0;
  std::error_code ec;
  root_->path_ = File(root, ".", kPathFlags, 0, ec);
  if (ec) throw std::system_error(ec);
  root_->key_ = key_of(root);
  root_->pins_ = 1;  // never closed
  root_->order_ = open_.end();
}

std::string NodeTable::key_of(int fd) const {
  Handle handle;
  if (handles_ && get_handle(fd, handle) == 0) return handle.key();
  std::error_code ec;
  const Stat stat = stat_at(fd, "", LKL_AT_EMPTY_PATH | LKL_AT_SYMLINK_NOFOLLOW, ec);
  if (ec) throw std::system_error(ec);
  return fmt::format("{}:{}:{}", stat.dev_major, stat.dev_minor, stat.inode);
}

// What is closed or destroyed in the following is so after the mutex was given back: it is declared
// before that was taken.

Node* NodeTable::remember(File path, std::optional<Place> place) {
  if (handles_) place.reset();
  std::string key = key_of(path.fd());
  Node* node;
  {
    const std::lock_guard lock(mutex_);
    if (key == root_->key_) return root_.get();
    if (const auto known = nodes_.find(key); known != nodes_.end()) {
      node = known->second.get();
      ++node->lookups_;
      if (place) node->place_ = std::move(place);
      return node;
    }
    auto fresh = std::make_unique<Node>();
    node = fresh.get();
    node->key_ = std::move(key);
    node->lookups_ = 1;
    node->place_ = std::move(place);
    opened(node, std::move(path));
    nodes_.emplace(node->key_, std::move(fresh));
  }
  close_some();
  return node;
}

void NodeTable::forget(Node* node, std::uint64_t times) {
  if (node == root_.get()) return;
  std::unique_ptr<Node> last;
  const std::lock_guard lock(mutex_);
  node->lookups_ -= std::min(times, node->lookups_);
  last = take_if_unused(node);
}

std::unique_ptr<Node> NodeTable::take_if_unused(Node* node) {
  if (node->lookups_ > 0 || node->pins_ > 0) return nullptr;
  if (node->path_) open_.erase(node->order_);
  const auto entry = nodes_.find(node->key_);
  std::unique_ptr<Node> last = std::move(entry->second);
  nodes_.erase(entry);
  return last;
}

PathFd NodeTable::pin(Node* node) {
  {
    const std::lock_guard lock(mutex_);
    ++node->pins_;
    if (node->path_) {
      used(node);
      return {*this, node, node->path_.fd()};
    }
  }
  Handle handle(node->key_);
  const long long fd = lkl_sys_open_by_handle_at(root_fd_, handle.raw(), kPathFlags);
  if (fd < 0) {
    unpin(node);
    throw std::system_error(error_from(fd));
  }
  File path = File::adopt(static_cast<int>(fd));
  int pinned;
  {
    const std::lock_guard lock(mutex_);
    // another thread may have been faster
    if (!node->path_) opened(node, std::move(path));
    pinned = node->path_.fd();
  }
  close_some();
  return {*this, node, pinned};
}

bool NodeTable::closes_paths() {
  const std::lock_guard lock(mutex_);
  return open_.size() < nodes_.size();
}

std::optional<PathFd> NodeTable::keep_open(File path) {
  const std::string key = key_of(path.fd());
  const std::lock_guard lock(mutex_);
  const auto known = nodes_.find(key);
  if (known == nodes_.end()) return std::nullopt;
  Node* const node = known->second.get();
  if (!node->path_) opened(node, std::move(path));
  ++node->pins_;
  return std::optional<PathFd>(std::in_place, *this, node, node->path_.fd());
}

void NodeTable::host_keeps_times(Node* node, const HostTimes& times) {
  const std::lock_guard lock(mutex_);
  node->times_ = times;
}

std::optional<HostTimes> NodeTable::times_of_host(Node* node) {
  const std::lock_guard lock(mutex_);
  return node->times_;
}

void NodeTable::unpin(Node* node) {
  std::unique_ptr<Node> last;
  const std::lock_guard lock(mutex_);
  --node->pins_;
  last = take_if_unused(node);
}

void NodeTable::opened(Node* node, File path) {
  node->path_ = std::move(path);
  node->order_ = open_.insert(open_.end(), node);
}

void NodeTable::used(Node* node) {
  if (node->order_ != open_.end()) open_.splice(open_.end(), open_, node->order_);
}

void NodeTable::close_some() {
  if (!handles_) return;
  constexpr int kLookAt = 8;
  for (int i = 0; i < kLookAt && close_one(); ++i) {
  }
}

// Looks at the one that was not used for longest; false if there are not too many.
bool NodeTable::close_one() {
  Node* node;
  {
    const std::lock_guard lock(mutex_);
    if (open_.size() <= most_open_) return false;
    node = open_.front();
    used(node);
    if (node->pins_ > 0) return true;
    ++node->pins_;
  }
  // What has lost its last name lives only as long as it is open: its descriptor stays.
  std::error_code ec;
  const bool lives_on =
      stat_at(node->path_.fd(), "", LKL_AT_EMPTY_PATH | LKL_AT_SYMLINK_NOFOLLOW, ec).nlink > 0 &&
      !ec;
  File closed;
  std::unique_ptr<Node> last;
  const std::lock_guard lock(mutex_);
  --node->pins_;
  last = take_if_unused(node);
  if (!last && lives_on && node->pins_ == 0) {
    open_.erase(node->order_);
    closed = std::move(node->path_);
  }
  return true;
}

bool NodeTable::has_surplus() {
  const std::lock_guard lock(mutex_);
  return !handles_ && open_.size() > most_open_;
}

std::vector<Place> NodeTable::surplus() {
  std::vector<Place> places;
  if (handles_) return places;
  constexpr int kAtOnce = 64;
  const std::lock_guard lock(mutex_);
  if (open_.size() <= most_open_) return places;
  for (int i = 0; i < kAtOnce; ++i) {
    Node* const node = open_.front();
    used(node);
    // A name that is in use would look as if it were removed.
    if (node->place_ && node->pins_ == 0 && node->opens == 0) places.push_back(*node->place_);
  }
  return places;
}

}  // namespace lkl::fuse
