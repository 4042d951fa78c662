// SPDX-License-Identifier: GPL-2.0
// From the id of a disk to the number of its block device: through sysfs.
#include <cstdio>
#include <string>

#include "api/internal.h"
#include "api/util.h"
#include "lkl.h"

using lkl::host::find_entry;

int lkl_encode_dev_from_sysfs(const char* sysfs_path, __lkl__u32* pdevid) {
  return lkl::host::or_no_memory([&] {
    std::string text;
    if (const int error = lkl::host::read_small_file(sysfs_path, text)) return error;
    unsigned major, minor;
    if (std::sscanf(text.c_str(), "%u:%u", &major, &minor) != 2) return -LKL_EINVAL;
    *pdevid = LKL_MAKEDEV(major, minor);
    return 0;
  });
}

int lkl_get_virtio_blkdev(int disk_id, unsigned int part, __lkl__u32* pdevid) {
  const int irq = lkl_disk_irq(disk_id);
  if (irq < 0) return irq;
  return lkl::host::or_no_memory([&] {
    std::string path;
    if (const int error = lkl::host::find_virtio_device(irq, path)) return error;
    path += "/block/";
    const std::string disk = find_entry(path, "vd");
    if (disk.empty()) return -LKL_ENODEV;
    path += disk + "/";
    // The table was read when the disk was added, before lkl_disk_add() returned.
    if (part > 0) path += disk + std::to_string(part) + "/";
    return lkl_encode_dev_from_sysfs((path + "dev").c_str(), pdevid);
  });
}
