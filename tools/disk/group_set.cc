// SPDX-License-Identifier: GPL-2.0
#include "disk/group_set.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "disk/kernel_device.h"
#include "disk/lvm_table.h"

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

// A snapshot's volume is where it keeps what has changed; a hidden volume says of what.
const LvmSegment* GroupSet::snapshot_in(const LvmVolume& volume) const {
  for (const LvmVolume& hidden : group_.volumes)
    for (const LvmSegment& segment : hidden.segments)
      if (segment.type == "snapshot" && (segment.name("cow_store") == volume.name ||
                                         segment.name("merging_store") == volume.name))
        return &segment;
  return nullptr;
}

bool GroupSet::has_snapshots(const LvmVolume& volume) const {
  const auto of_it = [&](const LvmSegment& segment) {
    return segment.type == "snapshot" && segment.name("origin") == volume.name;
  };
  return std::any_of(group_.volumes.begin(), group_.volumes.end(), [&](const LvmVolume& hidden) {
    return std::any_of(hidden.segments.begin(), hidden.segments.end(), of_it);
  });
}

std::string GroupSet::type_of(const LvmVolume& volume) const {
  return snapshot_in(volume) != nullptr ? "snapshot" : lvm_type_name(volume);
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
  if (const LvmSegment* snapshot = snapshot_in(volume)) look_at(snapshot->name("origin"));
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

// `store`: of the volume itself.
DmTable GroupSet::snapshot_table(const LvmVolume& volume, const LvmSegment& snapshot,
                                 const DmTable& store, bool writable, const Made& made,
                                 unsigned depth) {
  const std::string name = group_.name + "/" + volume.name;
  if (!snapshot.name("merging_store").empty())
    throw Failure(
        fmt::format("{}: is being merged into what it is a snapshot of; finish that first", name));
  const LvmVolume* origin = group_.find_volume(snapshot.name("origin"));
  if (origin == nullptr)
    throw Failure(fmt::format("{}: the LVM metadata makes no sense: there is no origin", name));
  const std::uint32_t below = activate_origin(*origin, made, depth + 1);
  DmDevice device(name, store, writable);
  DmTable table;
  table.emplace_back(0, origin->extents() * group_.extent_size, "snapshot",
                     fmt::format("{} {} P {}", major_minor(below), major_minor(device.device()),
                                 snapshot.number("chunk_size")));
  made(name, std::move(device));
  return table;
}

DmTable GroupSet::table_of(const LvmVolume& volume, bool writable, const Made& made,
                           unsigned depth) {
  return lvm_table(
      group_, volume, [&](const std::string& part) { return find(part, writable, made, depth); },
      [&](const std::string& part, std::uint64_t start, std::uint64_t size) {
        const LvmVolume* whole = group_.find_volume(part);
        if (whole == nullptr || size == 0 || start > whole->extents() * group_.extent_size ||
            size > whole->extents() * group_.extent_size - start)
          throw Failure(
              fmt::format("{}/{}: the LVM metadata makes no sense: a piece of {} is not there",
                          group_.name, volume.name, part));
        DmTable table;
        table.emplace_back(
            0, size, "linear",
            fmt::format("{} {}", major_minor(find(part, writable, made, depth)), start));
        const std::string name = group_.name + "/" + part;
        DmDevice device(name, table, writable);
        const std::uint32_t number = device.device();
        made(name, std::move(device));
        return number;
      },
      writable);
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
  // One pool is for all volumes that keep their blocks there.
  if (is_lvm_pool(volume)) {
    const auto below = lies_on(volume);
    writable = std::all_of(below.begin(), below.end(),
                           [](const Device* device) { return device->writable; });
  }
  DmTable table = table_of(volume, writable, made, depth);
  if (const LvmSegment* snapshot = snapshot_in(volume))
    table = snapshot_table(volume, *snapshot, table, writable, made, depth);
  else if (has_snapshots(volume))
    table = origin_table(volume, made, depth);
  // The table of a pool cannot be read-only; its words say that it is.
  DmDevice device(name, table, writable || is_lvm_pool(volume));
  const std::uint32_t number = device.device();
  made(name, std::move(device));
  active_[volume.name] = number;
  return number;
}

// A device that others are made of cannot be mounted: the snapshots and the volume itself are made
// of a hidden one.
std::uint32_t GroupSet::activate_origin(const LvmVolume& volume, const Made& made, unsigned depth) {
  const std::string key = volume.name + "-real";
  if (const auto known = active_.find(key); known != active_.end()) return known->second;
  const std::string name = group_.name + "/" + volume.name;
  for (const LvmVolume& hidden : group_.volumes)
    for (const LvmSegment& segment : hidden.segments)
      if (segment.name("origin") == volume.name && !segment.name("merging_store").empty())
        throw Failure(
            fmt::format("{}: a snapshot is being merged into it; finish that first", name));
  DmDevice device(name, table_of(volume, false, made, depth), false);
  const std::uint32_t number = device.device();
  made(name, std::move(device));
  active_[key] = number;
  return number;
}

DmTable GroupSet::origin_table(const LvmVolume& volume, const Made& made, unsigned depth) {
  DmTable table;
  table.emplace_back(0, volume.extents() * group_.extent_size, "linear",
                     major_minor(activate_origin(volume, made, depth)) + " 0");
  return table;
}

}  // namespace lkl::tool
