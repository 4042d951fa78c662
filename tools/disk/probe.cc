// SPDX-License-Identifier: GPL-2.0
//
// Each probe_... looks for one kind of superblock, at the offsets its format fixes.
#include "disk/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "disk/luks_header.h"
#include "disk/lvm_label.h"
#include "disk/lvm_metadata.h"
#include "disk/md_superblock.h"
#include "disk/probe_rare.h"
#include "disk/signatures.h"

namespace lkl::tool {

namespace {

using Kind = Contents::Kind;
using Found = std::optional<Contents>;

std::string uuid_if_set(std::span<const std::byte> bytes) {
  for (const std::byte b : bytes)
    if (b != std::byte{0}) return uuid_text(bytes);
  return {};
}

Found probe_ext(const BlockReader& device) {
  const Block<1024> sb(device, 1024);
  if (sb.le16(56) != 0xef53) return {};
  const std::uint32_t compat = sb.le32(92), incompat = sb.le32(96), ro_compat = sb.le32(100);
  constexpr std::uint32_t kCompatJournal = 0x4, kIncompatRecover = 0x4, kIncompat64Bit = 0x80;
  constexpr std::uint32_t kExt3Incompat = 0x2 | 0x4 | 0x8 | 0x10, kExt3RoCompat = 0x1 | 0x2 | 0x4;
  const std::uint32_t log_block = sb.le32(24);
  if (log_block > 6) return {};

  Contents found{Kind::kFileSystem, "ext2", {}, {}, 0, false};
  if ((incompat & ~kExt3Incompat) || (ro_compat & ~kExt3RoCompat))
    found.type = "ext4";
  else if (compat & kCompatJournal)
    found.type = "ext3";
  std::uint64_t blocks = sb.le32(4);
  if (incompat & kIncompat64Bit) blocks |= std::uint64_t{sb.le32(336)} << 32;
  found.size = blocks << (10 + log_block);
  found.label = field_text(sb.text(120, 16));
  found.uuid = uuid_if_set(sb.part(104, 16));
  found.needs_replay = (incompat & kIncompatRecover) != 0;
  // By tune2fs -e, or among the mount options that tune2fs -E mount_opts= leaves there.
  constexpr std::uint16_t kPanic = 3;
  found.panics =
      sb.le16(60) == kPanic || sb.text(512, 64).find("errors=panic") != std::string_view::npos;
  return found;
}

Found probe_btrfs(const BlockReader& device) {
  const Block<4096> sb(device, 65536);
  if (!sb.has(64, "_BHRfS_M")) return {};
  Contents found{Kind::kFileSystem, "btrfs", {}, {}, 0, false};
  found.label = field_text(sb.text(299, 256));
  found.uuid = uuid_if_set(sb.part(32, 16));
  found.size = sb.le64(209);              // of this device, not of all together
  found.needs_replay = sb.le64(96) != 0;  // root of the log tree
  found.member = sb.le64(201);
  return found;
}

Found probe_xfs(const BlockReader& device) {
  const Block<512> sb(device, 0);
  if (!sb.has(0, "XFSB")) return {};
  return Contents{
      Kind::kFileSystem,         "xfs", field_text(sb.text(108, 12)), uuid_if_set(sb.part(32, 16)),
      sb.be(4, 4) * sb.be(8, 8), false};
}

// The newer of its two checkpoints says whether it was unmounted.
bool f2fs_was_unmounted(const BlockReader& device, const Block<1024>& sb) {
  constexpr std::uint32_t kUnmounted = 0x1, kMostShift = 24;
  const std::uint32_t block_shift = sb.le32(16), segment_shift = sb.le32(20);
  if (block_shift > kMostShift || segment_shift > kMostShift) return true;
  const std::uint64_t first = std::uint64_t{sb.le32(76)} << block_shift;
  const Block<136> one(device, first);
  const Block<136> other(device, first + (std::uint64_t{1} << (block_shift + segment_shift)));
  const Block<136>& newer = other.le64(0) > one.le64(0) ? other : one;
  return (newer.le32(132) & kUnmounted) != 0;
}

Found probe_f2fs(const BlockReader& device) {
  const Block<1024> sb(device, 1024);
  if (sb.le32(0) != 0xf2f52010) return {};
  Contents found{Kind::kFileSystem,
                 "f2fs",
                 utf16_text(sb.part(124, 512)),
                 uuid_if_set(sb.part(108, 16)),
                 0,
                 false};
  if (sb.le32(16) < 32) found.size = sb.le64(36) << sb.le32(16);
  found.needs_replay = !f2fs_was_unmounted(device, sb);
  return found;
}

Found probe_squashfs(const BlockReader& device) {
  const Block<96> sb(device, 0);
  if (!sb.has(0, "hsqs")) return {};
  return Contents{Kind::kFileSystem, "squashfs", {}, {}, sb.le64(40), false};
}

Found probe_erofs(const BlockReader& device) {
  const Block<128> sb(device, 1024);
  if (sb.le32(0) != 0xe0f5e1e2) return {};
  return Contents{Kind::kFileSystem,
                  "erofs",
                  field_text(sb.text(64, 16)),
                  uuid_if_set(sb.part(48, 16)),
                  0,
                  false};
}

// The volume label of exFAT is an entry of the root directory, among the first ones.
std::string exfat_label(const BlockReader& device, const Block<512>& boot) {
  const unsigned sector_shift = boot.byte(108), cluster_shift = boot.byte(109);
  if (sector_shift > 12 || cluster_shift > 25) return {};
  const std::uint64_t heap = std::uint64_t{boot.le32(88)} << sector_shift;
  const std::uint64_t root =
      heap + ((std::uint64_t{boot.le32(96)} - 2) << (sector_shift + cluster_shift));
  const Block<512> directory(device, root);
  for (std::size_t at = 0; at < 512; at += 32)
    if (directory.byte(at) == 0x83 && directory.byte(at + 1) <= 11)
      return utf16_text(directory.part(at + 2, std::size_t{directory.byte(at + 1)} * 2));
  return {};
}

// The record of $Volume, the fourth of the master file table, has the label, and whether Windows
// has unmounted it.
void describe_ntfs(const BlockReader& device, const Block<512>& boot, Contents& found) {
  constexpr std::uint32_t kName = 0x60, kInformation = 0x70;
  constexpr std::uint16_t kDirty = 0x1;
  const std::uint64_t cluster = std::uint64_t{boot.le16(11)} * boot.byte(13);
  const auto clusters = static_cast<std::int8_t>(boot.byte(64));
  // A negative number is the logarithm of the bytes.
  const std::uint64_t record = clusters > 0
                                   ? cluster * static_cast<unsigned>(clusters)
                                   : std::uint64_t{1} << std::min(-static_cast<int>(clusters), 16);
  const Block<1024> volume(device, boot.le64(48) * cluster + 3 * record);
  if (!volume.has(0, "FILE")) return;
  for (std::size_t at = volume.le16(20); at + 24 <= 1024;) {
    const std::uint32_t type = volume.le32(at), length = volume.le32(at + 4);
    const std::size_t value = at + volume.le16(at + 20), size = volume.le32(at + 16);
    const bool resident = volume.byte(at + 8) == 0;
    if (length < 24 || length > 1024 - at || type > kInformation) return;
    if (resident && value <= 1024 && size <= 1024 - value) {
      if (type == kName) found.label = utf16_text(volume.part(value, size));
      if (type == kInformation && size >= 12)
        found.needs_replay = (volume.le16(value + 10) & kDirty) != 0;
    }
    at += length;
  }
}

Found probe_boot_sector(const BlockReader& device) {
  const Block<512> boot(device, 0);
  if (boot.le16(510) != 0xaa55) return {};
  if (boot.has(3, "EXFAT   ")) {
    const std::uint32_t serial = boot.le32(100);
    return Contents{Kind::kFileSystem,
                    "exfat",
                    exfat_label(device, boot),
                    fmt::format("{:04X}-{:04X}", serial >> 16, serial & 0xffff),
                    boot.byte(108) < 32 ? boot.le64(72) << boot.byte(108) : 0,
                    false};
  }
  if (boot.has(3, "NTFS    ")) {
    Contents found{Kind::kFileSystem,
                   "ntfs",
                   {},
                   fmt::format("{:016X}", boot.le64(72)),
                   boot.le64(40) * boot.le16(11),
                   false};
    describe_ntfs(device, boot, found);
    return found;
  }

  // FAT has no magic number of its own: its parameter block has to make sense throughout.
  const std::uint16_t sector = boot.le16(11);
  const std::uint8_t cluster = boot.byte(13), fats = boot.byte(16), media = boot.byte(21);
  const bool plausible = std::has_single_bit(sector) && sector >= 512 && sector <= 4096 &&
                         std::has_single_bit(cluster) && boot.le16(14) != 0 && fats >= 1 &&
                         fats <= 2 && (media == 0xf0 || media >= 0xf8);
  if (!plausible) return {};
  const bool fat32 = boot.le16(22) == 0;
  if (fat32 ? boot.le32(36) == 0 : boot.le16(17) == 0) return {};
  const std::uint32_t serial = boot.le32(fat32 ? 67 : 39);
  std::string label = field_text(boot.text(fat32 ? 71 : 43, 11));
  if (label == "NO NAME") label.clear();
  const std::uint64_t sectors = boot.le16(19) != 0 ? boot.le16(19) : boot.le32(32);
  return Contents{
      Kind::kFileSystem, "vfat", label, fmt::format("{:04X}-{:04X}", serial >> 16, serial & 0xffff),
      sectors * sector,  false};
}

// The volume's name in UDF: anchor -> volume descriptor sequence -> logical volume descriptor.
std::string udf_label(const BlockReader& device) {
  for (const std::uint32_t sector : {2048U, 512U, 4096U}) {
    const Block<512> anchor(device, std::uint64_t{256} * sector);
    if (anchor.le16(0) != 2 || anchor.le32(12) != 256) continue;
    const std::uint64_t first = anchor.le32(20);
    for (std::uint64_t i = 0; i < 16; i++) {
      const Block<512> descriptor(device, (first + i) * sector);
      if (descriptor.le16(0) != 6) continue;
      const std::size_t length = descriptor.byte(84 + 127);
      if (length < 2 || length > 127) return {};
      return descriptor.byte(84) == 16 ? utf16_text(descriptor.part(85, length - 1), true)
                                       : field_text(descriptor.text(85, length - 1));
    }
  }
  return {};
}

Found probe_optical(const BlockReader& device) {
  bool iso = false, udf = false;
  for (std::uint64_t i = 0; i < 16; i++) {
    const Block<2048> descriptor(device, 32768 + 2048 * i);
    iso |= i == 0 && descriptor.has(1, "CD001");
    udf |= descriptor.has(1, "NSR02") || descriptor.has(1, "NSR03");
  }
  // A bridge disc has both; UDF is the one with the full names and sizes.
  if (udf) return Contents{Kind::kFileSystem, "udf", udf_label(device), {}, 0, false};
  if (!iso) return {};
  const Block<2048> volume(device, 32768);
  const std::string_view made = volume.text(813, 16);
  std::string uuid;
  if (made[0] >= '0' && made[0] <= '9')
    uuid =
        fmt::format("{}-{}-{}-{}-{}-{}-{}", made.substr(0, 4), made.substr(4, 2), made.substr(6, 2),
                    made.substr(8, 2), made.substr(10, 2), made.substr(12, 2), made.substr(14, 2));
  return Contents{Kind::kFileSystem,
                  "iso9660",
                  field_text(volume.text(40, 32)),
                  uuid,
                  std::uint64_t{volume.le32(80)} * volume.le16(128),
                  false};
}

Found found_signature(const Signature* known) {
  if (known == nullptr) return {};
  Contents found{known->kind, known->type, {}, {}, 0, false};
  found.cure = known->cure;
  return found;
}

Found probe_known(const BlockReader& device) {
  return found_signature(find_signature(device, false));
}

// What other ones may have among their bytes.
Found probe_rare(const BlockReader& device) {
  return found_signature(find_signature(device, true));
}

Contents made_of(const char* type, std::string uuid) {
  return Contents{Kind::kOther, type, {}, std::move(uuid), 0, false};
}

// The superblock may be at the end: what is at the beginning then belongs to the array.
Found probe_raid(const BlockReader& device) {
  const auto member = read_md_superblock(device);
  if (!member) return {};
  Contents found = made_of(kRaidMember, member->uuid);
  found.label = member->name;
  found.details = {{"version", member->version()},
                   {"level", md_level_name(member->level)},
                   {"disks", std::to_string(member->disks)},
                   {"role", member->role ? std::to_string(*member->role) : member->role_name}};
  return found;
}

Found probe_luks(const BlockReader& device) {
  const auto header = read_luks_header(device);
  if (!header) return {};
  Contents found = made_of(kLuks, header->uuid);
  found.label = header->label;
  found.details = {{"version", std::to_string(header->version)},
                   {"cipher", header->cipher.empty() ? "(damaged)" : header->cipher}};
  return found;
}

Found probe_lvm(const BlockReader& device) {
  const auto label = read_lvm_label(device);
  if (!label) return {};
  Contents found = made_of(kPhysicalVolume, label->uuid);
  if (label->metadata.empty()) return found;
  try {
    found.details = {{"group", parse_lvm_metadata(label->metadata).name}};
  } catch (const Failure&) {
    found.details = {{"group", "(damaged)"}};
  }
  return found;
}

}  // namespace

const Contents* Contents::as(const std::string& file_system) const {
  const auto fits = [&](const Contents& one) {
    return one.kind == Kind::kFileSystem && driver_of(one.type) == driver_of(file_system);
  };
  if (fits(*this)) return this;
  const auto other = std::find_if(also.begin(), also.end(), fits);
  return other == also.end() ? nullptr : &*other;
}

std::string driver_of(const std::string& type) {
  if (type == "ext2" || type == "ext3") return "ext4";
  if (type == "ntfs") return "ntfs3";
  return type;
}

Contents probe(const BlockReader& device) {
  Contents contents;
  for (const auto probe_one :
       {probe_raid, probe_luks,     probe_lvm,   probe_ext,     probe_btrfs,
        probe_xfs,  probe_squashfs, probe_f2fs,  probe_erofs,   probe_bcachefs,
        probe_jfs,  probe_nilfs,    probe_known, probe_optical, probe_boot_sector,
        probe_ufs,  probe_hfs,      probe_minix, probe_befs,    probe_rare}) {
    Found found = probe_one(device);
    if (!found) continue;
    if (contents.kind == Kind::kUnknown)
      contents = std::move(*found);
    else
      contents.also.push_back(std::move(*found));
  }
  return contents;
}

}  // namespace lkl::tool
