// SPDX-License-Identifier: GPL-2.0
// Where the metadata of an image is, and its checksums.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace lkl_fuzz {

struct Block {
  uint64_t offset;
  uint32_t size;
};

// Found in an image as mkfs left it.
class Metadata {
 public:
  virtual ~Metadata() = default;

  const std::vector<Block>& blocks() const { return blocks_; }
  // Bytes of a block have been changed: the checksums that the kernel looks at before
  // anything else are right again.
  virtual void seal(std::span<std::byte> image, const Block& block) const = 0;

 protected:
  std::vector<Block> blocks_;
};

// Of an image of this type of file system; exits with a message if it is none of these.
std::unique_ptr<Metadata> metadata_of(const std::string& type, std::span<const std::byte> image);

std::unique_ptr<Metadata> ext4_metadata(std::span<const std::byte> image);
std::unique_ptr<Metadata> btrfs_metadata(std::span<const std::byte> image);
std::unique_ptr<Metadata> xfs_metadata(std::span<const std::byte> image);
std::unique_ptr<Metadata> f2fs_metadata(std::span<const std::byte> image);

// Little endian, wherever it is.
template <typename T>
T get(std::span<const std::byte> bytes, uint64_t offset) {
  T value = 0;
  for (size_t i = 0; i < sizeof value; ++i)
    value = static_cast<T>(value | static_cast<T>(static_cast<T>(bytes[offset + i]) << (8 * i)));
  return value;
}
template <typename T>
void put(std::span<std::byte> bytes, uint64_t offset, T value) {
  for (size_t i = 0; i < sizeof value; ++i)
    bytes[offset + i] = static_cast<std::byte>(value >> (8 * i));
}

}  // namespace lkl_fuzz
