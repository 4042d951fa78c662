// SPDX-License-Identifier: GPL-2.0
#include "disk/loop_device.h"

#include <fmt/format.h>
#include <lkl/linux/loop.h>
#include <lkl/linux/major.h>

#include <lkl.hpp>
#include <utility>

#include "base/error.h"
#include "disk/kernel_device.h"

namespace lkl::tool {

namespace {

long long control(const File& file, unsigned command, long argument) {
  return lkl_sys_ioctl(static_cast<unsigned>(file.fd()), command, argument);
}

// The number of one that nobody uses, or -errno.
long long find_free() {
  constexpr char kNode[] = "/dev/loop-control";
  constexpr unsigned kMiscMajor = 10, kMinor = 237;
  const long long made =
      lkl_sys_mknodat(LKL_AT_FDCWD, kNode, LKL_S_IFCHR | 0600, device_number(kMiscMajor, kMinor));
  if (made < 0 && made != -LKL_EEXIST) return made;
  std::error_code ec;
  const File file(kNode, LKL_O_RDWR, 0, ec);
  return ec ? -ec.value() : control(file, LKL_LOOP_CTL_GET_FREE, 0);
}

}  // namespace

LoopDevice::LoopDevice(const std::string& name, std::uint32_t on, std::uint64_t start,
                       bool writable) {
  const long long number = find_free();
  std::error_code ec = error_from(number < 0 ? number : 0);
  if (!ec) {
    const std::uint32_t device = device_number(LKL_LOOP_MAJOR, static_cast<unsigned>(number));
    const int flags = writable ? LKL_O_RDWR : LKL_O_RDONLY;
    const File below(device_node(on), flags, 0, ec);
    const File loop = ec ? File() : File(device_node(device), flags, 0, ec);
    if (!ec) {
      lkl_loop_config wanted = {};
      wanted.fd = static_cast<unsigned>(below.fd());
      wanted.info.lo_offset = start;
      if (!writable) wanted.info.lo_flags = LKL_LO_FLAGS_READ_ONLY;
      ec = error_from(control(loop, LKL_LOOP_CONFIGURE, reinterpret_cast<lkl_long>(&wanted)));
    }
    if (!ec) device_ = device;
  }
  if (ec)
    throw Failure(fmt::format("{}: the kernel makes no loop device of it: {}", name, describe(ec)));
}

LoopDevice& LoopDevice::operator=(LoopDevice&& other) noexcept {
  if (this != &other) {
    remove();
    device_ = std::exchange(other.device_, 0);
  }
  return *this;
}

std::error_code LoopDevice::remove() noexcept {
  if (device_ == 0) return {};
  std::error_code ec;
  const File loop(device_node(std::exchange(device_, 0)), LKL_O_RDONLY, 0, ec);
  return ec ? ec : error_from(control(loop, LKL_LOOP_CLR_FD, 0));
}

}  // namespace lkl::tool
