// SPDX-License-Identifier: GPL-2.0
#include "disk/embedded.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "disk/probe.h"

namespace lkl::tool {

namespace {

constexpr std::uint64_t kFar = 128 << 20;  // no search goes beyond it
constexpr std::size_t kMost = 8;           // to be told of
constexpr std::uint64_t kSector = 512;

// What is behind `offset`.
BlockReader rest_of(const BlockReader& device, std::uint64_t offset) {
  return {device.size - offset, [&device, offset](std::uint64_t at, std::span<std::byte> into) {
            return at <= device.size - offset && device.read(offset + at, into);
          }};
}

// The section headers are the last thing in a program that a linker has made; else the contents of
// a section or segment are.
template <class Header, class Section, class Segment>
std::uint64_t elf_end(const BlockReader& file) {
  Header header = {};
  if (!file.read(0, std::as_writable_bytes(std::span(&header, 1)))) return 0;
  const auto end_of = [](std::uint64_t at, std::uint64_t size) {
    return size > UINT64_MAX - at ? UINT64_MAX : at + size;
  };
  std::uint64_t end = 0;
  if (header.e_shoff != 0)
    end = end_of(header.e_shoff, std::uint64_t{header.e_shnum} * header.e_shentsize);
  for (unsigned i = 0; i < header.e_shnum && header.e_shentsize == sizeof(Section); i++) {
    Section section = {};
    if (!file.read(header.e_shoff + std::uint64_t{i} * sizeof(Section),
                   std::as_writable_bytes(std::span(&section, 1))))
      return 0;
    if (section.sh_type != SHT_NOBITS)
      end = std::max(end, end_of(section.sh_offset, section.sh_size));
  }
  for (unsigned i = 0; i < header.e_phnum && header.e_phentsize == sizeof(Segment); i++) {
    Segment segment = {};
    if (!file.read(header.e_phoff + std::uint64_t{i} * sizeof(Segment),
                   std::as_writable_bytes(std::span(&segment, 1))))
      return 0;
    end = std::max(end, end_of(segment.p_offset, segment.p_filesz));
  }
  return end;
}

// A backup of the superblock is in its place, too, but no file system begins there.
bool is_primary_ext(const BlockReader& device, std::uint64_t offset) {
  const Block<1024> sb(device, offset + 1024);
  const std::uint32_t log_block = sb.le32(24), per_group = sb.le32(32);
  return sb.le16(90) == 0 && log_block <= 6 && sb.le32(72) <= 4 && sb.le32(76) <= 1 &&
         sb.le32(4) != 0 && per_group != 0 && per_group <= (8192U << log_block) &&
         sb.le32(20) == (log_block == 0 ? 1U : 0U);
}

bool is_squashfs(const BlockReader& device, std::uint64_t offset) {
  const Block<96> sb(device, offset);
  const std::uint32_t size = sb.le32(12);
  const std::uint16_t log = sb.le16(22);
  return sb.le16(28) == 4 && sb.le16(30) == 0 && log >= 12 && log <= 20 && size == 1U << log &&
         sb.le64(40) >= 96 && sb.le64(64) < sb.le64(40);
}

bool is_primary_btrfs(const BlockReader& device, std::uint64_t offset) {
  return Block<64>(device, offset + 65536).le64(48) == 65536;
}

// What the bytes at a place are the mark of.
struct Mark {
  std::string_view bytes;
  std::uint64_t at;         // of the mark in the file system
  std::uint64_t alignment;  // of the file system
  bool (*is_it)(const BlockReader& device, std::uint64_t offset);
  const char* type;  // empty: as probe() says
};

bool anything(const BlockReader&, std::uint64_t) {
  return true;
}

constexpr Mark kMarks[] = {
    {"hsqs", 0, 1, is_squashfs, "squashfs"},
    {"\x53\xef", 1024 + 56, kSector, is_primary_ext, ""},
    {"_BHRfS_M", 65536 + 64, kSector, is_primary_btrfs, "btrfs"},
    {"\xe2\xe1\xf5\xe0", 1024, kSector, anything, "erofs"},
    {"\x01"
     "CD001",
     32768, kSector, anything, "iso9660"},
    {"LUKS\xba\xbe", 0, kSector, anything, ""},
    {"\x55\xaa", 510, kSector, anything, ""},
};

// The file system that the mark at `place` belongs to.
std::optional<Embedded> examine(const BlockReader& device, const Mark& mark, std::uint64_t place) {
  if (place < mark.at || (place - mark.at) % mark.alignment != 0) return {};
  const std::uint64_t offset = place - mark.at;
  if (offset == 0 || !mark.is_it(device, offset)) return {};
  if (*mark.type != '\0') return Embedded{offset, mark.type};
  const Contents contents = probe(rest_of(device, offset));
  if (contents.kind != Contents::Kind::kFileSystem && contents.type != kLuks) return {};
  return Embedded{offset, contents.type};
}

}  // namespace

std::optional<std::uint64_t> end_of_program(const BlockReader& file) {
  std::array<std::byte, EI_NIDENT> bytes = {};
  if (!file.read(0, bytes)) return {};
  const auto* ident = reinterpret_cast<const unsigned char*>(bytes.data());
  if (std::memcmp(ident, ELFMAG, SELFMAG) != 0 || ident[EI_DATA] != ELFDATA2LSB) return {};
  const std::uint64_t end = ident[EI_CLASS] == ELFCLASS64
                                ? elf_end<Elf64_Ehdr, Elf64_Shdr, Elf64_Phdr>(file)
                                : elf_end<Elf32_Ehdr, Elf32_Shdr, Elf32_Phdr>(file);
  if (end == 0 || end >= file.size) return {};
  return end;
}

std::vector<Embedded> find_embedded(const BlockReader& device) {
  constexpr std::size_t kChunk = 1 << 20, kLongest = 16;
  std::vector<Embedded> found;
  std::vector<std::byte> bytes;
  const std::uint64_t end = std::min(kFar, device.size);
  for (std::uint64_t start = 0; start < end && found.size() < kMost; start += kChunk) {
    // A mark may lie across the end of the chunk.
    bytes.resize(std::min<std::uint64_t>(kChunk + kLongest, device.size - start));
    if (!device.read(start, bytes)) break;
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (const Mark& mark : kMarks)
      for (std::size_t at = 0; (at = text.find(mark.bytes, at)) < kChunk; at++)
        if (auto one = examine(device, mark, start + at);
            one && std::none_of(found.begin(), found.end(),
                                [&](const Embedded& e) { return e.offset == one->offset; }))
          found.push_back(std::move(*one));
  }
  std::sort(found.begin(), found.end(),
            [](const Embedded& a, const Embedded& b) { return a.offset < b.offset; });
  // FAT and exFAT have a second boot sector near the first.
  constexpr std::uint64_t kNear = 32 * kSector;
  const auto copy = [](const Embedded& a, const Embedded& b) {
    return a.type == b.type && b.offset - a.offset < kNear;
  };
  found.erase(std::unique(found.begin(), found.end(), copy), found.end());
  if (found.size() > kMost) found.resize(kMost);
  return found;
}

}  // namespace lkl::tool
