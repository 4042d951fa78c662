// SPDX-License-Identifier: GPL-2.0
//
// What the header of a LUKS container says without its passphrase.
#ifndef LKL_TOOL_LUKS_HEADER_H
#define LKL_TOOL_LUKS_HEADER_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/block_reader.h"

namespace lkl::tool {

// Where the data is and how it is encrypted.
struct LuksData {
  std::string cipher;                 // "aes-xts-plain64"
  std::uint64_t offset = 0;           // bytes
  std::optional<std::uint64_t> size;  // bytes; none: to the end of the device
  std::uint64_t first_iv = 0;         // in sectors of 512 bytes
  unsigned sector_size = 512;
  std::string refused;  // why this program does not open it; empty if it may
};

struct LuksHeader {
  unsigned version = 0;
  std::string uuid;
  std::string label;
  std::string cipher;        // empty if that part is damaged
  std::uint64_t length = 0;  // bytes from the beginning of the device: all that opening it needs
};

std::optional<LuksHeader> read_luks_header(const BlockReader& device);

// The data segment of the JSON of LUKS2. Throws Failure if it makes no sense.
LuksData parse_luks2_data(std::string_view json);

}  // namespace lkl::tool

#endif  // LKL_TOOL_LUKS_HEADER_H
