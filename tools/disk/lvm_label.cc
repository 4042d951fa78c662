// SPDX-License-Identifier: GPL-2.0
//
// In one of the first four sectors: the label, the header of the physical volume, and where its
// areas are. A metadata area is a ring of texts behind a header that tells the valid one.
#include "disk/lvm_label.h"

#include <algorithm>
#include <vector>

#include "disk/crc32.h"

namespace lkl::tool {

namespace {

constexpr std::size_t kSector = 512;

// LVM's own use of CRC-32: another start, and no inversion at the end.
std::uint32_t checksum(std::span<const std::byte> bytes) {
  return crc32_of(bytes, 0xf597a6cf);
}

std::string with_dashes(std::string_view uuid) {
  std::string text;
  for (const std::size_t length : {6, 4, 4, 4, 4, 4, 6}) {
    if (!text.empty()) text += '-';
    text += uuid.substr(0, length);
    uuid.remove_prefix(length);
  }
  return text;
}

struct Area {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

enum class State { kNone, kGood, kDamaged };

// The valid text of a metadata area.
State read_text(const BlockReader& device, const Area& area, std::string& text) {
  constexpr std::uint64_t kMostText = 16 << 20, kIgnored = 1;
  const Block<kSector> header(device, area.offset);
  if (!header.has(4, " LVM2 x[5A%r0N*>") || header.le32(0) != checksum(header.part(4, kSector - 4)))
    return State::kDamaged;
  const std::uint64_t start = header.le64(24), size = header.le64(32);
  const std::uint64_t offset = header.le64(40), length = header.le64(48);
  if (offset == 0 || (header.le32(60) & kIgnored)) return State::kNone;
  if (start != area.offset || size <= kSector || offset < kSector || offset >= size ||
      length > size - kSector || length > kMostText)
    return State::kDamaged;
  // What does not fit before the end goes on behind the header.
  std::vector<std::byte> bytes(length);
  const std::uint64_t first = std::min(length, size - offset);
  const std::span<std::byte> all(bytes);
  if (!device.read(start + offset, all.first(first)) ||
      !device.read(start + kSector, all.subspan(first)) || checksum(bytes) != header.le32(56))
    return State::kDamaged;
  text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return State::kGood;
}

template <class Header>
std::vector<Area> read_areas(const Header& sector, std::size_t& at) {
  std::vector<Area> areas;
  for (; at + 16 <= kSector; at += 16) {
    const Area area{sector.le64(at), sector.le64(at + 8)};
    if (area.offset == 0) break;
    areas.push_back(area);
  }
  at += 16;
  return areas;
}

}  // namespace

std::optional<LvmLabel> read_lvm_label(const BlockReader& device) {
  for (std::uint64_t number = 0; number < 4; number++) {
    const Block<kSector> sector(device, number * kSector);
    const std::size_t header = sector.le32(20);
    if (!sector.has(0, "LABELONE") || sector.le64(8) != number || !sector.has(24, "LVM2 001") ||
        sector.le32(16) != checksum(sector.part(20, kSector - 20)) || header < 32 ||
        header > kSector - 40 - 16)
      continue;
    LvmLabel label;
    label.uuid = with_dashes(sector.text(header, 32));
    std::size_t at = header + 40;
    read_areas(sector, at);  // of data: the metadata has them, too
    for (const Area& area : read_areas(sector, at)) {
      const State state = read_text(device, area, label.metadata);
      label.damaged = label.damaged || state == State::kDamaged;
      if (state == State::kGood) break;
    }
    if (!label.metadata.empty()) label.damaged = false;
    return label;
  }
  return {};
}

}  // namespace lkl::tool
