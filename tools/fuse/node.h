// SPDX-License-Identifier: GPL-2.0
//
// Inodes that the host's kernel knows of. Each is reached through a path descriptor (O_PATH) of the
// library's kernel, never by a path: renames on the way do not matter.
//
// The host may remember millions of inodes, each open descriptor keeps some KiB of the library's
// memory. Where the file system has file handles (open_by_handle_at(2)), descriptors that were not
// used for long are closed and opened again when they are needed.
#ifndef LKL_FUSE_NODE_H
#define LKL_FUSE_NODE_H

#include <lkl_file.hpp>

#include <time.h>

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace lkl::fuse {

class NodeTable;

class Node {
 public:
  // What identifies the inode: its file handle, or device and number.
  std::string_view key() const { return key_; }

 private:
  friend class NodeTable;
  std::string key_;
  // The rest belongs to the table's mutex.
  File path_;                         // closed when it was not used for long
  unsigned pins_ = 0;                 // uses of path_ that go on now
  std::uint64_t lookups_ = 0;         // how often the host has been told of it
  std::optional<timespec> mtime_;     // what the host has it for, when it keeps it
  std::list<Node*>::iterator place_;  // in the order of use, while path_ is open
};

// An open path descriptor of a node, for as long as this object lives. Move-only.
class PathFd {
 public:
  PathFd(NodeTable& table, Node* node, int fd) : table_(&table), node_(node), fd_(fd) {}
  PathFd(PathFd&& other) noexcept
      : table_(other.table_), node_(std::exchange(other.node_, nullptr)), fd_(other.fd_) {}
  PathFd& operator=(PathFd&&) = delete;
  ~PathFd();

  int fd() const { return fd_; }
  // A path that leads to the inode itself, for calls that take no descriptor of this kind.
  std::string proc_path() const;

 private:
  NodeTable* table_;
  Node* node_;
  int fd_;
};

// Thread-safe.
class NodeTable {
 public:
  // `root`: an open directory, which must outlive the table. `most_open`: path descriptors to keep.
  NodeTable(int root, std::size_t most_open);

  Node* root() { return root_.get(); }

  // The node of what `path` (a path descriptor) is open on, told to the host once more.
  // Throws std::system_error.
  Node* remember(File path);
  // The host has forgotten it so many times.
  void forget(Node* node, std::uint64_t times);

  // Throws std::system_error: ESTALE when the inode is no more.
  PathFd pin(Node* node);

  // A host that collects writes keeps the time of the last one, and says it when it likes: what is
  // written for it later must not change that. Nothing if it has not said any.
  void host_keeps_mtime(Node* node, const timespec& time);
  std::optional<timespec> mtime_of_host(Node* node);

 private:
  friend class PathFd;
  void unpin(Node* node);
  // Out of the table, when neither the host nor a request needs it any more.
  std::unique_ptr<Node> take_if_unused(Node* node);
  void used(Node* node);
  void close_some();
  std::string key_of(int fd);

  const int root_fd_;
  const std::size_t most_open_;
  bool handles_ = true;  // the file system has them
  std::unique_ptr<Node> root_;

  std::mutex mutex_;
  std::unordered_map<std::string_view, std::unique_ptr<Node>> nodes_;
  std::list<Node*> open_;  // least recently used first
};

}  // namespace lkl::fuse

#endif  // LKL_FUSE_NODE_H
