// SPDX-License-Identifier: GPL-2.0
#include "disk/gpt.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "disk/crc32.h"

namespace lkl::tool {

namespace {

constexpr std::uint64_t kSectorSizes[] = {512, 4096, 1024, 2048};
constexpr std::size_t kHeader = 92;
constexpr std::uint32_t kMostEntries = 1024;
constexpr std::uint32_t kLeastEntry = 128, kMostEntry = 4096;
constexpr std::size_t kChecksumAt = 16;

using Header = Block<512>;

bool looks_like_header(const Header& header) {
  const std::uint32_t length = header.le32(84);
  return header.has(0, "EFI PART") && length >= kLeastEntry && length <= kMostEntry &&
         header.le32(80) <= kMostEntries && header.le64(72) < UINT64_MAX / 4096;
}

std::uint32_t checksum(std::span<const std::byte> bytes) {
  return ~crc32_of(bytes, ~0U);
}

bool header_is_right(const Header& header, std::uint64_t sector) {
  const std::uint32_t length = header.le32(12);
  if (header.le64(24) != sector || length < kHeader || length > 512) return false;
  const auto bytes = header.part(0, length);
  std::vector<std::byte> blank(bytes.begin(), bytes.end());
  std::fill_n(blank.begin() + kChecksumAt, 4, std::byte{0});
  return checksum(blank) == header.le32(kChecksumAt);
}

// Empty if they cannot be read.
std::vector<std::byte> read_entries(const BlockReader& disk, const Header& header,
                                    std::uint64_t sector_size) {
  std::vector<std::byte> bytes(std::size_t{header.le32(80)} * header.le32(84));
  if (!disk.read(header.le64(72) * sector_size, bytes)) bytes.clear();
  return bytes;
}

void add_entries(const std::vector<std::byte>& bytes, const Header& header,
                 std::uint64_t sector_size, PartitionTable& table) {
  const BlockReader reader{bytes.size(), [&](std::uint64_t at, std::span<std::byte> into) {
                             if (at > bytes.size() || into.size() > bytes.size() - at) return false;
                             std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                                         into.size(), into.begin());
                             return true;
                           }};
  for (std::uint32_t i = 0; i < header.le32(80); i++) {
    const Block<kLeastEntry> entry(reader, std::uint64_t{i} * header.le32(84));
    if (entry.le64(0) == 0 && entry.le64(8) == 0) continue;
    const std::uint64_t begin = entry.le64(32), last = entry.le64(40);
    if (last < begin || last >= UINT64_MAX / sector_size) continue;
    table.entries.push_back({i + 1, begin * sector_size, (last - begin + 1) * sector_size,
                             guid_text(entry.part(0, 16)), utf16_text(entry.part(56, 72)),
                             guid_text(entry.part(16, 16))});
  }
}

// What begins in this sector. `any`: also if it is damaged.
std::optional<PartitionTable> read_table(const BlockReader& disk, std::uint64_t sector_size,
                                         std::uint64_t sector, bool any) {
  if (sector == 0 || sector >= disk.size / sector_size) return {};
  const Header header(disk, sector * sector_size);
  if (!looks_like_header(header)) return {};
  const auto entries = read_entries(disk, header, sector_size);
  const bool good =
      header_is_right(header, sector) && !entries.empty() && checksum(entries) == header.le32(88);
  if (!good && !any) return {};
  PartitionTable table;
  table.kind = "gpt";
  table.sector_size = static_cast<unsigned>(sector_size);
  table.good = good;
  add_entries(entries, header, sector_size, table);
  return table;
}

}  // namespace

std::optional<PartitionTable> read_gpt(const BlockReader& disk, std::uint64_t protected_sectors) {
  for (const std::uint64_t size : kSectorSizes)
    if (auto table = read_table(disk, size, 1, false)) return table;
  // The protective partition begins with the second sector and ends with the last one.
  for (const std::uint64_t size : kSectorSizes)
    for (const std::uint64_t last : {disk.size / size - 1, protected_sectors})
      if (auto table = read_table(disk, size, last, false)) {
        table->damage =
            "the partition table at its beginning is damaged or missing; its copy at the end is "
            "used (sgdisk and gdisk can write it anew from that)";
        return table;
      }
  for (const std::uint64_t size : kSectorSizes)
    if (auto table = read_table(disk, size, 1, true)) return table;
  return {};
}

}  // namespace lkl::tool
