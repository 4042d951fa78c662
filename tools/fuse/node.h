// SPDX-License-Identifier: GPL-2.0
//
// Inodes that the host's kernel knows of. Each is reached through a path descriptor (O_PATH) of the
// library's kernel, never by a path: renames on the way do not matter.
//
// The host may remember millions of inodes, each open descriptor keeps some KiB of the library's
// memory. Where the file system has file handles (open_by_handle_at(2)), descriptors that were not
// used for long are closed and opened again when they are needed. Elsewhere the host is asked to
// forget such inodes: NodeTable::surplus().
#ifndef LKL_FUSE_NODE_H
#define LKL_FUSE_NODE_H

#include <lkl_file.hpp>

#include <time.h>

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lkl::fuse {

class NodeTable;

// A name by which the host knows an inode.
struct Place {
  std::uint64_t directory = 0;  // as the host names it
  std::string name;
};

// Times of a file that the host collects writes for, as it has them.
struct HostTimes {
  timespec modified, changed;
};

class Node {
 public:
  // What identifies the inode: its file handle, or device and number.
  std::string_view key() const { return key_; }

  // How often the host has it open, and how often so that it collects what is written.
  std::atomic<int> opens = 0, writers = 0;
  // Directories: whether names in it that differ in case are one. kUnknown: not looked at yet.
  static constexpr signed char kUnknown = -1;
  std::atomic<signed char> folds_names = kUnknown;

 private:
  friend class NodeTable;
  std::string key_;
  // The rest belongs to the table's mutex.
  File path_;                         // closed when it was not used for long
  unsigned pins_ = 0;                 // uses of path_ that go on now
  std::uint64_t lookups_ = 0;         // how often the host has been told of it
  std::optional<HostTimes> times_;    // what the host has it for, when it keeps it
  std::optional<Place> place_;        // files only, and only if there are no file handles
  std::list<Node*>::iterator order_;  // in the order of use, while path_ is open
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
  Node* node() const { return node_; }
  // A path that leads to the inode itself, for calls that take no descriptor of this kind.
  std::string proc_path() const;

 private:
  NodeTable* table_;
  Node* node_;
  int fd_;
};

// Thread-safe. The library's kernel is never called with the mutex: who waits in a call must not
// hold up who only looks something up.
class NodeTable {
 public:
  // `root`: an open directory, which must outlive the table. `most_open`: path descriptors to keep.
  // `lasting_handles`: file handles, if there are any, lead to inodes that are not in memory.
  NodeTable(int root, std::size_t most_open, bool lasting_handles);

  Node* root() { return root_.get(); }

  // The node of what `path` (a path descriptor) is open on, told to the host once more. `place`: of
  // a file. Throws std::system_error.
  Node* remember(File path, std::optional<Place> place);
  // The host has forgotten it so many times.
  void forget(Node* node, std::uint64_t times);

  // Throws std::system_error: ESTALE when the inode is no more.
  PathFd pin(Node* node);

  // Whether descriptors of inodes that the host knows are closed.
  bool closes_paths();
  // `path` is open on what is about to lose a name, its last one maybe: from then on it cannot be
  // opened again. To be held until it has lost it. Nothing if the host does not know it.
  std::optional<PathFd> keep_open(File path);

  // Files that the host has to forget, if it does not use them, for more are open than should be:
  // what has no lasting file handle stays open as long as the host knows it.
  std::vector<Place> surplus();
  bool has_surplus();

  // A host that collects writes keeps the time of the last one, and says it when it likes: what is
  // written for it later must not change that. Nothing if it has not said any.
  void host_keeps_times(Node* node, const HostTimes& times);
  std::optional<HostTimes> times_of_host(Node* node);

 private:
  friend class PathFd;
  void unpin(Node* node);
  // Out of the table, when neither the host nor a request needs it any more.
  std::unique_ptr<Node> take_if_unused(Node* node);
  // Makes it known as open.
  void opened(Node* node, File path);
  void used(Node* node);
  // Without the mutex.
  void close_some();
  bool close_one();
  std::string key_of(int fd) const;

  const int root_fd_;
  const std::size_t most_open_;
  bool handles_;  // the file system has them, and they last
  std::unique_ptr<Node> root_;

  std::mutex mutex_;
  std::unordered_map<std::string_view, std::unique_ptr<Node>> nodes_;
  std::list<Node*> open_;  // least recently used first
};

}  // namespace lkl::fuse

#endif  // LKL_FUSE_NODE_H
