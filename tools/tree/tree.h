// SPDX-License-Identifier: GPL-2.0
//
// A tree of files: the host's or an image's. Commands and the copier are written against this, so
// that each direction of a copy is the same code.
//
// A place is named by an open directory and a name in it (see Place): paths have no length limit
// then, and what is below a directory stays below it, whatever symbolic links an image holds.
// Failures throw std::system_error with the error's code; paths in messages are the caller's part.
#ifndef LKL_TOOL_TREE_H
#define LKL_TOOL_TREE_H

#include <lkl_file.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lkl::tool {

class Tree;

// An open file or directory of a tree. Move-only; must not outlive the tree.
class Handle {
 public:
  Handle() = default;
  Handle(Tree& tree, int fd) : tree_(&tree), fd_(fd) {}
  Handle(Handle&& other) noexcept : tree_(other.tree_), fd_(std::exchange(other.fd_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(tree_, other.tree_);
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Handle();

  explicit operator bool() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  // The caller closes it.
  int release() { return std::exchange(fd_, -1); }

 private:
  Tree* tree_ = nullptr;
  int fd_ = -1;
};

// `name` in the directory `dir`; an empty name is what `dir` itself is open on. Refers to both.
struct Place {
  const Handle& dir;
  const std::string& name;
};

// Data between two holes of a file.
struct Extent {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// What a file system has and has left.
struct Space {
  std::uint64_t block_size = 0;
  std::uint64_t blocks = 0, free = 0, available = 0;
  std::uint64_t files = 0, files_free = 0;
  std::uint64_t type = 0;  // the magic number of what it is, see statfs(2)
};

// Entries of an open directory, "." and ".." left out.
class DirStream {
 public:
  virtual ~DirStream() = default;
  // False at the end. Throws std::system_error for a directory that has no end, or, after all
  // others, names that none can be; Interrupted.
  virtual bool next(std::string& name) = 0;
};

class Tree {
 public:
  virtual ~Tree() = default;

  // By the user's paths: symbolic links are followed, inside an image never out of it.
  virtual Handle open_path(const std::string& path) = 0;  // a file or directory, for reading
  virtual Handle open_directory(const std::string& path) = 0;
  // For writing, emptied. It has to exist.
  virtual Handle open_existing(const std::string& path) = 0;
  // For writing, its contents kept. Made if it does not exist and `create`.
  virtual Handle open_for_update(const std::string& path, bool create) = 0;
  virtual std::optional<Stat> find_path(const std::string& path, bool follow) = 0;
  // A device or fifo, to be written from its beginning on; only where has_devices(). Waits for who
  // reads from the fifo. A block device that is in use is refused.
  virtual Handle open_stream(const std::string& path) = 0;

  // By place: the last component is never followed.
  virtual Handle open_directory(Place place) = 0;
  virtual Handle open_file(Place place) = 0;
  // For writing, emptied; made with `mode` if it does not exist.
  virtual Handle create_file(Place place, std::uint32_t mode) = 0;
  virtual std::optional<Stat> find(Place place) = 0;
  // The name by which the directory lists what is at the place: where names that differ may lead to
  // one file, not always the place's own. None if it lists no such thing.
  virtual std::optional<std::string> listed_name(Place place) = 0;
  virtual std::string read_link(Place place) = 0;
  virtual void make_symlink(const std::string& text, Place place) = 0;
  virtual void make_directory(Place place, std::uint32_t mode) = 0;
  virtual void make_node(Place place, std::uint32_t mode, std::uint32_t major,
                         std::uint32_t minor) = 0;
  virtual void make_link(Place existing, Place place) = 0;
  virtual void rename(Place from, Place to) = 0;
  virtual void remove(Place place) = 0;            // not a directory
  virtual void remove_directory(Place place) = 0;  // an empty one
  virtual void set_owner(Place place, std::uint32_t uid, std::uint32_t gid) = 0;
  virtual void set_mode(Place place, std::uint32_t mode) = 0;  // not for a symbolic link
  virtual void set_times(Place place, const Timestamp& accessed, const Timestamp& modified) = 0;
  virtual std::vector<std::string> xattr_names(Place place) = 0;
  virtual std::string get_xattr(Place place, const std::string& name) = 0;
  virtual void set_xattr(Place place, const std::string& name, const std::string& value) = 0;

  virtual std::unique_ptr<DirStream> read_directory(const Handle& directory) = 0;
  virtual std::size_t read(const Handle& file, std::span<std::byte> into, std::uint64_t at) = 0;
  // Writes all of it.
  virtual void write(const Handle& file, std::span<const std::byte> from, std::uint64_t at) = 0;
  // The same for what has no offsets: what comes next of it. A signal ends the waiting:
  // Interrupted.
  virtual std::size_t read_next(const Handle& file, std::span<std::byte> into) = 0;
  virtual void write_next(const Handle& file, std::span<const std::byte> from) = 0;
  virtual void truncate(const Handle& file, std::uint64_t size) = 0;
  // Closes what was written; some file systems only tell now that there was no room.
  virtual void finish(Handle& file) = 0;
  // The first data at or after `at`; none when only a hole is left. Where the file system does not
  // tell, all up to `size` is data.
  virtual std::optional<Extent> next_extent(const Handle& file, std::uint64_t at,
                                            std::uint64_t size) = 0;
  virtual Space space(const Handle& any) = 0;

  // Whether names that differ may lead to one file in this directory: in case, by dots at the end,
  // by a second, short name.
  virtual bool folds_names(const Handle& directory) = 0;
  // Whether devices and fifos here are those of the host.
  virtual bool has_devices() const = 0;
  // Whether files here have owners, modes and links as Unix knows them.
  virtual bool unix_attributes() const = 0;
  // Whether these are the host's own files.
  virtual bool on_host() const = 0;
  // Whether owners can be given away.
  virtual bool may_set_owner() const = 0;
  // What the name is written as, where a host does not take all names; mostly as it is.
  virtual std::string written_name(const std::string& name) const = 0;
  // The path as the user would write it on the command line.
  virtual std::string display(const std::string& path) const = 0;

  Stat stat(const Handle& handle);

 private:
  friend class Handle;
  virtual void close(int fd) noexcept = 0;
};

inline Handle::~Handle() {
  if (fd_ >= 0) tree_->close(fd_);
}

inline Stat Tree::stat(const Handle& handle) {
  static const std::string kItself;
  // An open file always has a stat.
  return find({handle, kItself}).value();
}

struct Volume;

// The host's files.
std::unique_ptr<Tree> make_host_tree();
// A mounted image's; the volume must outlive it. Relative paths begin at `base`.
std::unique_ptr<Tree> make_image_tree(const Volume& volume, const std::string& base = "/");

// "/a/b/" -> "/a" and "b"; "b" -> "." and "b"; "/" -> "/" and "". "." and ".." stay directories:
// "/a/.." -> "/a/.." and "".
std::pair<std::string, std::string> split_path(std::string path);
std::string join_path(const std::string& directory, const std::string& name);

}  // namespace lkl::tool

#endif  // LKL_TOOL_TREE_H
