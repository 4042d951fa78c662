// SPDX-License-Identifier: GPL-2.0
#include <algorithm>

#include "fuzz/crc32c.h"
#include "fuzz/metadata.h"

namespace lkl_fuzz {
namespace {

constexpr uint64_t kSuper = 65536;
constexpr uint32_t kSuperSize = 4096, kChecksum = 32;

// The first bytes of the super block and of each node are the checksum of the rest, then
// comes the file system's UUID.
class BtrfsMetadata final : public Metadata {
 public:
  explicit BtrfsMetadata(std::span<const std::byte> image) {
    const auto super = image.subspan(kSuper, kSuperSize);
    const auto uuid = super.subspan(kChecksum, 16);
    const uint32_t node_size = get<uint32_t>(super, 0x94);
    blocks_.push_back({kSuper, kSuperSize});
    for (uint64_t at = 0; at + node_size <= image.size(); at += node_size) {
      const auto node = image.subspan(at, node_size);
      if (at != kSuper && std::ranges::equal(node.subspan(kChecksum, 16), uuid) &&
          get<uint32_t>(node, 0) == checksum(node))
        blocks_.push_back({at, node_size});
    }
  }

  void seal(std::span<std::byte> image, const Block& block) const override {
    const auto bytes = image.subspan(block.offset, block.size);
    put<uint32_t>(bytes, 0, checksum(bytes));
  }

 private:
  static uint32_t checksum(std::span<const std::byte> block) {
    return ~crc32c(~0u, block.subspan(kChecksum));
  }
};

}  // namespace

std::unique_ptr<Metadata> btrfs_metadata(std::span<const std::byte> image) {
  return std::make_unique<BtrfsMetadata>(image);
}

}  // namespace lkl_fuzz
