// SPDX-License-Identifier: GPL-2.0
//
// The physical volumes of one LVM volume group that were found, and the logical volumes on them.
#ifndef LKL_TOOL_GROUP_SET_H
#define LKL_TOOL_GROUP_SET_H

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "disk/device.h"
#include "disk/dm_device.h"
#include "disk/lvm_metadata.h"

namespace lkl::tool {

class GroupSet {
 public:
  explicit GroupSet(LvmGroup group) : group_(std::move(group)) {}

  const LvmGroup& group() const { return group_; }
  // Takes this description if it is newer and nothing was made of the old one.
  void update(LvmGroup group);

  // Whether it is a physical volume of the group that is not there yet.
  bool wants(const std::string& uuid) const;
  void add(const std::string& uuid, Device& device);

  // Where the volume lies, as far as that is there.
  std::vector<const Device*> lies_on(const LvmVolume& volume) const;

  // "linear", "raid1", "snapshot" ..., for people.
  std::string type_of(const LvmVolume& volume) const;
  // What is written to it would have to be kept for its snapshots first.
  bool has_snapshots(const LvmVolume& volume) const;

  // Makes the volume's device, after those of its parts. `made` gets each of them. Throws Failure.
  using Made = std::function<void(const std::string& name, DmDevice device)>;
  std::uint32_t activate(const LvmVolume& volume, bool writable, const Made& made);

  std::map<std::string, Device*> shown;  // by the names of the volumes
  bool changed = true;                   // since the last try

 private:
  const LvmSegment* snapshot_in(const LvmVolume& volume) const;
  DmTable snapshot_table(const LvmVolume& volume, const LvmSegment& snapshot, const DmTable& store,
                         bool writable, const Made& made, unsigned depth);
  DmTable origin_table(const LvmVolume& volume, const Made& made, unsigned depth);
  std::uint32_t activate_origin(const LvmVolume& volume, const Made& made, unsigned depth);
  DmTable table_of(const LvmVolume& volume, bool writable, const Made& made, unsigned depth);
  void collect(const LvmVolume& volume, std::set<const Device*>& devices, unsigned depth) const;
  std::uint32_t find(const std::string& name, bool writable, const Made& made, unsigned depth);
  std::uint32_t activate(const LvmVolume& volume, bool writable, const Made& made, unsigned depth);

  LvmGroup group_;
  std::map<std::string, Device*> present_;       // by the names of the physical volumes
  std::map<std::string, std::uint32_t> active_;  // by the names of the logical volumes
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_GROUP_SET_H
