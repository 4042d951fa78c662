// SPDX-License-Identifier: GPL-2.0
//
// /proc/self/mountinfo, of the host or of the library's kernel: what is mounted where.
#ifndef LKL_TOOL_MOUNT_INFO_H
#define LKL_TOOL_MOUNT_INFO_H

#include <string>
#include <string_view>
#include <vector>

namespace lkl::tool {

struct MountInfo {
  std::string device;   // "8:1"
  std::string root;     // what of the file system is mounted: "/", of btrfs the subvolume
  std::string point;    // where
  std::string type;     // "ext4", "fuse.lklfuse"
  std::string source;   // "/dev/sda1"
  std::string options;  // of the file system, as it tells them: "rw,user_id=0"
};

// Of the file's text, in its order: what is mounted over something comes later. Names are as they
// are on disk, without escapes; the others may have some. Lines that are not whole are left out.
std::vector<MountInfo> parse_mount_info(std::string_view text);

// What this process sees on the host; empty without /proc.
std::vector<MountInfo> host_mounts();

}  // namespace lkl::tool

#endif  // LKL_TOOL_MOUNT_INFO_H
