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

#include "node.h"

namespace lkl::fuse {

// -o uid=, gid=: who is root inside, is this one outside, and the other way round. Others are the
// same on both sides.
struct OwnerMap {
  uid_t user = 0;
  gid_t group = 0;

  uid_t swap_user(uid_t id) const { return id == 0 ? user : id == user ? 0 : id; }
  gid_t swap_group(gid_t id) const { return id == 0 ? group : id == group ? 0 : id; }
};

struct FileSystemOptions {
  bool read_only = false;
  bool direct_io = false;          // no page cache of the host
  bool writeback = true;           // the host collects small writes
  bool write_direct = false;       // much at once goes past the library's cache
  bool check_permissions = false;  // default_permissions
  OwnerMap owners;
  std::size_t most_open_nodes = 4096;
};

// What the host has open.
class OpenHandle {
 public:
  explicit OpenHandle(File file) : file_(std::move(file)) {}
  virtual ~OpenHandle() = default;

  int fd() const { return file_.fd(); }
  static OpenHandle& of(const fuse_file_info* info) {
    return *reinterpret_cast<OpenHandle*>(info->fh);
  }

 private:
  File file_;
};

class FileSystem {
 public:
  // `root` is the open root directory; it must outlive this.
  FileSystem(int root, const FileSystemOptions& options);

  // For fuse_session_new(), with this object as user data.
  static const fuse_lowlevel_ops kOperations;

  const FileSystemOptions& options() const { return options_; }
  bool collects_writes() const {
    return options_.writeback && !options_.read_only && !options_.direct_io;
  }
  NodeTable& nodes() { return nodes_; }
  int root_fd() const { return root_fd_; }

  Node* node(fuse_ino_t id) {
    return id == FUSE_ROOT_ID ? nodes_.root() : reinterpret_cast<Node*>(id);
  }
  fuse_ino_t id(Node* node) {
    return node == nodes_.root() ? FUSE_ROOT_ID : reinterpret_cast<fuse_ino_t>(node);
  }
  PathFd pin(fuse_ino_t id) { return nodes_.pin(node(id)); }

  // Attributes of what the descriptor is open on, as the host is told them.
  struct stat attributes(int fd) const;
  // Looks a name up and counts that. Throws std::system_error.
  fuse_entry_param entry(int directory, const char* name);
  // The same; without `.ino` if there is no such name, which is frequent: nothing is thrown.
  fuse_entry_param find_entry(int directory, const char* name);

  // Open handles are kept here, for the end may come before the host has released all.
  void keep(std::unique_ptr<OpenHandle> handle, fuse_file_info* info);
  void release(const fuse_file_info* info);

  // How long the host may trust what it was told: nobody else changes the image.
  static constexpr double kForLong = 86400;

 private:
  const int root_fd_;
  const FileSystemOptions options_;
  NodeTable nodes_;
  unsigned root_device_minor_ = 0;

  std::mutex handles_mutex_;
  std::unordered_map<OpenHandle*, std::unique_ptr<OpenHandle>> handles_;
};

// The object behind a request.
inline FileSystem& file_system(fuse_req_t request) {
  return *static_cast<FileSystem*>(fuse_req_userdata(request));
}

}  // namespace lkl::fuse

#endif  // LKL_FUSE_FILE_SYSTEM_H
