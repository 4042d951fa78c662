// SPDX-License-Identifier: GPL-2.0
#include "file_system.h"

#include <sys/sysmacros.h>

#include <algorithm>

#include "loop.h"
#include "operation.h"

namespace lkl::fuse {

namespace {

void init(void* data, fuse_conn_info* connection) {
  const FileSystem& fs = *static_cast<FileSystem*>(data);
  const FileSystemOptions& options = fs.options();
  connection->max_write = std::min(connection->max_write, kMostRequestData);
  const auto want = [&](unsigned capability, bool on) {
    if (on)
      connection->want |= connection->capable & capability;
    else
      connection->want &= ~capability;
  };
  want(FUSE_CAP_WRITEBACK_CACHE, fs.collects_writes());
  want(FUSE_CAP_CACHE_SYMLINKS, true);
  want(FUSE_CAP_IOCTL_DIR, true);
  want(FUSE_CAP_PARALLEL_DIROPS, true);
  want(FUSE_CAP_ATOMIC_O_TRUNC, true);
  // Both have the host's kernel check permissions, whether it was asked to or not.
  want(FUSE_CAP_POSIX_ACL | FUSE_CAP_DONT_MASK, options.check_permissions);
  // The image changes by us alone: what the host has cached is true.
  want(FUSE_CAP_AUTO_INVAL_DATA, false);
  // Locks are the host kernel's own business: all who take them are its processes.
  want(FUSE_CAP_POSIX_LOCKS | FUSE_CAP_FLOCK_LOCKS, false);
  // The data is in memory of ours: a pipe on its way would be one more copy.
  want(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE, false);
}

fuse_lowlevel_ops all_operations() {
  fuse_lowlevel_ops operations = {};
  operations.init = init;
  add_name_operations(operations);
  add_attribute_operations(operations);
  add_file_operations(operations);
  add_directory_operations(operations);
  return operations;
}

}  // namespace

const fuse_lowlevel_ops FileSystem::kOperations = all_operations();

FileSystem::FileSystem(int root, const FileSystemOptions& options)
    : root_fd_(root), options_(options), nodes_(root, options.most_open_nodes) {
  std::error_code ec;
  root_device_minor_ = stat_at(root, "", LKL_AT_EMPTY_PATH, ec).dev_minor;
}

struct stat FileSystem::attributes(int fd) const {
  std::error_code ec;
  const Stat from = stat_at(fd, "", LKL_AT_EMPTY_PATH | LKL_AT_SYMLINK_NOFOLLOW, ec);
  if (ec) throw std::system_error(ec);
  struct stat to = {};
  to.st_mode = from.mode;
  to.st_nlink = from.nlink;
  to.st_uid = options_.owners.swap_user(from.uid);
  to.st_gid = options_.owners.swap_group(from.gid);
  to.st_ino = from.inode;
  // A subvolume of btrfs is a device of its own there but not here; its numbers start anew.
  constexpr unsigned kDeviceShift = 48;
  if (from.dev_minor != root_device_minor_)
    to.st_ino |= static_cast<ino_t>(from.dev_minor) << kDeviceShift;
  to.st_size = static_cast<off_t>(from.size);
  to.st_blocks = static_cast<blkcnt_t>(from.blocks);
  to.st_blksize = from.block_size;
  to.st_rdev = makedev(from.rdev_major, from.rdev_minor);
  const auto time = [](const Timestamp& t) {
    return timespec{.tv_sec = t.seconds, .tv_nsec = t.nanoseconds};
  };
  to.st_atim = time(from.accessed);
  to.st_mtim = time(from.modified);
  to.st_ctim = time(from.changed);
  return to;
}

void FileSystem::keep(std::unique_ptr<OpenHandle> handle, fuse_file_info* info) {
  info->fh = reinterpret_cast<std::uint64_t>(handle.get());
  const std::lock_guard lock(handles_mutex_);
  OpenHandle* const raw = handle.get();
  handles_.emplace(raw, std::move(handle));
}

void FileSystem::release(const fuse_file_info* info) {
  std::unique_ptr<OpenHandle> last;  // closed without the mutex
  const std::lock_guard lock(handles_mutex_);
  const auto entry = handles_.find(&OpenHandle::of(info));
  last = std::move(entry->second);
  handles_.erase(entry);
}

fuse_entry_param FileSystem::entry(int directory, const char* name) {
  const fuse_entry_param entry = find_entry(directory, name);
  if (entry.ino == 0)
    throw std::system_error(std::make_error_code(std::errc::no_such_file_or_directory));
  return entry;
}

fuse_entry_param FileSystem::find_entry(int directory, const char* name) {
  fuse_entry_param entry = {};
  entry.attr_timeout = kForLong;
  entry.entry_timeout = kForLong;
  std::error_code ec;
  File path(directory, name, LKL_O_PATH | LKL_O_NOFOLLOW, 0, ec);
  if (ec == std::errc::no_such_file_or_directory) return entry;
  if (ec) throw std::system_error(ec);
  entry.attr = attributes(path.fd());
  entry.ino = id(nodes_.remember(std::move(path)));
  return entry;
}

}  // namespace lkl::fuse
