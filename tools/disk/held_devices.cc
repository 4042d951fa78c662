// SPDX-License-Identifier: GPL-2.0
#include "disk/held_devices.h"

#include <fmt/format.h>

#include <algorithm>

#include "disk/kernel_device.h"

namespace lkl::tool {

HeldDevices::~HeldDevices() {
  close([](const std::string&, const std::error_code&) {});
}

std::uint32_t HeldDevices::add_piece(const std::string& name, const Device& of, std::uint64_t start,
                                     std::uint64_t length, bool writable) {
  constexpr std::uint64_t kSector = 512;
  if (start % kSector != 0) {
    LoopDevice loop(name, of.device, start, writable);
    const std::uint32_t number = loop.device();
    add(name, std::move(loop));
    return number;
  }
  const std::uint64_t there = std::min(length, of.size - std::min(of.size, start)) / kSector;
  const std::uint64_t wanted = (length + kSector - 1) / kSector;
  DmTable table;
  if (there > 0)
    table.emplace_back(0, there, "linear",
                       fmt::format("{} {}", major_minor(of.device), start / kSector));
  if (wanted > there) table.emplace_back(there, wanted - there, "error", "");
  DmDevice piece(name, table, writable);
  const std::uint32_t number = piece.device();
  add(name, std::move(piece));
  return number;
}

void HeldDevices::close(const Report& report) {
  while (!held_.empty()) {
    Holder& holder = held_.back();
    if (auto* const array = std::get_if<MdArray>(&holder.made))
      report(fmt::format("{}: cannot stop the array", holder.name), array->stop());
    else if (auto* const loop = std::get_if<LoopDevice>(&holder.made))
      report(fmt::format("{}: cannot remove the device", holder.name), loop->remove());
    else
      report(fmt::format("{}: cannot remove the device", holder.name),
             std::get<DmDevice>(holder.made).remove());
    held_.pop_back();
  }
}

}  // namespace lkl::tool
