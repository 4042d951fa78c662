// SPDX-License-Identifier: GPL-2.0
//
// A block device of the library's kernel, and what is on it.
#ifndef LKL_TOOL_DEVICE_H
#define LKL_TOOL_DEVICE_H

#include <cstdint>
#include <string>
#include <vector>

#include "disk/probe.h"
#include "disk/volume_choice.h"

namespace lkl::tool {

struct Device {
  enum class Kind {
    kDisk,
    kPartition,      // of a disk or an array
    kLogicalVolume,  // of LVM
    kArray,          // of md
    kOpenedLuks,     // what is in a LUKS container
    kAtOffset,       // what begins there on another one, though no table says so
  };
  Kind kind = Kind::kDisk;
  std::string image;  // the disk it is on; of an assembled one the first
  std::string
      id;  // what chooses it behind the image: "2", "vg/lv", "md0", "luks:2", "@1048576"; "": all
  std::string alias;         // another name of the same: "md/home" for an array; mostly empty
  std::uint32_t device = 0;  // the kernel's number, as of mknod(2)
  unsigned number = 0;       // of a partition
  std::uint64_t start = 0;   // bytes, of a partition, or the offset
  std::uint64_t size = 0;
  std::string type;        // of a partition's table entry, or the kind of array or logical volume
  std::string name;        // of a partition's table entry
  std::string part_uuid;   // the same: PARTUUID=, not that of what is in it
  bool container = false;  // an extended partition: holds others
  bool present = true;     // false: a table has it, but the kernel does not
  bool writable = false;   // what is written gets to the disks it is on
  std::vector<const Device*> on;  // what an assembled device was made of
  std::string degraded;           // what an array that runs lacks
  std::string problem;            // why what it holds was not assembled; empty if it was
  // The same, as far as it is there: this one is as long as its file system should be.
  const Device* truncated_from = nullptr;
  Contents contents;

  // Made of other devices, by LVM, md, LUKS or an offset; or a partition of such a one.
  bool assembled() const { return !on.empty(); }
  bool holds_files() const {
    return present && !container && contents.kind == Contents::Kind::kFileSystem;
  }
  // The name of a partition as PARTLABEL= means it; the letters of disklabels are none.
  std::string part_label() const { return part_uuid.empty() ? std::string() : name; }
  // For messages: "disk.img", "disk.img:2", "disk.img:vg/lv", "disk.img@1048576".
  std::string display() const {
    return id.empty() ? image : (id.front() == '@' ? image : image + ":") + id;
  }
};

bool matches(const Device& device, const VolumeChoice& choice);

}  // namespace lkl::tool

#endif  // LKL_TOOL_DEVICE_H
