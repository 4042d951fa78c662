// SPDX-License-Identifier: GPL-2.0
#include "disk/array_set.h"

#include <fmt/format.h>

#include <algorithm>

namespace lkl::tool {

bool ArraySet::wants(const MdMember& member) const {
  return std::all_of(members_.begin(), members_.end(), [&](const Member& known) {
    const MdMember& other = known.superblock;
    return other.uuid == member.uuid && other.major == member.major &&
           other.number != member.number;
  });
}

const MdMember& ArraySet::superblock() const {
  return std::max_element(members_.begin(), members_.end(),
                          [](const Member& a, const Member& b) {
                            return a.superblock.events < b.superblock.events;
                          })
      ->superblock;
}

std::vector<Device*> ArraySet::usable() const {
  std::vector<Device*> devices;
  for (const Member& member : members_)
    if (member.superblock.role_name != "failed") devices.push_back(member.device);
  return devices;
}

std::vector<Device*> ArraySet::all() const {
  std::vector<Device*> devices;
  for (const Member& member : members_) devices.push_back(member.device);
  return devices;
}

std::vector<unsigned> ArraySet::missing() const {
  const MdMember& newest = superblock();
  std::vector<bool> there(newest.disks);
  for (const auto& [device, member] : members_)
    // The kernel takes one that is behind by one, too.
    if (member.role && *member.role < newest.disks && member.events + 1 >= newest.events)
      there[*member.role] = true;
  std::vector<unsigned> missing;
  for (unsigned i = 0; i < newest.disks; i++)
    if (!there[i]) missing.push_back(i);
  return missing;
}

std::string ArraySet::missing_names() const {
  const std::vector<unsigned> numbers = missing();
  return fmt::format("member{} {}", numbers.size() == 1 ? "" : "s", fmt::join(numbers, ", "));
}

bool ArraySet::enough() const {
  const MdMember& newest = superblock();
  const std::size_t lost = missing().size(), disks = newest.disks;
  switch (newest.level) {
    case 1:
    case 10:  // which pairs there are is for the kernel to see
      return lost < disks;
    case 4:
    case 5:
      return lost <= 1;
    case 6:
      return lost <= 2;
    default:
      return lost == 0;
  }
}

std::string ArraySet::description() const {
  const MdMember& newest = superblock();
  return fmt::format("array {} ({}, {} disks)",
                     newest.name.empty() ? newest.uuid : "'" + newest.name + "'",
                     md_level_name(newest.level), newest.disks);
}

}  // namespace lkl::tool
