// SPDX-License-Identifier: GPL-2.0
//
// Bytes of a disk or partition, and reading numbers out of them.
#ifndef LKL_TOOL_BLOCK_READER_H
#define LKL_TOOL_BLOCK_READER_H

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "base/host_calls.h"

namespace lkl::tool {

struct BlockReader {
  std::uint64_t size = 0;
  // Fills the span; false when it does not lie inside the device or cannot be read.
  std::function<bool(std::uint64_t offset, std::span<std::byte> into)> read;
};

// Of a file of the host, as long as the descriptor is open.
inline BlockReader file_reader(int fd, std::uint64_t size) {
  return {size, [fd, size](std::uint64_t offset, std::span<std::byte> into) {
            return offset <= size && into.size() <= size - offset &&
                   on_host::pread(fd, into, offset) == static_cast<ssize_t>(into.size());
          }};
}

// A piece of a device; reads as zeroes where it could not be read, and beyond the end.
template <std::size_t N>
class Block {
 public:
  Block(const BlockReader& reader, std::uint64_t offset) {
    const std::uint64_t there = reader.size - std::min(reader.size, offset);
    if (!reader.read(offset, std::span(bytes_).first(std::min<std::uint64_t>(N, there))))
      bytes_.fill(std::byte{0});
  }

  template <class Number>
  Number le(std::size_t at) const {
    std::uint64_t value = 0;
    for (std::size_t i = sizeof(Number); i-- > 0;) value = value << 8 | byte(at + i);
    return static_cast<Number>(value);
  }
  std::uint16_t le16(std::size_t at) const { return le<std::uint16_t>(at); }
  std::uint32_t le32(std::size_t at) const { return le<std::uint32_t>(at); }
  std::uint64_t le64(std::size_t at) const { return le<std::uint64_t>(at); }
  std::uint64_t be(std::size_t at, std::size_t length) const {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < length; i++) value = value << 8 | byte(at + i);
    return value;
  }

  std::uint8_t byte(std::size_t at) const { return std::to_integer<std::uint8_t>(bytes_.at(at)); }
  std::span<const std::byte> part(std::size_t at, std::size_t length) const {
    return std::span<const std::byte>(bytes_).subspan(at, length);
  }
  std::string_view text(std::size_t at, std::size_t length) const {
    return {reinterpret_cast<const char*>(bytes_.data()) + at, length};
  }
  bool has(std::size_t at, std::string_view magic) const { return text(at, magic.size()) == magic; }

 private:
  std::array<std::byte, N> bytes_ = {};
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_BLOCK_READER_H
