// SPDX-License-Identifier: GPL-2.0
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "api/util.h"
#include "lkl.h"

namespace {

constexpr size_t kPathSize = 14;  // "/mnt/" and 8 digits and the end

// Both are short enough for what a string holds without an allocation.
std::string device_path(__lkl__u32 dev) {
  char path[kPathSize];
  std::snprintf(path, sizeof path, "/dev/%08x", dev);
  return path;
}

std::string mount_path(__lkl__u32 dev) {
  char path[kPathSize];
  std::snprintf(path, sizeof path, "/mnt/%08x", dev);
  return path;
}

int make_directory(const char* path) {
  const lkl_long error = lkl_sys_mkdir(path, 0700);
  return error == -LKL_EEXIST ? 0 : static_cast<int>(error);
}

// Types with a device, as /proc/filesystems lists them: lines without "nodev".
int device_types(std::vector<std::string>& types) {
  if (const int error = lkl_mount_fs("proc"); error < 0) return error;
  std::string text;
  if (const int error = lkl::host::read_small_file("/proc/filesystems", text)) return error;
  lkl::host::for_each_piece(text, '\n', [&](std::string_view line) {
    if (line.starts_with('\t')) types.emplace_back(line.substr(1));
    return true;
  });
  return 0;
}

lkl_long mount_type(const std::string& device, const std::string& point, const char* type,
                    int flags, const char* opts) {
  return lkl_sys_mount(const_cast<char*>(device.c_str()), const_cast<char*>(point.c_str()),
                       const_cast<char*>(type), static_cast<lkl_ulong>(flags),
                       const_cast<char*>(opts));
}

// Any type that takes it. What the first of them to recognise its own had to say is
// worth more than the "not mine" of the others.
lkl_long mount_any(const std::string& device, const std::string& point, int flags,
                   const char* opts) {
  std::vector<std::string> types;
  if (const int error = device_types(types)) return error;
  lkl_long result = -LKL_EINVAL;
  for (const std::string& type : types) {
    const lkl_long error = mount_type(device, point, type.c_str(), flags, opts);
    if (error == 0) return 0;
    if (error != -LKL_EINVAL && result == -LKL_EINVAL) result = error;
  }
  return result;
}

}  // namespace

lkl_long lkl_mount_blkdev(__lkl__u32 dev, const char* fs_type, int flags, const char* opts,
                          char* mnt_str, unsigned int mnt_str_len) {
  if (mnt_str_len < kPathSize) return -LKL_ENOMEM;
  const std::string device = device_path(dev);
  const std::string point = mount_path(dev);
  if (const int error = make_directory("/dev")) return error;
  if (const int error = make_directory("/mnt")) return error;
  lkl_long error = lkl_sys_mknod(device.c_str(), LKL_S_IFBLK | 0600, dev);
  if (error && error != -LKL_EEXIST) return error;
  error = make_directory(point.c_str());
  if (!error)
    error = fs_type
                ? mount_type(device, point, fs_type, flags, opts)
                : lkl::host::or_no_memory([&] { return mount_any(device, point, flags, opts); });
  if (error) {
    lkl_sys_rmdir(point.c_str());
    lkl_sys_unlink(device.c_str());
    return error;
  }
  std::memcpy(mnt_str, point.c_str(), kPathSize);
  return 0;
}

lkl_long lkl_umount_timeout(const char* path, int flags, lkl_long timeout_ms) {
  constexpr unsigned kStepMs = 20;
  for (;;) {
    const lkl_long error = lkl_sys_umount(path, flags);
    if (error != -LKL_EBUSY || timeout_ms <= 0) return error;
    lkl::host::sleep_ms(kStepMs);
    timeout_ms -= kStepMs;
  }
}

lkl_long lkl_umount_blkdev(__lkl__u32 dev, int flags, lkl_long timeout_ms) {
  std::string point = mount_path(dev);
  if (const lkl_long error = lkl_umount_timeout(point.data(), flags, timeout_ms)) return error;
  lkl_sys_unlink(device_path(dev).c_str());
  return lkl_sys_rmdir(point.c_str());
}

lkl_long lkl_mount_dev(unsigned int disk_id, unsigned int part, const char* fs_type, int flags,
                       const char* opts, char* mnt_str, unsigned int mnt_str_len) {
  __lkl__u32 dev;
  if (const int error = lkl_get_virtio_blkdev(static_cast<int>(disk_id), part, &dev)) return error;
  return lkl_mount_blkdev(dev, fs_type, flags, opts, mnt_str, mnt_str_len);
}

lkl_long lkl_umount_dev(unsigned int disk_id, unsigned int part, int flags, lkl_long timeout_ms) {
  __lkl__u32 dev;
  if (const int error = lkl_get_virtio_blkdev(static_cast<int>(disk_id), part, &dev)) return error;
  return lkl_umount_blkdev(dev, flags, timeout_ms);
}

int lkl_mount_fs(const char* fstype) {
  return lkl::host::or_no_memory([&] {
    const std::string point = std::string("/") + fstype;
    if (const int error = make_directory(point.c_str())) return error;
    // Mounted there already if it is another device than its parent.
    lkl_stat here, parent;
    if (lkl_sys_stat(point.c_str(), &here) == 0 && lkl_sys_stat("/", &parent) == 0 &&
        here.st_dev != parent.st_dev)
      return 1;
    return static_cast<int>(lkl_sys_mount(const_cast<char*>("none"),
                                          const_cast<char*>(point.c_str()), fstype, 0, nullptr));
  });
}
