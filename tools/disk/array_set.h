// SPDX-License-Identifier: GPL-2.0
//
// The members of one md array that were found, and whether they are enough.
#ifndef LKL_TOOL_ARRAY_SET_H
#define LKL_TOOL_ARRAY_SET_H

#include <string>
#include <vector>

#include "disk/device.h"
#include "disk/md_superblock.h"

namespace lkl::tool {

class ArraySet {
 public:
  ArraySet(Device& device, MdMember member) { add(device, std::move(member)); }

  // Whether the member is of this array. One that is there already belongs to a copy of it.
  bool wants(const MdMember& member) const;
  void add(Device& device, MdMember member) { members_.push_back({&device, std::move(member)}); }

  // The newest member's word.
  const MdMember& superblock() const;
  // Those to start it with: all but the failed ones.
  std::vector<Device*> usable() const;
  std::vector<Device*> all() const;
  // Places in the array that no member is for, or an outdated one.
  std::vector<unsigned> missing() const;
  // "member 1", "members 0, 2": those of missing(), for messages.
  std::string missing_names() const;
  // Whether it can be started without those.
  bool enough() const;
  // "array 'host:home' (raid5, 3 disks)"
  std::string description() const;

  bool started = false;
  bool failed = false;

 private:
  struct Member {
    Device* device;
    MdMember superblock;
  };
  std::vector<Member> members_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_ARRAY_SET_H
