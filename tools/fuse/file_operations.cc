// SPDX-License-Identifier: GPL-2.0
//
// Open files.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstring>

#include <lkl/linux/btrfs.h>
#include <lkl/linux/fs.h>

#include "operation.h"

namespace lkl::fuse {

namespace {

int file_of(const fuse_file_info* info) {
  return OpenHandle::of(info).fd();
}

constexpr std::size_t kBlock = 4096;

// A file is open a second time past the library's page cache: what the host reads, and what it has
// collected to be written, is in the cache of the host; one is enough.
class OpenFile final : public OpenHandle {
 public:
  OpenFile(File file, File direct, bool write_direct)
      : OpenHandle(std::move(file)), direct_(std::move(direct)), write_direct_(write_direct) {}

  long long read(char* into, std::size_t size, off_t at) const {
    std::size_t done = 0;
    if (direct_ && size % kBlock == 0 && at % kBlock == 0) {
      const long long got = lkl_sys_pread64(static_cast<unsigned>(direct_.fd()), into, size, at);
      if (got == static_cast<long long>(size)) return got;
      // What has a larger block, is compressed, or keeps its data among its metadata is read the
      // other way, in part or in whole; so is the end of the file, and what goes to memory that is
      // not the library's.
      if (got > 0) done = static_cast<std::size_t>(got);
    }
    const long long got = lkl_sys_pread64(static_cast<unsigned>(fd()), into + done, size - done,
                                          at + static_cast<off_t>(done));
    return got < 0 ? got : got + static_cast<long long>(done);
  }

  // `data` is the library's memory.
  long long write(const char* data, std::size_t size, off_t at) const {
    // Little is better left to the library's own cache, which collects it.
    constexpr std::size_t kMuch = 128 * 1024;
    if (write_direct_ && direct_ && size >= kMuch && size % kBlock == 0 && at % kBlock == 0) {
      const long long put = lkl_sys_pwrite64(static_cast<unsigned>(direct_.fd()), data, size, at);
      if (put == static_cast<long long>(size)) return put;
      // The file system cannot, or not so much at once: by its cache, or with its error.
    }
    return lkl_sys_pwrite64(static_cast<unsigned>(fd()), data, size, at);
  }

 private:
  const File direct_;
  const bool write_direct_;
};

int open_flags(const FileSystem& fs, int flags) {
  int access = flags & O_ACCMODE;
  // The host reads the rest of a page that is written in part; what is appended it knows itself.
  const bool writeback = fs.collects_writes();
  if (writeback && access == O_WRONLY) access = O_RDWR;
  int to = access == O_RDWR ? LKL_O_RDWR : access == O_WRONLY ? LKL_O_WRONLY : LKL_O_RDONLY;
  if (flags & O_APPEND && !writeback) to |= LKL_O_APPEND;
  if (flags & O_TRUNC) to |= LKL_O_TRUNC;
  if ((flags & O_SYNC) == O_SYNC)
    to |= LKL_O_SYNC;
  else if (flags & O_DSYNC)
    to |= LKL_O_DSYNC;
  return to;
}

void keep_open(FileSystem& fs, File file, fuse_file_info* info) {
  std::error_code none;
  File direct;
  const bool writes = (info->flags & O_ACCMODE) != O_RDONLY;
  const bool write_direct = writes && fs.collects_writes() && fs.options().write_direct;
  if (!fs.options().direct_io && ((info->flags & O_ACCMODE) != O_WRONLY || write_direct))
    direct = File(fmt::format("/proc/self/fd/{}", file.fd()),
                  (writes ? LKL_O_RDWR : LKL_O_RDONLY) | LKL_O_DIRECT, 0, none);
  info->direct_io = fs.options().direct_io;
  info->keep_cache = 1;
  fs.keep(std::make_unique<OpenFile>(std::move(file), std::move(direct), write_direct), info);
}

void set_mtime(int fd, const timespec& time) {
  struct stat attributes = {};
  attributes.st_mtim = time;
  check(lkl_sys_utimensat(fd, nullptr, NewTimes(attributes, FUSE_SET_ATTR_MTIME).access_and_change,
                          0));
}

// The host that collects writes keeps the time of the last change itself, and says so only when its
// clock has ticked on: what changes a file here has to leave it at that.
void leave_mtime_of_host(FileSystem& fs, fuse_ino_t id, int fd) {
  if (const auto time = fs.nodes().mtime_of_host(fs.node(id))) set_mtime(fd, *time);
}

void open(fuse_req_t request, fuse_ino_t id, fuse_file_info* info) {
  serve(request, [&](FileSystem& fs) {
    File file(fs.pin(id).proc_path(), open_flags(fs, info->flags));
    if (info->flags & O_TRUNC) leave_mtime_of_host(fs, id, file.fd());
    keep_open(fs, std::move(file), info);
    // an answer that did not arrive will not be followed by a release
    if (fuse_reply_open(request, info) != 0) fs.release(info);
  });
}

// The host collects what is written to it: the time of that is its own. As long as its clock does
// not tick on, it has nothing to say about it, which is one request less for a small file.
void begin_with_time_of_host(FileSystem& fs, const File& file, fuse_entry_param& entry) {
  timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  set_mtime(file.fd(), now);
  entry.attr.st_mtim = entry.attr.st_ctim = now;
  fs.nodes().host_keeps_mtime(fs.node(entry.ino), now);
}

void create(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode,
            fuse_file_info* info) {
  serve(request, [&](FileSystem& fs) {
    const PathFd directory = fs.pin(parent);
    make_as_caller(request, fs);
    int flags = open_flags(fs, info->flags) | LKL_O_CREAT | LKL_O_NOFOLLOW;
    if (info->flags & O_EXCL) flags |= LKL_O_EXCL;
    std::error_code ec;
    File file(directory.fd(), name, flags, mode, ec);
    if (ec) throw std::system_error(ec);
    fuse_entry_param entry = fs.entry(directory.fd(), name);
    if (fs.collects_writes()) begin_with_time_of_host(fs, file, entry);
    keep_open(fs, std::move(file), info);
    if (fuse_reply_create(request, &entry, info) != 0) fs.release(info);
  });
}

void release(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
  file_system(request).release(info);
  fuse_reply_err(request, 0);
}

void read(fuse_req_t request, fuse_ino_t, size_t size, off_t at, fuse_file_info* info) {
  serve(request, [&](FileSystem&) {
    char* const buffer = reinterpret_cast<char*>(Worker::current().buffer(size));
    const auto& file = static_cast<const OpenFile&>(OpenHandle::of(info));
    const long long got = check(file.read(buffer, size, at));
    fuse_reply_buf(request, buffer, static_cast<size_t>(got));
  });
}

void write(fuse_req_t request, fuse_ino_t id, const char* data, size_t size, off_t at,
           fuse_file_info* info) {
  serve(request, [&](FileSystem& fs) {
    const auto& file = static_cast<const OpenFile&>(OpenHandle::of(info));
    const long long written = check(file.write(data, size, at));
    leave_mtime_of_host(fs, id, file.fd());
    fuse_reply_write(request, static_cast<size_t>(written));
  });
}

void fsync(fuse_req_t request, fuse_ino_t, int data_only, fuse_file_info* info) {
  serve_result(request, [&](FileSystem&) {
    const auto file = static_cast<unsigned>(file_of(info));
    return data_only ? lkl_sys_fdatasync(file) : lkl_sys_fsync(file);
  });
}

void fallocate(fuse_req_t request, fuse_ino_t id, int mode, off_t offset, off_t length,
               fuse_file_info* info) {
  serve_result(request, [&](FileSystem& fs) {
    const int fd = file_of(info);
    check(lkl_sys_fallocate(fd, mode, offset, length));
    leave_mtime_of_host(fs, id, fd);
    return 0;
  });
}

void lseek(fuse_req_t request, fuse_ino_t, off_t offset, int whence, fuse_file_info* info) {
  serve(request, [&](FileSystem&) {
    // Only SEEK_DATA and SEEK_HOLE come here; reads and writes name their place themselves.
    fuse_reply_lseek(request, check(lkl_sys_lseek(static_cast<unsigned>(file_of(info)), offset,
                                                  static_cast<unsigned>(whence))));
  });
}

void copy_file_range(fuse_req_t request, fuse_ino_t, off_t from, fuse_file_info* from_info,
                     fuse_ino_t to_id, off_t to, fuse_file_info* to_info, size_t length,
                     int flags) {
  serve(request, [&](FileSystem& fs) {
    lkl_loff_t at = from, to_at = to;
    const long long copied = check(lkl_sys_copy_file_range(
        file_of(from_info), &at, file_of(to_info), &to_at, length, static_cast<unsigned>(flags)));
    leave_mtime_of_host(fs, to_id, file_of(to_info));
    fuse_reply_write(request, static_cast<size_t>(copied));
  });
}

// Those whose argument is one block of the size that the number tells, without pointers in it.
bool can_pass(unsigned command) {
  static constexpr unsigned kPass[] = {
      LKL_FS_IOC_GETFLAGS,           LKL_FS_IOC_SETFLAGS,
      LKL_FS_IOC_GETVERSION,         LKL_FS_IOC_FSGETXATTR,
      LKL_FS_IOC_FSSETXATTR,         LKL_FS_IOC_GETFSLABEL,
      LKL_FS_IOC_SETFSLABEL,         LKL_FITRIM,
      LKL_BTRFS_IOC_SUBVOL_CREATE,   LKL_BTRFS_IOC_SNAP_DESTROY,
      LKL_BTRFS_IOC_DEFAULT_SUBVOL,  LKL_BTRFS_IOC_SYNC,
      LKL_BTRFS_IOC_SUBVOL_GETFLAGS, LKL_BTRFS_IOC_SUBVOL_SETFLAGS,
      LKL_BTRFS_IOC_FS_INFO,         LKL_BTRFS_IOC_DEV_INFO,
      LKL_BTRFS_IOC_INO_LOOKUP,      LKL_BTRFS_IOC_TREE_SEARCH,
      LKL_BTRFS_IOC_GET_FEATURES,    LKL_BTRFS_IOC_GET_SUBVOL_INFO,
  };
  return std::ranges::find(kPass, command) != std::end(kPass);
}

void ioctl(fuse_req_t request, fuse_ino_t id, unsigned command, void*, fuse_file_info* info,
           unsigned flags, const void* in, size_t in_size, size_t out_size) {
  serve(request, [&](FileSystem& fs) {
    // A program of 32 bits has other structures.
    if (!can_pass(command) || flags & FUSE_IOCTL_COMPAT) {
      fuse_reply_err(request, ENOTTY);
      return;
    }
    // Room for what the kernel writes whatever the number says (FS_IOC_GETFLAGS: an int, a long).
    const std::size_t room = std::max({in_size, out_size, sizeof(long)});
    std::byte* const argument = Worker::current().buffer(room);
    std::memset(argument, 0, room);
    if (in_size > 0) std::memcpy(argument, in, in_size);
    // A directory's handle is not a descriptor.
    File directory;
    if (flags & FUSE_IOCTL_DIR)
      directory = File(fs.pin(id).proc_path(), LKL_O_RDONLY | LKL_O_DIRECTORY);
    const int fd = flags & FUSE_IOCTL_DIR ? directory.fd() : file_of(info);
    const long long result = check(
        lkl_sys_ioctl(static_cast<unsigned>(fd), command, reinterpret_cast<lkl_ulong>(argument)));
    fuse_reply_ioctl(request, static_cast<int>(result), argument, out_size);
  });
}

}  // namespace

void add_file_operations(fuse_lowlevel_ops& operations) {
  operations.open = open;
  operations.create = create;
  operations.release = release;
  operations.read = read;
  operations.write = write;
  operations.fsync = fsync;
  operations.fallocate = fallocate;
  operations.lseek = lseek;
  operations.copy_file_range = copy_file_range;
  operations.ioctl = ioctl;
}

}  // namespace lkl::fuse
