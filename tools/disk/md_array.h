// SPDX-License-Identifier: GPL-2.0
//
// A running array of the kernel's md driver.
#ifndef LKL_TOOL_MD_ARRAY_H
#define LKL_TOOL_MD_ARRAY_H

#include <cstdint>
#include <span>
#include <string>
#include <system_error>

namespace lkl::tool {

// Move-only; the destructor stops the array.
class MdArray {
 public:
  MdArray() = default;
  // Assembles one with superblocks of version `major`.`minor` of these devices, and starts it. It
  // stays as it is until something writes to it: no resync before. One that lacks members and was
  // in use when it stopped is only started if it cannot be written. `name` is for messages.
  // Throws Failure with the kernel's reasons.
  MdArray(const std::string& name, int major, int minor, std::span<const std::uint32_t> devices,
          bool writable);
  MdArray(MdArray&& other) noexcept { *this = std::move(other); }
  MdArray& operator=(MdArray&& other) noexcept;
  ~MdArray() { stop(); }

  std::uint32_t device() const { return device_; }
  // Writes the superblocks, as clean, if the array was written to. Errors: EBUSY when it is in use.
  std::error_code stop() noexcept;

 private:
  std::uint32_t device_ = 0;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_MD_ARRAY_H
