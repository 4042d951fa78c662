// SPDX-License-Identifier: GPL-2.0
#include "base/terminal.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/masked_output.h"

namespace lkl::tool {

namespace {

// Length of the UTF-8 character that begins with this byte, 0 if none does.
std::size_t length_by_first(char byte) {
  const auto first = static_cast<unsigned char>(byte);
  return first < 0x80   ? 1
         : first < 0xc2 ? 0
         : first < 0xe0 ? 2
         : first < 0xf0 ? 3
         : first < 0xf5 ? 4
                        : 0;
}

bool goes_on(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

// Length of the UTF-8 character at the beginning, 0 if it is none.
std::size_t utf8_length(std::string_view text) {
  const std::size_t length = length_by_first(text[0]);
  if (length == 0 || length > text.size()) return 0;
  return std::all_of(text.begin() + 1, text.begin() + static_cast<std::ptrdiff_t>(length), goes_on)
             ? length
             : 0;
}

bool is_control(std::string_view character) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(character[at]); };
  if (character.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7f;
  return byte(0) == 0xc2 && byte(1) < 0xa0;
}

}  // namespace

void write_masked(int fd, std::string_view text) {
  MaskedOutput output(fd);
  if (output.write(text)) output.end();
}

void mask_controls(char* text, std::size_t size, std::string_view keep) {
  for (std::size_t at = 0; at < size;) {
    const std::size_t length = utf8_length({text + at, size - at});
    const std::string_view character(text + at, std::max<std::size_t>(length, 1));
    const bool kept = length == 1 && keep.find(character[0]) != std::string_view::npos;
    // A byte that belongs to no character is one of Latin-1, perhaps, whose lower half is controls.
    const bool stray = length == 0 && static_cast<unsigned char>(character[0]) < 0xa0;
    if (!kept && (stray || (length > 0 && is_control(character))))
      std::fill_n(text + at, character.size(), '?');
    at += character.size();
  }
}

std::string without_controls(std::string_view text, std::string_view keep) {
  std::string result(text);
  mask_controls(result.data(), result.size(), keep);
  return result;
}

std::size_t unfinished_character(std::string_view text) {
  for (std::size_t size = 1; size <= std::min<std::size_t>(text.size(), 3); size++) {
    const char byte = text[text.size() - size];
    if (!goes_on(byte)) return length_by_first(byte) > size ? size : 0;
  }
  return 0;
}

}  // namespace lkl::tool
