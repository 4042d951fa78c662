// SPDX-License-Identifier: GPL-2.0
//
// The words that say where an image comes from: [FORMAT:]PATH or [FORMAT:]SCHEME://...
#ifndef LKL_TOOL_IMAGE_ADDRESS_H
#define LKL_TOOL_IMAGE_ADDRESS_H

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace lkl::tool {

struct ImageAddress {
  std::string text;    // as it was given
  std::string format;  // as qemu calls it: "raw", "qcow2" ...; empty: to be recognised
  std::string scheme;  // "nbd", "https", "vol" ...; empty: a path of the host
  std::string place;   // the path, or the URI with its scheme
  // Of the file that was at the path; 0 if there was none.
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
};

// What the host has under the names in an operand. Looks at each once.
class HostNames {
 public:
  struct Found {
    bool exists = false, directory = false;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
  };
  const Found& at(const std::string& path);

 private:
  std::map<std::string, Found> known_;
};

// A file of exactly that name wins over any interpretation of its colons.
ImageAddress parse_image_address(const std::string& text, HostNames& names);
ImageAddress parse_image_address(const std::string& text);
// As the words say, whatever files there are.
ImageAddress image_address(const std::string& text);

// What qemu calls a format that people may call otherwise ("vhd" is "vpc"); empty if it is none.
std::string_view known_format(std::string_view word);
// All of them, for messages.
std::string list_formats();

// How many characters at the start of an operand belong to the address whatever follows: formats,
// a scheme, and the host of a URI. 0 for a plain path.
std::size_t address_prefix(std::string_view text);

}  // namespace lkl::tool

#endif  // LKL_TOOL_IMAGE_ADDRESS_H
