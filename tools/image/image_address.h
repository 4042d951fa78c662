// SPDX-License-Identifier: GPL-2.0
//
// The words that say where an image comes from: [FORMAT:]PATH or [FORMAT:]SCHEME://...
#ifndef LKL_TOOL_IMAGE_ADDRESS_H
#define LKL_TOOL_IMAGE_ADDRESS_H

#include <cstddef>
#include <string>
#include <string_view>

namespace lkl::tool {

struct ImageAddress {
  std::string format;  // as qemu calls it: "raw", "qcow2" ...; empty: to be recognised
  std::string scheme;  // "nbd", "https" ...; empty: a path of the host
  std::string place;   // the path, or the URI with its scheme
};

// A file of exactly that name wins over any interpretation of its colons.
ImageAddress parse_image_address(const std::string& text);

// What qemu calls a format that people may call otherwise ("vhd" is "vpc"); empty if it is none.
std::string_view known_format(std::string_view word);
// All of them, for messages.
std::string list_formats();

// How many characters at the start of an operand belong to the address whatever follows: formats,
// a scheme, and the host of a URI. 0 for a plain path.
std::size_t address_prefix(std::string_view text);

}  // namespace lkl::tool

#endif  // LKL_TOOL_IMAGE_ADDRESS_H
