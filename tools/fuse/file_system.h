// SPDX-License-Identifier: GPL-2.0
//
// A mounted volume of the library's kernel as a FUSE file system (libfuse's low-level interface).
// Each request is a few calls into the kernel, made by the thread that received it: requests that
// block, block nobody else.
#ifndef LKL_FUSE_FILE_SYSTEM_H
#define LKL_FUSE_FILE_SYSTEM_H

#include "fuse_api.h"

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "host_access.h"
#include "host_cache.h"
#include "host_clock.h"
#include "node.h"
#include "space.h"

namespace lkl::fuse {

// -o uid=, gid=: who is root inside, is this one outside, and the other way round. Others are the
// same on both sides; or they are seen as this one, too.
struct OwnerMap {
  uid_t user = 0;
  gid_t group = 0;
  bool all = false;

  // As the host is to see them.
  uid_t show_user(uid_t id) const { return all ? user : swap_user(id); }
  gid_t show_group(gid_t id) const { return all ? group : swap_group(id); }
  // As the image is to have them.
  uid_t swap_user(uid_t id) const { return id == 0 ? user : id == user ? 0 : id; }
  gid_t swap_group(gid_t id) const { return id == 0 ? group : id == group ? 0 : id; }
};

// Where names that differ in case are one name.
enum class FoldsNames { kNowhere, kInSomeDirectories, kEverywhere };

struct FileSystemOptions {
  bool read_only = false;
  bool direct_io = false;          // no page cache of the host
  bool writeback = true;           // the host collects small writes
  bool write_direct = false;       // much at once goes past the library's cache
  bool check_permissions = false;  // default_permissions
  OwnerMap owners;
  std::size_t most_open_nodes = 4096;
  FoldsNames folds_names = FoldsNames::kNowhere;
  bool lasting_handles = true;          // file handles lead to what is not in memory, too
  std::uint64_t collected_by_host = 0;  // at most, in bytes
  bool exact_space = true;              // statfs(2) is
};

// What the host has open.
class OpenHandle {
 public:
  // `collects`: the host collects what is written to it.
  OpenHandle(File file, Node* node, bool collects)
      : file_(std::move(file)), node_(node), collects_(collects) {
    ++node_->opens;
    if (collects_) ++node_->writers;
  }
  OpenHandle(const OpenHandle&) = delete;
  OpenHandle& operator=(const OpenHandle&) = delete;
  virtual ~OpenHandle() {
    --node_->opens;
    if (collects_) --node_->writers;
  }

  int fd() const { return file_.fd(); }
  Node* node() const { return node_; }
  bool collects() const { return collects_; }
  static OpenHandle& of(const fuse_file_info* info) {
    return *reinterpret_cast<OpenHandle*>(info->fh);
  }

 private:
  File file_;
  Node* const node_;  // the host knows it as long as it has it open
  const bool collects_;
};

class FileSystem {
 public:
  // `root` is the open root directory; it must outlive this, as `clock` and `access` must.
  FileSystem(int root, const FileSystemOptions& options, HostClock& clock, HostAccess& access);

  // For fuse_session_new(), with this object as user data.
  static const fuse_lowlevel_ops kOperations;

  const FileSystemOptions& options() const { return options_; }
  bool collects_writes() const {
    return options_.writeback && !options_.read_only && !options_.direct_io;
  }
  NodeTable& nodes() { return nodes_; }
  HostCache& host_cache() { return host_cache_; }
  HostClock& clock() { return clock_; }
  // Before a change of which the host keeps no time: not of a file's data, names or attributes.
  void follow_clock_alone() { clock_.follow_alone(collecting_); }
  HostAccess& host_access() { return host_access_; }
  Space& space() { return space_; }
  // The host's and the library's clock can tell apart times so far from each other, in ns.
  unsigned time_granularity() const { return time_granularity_; }

  Node* node(fuse_ino_t id) {
    return id == FUSE_ROOT_ID ? nodes_.root() : reinterpret_cast<Node*>(id);
  }
  fuse_ino_t id(Node* node) {
    return node == nodes_.root() ? FUSE_ROOT_ID : reinterpret_cast<fuse_ino_t>(node);
  }
  PathFd pin(fuse_ino_t id) { return nodes_.pin(node(id)); }

  // Attributes of what the descriptor is open on, as the host is told them.
  struct stat attributes(int fd) const;
  // Looks a name up and counts that. `directory` is open on `node`. Throws std::system_error.
  fuse_entry_param entry(int directory, Node* node, const char* name);
  // The same; without `.ino` if there is no such name, which is frequent: nothing is thrown.
  fuse_entry_param find_entry(int directory, Node* node, const char* name);
  // Attributes of it are about to be told, or it is opened: when room is scarce the host must not
  // take it for granted that it may write.
  void before_telling(Node* node);
  // So much was written: when room becomes scarce by that, the host has to ask from now on.
  void wrote(std::uint64_t bytes);
  void did_not_fit();
  // Files that the host may have collected writes for.
  std::vector<fuse_ino_t> collected();

  // Open handles are kept here, for the end may come before the host has released all.
  void keep(std::unique_ptr<OpenHandle> handle, fuse_file_info* info);
  void release(const fuse_file_info* info);

  // How long the host may trust what it was told: nobody else changes the image.
  static constexpr double kForLong = 86400;

 private:
  bool folds_names(int directory, Node* node) const;
  void ask_before_writes();
  void bound_nodes();

  const int root_fd_;
  const FileSystemOptions options_;
  NodeTable nodes_;
  HostClock& clock_;
  HostAccess& host_access_;
  Space space_;
  unsigned root_device_minor_ = 0;
  unsigned time_granularity_ = 1;
  std::atomic<bool> bounds_nodes_ = false;  // it is being done

  std::atomic<int> collecting_ = 0;  // handles that the host collects writes for
  std::mutex handles_mutex_;
  std::unordered_map<OpenHandle*, std::unique_ptr<OpenHandle>> handles_;
  HostCache host_cache_;  // last: its jobs use all else
};

// The object behind a request.
inline FileSystem& file_system(fuse_req_t request) {
  return *static_cast<FileSystem*>(fuse_req_userdata(request));
}

}  // namespace lkl::fuse

#endif  // LKL_FUSE_FILE_SYSTEM_H
