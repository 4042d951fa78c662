// SPDX-License-Identifier: GPL-2.0
#include "disk/md_array.h"

#include <fmt/format.h>
#include <lkl/linux/fs.h>
#include <lkl/linux/major.h>
#include <lkl/linux/raid/md_u.h>

#include <atomic>
#include <lkl.hpp>

#include "base/error.h"
#include "disk/kernel_device.h"

namespace lkl::tool {

namespace {

std::error_code command(const File& array, unsigned number, const void* argument = nullptr) {
  return error_from(lkl_sys_ioctl(static_cast<unsigned>(array.fd()), number,
                                  reinterpret_cast<lkl_long>(argument)));
}

std::error_code assemble(const File& array, int major, int minor,
                         std::span<const std::uint32_t> devices) {
  lkl_mdu_array_info_t info = {};
  info.major_version = major;
  info.minor_version = minor;
  std::error_code ec = command(array, LKL_SET_ARRAY_INFO, &info);
  for (const std::uint32_t device : devices) {
    if (ec) return ec;
    lkl_mdu_disk_info_t disk = {};
    disk.lkl_major = static_cast<int>(major_of(device));
    disk.lkl_minor = static_cast<int>(minor_of(device));
    ec = command(array, LKL_ADD_NEW_DISK, &disk);
  }
  if (!ec) ec = command(array, LKL_RUN_ARRAY);
  return ec;
}

}  // namespace

MdArray::MdArray(const std::string& name, int major, int minor,
                 std::span<const std::uint32_t> devices, bool writable) {
  static std::atomic<unsigned> count{0};
  const std::uint32_t device = device_number(LKL_MD_MAJOR, count++);
  write_small_file("/sysfs/module/md_mod/parameters/start_ro", "1");
  write_small_file("/sysfs/module/md_mod/parameters/start_dirty_degraded", writable ? "0" : "1");
  forget_kernel_log();
  std::error_code ec;
  {
    const File array(device_node(device), LKL_O_RDONLY, 0, ec);
    if (!ec) {
      device_ = device;
      ec = assemble(array, major, minor, devices);
    }
    constexpr int kReadOnly = 1;
    if (!ec && !writable) ec = command(array, LKL_BLKROSET, &kReadOnly);
    // The partitions are read when they are asked for.
    if (!ec) command(array, LKL_BLKRRPART);
  }
  if (!ec) return;
  const std::string reasons = kernel_reasons();
  stop();
  throw Failure(fmt::format("{}: the array does not start: {}{}", name, describe(ec), reasons));
}

MdArray& MdArray::operator=(MdArray&& other) noexcept {
  if (this != &other) {
    stop();
    device_ = std::exchange(other.device_, 0);
  }
  return *this;
}

std::error_code MdArray::stop() noexcept {
  if (device_ == 0) return {};
  std::error_code ec;
  const File array(device_node(std::exchange(device_, 0)), LKL_O_RDONLY, 0, ec);
  return ec ? ec : command(array, LKL_STOP_ARRAY);
}

}  // namespace lkl::tool
