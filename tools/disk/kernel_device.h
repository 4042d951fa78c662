// SPDX-License-Identifier: GPL-2.0
//
// Block devices of the library's kernel by their numbers, and its small files in /proc and /sysfs.
#ifndef LKL_TOOL_KERNEL_DEVICE_H
#define LKL_TOOL_KERNEL_DEVICE_H

#include <cstdint>
#include <lkl.hpp>
#include <string>
#include <vector>

#include "base/block_reader.h"

namespace lkl::tool {

unsigned major_of(std::uint32_t device);
unsigned minor_of(std::uint32_t device);
std::uint32_t device_number(unsigned major, unsigned minor);
// "254:0", as sysfs and device-mapper have it.
std::string major_minor(std::uint32_t device);
std::string sysfs_directory(std::uint32_t device);

// Makes a node in the kernel's own /dev, once. Throws std::system_error.
std::string device_node(std::uint32_t device);
BlockReader open_device(std::uint32_t device, std::uint64_t size);
std::uint64_t device_size(std::uint32_t device);  // bytes; 0 if there is none

// Empty, or 0, if it cannot be read.
std::string read_small_file(const std::string& path);
std::uint64_t read_number(const std::string& path);
std::error_code write_small_file(const std::string& path, const std::string& text);

// What the kernel says from now on: why it refused something is often only said there.
void forget_kernel_log();
// The messages since.
std::vector<std::string> kernel_log_lines();
// The last of them, each on a line of its own that begins with "\n  kernel: ".
std::string kernel_reasons();
// What it says of writing to disks that failed.
std::string kernel_write_errors();
// Of file systems that it has found damaged. Who reads a directory of ext4 is told nothing by that:
// what cannot be read of it is left out.
std::string kernel_damage_reports();

// A mounted block device. Move-only; the destructor unmounts.
class DeviceMount {
 public:
  DeviceMount() noexcept = default;
  DeviceMount(std::uint32_t device, const std::string& type, unsigned flags,
              const std::string& data, std::error_code& ec);
  DeviceMount(DeviceMount&& other) noexcept { *this = std::move(other); }
  DeviceMount& operator=(DeviceMount&& other) noexcept;
  ~DeviceMount() { umount(); }

  const std::string& path() const { return path_; }
  // Writes everything back. Errors: EBUSY when files are still open after a while.
  std::error_code umount() noexcept;

 private:
  std::uint32_t device_ = 0;
  std::string path_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_KERNEL_DEVICE_H
