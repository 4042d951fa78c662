// SPDX-License-Identifier: GPL-2.0
#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace lkl::tool {

namespace {

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

}  // namespace

std::string utf16_text(std::span<const std::byte> bytes, bool big_endian) {
  const auto unit = [&](std::size_t i) {
    const auto first = std::to_integer<std::uint32_t>(bytes[2 * i]);
    const auto second = std::to_integer<std::uint32_t>(bytes[2 * i + 1]);
    return big_endian ? first << 8 | second : second << 8 | first;
  };
  std::string out;
  for (std::size_t i = 0; i < bytes.size() / 2; i++) {
    const std::uint32_t code = unit(i);
    if (code == 0) break;
    const bool high = code >= 0xd800 && code < 0xdc00;
    const bool low = code >= 0xdc00 && code < 0xe000;
    if (high && i + 1 < bytes.size() / 2 && unit(i + 1) >= 0xdc00 && unit(i + 1) < 0xe000) {
      append_utf8(out, 0x10000 + ((code - 0xd800) << 10) + (unit(i + 1) - 0xdc00));
      i++;
    } else {
      append_utf8(out, high || low ? '?' : code);
    }
  }
  return out;
}

std::string field_text(std::string_view field) {
  field = field.substr(0, field.find('\0'));
  const std::size_t last = field.find_last_not_of(' ');
  return last == std::string_view::npos ? std::string() : std::string(field.substr(0, last + 1));
}

std::string uuid_text(std::span<const std::byte> bytes) {
  std::string out;
  for (std::size_t i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += fmt::format("{:02x}", std::to_integer<unsigned>(bytes[i]));
  }
  return out;
}

std::string guid_text(std::span<const std::byte> bytes) {
  std::array<std::byte, 16> swapped = {};
  std::copy_n(bytes.begin(), 16, swapped.begin());
  std::reverse(swapped.begin(), swapped.begin() + 4);
  std::reverse(swapped.begin() + 4, swapped.begin() + 6);
  std::reverse(swapped.begin() + 6, swapped.begin() + 8);
  return uuid_text(swapped);
}

}  // namespace lkl::tool
