// SPDX-License-Identifier: GPL-2.0
//
// LVM's description of a volume group: the text that its physical volumes carry.
#ifndef LKL_TOOL_LVM_METADATA_H
#define LKL_TOOL_LVM_METADATA_H

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lkl::tool {

// Where a piece of a segment lies: on a physical volume, or in another logical volume.
struct LvmArea {
  std::string name;
  std::uint64_t extent = 0;
};

struct LvmSegment {
  std::uint64_t start = 0;  // in extents of the volume
  std::uint64_t count = 0;
  std::string type;            // "striped", "raid1", "thin" ...; a flag after "+" is left in it
  std::vector<LvmArea> areas;  // stripes, mirrors, or a RAID's pairs of metadata and data
  std::map<std::string, std::uint64_t> numbers;  // the type's other words: "stripe_size" in sectors
  std::map<std::string, std::string> names;      // "thin_pool", "mirror_log" ...

  std::uint64_t number(const std::string& word, std::uint64_t otherwise = 0) const;
  // Empty if it is not there.
  std::string name(const std::string& word) const;
};

struct LvmVolume {
  std::string name;
  std::string uuid;
  bool visible = false;  // else a part of others
  bool writable = false;
  std::vector<LvmSegment> segments;  // one after the other, without gaps
  std::uint64_t extents() const;
};

struct LvmPhysicalVolume {
  std::string name;         // in the group: "pv0"
  std::string uuid;         // with dashes
  std::string device;       // where it was last seen: "/dev/sda2"
  std::uint64_t start = 0;  // of the first extent, in sectors
  std::uint64_t extents = 0;
};

struct LvmGroup {
  std::string name;
  std::string uuid;
  std::uint64_t sequence = 0;
  std::uint64_t extent_size = 0;  // sectors
  std::vector<LvmPhysicalVolume> physical;
  std::vector<LvmVolume> volumes;

  const LvmPhysicalVolume* find_physical(const std::string& name) const;
  const LvmVolume* find_volume(const std::string& name) const;
};

// Throws Failure that says what is wrong, and in which line. Whatever the text is, numbers of the
// result fit: extents counted in bytes are less than 2^63.
LvmGroup parse_lvm_metadata(std::string_view text);

}  // namespace lkl::tool

#endif  // LKL_TOOL_LVM_METADATA_H
