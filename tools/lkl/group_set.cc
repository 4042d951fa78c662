// SPDX-License-Identifier: GPL-2.0
#include "group_set.h"

#include <fmt/format.h>

#include <algorithm>

#include "error.h"
#include "lvm_table.h"

namespace lkl::tool {

namespace {

// Volumes that are parts of others, which are parts of others ...
constexpr unsigned kMostLevels = 8;

}  // namespace

void GroupSet::update(LvmGroup group) {
  if (group.sequence <= group_.sequence || !active_.empty() || !shown.empty()) return;
  std::map<std::string, Device*> present;
  for (const LvmPhysicalVolume& old : group_.physical)
    if (const auto device = present_.find(old.name); device != present_.end())
      for (const LvmPhysicalVolume& physical : group.physical)
        if (physical.uuid == old.uuid) present[physical.name] = device->second;
  present_ = std::move(present);
  group_ = std::move(group);
}

bool GroupSet::wants(const std::string& uuid) const {
  return std::any_of(group_.physical.begin(), group_.physical.end(),
                     [&](const LvmPhysicalVolume& physical) {
                       return physical.uuid == uuid && !present_.contains(physical.name);
                     });
}

void GroupSet::add(const std::string& uuid, Device& device) {
  for (const LvmPhysicalVolume& physical : group_.physical)
    if (physical.uuid == uuid) present_[physical.name] = &device;
  changed = true;
}

std::vector<const Device*> GroupSet::lies_on(const LvmVolume& volume) const {
  std::set<const Device*> devices;
  collect(volume, devices, 0);
  std::vector<const Device*> list;
  // In the group's order, not that of addresses.
  for (const LvmPhysicalVolume& physical : group_.physical)
    if (const auto device = present_.find(physical.name);
        device != present_.end() && (devices.contains(device->second) || devices.empty()))
      list.push_back(device->second);
  return list;
}

void GroupSet::collect(const LvmVolume& volume, std::set<const Device*>& devices,
                       unsigned depth) const {
  if (depth > kMostLevels) return;
  const auto look_at = [&](const std::string& name) {
    if (const auto physical = present_.find(name); physical != present_.end())
      devices.insert(physical->second);
    else if (const LvmVolume* part = group_.find_volume(name))
      collect(*part, devices, depth + 1);
  };
  for (const LvmSegment& segment : volume.segments) {
    for (const LvmArea& area : segment.areas) look_at(area.name);
    for (const auto& [word, name] : segment.names) look_at(name);
  }
}

std::uint32_t GroupSet::find(const std::string& name, bool writable, const Made& made,
                             unsigned depth) {
  constexpr std::uint64_t kSector = 512;
  if (const auto device = present_.find(name); device != present_.end()) {
    const LvmPhysicalVolume& physical = *group_.find_physical(name);
    if (physical.start + physical.extents * group_.extent_size > device->second->size / kSector)
      throw Failure(
          fmt::format("{}: is shorter than the physical volume on it; it is truncated, "
                      "get it anew",
                      device->second->display()));
    return device->second->device;
  }
  if (const LvmPhysicalVolume* physical = group_.find_physical(name))
    throw Failure(fmt::format(
        "volume group {}: the physical volume {} is missing{}; name its disk with -a, too",
        group_.name, physical->uuid,
        physical->device.empty() ? "" : " (it was " + physical->device + ")"));
  const LvmVolume* part = group_.find_volume(name);
  if (part == nullptr)
    throw Failure(fmt::format("volume group {}: the LVM metadata makes no sense: there is no {}",
                              group_.name, name));
  return activate(*part, writable, made, depth + 1);
}

std::uint32_t GroupSet::activate(const LvmVolume& volume, bool writable, const Made& made) {
  return activate(volume, writable, made, 0);
}

std::uint32_t GroupSet::activate(const LvmVolume& volume, bool writable, const Made& made,
                                 unsigned depth) {
  if (const auto known = active_.find(volume.name); known != active_.end()) return known->second;
  if (depth > kMostLevels)
    throw Failure(fmt::format("{}/{}: the LVM metadata makes no sense: it is a part of itself",
                              group_.name, volume.name));
  const std::string name = group_.name + "/" + volume.name;
  const DmTable table = lvm_table(
      group_, volume, [&](const std::string& part) { return find(part, writable, made, depth); },
      writable);
  DmDevice device(name, table, writable);
  const std::uint32_t number = device.device();
  made(name, std::move(device));
  active_[volume.name] = number;
  return number;
}

}  // namespace lkl::tool
