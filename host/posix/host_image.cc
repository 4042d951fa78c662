// SPDX-License-Identifier: GPL-2.0
#include "posix/host_image.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <climits>
#include <cstdio>

#include "host.h"
#include "posix/image_lock.h"

namespace lkl::host {
namespace {

constexpr unsigned kSector = 512;
// Of the kernel: a block is no larger than a page.
constexpr unsigned kLargestBlock = 4096;

// What of the caller's flags is meant for the image. O_APPEND would put each write at the end,
// O_NONBLOCK make io_uring refuse what is not cached.
constexpr int kKept = O_ACCMODE | O_DIRECT | O_SYNC | O_DSYNC | O_NOATIME;

std::string link_of(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

std::string name_of(int fd) {
  std::array<char, PATH_MAX> path;
  const ssize_t length = readlink(link_of(fd).c_str(), path.data(), path.size());
  if (length <= 0) return "image of descriptor " + std::to_string(fd);
  return {path.data(), static_cast<size_t>(length)};
}

// A new open file description of the same file; none if the host does not give us one (no /proc,
// no right to open it any more).
Descriptor open_again(int fd, int flags) {
  Descriptor again(::open(link_of(fd).c_str(), flags | O_CLOEXEC | O_NOCTTY));
  if (!again) return {};
  struct stat wanted, found;
  if (fstat(fd, &wanted) == 0 && fstat(again.get(), &found) == 0 && wanted.st_dev == found.st_dev &&
      wanted.st_ino == found.st_ino)
    return again;
  return {};
}

bool on_memory(const struct statfs& where) {
  return where.f_type == TMPFS_MAGIC || where.f_type == RAMFS_MAGIC;
}

bool served_by_others(const struct statfs& where) {
  static constexpr std::array<uint32_t, 10> kServed = {
      FUSE_SUPER_MAGIC, NFS_SUPER_MAGIC,  SMB_SUPER_MAGIC, CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC,
      V9FS_MAGIC,       CEPH_SUPER_MAGIC, AFS_SUPER_MAGIC, AFS_FS_MAGIC,     CODA_SUPER_MAGIC};
  return std::ranges::find(kServed, static_cast<uint32_t>(where.f_type)) != kServed.end();
}

void say_append_only(const std::string& name) {
  std::string text = "lkl: " + name +
                     ": the descriptor is open with O_APPEND, and the host does not let it be "
                     "opened again without: open it so\n";
  host::print(text.data(), text.size());
}

}  // namespace

int HostImage::open(int fd, const Options& options, std::unique_ptr<HostImage>& result) {
  const int flags = fcntl(fd, F_GETFL);
  struct stat info;
  if (flags < 0 || fstat(fd, &info) < 0) return -errno;
  if (!S_ISREG(info.st_mode) && !S_ISBLK(info.st_mode)) return -EINVAL;
  if ((flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY) return -EBADF;
  const bool read_only = options.read_only || (flags & O_ACCMODE) == O_RDONLY;

  // A description of our own has its own lock, and its own flags. If its lock is refused it
  // may be the caller's description that has it: then that one serves, which has it already.
  Descriptor again = open_again(fd, flags & (options.direct ? kKept : kKept & ~O_DIRECT));
  const bool has_own = static_cast<bool>(again);
  if (has_own) {
    const int error = options.lock ? lock_image(again.get(), !read_only) : 0;
    if (error && error != -EBUSY) return error;
    if (!error) {
      std::unique_ptr<HostImage> image(new HostImage(std::move(again)));
      if (const int failed = image->examine(flags & kKept, options)) return failed;
      result = std::move(image);
      return 0;
    }
  }
  Descriptor duplicate(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!duplicate) return -errno;
  if (options.lock) {
    // To lock for reading what the caller has locked for writing would let others in.
    const int error = has_own && read_only ? could_lock_image(duplicate.get(), false)
                                           : lock_image(duplicate.get(), !read_only);
    if (error) return error;
  }
  if ((flags & O_APPEND) && !read_only) {
    say_append_only(name_of(fd));
    return -EINVAL;
  }
  std::unique_ptr<HostImage> image(new HostImage(std::move(duplicate)));
  if (const int error = image->examine(flags, options)) return error;
  result = std::move(image);
  return 0;
}

int HostImage::examine(int flags, const Options& options) {
  // What the descriptor has: O_DIRECT may have been left out.
  flags = (flags & ~O_DIRECT) | (fcntl(fd(), F_GETFL) & O_DIRECT);
  name_ = name_of(fd());
  read_only_ = options.read_only || (flags & O_ACCMODE) == O_RDONLY;
  is_nonblocking_ = flags & O_NONBLOCK;
  struct stat info;
  if (fstat(fd(), &info) < 0) return -errno;
  if (S_ISBLK(info.st_mode)) {
    is_device_ = true;
    if (ioctl(fd(), BLKGETSIZE64, &size_) < 0) return -errno;
  } else {
    size_ = static_cast<uint64_t>(info.st_size);
    struct statfs where;
    if (fstatfs(fd(), &where) == 0) {
      in_memory_ = on_memory(where);
      writes_wait_ = served_by_others(where);
    }
  }
  if (flags & (O_SYNC | O_DSYNC)) writes_wait_ = true;
  if (const int error = find_alignment(flags)) return error;
  size_ -= size_ % block_size_;
  return 0;
}

int HostImage::find_alignment(int flags) {
  const bool direct = (flags & O_DIRECT) && !in_memory_;
  unsigned block = kSector, memory = 1;
  int sector = 0;
  if (is_device_ && ioctl(fd(), BLKSSZGET, &sector) == 0 && sector > 0)
    block = static_cast<unsigned>(sector);
  if (direct) {
    // What it says if the host does not.
    if (!is_device_) block = kLargestBlock;
    memory = kLargestBlock;
#ifdef STATX_DIOALIGN
    struct statx info = {};
    if (statx(fd(), "", AT_EMPTY_PATH, STATX_DIOALIGN, &info) == 0 &&
        (info.stx_mask & STATX_DIOALIGN)) {
      // 0: the host takes it for a wish, and uses its cache
      if (!is_device_) block = std::max(info.stx_dio_offset_align, kSector);
      if (info.stx_dio_mem_align > 0) memory = std::max(info.stx_dio_mem_align, 2u);
    }
#endif
  }
  if (!std::has_single_bit(block) || !std::has_single_bit(memory)) return -EINVAL;
  // Through the cache the host takes any part of a block.
  if (block > kLargestBlock && direct) return -EINVAL;
  block_size_ = std::clamp(block, kSector, kLargestBlock);
  memory_alignment_ = memory;
  return 0;
}

bool HostImage::ends_before(uint64_t end) const {
  if (is_device_) return false;
  // Of what is cached, where another machine or process would have to be asked.
  struct statx info = {};
  if (statx(fd(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_SIZE, &info) < 0) return false;
  return info.stx_size < end;
}

}  // namespace lkl::host
