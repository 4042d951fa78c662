// SPDX-License-Identifier: GPL-2.0
//
// The devices of the kernel that were made of others.
#ifndef LKL_TOOL_HELD_DEVICES_H
#define LKL_TOOL_HELD_DEVICES_H

#include <cstdint>
#include <functional>
#include <string>
#include <system_error>
#include <variant>
#include <vector>

#include "disk/device.h"
#include "disk/dm_device.h"
#include "disk/loop_device.h"
#include "disk/md_array.h"

namespace lkl::tool {

class HeldDevices {
 public:
  using Made = std::variant<DmDevice, LoopDevice, MdArray>;
  using Report = std::function<void(const std::string& what, const std::error_code& ec)>;

  HeldDevices() = default;
  HeldDevices(const HeldDevices&) = delete;
  HeldDevices& operator=(const HeldDevices&) = delete;
  ~HeldDevices();

  // `name` is for messages.
  void add(std::string name, Made made) { held_.push_back({std::move(name), std::move(made)}); }

  // Makes a device of `length` bytes of another one, and holds it; gives its number. What lies
  // beyond the end of the other one cannot be read. A piece that begins within a sector has to
  // reach to the end. Throws Failure.
  std::uint32_t add_piece(const std::string& name, const Device& of, std::uint64_t start,
                          std::uint64_t length, bool writable);

  // Removes all, the last first; `report` gets what went wrong.
  void close(const Report& report);

 private:
  struct Holder {
    std::string name;
    Made made;
  };
  std::vector<Holder> held_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_HELD_DEVICES_H
