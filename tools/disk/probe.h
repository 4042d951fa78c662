// SPDX-License-Identifier: GPL-2.0
//
// What a disk or partition holds, told by its superblock.
#ifndef LKL_TOOL_PROBE_H
#define LKL_TOOL_PROBE_H

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/block_reader.h"

namespace lkl::tool {

// Types of contents that other devices are made of.
inline constexpr char kLuks[] = "LUKS";
inline constexpr char kPhysicalVolume[] = "LVM2 physical volume";
inline constexpr char kRaidMember[] = "Linux RAID member";

struct Contents {
  enum class Kind {
    kUnknown,     // nothing we know; may be empty
    kFileSystem,  // `type` is the kernel's name of it
    kOther,       // known, but nothing to mount: `type` says what: "swap", "LUKS" ...
    kDiskFormat,  // not a raw image: "qcow2", "vmdk" ...
  };
  Kind kind = Kind::kUnknown;
  std::string type;
  std::string label;
  std::string uuid;
  std::uint64_t size = 0;     // bytes the file system says it has; 0: does not say
  bool needs_replay = false;  // its journal or log has to be replayed before it can be read
  bool panics = false;        // it asks the kernel to panic at an error that is found in it
  std::uint64_t member = 0;   // which one it is of the devices the file system spans
  // More about it, for people and programs: "version", "2".
  std::vector<std::pair<std::string, std::string>> details = {};
  // Mount options without which the kernel does not read it: "ufstype=ufs2".
  std::string mount_words = {};
  std::string cure = {};  // of what has no files, or is no raw image: what makes them of it
  // What else it looks like: one of them may be left over from before.
  std::vector<Contents> also = {};

  // This or another of what it looks like, if it is a file system of this type of the kernel's.
  const Contents* as(const std::string& file_system) const;
};

// The type by which the kernel mounts what has this one.
std::string driver_of(const std::string& type);

Contents probe(const BlockReader& device);

}  // namespace lkl::tool

#endif  // LKL_TOOL_PROBE_H
