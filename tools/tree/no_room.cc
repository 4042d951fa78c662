// SPDX-License-Identifier: GPL-2.0
#include "tree/no_room.h"

#include <errno.h>
#include <fmt/format.h>
#include <lkl.h>
#include <lkl/linux/btrfs.h>
#include <lkl/linux/btrfs_tree.h>
#include <lkl/linux/magic.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/format.h"
#include "disk/kernel_device.h"

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

// What btrfs has set aside for data and does not use, in bytes, if what it has set aside for names
// and small files is used up: it cannot be had for these then.
std::optional<std::uint64_t> free_for_data_only(const Handle& at) {
  constexpr std::uint64_t kLeast = 4 << 20;  // what the file system wants beside its reserve
  constexpr std::size_t kMostKinds = 16;
  std::error_code ec;
  const File directory(at.fd(), ".", LKL_O_RDONLY | LKL_O_DIRECTORY, 0, ec);
  if (ec) return std::nullopt;
  std::vector<std::byte> room(sizeof(struct lkl_btrfs_ioctl_space_args) +
                              kMostKinds * sizeof(struct lkl_btrfs_ioctl_space_info));
  auto* const args = reinterpret_cast<struct lkl_btrfs_ioctl_space_args*>(room.data());
  args->space_slots = kMostKinds;
  if (lkl_sys_ioctl(static_cast<unsigned>(directory.fd()), LKL_BTRFS_IOC_SPACE_INFO,
                    reinterpret_cast<lkl_ulong>(args)) < 0)
    return std::nullopt;
  std::uint64_t data = 0, names = 0, reserve = 0;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(args->total_spaces, kMostKinds); i++) {
    const auto& kind = args->spaces[i];
    const std::uint64_t unused = kind.total_bytes - kind.used_bytes;
    if (kind.flags & LKL_BTRFS_SPACE_INFO_GLOBAL_RSV)
      reserve = kind.total_bytes;
    else if (kind.flags & LKL_BTRFS_BLOCK_GROUP_METADATA)
      names += unused;
    else if (kind.flags & LKL_BTRFS_BLOCK_GROUP_DATA)
      data += unused;
  }
  if (names >= reserve + kLeast) return std::nullopt;
  return data;
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
    return ext ? "the file system allows 65000 links to a file, and as many directories in one; "
                 "tune2fs -O dir_nlink lifts the latter"
               : "the file system allows no more links to the file";
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
  if (space.type == LKL_BTRFS_SUPER_MAGIC && !tree.on_host())
    if (const auto for_data = free_for_data_only(at))
      return fmt::format(
          "the file system is full: no room for names and small files, {} of {} for the data of "
          "large ones; remove something, or make it larger (btrfs filesystem resize)",
          human_size(*for_data), human_size(space.blocks * space.block_size));
  constexpr std::string_view kCure = "remove something, or make the file system larger";
  if (is_full(space)) return fmt::format("the file system is full ({}); {}", room, kCure);
  if (what != Growth::kName)
    return fmt::format("does not fit into the file system ({}); {}", room, kCure);
  return fmt::format("the directory can hold no more names ({}); use several directories", room);
}

}  // namespace lkl::tool
