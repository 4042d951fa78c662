// SPDX-License-Identifier: GPL-2.0
//
// Names: looked up, made, opened, moved, removed.
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "winfsp/file_name.h"
#include "winfsp/operation.h"

namespace lkl::winfsp {

namespace {

// Options of NtCreateFile().
constexpr std::uint32_t kDirectoryFile = 0x1, kWriteThrough = 0x2, kNonDirectoryFile = 0x40;
constexpr unsigned kNewFile = 0644, kNewDirectory = 0755;

int contents_flags(std::uint32_t options, std::uint32_t access) {
  int flags = access & (FILE_WRITE_DATA | FILE_APPEND_DATA) ? LKL_O_RDWR : LKL_O_RDONLY;
  if (options & kWriteThrough) flags |= LKL_O_DSYNC;
  return flags;
}

NtStatus get_security_by_name(Volume* volume, wchar_t* name, std::uint32_t* attributes,
                              void* descriptor, std::size_t* size) {
  return serve(volume, [&](FileSystem& fs) -> NtStatus {
    const std::string path = path_of(name);
    const OpenFile file(fs.open_path(path), path, LKL_O_RDONLY);
    const Stat status = file.stat();
    if (attributes) *attributes = fs.attributes(status, path);
    return size ? give_descriptor(fs.security().descriptor(status), descriptor, *size)
                : STATUS_SUCCESS;
  });
}

std::unique_ptr<OpenFile> make_directory(FileSystem& fs, const std::string& path) {
  const File parent = fs.open_parent(path);
  check(lkl_sys_mkdirat(parent.fd(), split(path).last.c_str(), kNewDirectory));
  return std::make_unique<OpenFile>(fs.open_path(path), path, LKL_O_RDONLY);
}

std::unique_ptr<OpenFile> make_file(FileSystem& fs, const std::string& path, int flags,
                                    std::uint32_t attributes) {
  const File parent = fs.open_parent(path);
  const unsigned mode = mode_with_attributes(kNewFile, attributes);
  std::error_code ec;
  File contents(parent.fd(), split(path).last,
                LKL_O_CREAT | LKL_O_EXCL | LKL_O_NOFOLLOW | LKL_O_RDWR | flags, mode, ec);
  if (ec) throw std::system_error(ec);
  File itself(LKL_AT_FDCWD, fmt::format("/proc/self/fd/{}", contents.fd()), LKL_O_PATH, 0, ec);
  if (ec) throw std::system_error(ec);
  auto file = std::make_unique<OpenFile>(std::move(itself), path, LKL_O_RDWR | flags);
  file->take_contents(std::move(contents));
  return file;
}

// The name goes, too, if what was made cannot be had as it was asked for.
void remove_again(FileSystem& fs, const std::string& path) {
  lkl_sys_unlinkat(fs.open_parent(path).fd(), split(path).last.c_str(), 0);
}

NtStatus create(Volume* volume, wchar_t* name, std::uint32_t options, std::uint32_t,
                std::uint32_t attributes, void*, std::uint64_t allocation, void** context,
                FileInfo* info) {
  return serve(volume, [&](FileSystem& fs) {
    const std::string path = path_of(name);
    if (path.empty()) throw StatusError{STATUS_OBJECT_NAME_COLLISION};
    std::unique_ptr<OpenFile> file;
    if (options & kDirectoryFile) {
      file = make_directory(fs, path);
    } else {
      file = make_file(fs, path, options & kWriteThrough ? LKL_O_DSYNC : 0, attributes);
      try {
        reserve_room(*file, allocation);
      } catch (const std::system_error&) {
        remove_again(fs, path);
        throw;
      }
    }
    *info = fs.info(*file);
    *context = fs.keep(std::move(file));
  });
}

NtStatus open(Volume* volume, wchar_t* name, std::uint32_t options, std::uint32_t access,
              void** context, FileInfo* info) {
  return serve(volume, [&](FileSystem& fs) {
    const std::string path = path_of(name);
    auto file =
        std::make_unique<OpenFile>(fs.open_path(path), path, contents_flags(options, access));
    const Stat status = file->stat();
    if (options & kDirectoryFile && !status.is_directory() && !status.is_symlink())
      throw StatusError{STATUS_NOT_A_DIRECTORY};
    if (options & kNonDirectoryFile && status.is_directory())
      throw StatusError{STATUS_FILE_IS_A_DIRECTORY};
    // What cannot be read is told now.
    if (status.is_regular()) file->fd();
    *info = fs.info(status, path);
    *context = fs.keep(std::move(file));
  });
}

NtStatus overwrite(Volume* volume, void* context, std::uint32_t attributes, BOOLEAN replace,
                   std::uint64_t allocation, FileInfo* info) {
  return serve(volume, [&](FileSystem& fs) {
    OpenFile& file = OpenFile::of(context);
    const Stat before = file.stat();
    if (!before.is_regular()) throw StatusError{STATUS_INVALID_DEVICE_REQUEST};
    check(lkl_sys_ftruncate(static_cast<unsigned>(file.fd_for_writing()), 0));
    reserve_room(file, allocation);
    const std::uint32_t wanted =
        replace ? attributes : attributes | fs.attributes(before, file.name());
    const unsigned mode = mode_with_attributes(before.mode, wanted);
    if (mode != (before.mode & 07777))
      check(
          lkl_sys_fchmodat(LKL_AT_FDCWD, file.proc_path().c_str(), static_cast<lkl_umode_t>(mode)));
    *info = fs.info(file);
  });
}

bool is_same(const Stat& a, const Stat& b) {
  return a.inode == b.inode && device_of(a) == device_of(b);
}

Stat stat_of(const File& directory, const std::string& name, std::error_code& ec) {
  return stat_at(directory.fd(), name, LKL_AT_SYMLINK_NOFOLLOW, ec);
}

void remove_name(FileSystem& fs, const OpenFile& file, const std::string& path) {
  const File parent = fs.open_parent(path);
  const std::string name = split(path).last;
  std::error_code ec;
  const Stat there = stat_of(parent, name, ec);
  // Another file may have it by now.
  if (ec || !is_same(there, file.stat())) return;
  check(lkl_sys_unlinkat(parent.fd(), name.c_str(), there.is_directory() ? LKL_AT_REMOVEDIR : 0));
}

void cleanup(Volume* volume, void* context, wchar_t* name, ULONG flags) {
  if (!(flags & kCleanupDelete)) return;
  // Nobody is told if it fails: Windows has no way for that.
  serve(volume, [&](FileSystem& fs) {
    const OpenFile& file = OpenFile::of(context);
    const std::string path = name ? path_of(name) : file.name();
    if (!path.empty()) remove_name(fs, file, path);
  });
}

void close(Volume* volume, void* context) {
  serve(volume, [&](FileSystem& fs) { fs.release(context); });
}

bool is_empty(OpenFile& directory) {
  alignas(struct lkl_linux_dirent64) std::array<std::byte, 4096> room;
  const auto fd = static_cast<unsigned>(directory.fd());
  check(lkl_sys_lseek(fd, 0, LKL_SEEK_SET));
  // Some file systems give names one by one, and "." and ".." first.
  for (;;) {
    const auto filled = static_cast<std::size_t>(
        check(lkl_sys_getdents64(fd, reinterpret_cast<struct lkl_linux_dirent64*>(room.data()),
                                 static_cast<unsigned>(room.size()))));
    if (filled == 0) return true;
    for (std::size_t at = 0; at < filled;) {
      const auto entry = reinterpret_cast<const struct lkl_linux_dirent64*>(room.data() + at);
      const std::string_view name = reinterpret_cast<const char*>(entry->d_name);
      if (name != "." && name != "..") return false;
      at += entry->d_reclen;
    }
  }
}

NtStatus set_delete(Volume* volume, void* context, wchar_t* name, BOOLEAN yes) {
  return serve(volume, [&](FileSystem& fs) {
    if (!yes) return;
    OpenFile& file = OpenFile::of(context);
    if (fs.options().read_only) throw StatusError{STATUS_MEDIA_WRITE_PROTECTED};
    if (path_of(name).empty()) throw StatusError{STATUS_CANNOT_DELETE};
    const Stat status = file.stat();
    if (status.is_directory() && !is_empty(file)) throw StatusError{STATUS_DIRECTORY_NOT_EMPTY};
    if (fs.attributes(status, file.name()) & FILE_ATTRIBUTE_READONLY)
      throw StatusError{STATUS_CANNOT_DELETE};
  });
}

NtStatus can_delete(Volume* volume, void* context, wchar_t* name) {
  return set_delete(volume, context, name, TRUE);
}

struct Entry {
  File directory;
  std::string name;

  const char* c_str() const { return name.c_str(); }
};

void move(const Entry& from, const Entry& to, unsigned flags) {
  check(lkl_sys_renameat2(from.directory.fd(), from.c_str(), to.directory.fd(), to.c_str(), flags));
}

// Two names of one file: rename(2) leaves both. Where case does not matter they are one, which is
// to be spelled in another way.
void move_to_other_name_of_same(const FileSystem& fs, const Entry& from, const Entry& to) {
  if (!fs.options().folds_names) {
    check(lkl_sys_unlinkat(from.directory.fd(), from.c_str(), 0));
    return;
  }
  static std::atomic<unsigned> count = 0;
  const Entry between = {fs.open_parent(""), fmt::format(".lkl-rename-{}", ++count)};
  move(from, between, LKL_RENAME_NOREPLACE);
  move(between, to, LKL_RENAME_NOREPLACE);
}

NtStatus rename(Volume* volume, void* context, wchar_t* name, wchar_t* new_name, BOOLEAN replace) {
  return serve(volume, [&](FileSystem& fs) {
    const std::string path = path_of(name), new_path = path_of(new_name);
    if (path == new_path) return;
    if (path.empty() || new_path.empty()) throw StatusError{STATUS_ACCESS_DENIED};
    const Entry from = {fs.open_parent(path), split(path).last};
    const Entry to = {fs.open_parent(new_path), split(new_path).last};
    std::error_code none;
    const Stat there = stat_of(to.directory, to.name, none);
    if (none) {
      // It stays so: WinFsp has one at a time that changes names.
      move(from, to, 0);
    } else {
      const bool same = is_same(there, OpenFile::of(context).stat());
      if (!replace && !(same && fs.options().folds_names))
        throw StatusError{STATUS_OBJECT_NAME_COLLISION};
      if (same) {
        move_to_other_name_of_same(fs, from, to);
      } else {
        // Windows replaces no directories.
        if (there.is_directory()) throw StatusError{STATUS_ACCESS_DENIED};
        move(from, to, 0);
      }
    }
    OpenFile::of(context).set_name(new_path);
  });
}

}  // namespace

void add_name_operations(Operations& operations) {
  operations.get_security_by_name = get_security_by_name;
  operations.create = create;
  operations.open = open;
  operations.overwrite = overwrite;
  operations.cleanup = cleanup;
  operations.close = close;
  operations.can_delete = can_delete;
  operations.set_delete = set_delete;
  operations.rename = rename;
}

}  // namespace lkl::winfsp
