// SPDX-License-Identifier: GPL-2.0
//
// Devices of the kernel's device mapper: made of tables, as dmsetup(8) makes them.
#ifndef LKL_TOOL_DM_DEVICE_H
#define LKL_TOOL_DM_DEVICE_H

#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

namespace lkl::tool {

// One line of a table. In sectors of 512 bytes.
struct DmTarget {
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  std::string type;        // "linear", "crypt" ...
  std::string parameters;  // may hold a key: wiped by the destructor

  DmTarget(std::uint64_t start, std::uint64_t length, std::string type, std::string parameters);
  DmTarget(DmTarget&&) noexcept = default;
  DmTarget& operator=(DmTarget&&) noexcept = default;
  DmTarget(const DmTarget&) = delete;
  DmTarget& operator=(const DmTarget&) = delete;
  ~DmTarget();
};
using DmTable = std::vector<DmTarget>;

// Move-only; the destructor removes the device.
class DmDevice {
 public:
  DmDevice() = default;
  // Throws Failure with the kernel's reasons; `name` is for messages.
  DmDevice(const std::string& name, const DmTable& table, bool writable);
  DmDevice(DmDevice&& other) noexcept { *this = std::move(other); }
  DmDevice& operator=(DmDevice&& other) noexcept;
  ~DmDevice() { remove(); }

  std::uint32_t device() const { return device_; }
  // Waits for what is being written. Errors: EBUSY when it is in use.
  std::error_code remove() noexcept;

 private:
  std::uint32_t device_ = 0;
  std::string node_name_;  // the kernel's name of it
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_DM_DEVICE_H
