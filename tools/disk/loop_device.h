// SPDX-License-Identifier: GPL-2.0
//
// Loop devices of the library's kernel: a part of a device that begins at any byte of it.
#ifndef LKL_TOOL_LOOP_DEVICE_H
#define LKL_TOOL_LOOP_DEVICE_H

#include <cstdint>
#include <string>
#include <system_error>

namespace lkl::tool {

// Move-only; the destructor removes it.
class LoopDevice {
 public:
  LoopDevice() = default;
  // All of the device behind `start`, but for the end that is no whole sector. Throws Failure;
  // `name` is for messages.
  LoopDevice(const std::string& name, std::uint32_t on, std::uint64_t start, bool writable);
  LoopDevice(LoopDevice&& other) noexcept { *this = std::move(other); }
  LoopDevice& operator=(LoopDevice&& other) noexcept;
  ~LoopDevice() { remove(); }

  std::uint32_t device() const { return device_; }
  // Waits for what is being written. Errors: EBUSY when it is in use.
  std::error_code remove() noexcept;

 private:
  std::uint32_t device_ = 0;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_LOOP_DEVICE_H
