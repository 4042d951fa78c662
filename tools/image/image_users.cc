// SPDX-License-Identifier: GPL-2.0
#include "image/image_users.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/mount_info.h"

namespace lkl::tool {

namespace {

namespace fs = std::filesystem;

std::string first_line(const fs::path& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line;
}

// Where a device with these numbers ("7:0") is mounted; empty if nowhere that we see.
std::string mount_point(const std::string& numbers) {
  for (const MountInfo& mount : host_mounts())
    if (mount.device == numbers) return mount.point;
  return {};
}

// A loop device, and its partitions, as /sys/block has them.
class LoopDevice {
 public:
  explicit LoopDevice(fs::path directory) : directory_(std::move(directory)) {}

  std::string name() const { return "/dev/" + directory_.filename().string(); }

  bool has(const struct stat& file) const {
    const std::string path = first_line(directory_ / "loop/backing_file");
    struct stat status = {};
    return !path.empty() && ::stat(path.c_str(), &status) == 0 && status.st_dev == file.st_dev &&
           status.st_ino == file.st_ino;
  }
  std::string mounted_at() const {
    std::error_code ec;
    std::string point = mount_point(first_line(directory_ / "dev"));
    for (const auto& entry : fs::directory_iterator(directory_, ec))
      if (point.empty() && fs::exists(entry.path() / "partition", ec))
        point = mount_point(first_line(entry.path() / "dev"));
    return point;
  }
  bool in_use() const {
    const bool busy =
        !Descriptor(::open(name().c_str(), O_RDONLY | O_EXCL | O_CLOEXEC)) && errno == EBUSY;
    // Who may not open it knows of mounts, and of what is made of it.
    std::error_code ec;
    return busy || !mounted_at().empty() ||
           (fs::exists(directory_ / "holders", ec) && !fs::is_empty(directory_ / "holders", ec));
  }

 private:
  fs::path directory_;
};

// Whether this process itself has the file open for writing.
bool we_write(const struct stat& file) {
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd", ec)) {
    const int fd = std::stoi(entry.path().filename());
    struct stat status = {};
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && !(flags & O_PATH) &&
        ::fstat(fd, &status) == 0 && status.st_dev == file.st_dev && status.st_ino == file.st_ino)
      return true;
  }
  return false;
}

// A lease for reading is only given while nobody has the file open for writing. (Nor to anybody but
// its owner and root.)
bool lease_refused(int fd) {
  // It is given back at once; who opens the file in between makes the kernel ask for it by this.
  struct sigaction ignore = {}, before = {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGIO, &ignore, &before);
  const bool refused = ::fcntl(fd, F_SETLEASE, F_RDLCK) != 0 && errno == EAGAIN;
  if (!refused) ::fcntl(fd, F_SETLEASE, F_UNLCK);
  ::sigaction(SIGIO, &before, nullptr);
  return refused;
}

// Whether somebody has a lock on this byte: where it begins, or -1.
off_t lock_on(int fd, off_t byte) {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  const bool locked = ::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  return locked ? lock.l_start : -1;
}

// qemu says by a lock on this byte that it writes; locks as ours are on all of the file.
bool qemu_writes(int fd) {
  return lock_on(fd, 101) > 0;
}

// Who has locked all of it says by that whether it writes, and ours is refused if so.
bool locks_as_we_do(int fd) {
  return lock_on(fd, 0) == 0;
}

}  // namespace

std::string why_busy(const std::string& path, const struct stat& status) {
  const std::string point =
      mount_point(fmt::format("{}:{}", major(status.st_rdev), minor(status.st_rdev)));
  return fmt::format(
      "{}: the host uses this device: {}; {} it first, or only read it (--ro, --snapshot)", path,
      point.empty() ? "it, or a partition of it, is mounted or swap space, or part of an array or "
                      "volume group, or another program has claimed it"
                    : "it is mounted on " + point,
      point.empty() ? "unmount or stop" : "unmount");
}

std::string check_loop_devices(const std::string& path, const struct stat& status) {
  std::string warning;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator("/sys/block", ec)) {
    if (!entry.path().filename().string().starts_with("loop")) continue;
    const LoopDevice loop(entry.path());
    if (!loop.has(status)) continue;
    if (loop.in_use()) {
      const std::string point = loop.mounted_at();
      throw Failure(fmt::format(
          "{}: is behind {}, which the host uses{}; unmount or stop that first, or only read the "
          "image (--ro, --snapshot)",
          path, loop.name(), point.empty() ? "" : fmt::format(" (mounted on {})", point)));
    }
    warning = fmt::format(
        "{}: is behind {}, too, which will not see what is changed here until it is detached and "
        "set up again",
        path, loop.name());
  }
  return warning;
}

std::string check_other_writers(const std::string& path, int fd, const struct stat& status) {
  const bool unlocked = lease_refused(fd) && !locks_as_we_do(fd);
  if (we_write(status) || (!unlocked && !qemu_writes(fd))) return {};
  return fmt::format(
      "{}: another program has the image open for writing; what is read may not fit together, and "
      "what is written by both is lost",
      path);
}

}  // namespace lkl::tool
