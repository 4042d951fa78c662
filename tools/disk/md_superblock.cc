// SPDX-License-Identifier: GPL-2.0
#include "disk/md_superblock.h"

#include <fmt/format.h>

#include "base/text.h"

namespace lkl::tool {

namespace {

constexpr std::uint32_t kMagic = 0xa92b4efc;
constexpr std::uint64_t kSector = 512;
constexpr unsigned kMostDisks = 4096;  // more than the kernel takes

std::optional<MdMember> read_version_0(const BlockReader& device) {
  constexpr std::uint64_t kReserved = 64 << 10;
  if (device.size < kReserved) return {};
  const std::uint64_t offset = device.size / kReserved * kReserved - kReserved;
  const Block<4096> sb(device, offset);
  const auto word = [&](std::size_t index) { return sb.le32(index * 4); };
  if (word(0) != kMagic || word(1) != 0) return {};
  MdMember member;
  member.offset = offset;
  member.major = 0;
  member.minor = 90;
  // As mdadm(8) shows it.
  member.uuid = fmt::format("{:08x}:{:08x}:{:08x}:{:08x}", word(5), word(13), word(14), word(15));
  member.level = static_cast<int>(word(7));
  member.disks = word(10);
  member.preferred_minor = word(11);
  member.events = std::uint64_t{word(40)} << 32 | word(39);
  constexpr std::size_t kThisDisk = 992;
  constexpr std::uint32_t kFaulty = 1 << 0, kSync = 1 << 2;
  member.number = word(kThisDisk);
  const std::uint32_t place = word(kThisDisk + 3), state = word(kThisDisk + 4);
  if (state & kFaulty)
    member.role_name = "failed";
  else if ((state & kSync) && place < member.disks)
    member.role = place;
  else
    member.role_name = "spare";
  return member;
}

std::optional<MdMember> read_version_1(const BlockReader& device, int minor, std::uint64_t sector) {
  const Block<4096> sb(device, sector * kSector);
  // Where it says to be is how one at the end of a partition is told from one of the whole disk.
  if (sb.le32(0) != kMagic || sb.le32(4) != 1 || sb.le64(144) != sector) return {};
  MdMember member;
  member.offset = sector * kSector;
  member.minor = minor;
  member.uuid = uuid_text(sb.part(16, 16));
  member.name = field_text(sb.text(32, 32));
  member.level = static_cast<int>(sb.le32(72));
  member.disks = sb.le32(92);
  member.events = sb.le64(200);
  member.number = sb.le32(160);
  constexpr std::size_t kRoles = 256;
  const std::uint32_t entries = sb.le32(220);
  constexpr std::uint16_t kFailed = 0xfffe, kJournal = 0xfffd;
  const bool listed = member.number < entries && member.number < (4096 - kRoles) / 2;
  const std::uint16_t role =
      listed ? sb.le16(kRoles + 2 * std::size_t{member.number}) : std::uint16_t{0xffff};
  if (role < member.disks)
    member.role = role;
  else
    member.role_name = role == kFailed ? "failed" : role == kJournal ? "journal" : "spare";
  return member;
}

}  // namespace

std::string MdMember::version() const {
  return fmt::format("{}.{}", major, minor);
}

std::optional<MdMember> read_md_superblock(const BlockReader& device) {
  const std::uint64_t sectors = device.size / kSector;
  std::optional<MdMember> member = read_version_1(device, 1, 0);
  if (!member) member = read_version_1(device, 2, 8);
  if (!member && sectors > 16) member = read_version_1(device, 0, (sectors - 16) / 8 * 8);
  if (!member) member = read_version_0(device);
  if (member && (member->disks == 0 || member->disks > kMostDisks)) return {};
  return member;
}

std::string md_level_name(int level) {
  switch (level) {
    case -1:
      return "linear";
    case -4:
      return "multipath";
    case -5:
      return "faulty";
    default:
      return fmt::format("raid{}", level);
  }
}

}  // namespace lkl::tool
