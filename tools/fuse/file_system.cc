// SPDX-License-Identifier: GPL-2.0
#include "file_system.h"

#include <sys/sysmacros.h>

#include <algorithm>

#include <lkl/linux/fs.h>

#include "loop.h"
#include "operation.h"

namespace lkl::fuse {

namespace {

void init(void* data, fuse_conn_info* connection) {
  const FileSystem& fs = *static_cast<FileSystem*>(data);
  connection->time_gran = fs.time_granularity();
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
  // What an asynchronous direct write has replaced stays in the host's cache, if it is read
  // meanwhile: the host drops that only after those that it waits for.
  want(FUSE_CAP_ASYNC_DIO, false);
  // Its first edition leaves the host without a say in who may keep such bits (protocol.cc).
  want(FUSE_CAP_HANDLE_KILLPRIV, false);
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
  add_ioctl_operations(operations);
  return operations;
}

// What times the file system keeps apart. A file without a name shows it.
unsigned granularity_of_times(int root) {
  constexpr unsigned kSecond = 1'000'000'000, kFinest = 1;
  std::error_code ec;
  const File file(root, ".", LKL_O_TMPFILE | LKL_O_RDWR, 0600, ec);
  if (ec) return kFinest;
  constexpr unsigned kOdd = 123'456'789;
  const struct __lkl__kernel_timespec times[2] = {{.tv_sec = 1, .tv_nsec = kOdd},
                                                  {.tv_sec = 1, .tv_nsec = kOdd}};
  if (lkl_sys_utimensat(file.fd(), nullptr, const_cast<struct __lkl__kernel_timespec*>(times), 0) <
      0)
    return kFinest;
  const Stat kept = stat_at(file.fd(), "", LKL_AT_EMPTY_PATH, ec);
  if (ec) return kFinest;
  for (unsigned unit = kFinest; unit < kSecond; unit *= 10)
    if (kept.modified.nanoseconds == kOdd / unit * unit &&
        kept.modified.nanoseconds != kOdd / (unit * 10) * (unit * 10))
      return unit;
  return kSecond;
}

}  // namespace

const fuse_lowlevel_ops FileSystem::kOperations = all_operations();

FileSystem::FileSystem(int root, const FileSystemOptions& options, HostClock& clock,
                       HostAccess& access)
    : root_fd_(root),
      options_(options),
      nodes_(root, options.most_open_nodes, options.lasting_handles),
      clock_(clock),
      host_access_(access),
      space_(root, options.collected_by_host, options.exact_space) {
  std::error_code ec;
  root_device_minor_ = stat_at(root, "", LKL_AT_EMPTY_PATH, ec).dev_minor;
  if (collects_writes()) time_granularity_ = granularity_of_times(root);
}

struct stat FileSystem::attributes(int fd) const {
  std::error_code ec;
  const Stat from = stat_at(fd, "", LKL_AT_EMPTY_PATH | LKL_AT_SYMLINK_NOFOLLOW, ec);
  if (ec) throw std::system_error(ec);
  struct stat to = {};
  to.st_mode = from.mode;
  to.st_nlink = from.nlink;
  to.st_uid = options_.owners.show_user(from.uid);
  to.st_gid = options_.owners.show_group(from.gid);
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
  const bool collects = handle->collects();
  {
    const std::lock_guard lock(handles_mutex_);
    OpenHandle* const raw = handle.get();
    handles_.emplace(raw, std::move(handle));
    if (collects) ++collecting_;
  }
  if (collects) clock_.have_host_catch_up();
}

void FileSystem::release(const fuse_file_info* info) {
  {
    std::unique_ptr<OpenHandle> last;  // closed without the mutex
    const std::lock_guard lock(handles_mutex_);
    const auto entry = handles_.find(&OpenHandle::of(info));
    last = std::move(entry->second);
    handles_.erase(entry);
    if (last->collects()) --collecting_;
  }
  host_access_.closed();
}

bool FileSystem::folds_names(int directory, Node* node) const {
  if (options_.folds_names != FoldsNames::kInSomeDirectories)
    return options_.folds_names == FoldsNames::kEverywhere;
  if (node->folds_names == Node::kUnknown) {
    std::error_code ec;
    const File file(directory, ".", LKL_O_RDONLY | LKL_O_DIRECTORY, 0, ec);
    lkl_ulong flags = 0;
    if (!ec)
      lkl_sys_ioctl(static_cast<unsigned>(file.fd()), LKL_FS_IOC_GETFLAGS,
                    reinterpret_cast<lkl_ulong>(&flags));
    node->folds_names = (flags & LKL_FS_CASEFOLD_FL) != 0;
  }
  return node->folds_names == 1;
}

void FileSystem::before_telling(Node* node) {
  if (space_.scarce() && node->writers > 0) host_cache_.forget_attributes(id(node));
}

void FileSystem::wrote(std::uint64_t bytes) {
  if (collects_writes() && space_.used(bytes)) ask_before_writes();
}

void FileSystem::did_not_fit() {
  if (collects_writes() && space_.failed()) ask_before_writes();
}

void FileSystem::ask_before_writes() {
  for (const fuse_ino_t one : collected()) host_cache_.forget_attributes(one);
}

std::vector<fuse_ino_t> FileSystem::collected() {
  std::vector<fuse_ino_t> all;
  {
    const std::lock_guard lock(handles_mutex_);
    for (const auto& [raw, handle] : handles_)
      if (handle->collects()) all.push_back(id(handle->node()));
  }
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

// By a thread that may wait: the host looks into its directories for that.
void FileSystem::bound_nodes() {
  if (bounds_nodes_.exchange(true)) return;
  host_cache_.later([this] {
    constexpr int kRounds = 16;
    for (int i = 0; i < kRounds; ++i) {
      const std::vector<Place> places = nodes_.surplus();
      if (places.empty()) break;
      for (const Place& place : places) host_cache_.forget_entry(place.directory, place.name);
    }
    bounds_nodes_ = false;
  });
}

fuse_entry_param FileSystem::entry(int directory, Node* node, const char* name) {
  const fuse_entry_param entry = find_entry(directory, node, name);
  if (entry.ino == 0)
    throw std::system_error(std::make_error_code(std::errc::no_such_file_or_directory));
  return entry;
}

fuse_entry_param FileSystem::find_entry(int directory, Node* node, const char* name) {
  fuse_entry_param entry = {};
  entry.attr_timeout = kForLong;
  // What is made or removed by another spelling changes what this one leads to, and the host does
  // not know: it has to ask each time.
  entry.entry_timeout = folds_names(directory, node) ? 0 : kForLong;
  std::error_code ec;
  File path(directory, name, LKL_O_PATH | LKL_O_NOFOLLOW, 0, ec);
  if (ec == std::errc::no_such_file_or_directory) return entry;
  if (ec) throw std::system_error(ec);
  entry.attr = attributes(path.fd());
  std::optional<Place> place;
  if (!options_.lasting_handles && !S_ISDIR(entry.attr.st_mode)) place = Place{id(node), name};
  Node* const found = nodes_.remember(std::move(path), std::move(place));
  entry.ino = id(found);
  before_telling(found);
  if (!options_.lasting_handles && nodes_.has_surplus()) bound_nodes();
  return entry;
}

}  // namespace lkl::fuse
