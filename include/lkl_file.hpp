// SPDX-License-Identifier: GPL-2.0
//
// Files and directories of the library's kernel in modern C++. Included by lkl.hpp, which says
// what holds for errors, paths and threads.
#ifndef LKL_FILE_HPP
#define LKL_FILE_HPP

#include <lkl.h>

#include <lkl_error.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lkl {
inline namespace v1 {

// ------------------------------------------------------------------------------------------------
// Stat

/// Seconds and nanoseconds since 1970; the file systems' full range.
struct Timestamp {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

/// The number of a device as the kernel's mknod(2) takes it; a host's makedev(3) may make another.
constexpr std::uint32_t device_number(std::uint32_t major, std::uint32_t minor) noexcept {
  return (minor & 0xff) | (major << 8) | ((minor & ~0xffU) << 12);
}

/// What statx(2) tells.
struct Stat {
  std::uint32_t mode = 0;  ///< type and permission bits, LKL_S_IF...
  std::uint32_t nlink = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;    ///< bytes
  std::uint64_t blocks = 0;  ///< taken on the disk, in units of 512 bytes
  std::uint32_t block_size = 0;
  std::uint32_t dev_major = 0, dev_minor = 0;    ///< device the file is on
  std::uint32_t rdev_major = 0, rdev_minor = 0;  ///< device the file is
  Timestamp accessed, modified, changed;
  std::optional<Timestamp> born;

  bool is_directory() const noexcept { return (mode & 0170000) == 0040000; }
  bool is_regular() const noexcept { return (mode & 0170000) == 0100000; }
  bool is_symlink() const noexcept { return (mode & 0170000) == 0120000; }
};

/// stat of `path` relative to the directory `dir_fd` (LKL_AT_FDCWD: none). `flags`: LKL_AT_...
inline Stat stat_at(int dir_fd, const std::string& path, int flags, std::error_code& ec) noexcept {
  struct lkl_statx raw = {};
  ec = error_from(lkl_sys_statx(dir_fd, path.c_str(), static_cast<unsigned>(flags),
                                LKL_STATX_BASIC_STATS | LKL_STATX_BTIME, &raw));
  Stat out;
  if (ec) return out;
  const auto time = [](const struct lkl_statx_timestamp& t) {
    return Timestamp{t.tv_sec, t.tv_nsec};
  };
  out.mode = raw.stx_mode;
  out.nlink = raw.stx_nlink;
  out.uid = raw.stx_uid;
  out.gid = raw.stx_gid;
  out.inode = raw.stx_ino;
  out.size = raw.stx_size;
  out.blocks = raw.stx_blocks;
  out.block_size = raw.stx_blksize;
  out.dev_major = raw.stx_dev_major;
  out.dev_minor = raw.stx_dev_minor;
  out.rdev_major = raw.stx_rdev_major;
  out.rdev_minor = raw.stx_rdev_minor;
  out.accessed = time(raw.stx_atime);
  out.modified = time(raw.stx_mtime);
  out.changed = time(raw.stx_ctime);
  if (raw.stx_mask & LKL_STATX_BTIME) out.born = time(raw.stx_btime);
  return out;
}

/// stat(2): follows symbolic links.
inline Stat stat(const std::string& path, std::error_code& ec) noexcept {
  return stat_at(LKL_AT_FDCWD, path, 0, ec);
}
inline Stat stat(const std::string& path) {
  return detail::throwing(path, [&](std::error_code& ec) { return stat(path, ec); });
}

/// lstat(2): does not follow.
inline Stat lstat(const std::string& path, std::error_code& ec) noexcept {
  return stat_at(LKL_AT_FDCWD, path, LKL_AT_SYMLINK_NOFOLLOW, ec);
}
inline Stat lstat(const std::string& path) {
  return detail::throwing(path, [&](std::error_code& ec) { return lstat(path, ec); });
}

// ------------------------------------------------------------------------------------------------
// File

/// An open file of the kernel. Move-only; the destructor closes it.
class File {
 public:
  File() noexcept = default;

  /// open(2) with LKL_O_... flags; `mode` is for new files.
  File(const std::string& path, int flags, unsigned mode = 0666) {
    std::error_code ec;
    *this = File(path, flags, mode, ec);
    detail::throw_if(ec, path);
  }
  File(const std::string& path, int flags, unsigned mode, std::error_code& ec) noexcept
      : File(LKL_AT_FDCWD, path, flags, mode, ec) {}

  /// openat(2): relative to an open directory.
  File(int dir_fd, const std::string& path, int flags, unsigned mode,
       std::error_code& ec) noexcept {
    const long long fd =
        lkl_sys_openat(dir_fd, path.c_str(), flags | LKL_O_LARGEFILE | LKL_O_CLOEXEC,
                       static_cast<lkl_umode_t>(mode));
    ec = error_from(fd);
    if (!ec) fd_ = static_cast<int>(fd);
  }

  /// Takes over an open file descriptor of the kernel.
  static File adopt(int fd) noexcept {
    File file;
    file.fd_ = fd;
    return file;
  }

  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    if (this != &other) {
      close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~File() { close(); }

  explicit operator bool() const noexcept { return fd_ >= 0; }
  int fd() const noexcept { return fd_; }
  /// Gives the file descriptor away.
  int release() noexcept { return std::exchange(fd_, -1); }

  std::error_code close() noexcept {
    return fd_ < 0 ? std::error_code()
                   : error_from(lkl_sys_close(static_cast<unsigned>(std::exchange(fd_, -1))));
  }

  /// Reads at the file position, up to the span's size; 0 at the end of the file.
  std::size_t read(std::span<std::byte> into, std::error_code& ec) noexcept {
    return detail::value_or_zero(
        lkl_sys_read(number(), reinterpret_cast<char*>(into.data()), into.size()), ec);
  }
  std::size_t read(std::span<std::byte> into) {
    return detail::throwing("read", [&](std::error_code& ec) { return read(into, ec); });
  }

  /// Writes at the file position; may write less than asked for.
  std::size_t write(std::span<const std::byte> from, std::error_code& ec) noexcept {
    return detail::value_or_zero(
        lkl_sys_write(number(), reinterpret_cast<const char*>(from.data()), from.size()), ec);
  }
  std::size_t write(std::span<const std::byte> from) {
    return detail::throwing("write", [&](std::error_code& ec) { return write(from, ec); });
  }

  /// Writes the whole span, in as many steps as it takes.
  void write_all(std::span<const std::byte> from, std::error_code& ec) noexcept {
    ec.clear();
    while (!from.empty() && !ec) from = from.subspan(write(from, ec));
  }
  void write_all(std::span<const std::byte> from) {
    detail::throwing("write", [&](std::error_code& ec) { write_all(from, ec); });
  }

  /// Reads at `offset`, the file position untouched.
  std::size_t read_at(std::span<std::byte> into, std::uint64_t offset,
                      std::error_code& ec) const noexcept {
    return detail::value_or_zero(lkl_sys_pread64(number(), reinterpret_cast<char*>(into.data()),
                                                 into.size(), static_cast<std::int64_t>(offset)),
                                 ec);
  }
  std::size_t read_at(std::span<std::byte> into, std::uint64_t offset) const {
    return detail::throwing("pread",
                            [&](std::error_code& ec) { return read_at(into, offset, ec); });
  }

  /// Writes at `offset`, the file position untouched; may write less than asked for.
  std::size_t write_at(std::span<const std::byte> from, std::uint64_t offset,
                       std::error_code& ec) const noexcept {
    return detail::value_or_zero(
        lkl_sys_pwrite64(number(), reinterpret_cast<const char*>(from.data()), from.size(),
                         static_cast<std::int64_t>(offset)),
        ec);
  }
  std::size_t write_at(std::span<const std::byte> from, std::uint64_t offset) const {
    return detail::throwing("pwrite",
                            [&](std::error_code& ec) { return write_at(from, offset, ec); });
  }

  /// lseek(2); `whence`: LKL_SEEK_SET, _CUR, _END, _DATA, _HOLE. Returns the new position.
  std::uint64_t seek(std::int64_t offset, int whence, std::error_code& ec) noexcept {
    const long long position =
        lkl_sys_lseek(static_cast<unsigned>(fd_), offset, static_cast<unsigned>(whence));
    ec = error_from(position);
    return ec ? 0 : static_cast<std::uint64_t>(position);
  }
  std::uint64_t seek(std::int64_t offset, int whence) {
    return detail::throwing("lseek", [&](std::error_code& ec) { return seek(offset, whence, ec); });
  }

  Stat stat(std::error_code& ec) const noexcept {
    return stat_at(fd_, std::string(), LKL_AT_EMPTY_PATH, ec);
  }
  Stat stat() const {
    return detail::throwing("stat", [&](std::error_code& ec) { return stat(ec); });
  }

  void truncate(std::uint64_t size, std::error_code& ec) noexcept {
    ec = error_from(lkl_sys_ftruncate(static_cast<unsigned>(fd_), static_cast<long>(size)));
  }
  void truncate(std::uint64_t size) {
    detail::throwing("ftruncate", [&](std::error_code& ec) { truncate(size, ec); });
  }

  /// fsync(2): data and metadata are on the disk when it returns.
  void sync(std::error_code& ec) noexcept { ec = error_from(lkl_sys_fsync(number())); }
  void sync() {
    detail::throwing("fsync", [&](std::error_code& ec) { sync(ec); });
  }

 private:
  // as system calls take it
  unsigned number() const noexcept { return static_cast<unsigned>(fd_); }

  int fd_ = -1;
};

// ------------------------------------------------------------------------------------------------
// Dir

struct DirEntry {
  std::string name;
  std::uint64_t inode = 0;
  std::uint8_t type = 0;  ///< LKL_DT_..., 0 (unknown) on some file systems
};

/// A directory being read: a single-pass range of its entries, "." and ".." left out. Memory use
/// does not depend on the directory's size. Reading on after an error throws, or see next().
class Dir {
 public:
  explicit Dir(const std::string& path) : file_(path, LKL_O_RDONLY | LKL_O_DIRECTORY, 0) {}
  Dir(const std::string& path, std::error_code& ec)
      : file_(path, LKL_O_RDONLY | LKL_O_DIRECTORY, 0, ec) {}
  /// Reads an open directory, from its current position.
  explicit Dir(File directory) noexcept : file_(std::move(directory)) {}

  /// Gets the next entry; false at the end and on an error.
  bool next(DirEntry& entry, std::error_code& ec) {
    ec.clear();
    for (;;) {
      if (at_ == filled_ && !refill(ec)) return false;
      // A record of getdents64: u64 inode, s64 offset, u16 length, u8 type, then the name.
      const char* record = buffer_.data() + at_;
      std::uint16_t length = 0;
      std::memcpy(&entry.inode, record, sizeof(entry.inode));
      std::memcpy(&length, record + 16, sizeof(length));
      at_ += length;
      entry.type = static_cast<std::uint8_t>(record[18]);
      entry.name = record + 19;
      if (entry.name != "." && entry.name != "..") return true;
    }
  }

  class iterator {
   public:
    using value_type = DirEntry;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    iterator() = default;
    explicit iterator(Dir& dir) : dir_(&dir) { ++*this; }
    const DirEntry& operator*() const noexcept { return entry_; }
    const DirEntry* operator->() const noexcept { return &entry_; }
    iterator& operator++() {
      std::error_code ec;
      if (!dir_->next(entry_, ec)) dir_ = nullptr;
      detail::throw_if(ec, "read directory");
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept {
      return it.dir_ == nullptr;
    }

   private:
    Dir* dir_ = nullptr;
    DirEntry entry_;
  };

  iterator begin() { return iterator(*this); }
  std::default_sentinel_t end() const noexcept { return {}; }

  const File& file() const noexcept { return file_; }

 private:
  bool refill(std::error_code& ec) {
    if (buffer_.empty()) buffer_.resize(32 * 1024);
    const long long n =
        lkl_sys_getdents64(static_cast<unsigned>(file_.fd()),
                           reinterpret_cast<struct lkl_linux_dirent64*>(buffer_.data()),
                           static_cast<unsigned>(buffer_.size()));
    at_ = 0;
    filled_ = detail::value_or_zero(n, ec);
    return filled_ > 0;
  }

  File file_;
  std::vector<char> buffer_;
  std::size_t at_ = 0;
  std::size_t filled_ = 0;
};

}  // namespace v1
}  // namespace lkl

#endif  // LKL_FILE_HPP
