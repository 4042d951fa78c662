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

NodeTable::NodeTable(int root, std::size_t most_open)
    : root_fd_(root), most_open_(most_open), root_(std::make_unique<Node>()) {
  Handle handle;
  handles_ = get_handle(root, handle) == 0;
  std::error_code ec;
  root_->path_ = File(root, ".", kPathFlags, 0, ec);
  if (ec) throw std::system_error(ec);
  root_->key_ = key_of(root);
  root_->pins_ = 1;  // never closed
  root_->place_ = open_.end();
}

std::string NodeTable::key_of(int fd) {
  Handle handle;
  if (handles_ && get_handle(fd, handle) == 0) return handle.key();
  std::error_code ec;
  const Stat stat = stat_at(fd, "", LKL_AT_EMPTY_PATH | LKL_AT_SYMLINK_NOFOLLOW, ec);
  if (ec) throw std::system_error(ec);
  return fmt::format("{}:{}:{}", stat.dev_major, stat.dev_minor, stat.inode);
}

Node* NodeTable::remember(File path) {
  std::string key = key_of(path.fd());
  const std::lock_guard lock(mutex_);
  if (key == root_->key_) return root_.get();
  if (const auto known = nodes_.find(key); known != nodes_.end()) {
    Node* node = known->second.get();
    ++node->lookups_;
    return node;
  }
  auto node = std::make_unique<Node>();
  Node* const raw = node.get();
  raw->key_ = std::move(key);
  raw->path_ = std::move(path);
  raw->lookups_ = 1;
  raw->place_ = open_.insert(open_.end(), raw);
  nodes_.emplace(raw->key_, std::move(node));
  close_some();
  return raw;
}

void NodeTable::forget(Node* node, std::uint64_t times) {
  if (node == root_.get()) return;
  std::unique_ptr<Node> last;  // its descriptor is closed without the mutex
  const std::lock_guard lock(mutex_);
  node->lookups_ -= std::min(times, node->lookups_);
  last = take_if_unused(node);
}

std::unique_ptr<Node> NodeTable::take_if_unused(Node* node) {
  if (node->lookups_ > 0 || node->pins_ > 0) return nullptr;
  if (node->path_) open_.erase(node->place_);
  const auto entry = nodes_.find(node->key_);
  std::unique_ptr<Node> last = std::move(entry->second);
  nodes_.erase(entry);
  return last;
}

PathFd NodeTable::pin(Node* node) {
  const std::lock_guard lock(mutex_);
  if (!node->path_) {
    Handle handle(node->key_);
    const long long fd = lkl_sys_open_by_handle_at(root_fd_, handle.raw(), kPathFlags);
    if (fd < 0) throw std::system_error(error_from(fd));
    node->path_ = File::adopt(static_cast<int>(fd));
    node->place_ = open_.insert(open_.end(), node);
    ++node->pins_;
    close_some();
  } else {
    ++node->pins_;
    used(node);
  }
  return {*this, node, node->path_.fd()};
}

void NodeTable::host_keeps_mtime(Node* node, const timespec& time) {
  const std::lock_guard lock(mutex_);
  node->mtime_ = time;
}

std::optional<timespec> NodeTable::mtime_of_host(Node* node) {
  const std::lock_guard lock(mutex_);
  return node->mtime_;
}

void NodeTable::unpin(Node* node) {
  std::unique_ptr<Node> last;
  const std::lock_guard lock(mutex_);
  --node->pins_;
  last = take_if_unused(node);
}

void NodeTable::used(Node* node) {
  if (node->place_ != open_.end()) open_.splice(open_.end(), open_, node->place_);
}

// What has lost its last name lives only as long as it is open: its descriptor stays.
void NodeTable::close_some() {
  if (!handles_) return;
  constexpr int kLookAt = 8;
  for (int i = 0; i < kLookAt && open_.size() > most_open_; ++i) {
    Node* const node = open_.front();
    std::error_code ec;
    const bool needed =
        node->pins_ > 0 ||
        stat_at(node->path_.fd(), "", LKL_AT_EMPTY_PATH | LKL_AT_SYMLINK_NOFOLLOW, ec).nlink == 0 ||
        ec;
    if (needed) {
      used(node);
      continue;
    }
    open_.pop_front();
    node->path_.close();
  }
}

}  // namespace lkl::fuse
