// SPDX-License-Identifier: GPL-2.0
#include "session/panic.h"
#include "session/session.h"
#include "tree/basic_tree.h"

namespace lkl::tool {

namespace {

// Copies out what the lambdas below need; `root` is the volume's root directory.
struct ImageCalls {
  int root;
  std::string volume;
  std::string base;
  bool has_unix_attributes;
  bool folds_all_names;

  static constexpr int kRead = LKL_O_RDONLY, kWrite = LKL_O_WRONLY, kCreate = LKL_O_CREAT;
  static constexpr int kTruncate = LKL_O_TRUNC, kDirectory = LKL_O_DIRECTORY;
  static constexpr int kNoFollow = LKL_O_NOFOLLOW, kPathOnly = LKL_O_PATH;
  static constexpr int kNonBlocking = LKL_O_NONBLOCK;
  static constexpr int kSeekData = LKL_SEEK_DATA, kSeekHole = LKL_SEEK_HOLE;
  static constexpr long long kNoEntry = -LKL_ENOENT, kNotDirectory = -LKL_ENOTDIR,
                             kNoMoreData = -LKL_ENXIO, kTooSmall = -LKL_ERANGE,
                             kDamaged = -LKL_EUCLEAN;

  static constexpr bool kOnHost = false;

  static std::error_code error(long long result) {
    if (result == -LKL_ESHUTDOWN) throw KernelDied{};
    return error_from(result);
  }
  std::string display(const std::string& path) const { return volume + ":" + absolute(path); }
  static std::string written_name(const std::string& name) { return name; }
  std::string absolute(const std::string& path) const {
    return path.starts_with('/') ? path : join_path(base, path);
  }
  bool unix_attributes() const { return has_unix_attributes; }
  static bool may_set_owner() { return true; }
  // A device in an image would be one of the library's kernel.
  static bool has_devices() { return false; }
  bool folds_names(int dir) const {
    if (folds_all_names) return true;
    // A directory of ext4 or f2fs may be told to.
    lkl_long flags = 0;
    const long long result = lkl_sys_ioctl(static_cast<unsigned>(dir), LKL_FS_IOC_GETFLAGS,
                                           reinterpret_cast<lkl_long>(&flags));
    return result >= 0 && (flags & LKL_FS_CASEFOLD_FL) != 0;
  }

  // The image's root is the root for absolute links and for "..": they never lead out of it.
  long long open_in_root(const std::string& path, int flags) const {
    struct lkl_open_how how = {};
    how.flags = static_cast<unsigned>(flags | LKL_O_CLOEXEC);
    if (!(flags & LKL_O_PATH)) how.flags |= LKL_O_LARGEFILE;
    if (flags & LKL_O_CREAT) how.mode = 0644;
    how.resolve = LKL_RESOLVE_IN_ROOT;
    return lkl_sys_openat2(root, absolute(path).c_str(), &how, sizeof(how));
  }
  static long long open(int dir, const char* name, int flags, std::uint32_t mode) {
    return lkl_sys_openat(dir, name, flags | LKL_O_CLOEXEC | LKL_O_LARGEFILE,
                          static_cast<lkl_umode_t>(mode));
  }
  static void close(int fd) { lkl_sys_close(static_cast<unsigned>(fd)); }
  static long long finish(int fd) { return lkl_sys_close(static_cast<unsigned>(fd)); }
  static long long open_stream(const std::string&) { return -LKL_EPERM; }
  static long long read_next(int, std::span<std::byte>) { return -LKL_EPERM; }
  static long long write_next(int, std::span<const std::byte>) { return -LKL_EPERM; }

  static long long stat(int dir, const char* name, Stat& out) {
    std::error_code ec;
    out = stat_at(dir, name, LKL_AT_SYMLINK_NOFOLLOW | LKL_AT_EMPTY_PATH, ec);
    return -ec.value();
  }
  static long long statfs(int fd, Space& out) {
    struct lkl_statfs raw = {};
    const long long result = lkl_sys_fstatfs(static_cast<unsigned>(fd), &raw);
    const auto number = [](auto value) { return static_cast<std::uint64_t>(value); };
    out = {number(raw.f_frsize != 0 ? raw.f_frsize : raw.f_bsize),
           number(raw.f_blocks),
           number(raw.f_bfree),
           number(raw.f_bavail),
           number(raw.f_files),
           number(raw.f_ffree),
           number(raw.f_type)};
    return result;
  }

  static long long readlink(int dir, const char* name, char* text, std::size_t size) {
    return lkl_sys_readlinkat(dir, name, text, static_cast<int>(size));
  }
  static long long symlink(const char* text, int dir, const char* name) {
    return lkl_sys_symlinkat(text, dir, name);
  }
  static long long mkdir(int dir, const char* name, std::uint32_t mode) {
    return lkl_sys_mkdirat(dir, name, static_cast<lkl_umode_t>(mode));
  }
  static long long mknod(int dir, const char* name, std::uint32_t mode, std::uint32_t major,
                         std::uint32_t minor) {
    return lkl_sys_mknodat(dir, name, static_cast<lkl_umode_t>(mode), device_number(major, minor));
  }
  static long long link(int from_dir, const char* from, int dir, const char* name) {
    return lkl_sys_linkat(from_dir, from, dir, name, 0);
  }
  static long long rename(int from_dir, const char* from, int dir, const char* name) {
    return lkl_sys_renameat2(from_dir, from, dir, name, 0);
  }
  static long long rmdir(int dir, const char* name) {
    return lkl_sys_unlinkat(dir, name, LKL_AT_REMOVEDIR);
  }
  static long long unlink(int dir, const char* name) { return lkl_sys_unlinkat(dir, name, 0); }
  static long long chown(int dir, const char* name, std::uint32_t uid, std::uint32_t gid) {
    return lkl_sys_fchownat(dir, name, uid, gid, LKL_AT_SYMLINK_NOFOLLOW | LKL_AT_EMPTY_PATH);
  }
  static long long chmod(int dir, const char* name, std::uint32_t mode) {
    return lkl_sys_fchmodat(dir, name, static_cast<lkl_umode_t>(mode));
  }
  static long long fchmod(int fd, std::uint32_t mode) {
    return lkl_sys_fchmod(static_cast<unsigned>(fd), static_cast<lkl_umode_t>(mode));
  }
  static long long utimens(int dir, const char* name, const Timestamp& accessed,
                           const Timestamp& modified) {
    struct __lkl__kernel_timespec times[2] = {};
    times[0].tv_sec = accessed.seconds;
    times[0].tv_nsec = accessed.nanoseconds;
    times[1].tv_sec = modified.seconds;
    times[1].tv_nsec = modified.nanoseconds;
    return lkl_sys_utimensat(dir, name, times, name == nullptr ? 0 : LKL_AT_SYMLINK_NOFOLLOW);
  }

  static long long flistxattr(int fd, char* list, std::size_t size) {
    return lkl_sys_flistxattr(fd, list, size);
  }
  static long long llistxattr(const char* path, char* list, std::size_t size) {
    return lkl_sys_llistxattr(path, list, size);
  }
  static long long fgetxattr(int fd, const char* name, char* value, std::size_t size) {
    return lkl_sys_fgetxattr(fd, name, value, size);
  }
  static long long lgetxattr(const char* path, const char* name, char* value, std::size_t size) {
    return lkl_sys_lgetxattr(path, name, value, size);
  }
  static long long fsetxattr(int fd, const char* name, const std::string& value) {
    return lkl_sys_fsetxattr(fd, name, value.data(), value.size(), 0);
  }
  static long long lsetxattr(const char* path, const char* name, const std::string& value) {
    return lkl_sys_lsetxattr(path, name, value.data(), value.size(), 0);
  }

  static long long getdents(int fd, char* into, std::size_t size) {
    return lkl_sys_getdents64(static_cast<unsigned>(fd),
                              reinterpret_cast<struct lkl_linux_dirent64*>(into),
                              static_cast<unsigned>(size));
  }
  static long long pread(int fd, std::byte* into, std::size_t size, std::uint64_t at) {
    return lkl_sys_pread64(static_cast<unsigned>(fd), reinterpret_cast<char*>(into), size,
                           static_cast<std::int64_t>(at));
  }
  static long long pwrite(int fd, const std::byte* from, std::size_t size, std::uint64_t at) {
    return lkl_sys_pwrite64(static_cast<unsigned>(fd), reinterpret_cast<const char*>(from), size,
                            static_cast<std::int64_t>(at));
  }
  static long long ftruncate(int fd, std::uint64_t size) {
    return lkl_sys_ftruncate(static_cast<unsigned>(fd), static_cast<std::int64_t>(size));
  }
  static long long seek(int fd, std::uint64_t at, int whence) {
    return lkl_sys_lseek(static_cast<unsigned>(fd), static_cast<std::int64_t>(at),
                         static_cast<unsigned>(whence));
  }
};

bool keeps_unix_attributes(const std::string& type) {
  return type != "vfat" && type != "msdos" && type != "exfat" && type != "hfs";
}

bool folds_names(const std::string& type) {
  return !keeps_unix_attributes(type) || type == "ntfs3" || type == "ntfs" || type == "hfs" ||
         type == "hfsplus";
}

}  // namespace

std::unique_ptr<Tree> make_image_tree(const Volume& volume, const std::string& base) {
  return std::make_unique<BasicTree<ImageCalls>>(ImageCalls{volume.root.fd(), volume.name, base,
                                                            keeps_unix_attributes(volume.type),
                                                            folds_names(volume.type)});
}

}  // namespace lkl::tool
