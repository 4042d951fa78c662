// SPDX-License-Identifier: GPL-2.0
#include "disk/partition_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "disk/gpt.h"

namespace lkl::tool {

namespace {

constexpr std::uint64_t kSector = 512;
constexpr std::uint8_t kProtective = 0xee;

using Sector = Block<kSector>;

bool is_extended(std::uint8_t type) {
  return type == 0x05 || type == 0x0f || type == 0x85;
}

struct MbrSlot {
  std::uint8_t type;
  std::uint64_t start;  // sectors, relative to what the table says
  std::uint64_t count;
};

std::array<MbrSlot, 4> slots_of(const Sector& sector) {
  std::array<MbrSlot, 4> slots = {};
  for (std::size_t i = 0; i < slots.size(); i++) {
    const std::size_t at = 446 + 16 * i;
    slots[i] = {sector.byte(at + 4), sector.le32(at + 8), sector.le32(at + 12)};
  }
  return slots;
}

// The disk's signature and the partition's number are what Linux takes for the UUID that an MBR has
// no room for.
TableEntry mbr_entry(std::uint32_t signature, unsigned number, std::uint64_t first,
                     const MbrSlot& slot) {
  TableEntry entry;
  entry.number = number;
  entry.start = first * kSector;
  entry.size = slot.count * kSector;
  entry.type = fmt::format("0x{:02x}", slot.type);
  entry.container = is_extended(slot.type);
  if (!entry.container) entry.uuid = fmt::format("{:08x}-{:02x}", signature, number);
  return entry;
}

bool is_bsd(std::uint8_t type) {
  return type == 0xa5 || type == 0xa6 || type == 0xa9;
}

// A slice of a BSD has a table of its own in its second sector, the disklabel. Linux numbers its
// partitions behind the logical ones, and leaves out those that are the slice or not in it.
void read_disklabel(const BlockReader& disk, const MbrSlot& slice, PartitionTable& table,
                    unsigned& number) {
  constexpr std::uint32_t kMagic = 0x82564557;
  constexpr std::size_t kAt = 148, kLength = 16;
  constexpr unsigned kMost = 16;  // that Linux looks at, and that fit
  const Sector label(disk, (slice.start + 1) * kSector);
  if (label.le32(0) != kMagic) return;
  const bool relative = slice.type == 0xa5 && label.le32(kAt + 2 * kLength + 4) == 0;
  const unsigned count = std::min<unsigned>(label.le16(138), kMost);
  for (unsigned i = 0; i < count; i++) {
    const std::size_t at = kAt + kLength * i;
    const std::uint8_t type = label.byte(at + 12);
    const std::uint64_t size = label.le32(at);
    const std::uint64_t start = label.le32(at + 4) + (relative ? slice.start : 0);
    const bool whole = start == slice.start && size == slice.count;
    const bool inside = start >= slice.start && start + size <= slice.start + slice.count;
    if (type == 0 || whole || !inside) continue;
    table.entries.push_back({number++,
                             start * kSector,
                             size * kSector,
                             fmt::format("bsd:0x{:02x}", type),
                             std::string(1, static_cast<char>('a' + i)),
                             {}});
  }
}

// Logical partitions are a chain of sectors: each describes one partition, relative to itself, and
// points to the next, relative to the start of the extended partition. `number`: of the next one.
void read_logical(const BlockReader& disk, std::uint32_t signature, std::uint64_t extended,
                  PartitionTable& table, unsigned& number) {
  constexpr unsigned kMost = 256;  // a chain that loops must end
  std::uint64_t here = extended;
  for (unsigned links = 0; links < kMost; links++) {
    const Sector sector(disk, here * kSector);
    if (sector.le16(510) != 0xaa55) return;
    std::uint64_t next = 0;
    for (const MbrSlot& slot : slots_of(sector)) {
      if (slot.count == 0) continue;
      if (is_extended(slot.type)) {
        if (next == 0) next = extended + slot.start;
      } else if (slot.type != 0) {
        table.entries.push_back(mbr_entry(signature, number++, here + slot.start, slot));
      }
    }
    if (next == 0) return;
    here = next;
  }
}

// Whether it is one by itself: all it has lies on the disk, and nothing in two partitions.
bool makes_sense(const BlockReader& disk, const PartitionTable& table) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (const TableEntry& entry : table.entries) {
    if (entry.start == 0 || entry.start > disk.size || entry.size > disk.size - entry.start)
      return false;
    if (!entry.container && entry.type.starts_with("0x"))
      ranges.emplace_back(entry.start, entry.start + entry.size);
  }
  std::sort(ranges.begin(), ranges.end());
  for (std::size_t i = 1; i < ranges.size(); i++)
    if (ranges[i].first < ranges[i - 1].second) return false;
  return !ranges.empty();
}

}  // namespace

PartitionTable read_partition_table(const BlockReader& disk) {
  PartitionTable table;
  const Sector mbr(disk, 0);
  if (mbr.le16(510) != 0xaa55) {
    // Overwritten with the table behind it: the copy may be there.
    if (auto gpt = read_gpt(disk, 0); gpt && gpt->good) return *gpt;
    return table;
  }
  const auto slots = slots_of(mbr);
  // A boot sector of a file system ends in the same two bytes; its code is no partition table.
  for (std::size_t i = 0; i < slots.size(); i++)
    if (const std::uint8_t flag = mbr.byte(446 + 16 * i); flag != 0 && flag != 0x80) return table;
  const auto protective = std::find_if(
      slots.begin(), slots.end(), [](const MbrSlot& slot) { return slot.type == kProtective; });
  if (protective != slots.end())
    if (auto gpt = read_gpt(disk, protective->count)) return *gpt;

  const auto signature = static_cast<std::uint32_t>(mbr.le32(440));
  unsigned next = 5;
  for (unsigned i = 0; i < slots.size(); i++) {
    if (slots[i].type == 0 || slots[i].count == 0 || slots[i].type == kProtective) continue;
    table.entries.push_back(mbr_entry(signature, i + 1, slots[i].start, slots[i]));
    if (is_extended(slots[i].type)) read_logical(disk, signature, slots[i].start, table, next);
  }
  for (const MbrSlot& slot : slots)
    if (slot.count != 0 && is_bsd(slot.type)) read_disklabel(disk, slot, table, next);
  if (!table.entries.empty()) table.kind = "mbr";
  table.good = makes_sense(disk, table);
  std::sort(table.entries.begin(), table.entries.end(),
            [](const TableEntry& a, const TableEntry& b) { return a.number < b.number; });
  return table;
}

std::string partition_type_name(const std::string& type) {
  static const std::pair<const char*, const char*> kNames[] = {
      {"0x01", "FAT12"},
      {"0x04", "FAT16"},
      {"0x05", "Extended"},
      {"0x06", "FAT16"},
      {"0x07", "NTFS/exFAT"},
      {"0x0b", "FAT32"},
      {"0x0c", "FAT32 LBA"},
      {"0x0e", "FAT16 LBA"},
      {"0x0f", "Extended LBA"},
      {"0x82", "Linux swap"},
      {"0x83", "Linux"},
      {"0x85", "Linux extended"},
      {"0x8e", "Linux LVM"},
      {"0xa5", "FreeBSD"},
      {"0xa6", "OpenBSD"},
      {"0xa9", "NetBSD"},
      {"0xef", "EFI system"},
      {"0xfd", "Linux RAID"},
      {"bsd:0x01", "BSD swap"},
      {"bsd:0x07", "BSD FFS"},
      {"bsd:0x08", "FAT"},
      {"bsd:0x11", "Linux ext2"},
      {"bsd:0x1b", "ZFS"},
      {"c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "EFI system"},
      {"21686148-6449-6e6f-744e-656564454649", "BIOS boot"},
      {"0fc63daf-8483-4772-8e79-3d69d8477de4", "Linux"},
      {"0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", "Linux swap"},
      {"4f68bce3-e8cd-4db1-96e7-fbcaf984b709", "Linux root (x86-64)"},
      {"b921b045-1df0-41c3-af44-4c6f280d3fae", "Linux root (ARM-64)"},
      {"933ac7e1-2eb4-4f13-b844-0e14e2aef915", "Linux home"},
      {"bc13c2ff-59e6-4262-a352-b275fd6f7172", "Linux boot"},
      {"e6d6d379-f507-44c2-a23c-238f2a3df928", "Linux LVM"},
      {"a19d880f-05fc-4d3b-a006-743f0f84911e", "Linux RAID"},
      {"ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "Basic data"},
      {"e3c9e316-0b5c-4db8-817d-f92df00215ae", "Microsoft reserved"},
  };
  const auto* found =
      std::find_if(std::begin(kNames), std::end(kNames), [&](auto& n) { return type == n.first; });
  return found == std::end(kNames) ? type : found->second;
}

}  // namespace lkl::tool
