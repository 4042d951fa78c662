// SPDX-License-Identifier: GPL-2.0
//
// Calls on paths of the library's kernel, in modern C++: each as an error_code form and a throwing
// one. Included by lkl.hpp, which says what holds for errors, paths and threads.
#ifndef LKL_PATH_HPP
#define LKL_PATH_HPP

#include <lkl.h>

#include <lkl_error.hpp>
#include <lkl_file.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lkl {
inline namespace v1 {

namespace detail {

// Two calls: how much there is, and what. Between them it may have grown.
template <typename Byte, typename Call>
std::vector<Byte> of_any_size(std::error_code& ec, Call&& call) {
  std::vector<Byte> buffer;
  for (;;) {
    buffer.resize(value_or_zero(call(nullptr, 0), ec));
    if (ec || buffer.empty()) return buffer;
    const std::size_t size = value_or_zero(call(buffer.data(), buffer.size()), ec);
    if (ec == std::errc::result_out_of_range) continue;
    buffer.resize(size);
    return buffer;
  }
}

}  // namespace detail

// ------------------------------------------------------------------------------------------------
// Names

/// mkdir(2): creates a directory.
inline void mkdir(const std::string& path, unsigned mode, std::error_code& ec) noexcept {
  ec = error_from(lkl_sys_mkdirat(LKL_AT_FDCWD, path.c_str(), static_cast<lkl_umode_t>(mode)));
}
inline void mkdir(const std::string& path, unsigned mode) {
  detail::throwing(path, [&](std::error_code& ec) { mkdir(path, mode, ec); });
}

/// rmdir(2): removes an empty directory.
inline void rmdir(const std::string& path, std::error_code& ec) noexcept {
  ec = error_from(lkl_sys_unlinkat(LKL_AT_FDCWD, path.c_str(), LKL_AT_REMOVEDIR));
}
inline void rmdir(const std::string& path) {
  detail::throwing(path, [&](std::error_code& ec) { rmdir(path, ec); });
}

/// unlink(2): removes a name.
inline void unlink(const std::string& path, std::error_code& ec) noexcept {
  ec = error_from(lkl_sys_unlinkat(LKL_AT_FDCWD, path.c_str(), 0));
}
inline void unlink(const std::string& path) {
  detail::throwing(path, [&](std::error_code& ec) { unlink(path, ec); });
}

/// rename(2): replaces `to` if it exists.
inline void rename(const std::string& from, const std::string& to, std::error_code& ec) noexcept {
  ec = error_from(lkl_sys_renameat2(LKL_AT_FDCWD, from.c_str(), LKL_AT_FDCWD, to.c_str(), 0));
}
inline void rename(const std::string& from, const std::string& to) {
  detail::throwing(from, [&](std::error_code& ec) { rename(from, to, ec); });
}

/// link(2): a second name for the same file.
inline void link(const std::string& target, const std::string& path, std::error_code& ec) noexcept {
  ec = error_from(lkl_sys_linkat(LKL_AT_FDCWD, target.c_str(), LKL_AT_FDCWD, path.c_str(), 0));
}
inline void link(const std::string& target, const std::string& path) {
  detail::throwing(path, [&](std::error_code& ec) { link(target, path, ec); });
}

/// symlink(2): a symbolic link at `path` with the text `target`.
inline void symlink(const std::string& target, const std::string& path,
                    std::error_code& ec) noexcept {
  ec = error_from(lkl_sys_symlinkat(target.c_str(), LKL_AT_FDCWD, path.c_str()));
}
inline void symlink(const std::string& target, const std::string& path) {
  detail::throwing(path, [&](std::error_code& ec) { symlink(target, path, ec); });
}

/// The text of a symbolic link.
inline std::string readlink(const std::string& path, std::error_code& ec) {
  std::string text(4096, '\0');
  text.resize(detail::value_or_zero(
      lkl_sys_readlinkat(LKL_AT_FDCWD, path.c_str(), text.data(), static_cast<int>(text.size())),
      ec));
  return text;
}
inline std::string readlink(const std::string& path) {
  return detail::throwing(path, [&](std::error_code& ec) { return readlink(path, ec); });
}

/// mknod(2): a device, fifo or socket, or an empty file; `mode` has its type, LKL_S_IF...
inline void mknod(const std::string& path, unsigned mode, std::uint32_t major, std::uint32_t minor,
                  std::error_code& ec) noexcept {
  ec = error_from(lkl_sys_mknodat(LKL_AT_FDCWD, path.c_str(), static_cast<lkl_umode_t>(mode),
                                  device_number(major, minor)));
}
inline void mknod(const std::string& path, unsigned mode, std::uint32_t major = 0,
                  std::uint32_t minor = 0) {
  detail::throwing(path, [&](std::error_code& ec) { mknod(path, mode, major, minor, ec); });
}

// ------------------------------------------------------------------------------------------------
// What a file has

/// chmod(2).
inline void chmod(const std::string& path, unsigned mode, std::error_code& ec) noexcept {
  ec = error_from(lkl_sys_fchmodat(LKL_AT_FDCWD, path.c_str(), static_cast<lkl_umode_t>(mode)));
}
inline void chmod(const std::string& path, unsigned mode) {
  detail::throwing(path, [&](std::error_code& ec) { chmod(path, mode, ec); });
}

/// lchown(2): does not follow a symbolic link.
inline void lchown(const std::string& path, std::uint32_t uid, std::uint32_t gid,
                   std::error_code& ec) noexcept {
  ec = error_from(lkl_sys_fchownat(LKL_AT_FDCWD, path.c_str(), uid, gid, LKL_AT_SYMLINK_NOFOLLOW));
}
inline void lchown(const std::string& path, std::uint32_t uid, std::uint32_t gid) {
  detail::throwing(path, [&](std::error_code& ec) { lchown(path, uid, gid, ec); });
}

/// truncate(2): the file has `size` bytes then; what is added is zero.
inline void truncate(const std::string& path, std::int64_t size, std::error_code& ec) noexcept {
  ec = error_from(lkl_sys_truncate(path.c_str(), size));
}
inline void truncate(const std::string& path, std::int64_t size) {
  detail::throwing(path, [&](std::error_code& ec) { truncate(path, size, ec); });
}

/// utimensat(2), of a symbolic link itself: when the file was read and changed. Nanoseconds may
/// be LKL_UTIME_NOW or LKL_UTIME_OMIT.
inline void lutimens(const std::string& path, const Timestamp& accessed, const Timestamp& modified,
                     std::error_code& ec) noexcept {
  const struct __lkl__kernel_timespec times[] = {{accessed.seconds, accessed.nanoseconds},
                                                 {modified.seconds, modified.nanoseconds}};
  ec = error_from(lkl_sys_utimensat(LKL_AT_FDCWD, path.c_str(), times, LKL_AT_SYMLINK_NOFOLLOW));
}
inline void lutimens(const std::string& path, const Timestamp& accessed,
                     const Timestamp& modified) {
  detail::throwing(path, [&](std::error_code& ec) { lutimens(path, accessed, modified, ec); });
}

// ------------------------------------------------------------------------------------------------
// Extended attributes, of a symbolic link itself: xattr(7)

/// lgetxattr(2): the value; an empty one and an error by itself are told apart by `ec`.
inline std::vector<std::byte> lgetxattr(const std::string& path, const std::string& name,
                                        std::error_code& ec) {
  return detail::of_any_size<std::byte>(ec, [&](std::byte* buffer, std::size_t size) {
    return lkl_sys_lgetxattr(path.c_str(), name.c_str(), buffer, size);
  });
}
inline std::vector<std::byte> lgetxattr(const std::string& path, const std::string& name) {
  return detail::throwing(path, [&](std::error_code& ec) { return lgetxattr(path, name, ec); });
}

/// llistxattr(2): the names of all that the caller may see.
inline std::vector<std::string> llistxattr(const std::string& path, std::error_code& ec) {
  const std::vector<char> list = detail::of_any_size<char>(ec, [&](char* buffer, std::size_t size) {
    return lkl_sys_llistxattr(path.c_str(), buffer, size);
  });
  std::vector<std::string> names;
  for (auto at = list.begin(); at != list.end();) {
    const auto end = std::find(at, list.end(), '\0');
    names.emplace_back(at, end);
    at = end == list.end() ? end : end + 1;
  }
  return names;
}
inline std::vector<std::string> llistxattr(const std::string& path) {
  return detail::throwing(path, [&](std::error_code& ec) { return llistxattr(path, ec); });
}

/// lsetxattr(2); `flags`: LKL_XATTR_CREATE, LKL_XATTR_REPLACE, or 0 for either.
inline void lsetxattr(const std::string& path, const std::string& name,
                      std::span<const std::byte> value, int flags, std::error_code& ec) noexcept {
  ec = error_from(lkl_sys_lsetxattr(path.c_str(), name.c_str(), value.data(), value.size(), flags));
}
inline void lsetxattr(const std::string& path, const std::string& name,
                      std::span<const std::byte> value, int flags = 0) {
  detail::throwing(path, [&](std::error_code& ec) { lsetxattr(path, name, value, flags, ec); });
}

/// lremovexattr(2).
inline void lremovexattr(const std::string& path, const std::string& name,
                         std::error_code& ec) noexcept {
  ec = error_from(lkl_sys_lremovexattr(path.c_str(), name.c_str()));
}
inline void lremovexattr(const std::string& path, const std::string& name) {
  detail::throwing(path, [&](std::error_code& ec) { lremovexattr(path, name, ec); });
}

// ------------------------------------------------------------------------------------------------
// File systems

/// What statfs(2) tells.
struct FileSystemStat {
  std::uint64_t type = 0;        ///< its magic number
  std::uint64_t block_size = 0;  ///< of the counts below, in bytes
  std::uint64_t blocks = 0;
  std::uint64_t blocks_free = 0;
  std::uint64_t blocks_available = 0;  ///< to others than root
  std::uint64_t inodes = 0;            ///< 0: as many as there is room for
  std::uint64_t inodes_free = 0;
  std::uint64_t name_length = 0;  ///< of the longest name, in bytes
  std::uint64_t flags = 0;        ///< ST_... of statfs(2)
};

/// Of the file system that `path` is on.
inline FileSystemStat statfs(const std::string& path, std::error_code& ec) noexcept {
  struct lkl_statfs raw = {};
  FileSystemStat stat;
  ec = error_from(lkl_sys_statfs(path.c_str(), &raw));
  if (ec) return stat;
  stat.type = static_cast<std::uint64_t>(raw.f_type);
  stat.block_size = static_cast<std::uint64_t>(raw.f_frsize != 0 ? raw.f_frsize : raw.f_bsize);
  stat.blocks = static_cast<std::uint64_t>(raw.f_blocks);
  stat.blocks_free = static_cast<std::uint64_t>(raw.f_bfree);
  stat.blocks_available = static_cast<std::uint64_t>(raw.f_bavail);
  stat.inodes = static_cast<std::uint64_t>(raw.f_files);
  stat.inodes_free = static_cast<std::uint64_t>(raw.f_ffree);
  stat.name_length = static_cast<std::uint64_t>(raw.f_namelen);
  stat.flags = static_cast<std::uint64_t>(raw.f_flags);
  return stat;
}
inline FileSystemStat statfs(const std::string& path) {
  return detail::throwing(path, [&](std::error_code& ec) { return statfs(path, ec); });
}

/// Writes back everything the kernel holds.
inline void sync() noexcept {
  lkl_sys_sync();
}

}  // namespace v1
}  // namespace lkl

#endif  // LKL_PATH_HPP
