// SPDX-License-Identifier: GPL-2.0
#include "no_room.h"

#include <errno.h>
#include <fmt/format.h>
#include <lkl/linux/magic.h>

#include <algorithm>

#include "error.h"
#include "format.h"
#include "kernel_device.h"

namespace lkl::tool {

namespace {

// std::errc does not know it. The number is the same in both kernels.
bool is_quota(const std::error_code& code) {
  return code.value() == EDQUOT;
}

// ext4 has one error for that and for a full disk; the kernel's log tells them apart.
bool index_is_full() {
  const auto lines = kernel_log_lines();
  return std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
    return line.find("index full, reach max htree level") != std::string::npos;
  });
}

}  // namespace

bool is_no_room(const std::error_code& code) {
  return code == std::errc::no_space_on_device || code == std::errc::too_many_links ||
         is_quota(code);
}

bool is_full(const Space& space) {
  // Some blocks that are free may be promised to others.
  constexpr std::uint64_t kShare = 32;
  return space.available <= space.blocks / kShare;
}

std::string why_no_room(Tree& tree, const Handle& at, const std::error_code& code, Growth what) {
  if (is_quota(code))
    return "a quota of the file system is used up; raise it (setquota, btrfs qgroup limit)";
  Space space;
  try {
    space = tree.space(at);
  } catch (const std::system_error&) {
    return describe(code);
  }
  const bool ext = space.type == LKL_EXT4_SUPER_MAGIC;
  if (code == std::errc::too_many_links)
    return fmt::format("the file system allows no more links to it{}",
                       ext ? "; subdirectories are not counted with tune2fs -O dir_nlink" : "");
  const std::string room =
      fmt::format("{} of {} free", human_size(space.available * space.block_size),
                  human_size(space.blocks * space.block_size));
  if (space.files != 0 && space.files_free == 0)
    return fmt::format("the file system has no inode left ({}){}", room,
                       ext ? "; only one that is made anew has more (mke2fs -N)" : "");
  if (what != Growth::kData && ext && !tree.on_host() && index_is_full())
    return fmt::format(
        "the directory's index is full ({}); tune2fs -O large_dir lets it grow, or use several "
        "directories",
        room);
  constexpr std::string_view kCure = "remove something, or make the file system larger";
  if (is_full(space)) return fmt::format("the file system is full ({}); {}", room, kCure);
  if (what != Growth::kName)
    return fmt::format("does not fit into the file system ({}); {}", room, kCure);
  if (space.type == LKL_BTRFS_SUPER_MAGIC)
    return fmt::format(
        "the file system has no room left for names and the like ({}); btrfs balance start "
        "-dusage=50 may make some",
        room);
  return fmt::format("the directory can hold no more names ({}); use several directories", room);
}

}  // namespace lkl::tool
