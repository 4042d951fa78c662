// SPDX-License-Identifier: GPL-2.0
#include "disk/probe_rare.h"

#include <bit>

#include "base/text.h"

namespace lkl::tool {

namespace {

using Kind = Contents::Kind;
using Found = std::optional<Contents>;
using namespace std::string_view_literals;

Contents files(const char* type, std::string label, std::string uuid, std::uint64_t size) {
  return Contents{Kind::kFileSystem, type, std::move(label), std::move(uuid), size, false};
}

}  // namespace

Found probe_bcachefs(const BlockReader& device) {
  const Block<512> sb(device, 4096);
  if (!sb.has(24, "\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef"sv)) return {};
  Contents found = files("bcachefs", field_text(sb.text(72, 32)), uuid_text(sb.part(56, 16)), 0);
  if (const unsigned devices = sb.byte(123); devices > 1)
    found.details = {{"devices", std::to_string(devices)}};
  return found;
}

Found probe_jfs(const BlockReader& device) {
  const Block<184> sb(device, 0x8000);
  if (!sb.has(0, "JFS1")) return {};
  // The size is in blocks of the device's.
  Contents found = files("jfs", field_text(sb.text(152, 16)), uuid_text(sb.part(136, 16)),
                         sb.le64(8) * sb.le32(24));
  found.needs_replay = sb.le32(40) != 0;
  return found;
}

Found probe_nilfs(const BlockReader& device) {
  const Block<1024> sb(device, 1024);
  constexpr std::uint16_t kMagic = 0x3434;
  constexpr std::uint32_t kRevision = 2, kMostShift = 6;
  if (sb.le16(6) != kMagic || sb.le32(0) != kRevision || sb.le32(20) > kMostShift) return {};
  return files("nilfs2", field_text(sb.text(168, 80)), uuid_text(sb.part(152, 16)), sb.le64(32));
}

// The kernel has to be told which of its kinds it is.
Found probe_ufs(const BlockReader& device) {
  constexpr struct {
    std::uint64_t at;
    std::uint32_t magic;
    const char* kind;
  } kKinds[] = {{65536, 0x19540119, "ufs2"}, {8192, 0x00011954, "44bsd"}};
  constexpr std::size_t kMagicAt = 1372;
  for (const auto& kind : kKinds) {
    const Block<1376> sb(device, kind.at);
    // It has the byte order of the machine it was made on.
    const bool swapped = kind.at == 8192 && sb.be(kMagicAt, 4) == kind.magic;
    if (sb.le32(kMagicAt) != kind.magic && !swapped) continue;
    Contents found = files("ufs", {}, {}, 0);
    if (kind.at == 65536) found.label = field_text(sb.text(680, 32));
    // Solaris keeps the time and what makes a constant of it.
    constexpr std::uint32_t kUnmounted = 0x7c269d38;
    const auto word = [&](std::size_t at) {
      return swapped ? static_cast<std::uint32_t>(sb.be(at, 4)) : sb.le32(at);
    };
    const std::uint32_t state = word(swapped ? 1336 : 132);
    const char* name = kind.kind;
    if (kind.at == 8192 && state != 0 && word(32) + state == kUnmounted)
      name = swapped ? "sun" : "sunx86";
    found.details = {{"version", name}};
    found.mount_words = std::string("ufstype=") + name;
    return found;
  }
  return {};
}

// A wrapper of HFS+ is that: its driver finds what is in it.
Found probe_hfs(const BlockReader& device) {
  const Block<162> block(device, 1024);
  const std::uint64_t unit = block.be(20, 4);
  const unsigned length = block.byte(36);
  constexpr unsigned kLongest = 27;
  if (!block.has(0, "BD") || unit == 0 || unit % 512 != 0 || length == 0 || length > kLongest)
    return {};
  const std::string name = field_text(block.text(37, length));
  if (block.has(124, "H+") || block.has(124, "HX")) return files("hfsplus", name, {}, 0);
  return files("hfs", name, {}, 0);
}

// Two bytes are not much of a mark: the map of inodes has to be as long as their number says.
Found probe_minix(const BlockReader& device) {
  const Block<32> sb(device, 1024);
  const std::uint16_t old = sb.le16(16), third = sb.le16(24);
  const auto plausible = [](std::uint64_t inodes, std::uint64_t map, std::uint64_t block) {
    return inodes != 0 && map == (inodes + 1 + block * 8 - 1) / (block * 8);
  };
  constexpr std::uint64_t kBlock = 1024;
  if ((old == 0x137f || old == 0x138f || old == 0x2468 || old == 0x2478) &&
      plausible(sb.le16(0), sb.le16(4), kBlock)) {
    const bool second = old == 0x2468 || old == 0x2478;
    return files("minix", {}, {}, (second ? sb.le32(20) : sb.le16(2)) * kBlock);
  }
  const std::uint64_t block = sb.le16(28);
  if (third == 0x4d5a && std::has_single_bit(block) && block >= 1024 && block <= 32768 &&
      plausible(sb.le32(0), sb.le16(6), block))
    return files("minix", {}, {}, sb.le32(20) * block);
  return {};
}

Found probe_befs(const BlockReader& device) {
  const Block<128> sb(device, 512);
  const bool swapped = sb.be(32, 4) == 0x42465331;
  if (sb.le32(32) != 0x42465331 && !swapped) return {};
  return files("befs", field_text(sb.text(0, 32)), {}, 0);
}

}  // namespace lkl::tool
