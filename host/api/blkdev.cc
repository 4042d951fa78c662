// SPDX-License-Identifier: GPL-2.0
// From the id of a disk to the number of its block device: through sysfs, where the
// platform device of a disk has the name of its irq.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "api/internal.h"
#include "api/util.h"
#include "lkl.h"

namespace {

// The entry of a directory whose name begins so; empty if there is none.
std::string find_entry(const std::string& path, const char* prefix) {
  int error;
  const std::unique_ptr<lkl_dir, int (*)(lkl_dir*)> dir(lkl_opendir(path.c_str(), &error),
                                                        lkl_closedir);
  if (!dir && error == -LKL_ENOMEM) throw std::bad_alloc();
  if (!dir) return {};
  while (const lkl_linux_dirent64* entry = lkl_readdir(dir.get()))
    if (std::string_view(entry->d_name).starts_with(prefix)) return entry->d_name;
  return {};
}

}  // namespace

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
    if (const int error = lkl_mount_fs("sysfs"); error < 0) return error;
    std::string path = "/sysfs/devices/platform/virtio-mmio." + std::to_string(irq) + "/";
    const std::string virtio = find_entry(path, "virtio");
    if (virtio.empty()) return -LKL_ENODEV;
    path += virtio + "/block/";
    const std::string disk = find_entry(path, "vd");
    if (disk.empty()) return -LKL_ENODEV;
    path += disk + "/";
    // The table was read when the disk was added, before lkl_disk_add() returned.
    if (part > 0) path += disk + std::to_string(part) + "/";
    return lkl_encode_dev_from_sysfs((path + "dev").c_str(), pdevid);
  });
}
