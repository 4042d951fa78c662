// SPDX-License-Identifier: GPL-2.0
#include "netconf/domain_names.h"

#include <algorithm>
#include <optional>

namespace lkl::host {
namespace {

constexpr size_t kMaxLabel = 63, kMaxName = 253;
constexpr uint8_t kPointer = 0xc0;

bool is_letter(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') || letter == '-' || letter == '_';
}

// A name at `at`, which is then behind it; "" for the root.
std::optional<std::string> read_name(Bytes from, bool compressed, size_t& at) {
  std::string name;
  bool followed = false;
  size_t place = at;
  for (;;) {
    if (place >= from.size()) return std::nullopt;
    const uint8_t length = from[place];
    if (length == 0) break;
    if ((length & kPointer) == kPointer) {
      if (!compressed || place + 1 >= from.size()) return std::nullopt;
      const size_t target = be16(from, place) & 0x3fffu;
      if (!followed) at = place + 2;
      // only back, so that there is an end
      if (target >= place) return std::nullopt;
      followed = true;
      place = target;
      continue;
    }
    if (length > kMaxLabel || place + 1 + length > from.size()) return std::nullopt;
    if (!name.empty()) name += '.';
    for (const uint8_t byte : from.subspan(place + 1, length)) name += static_cast<char>(byte);
    if (name.size() > kMaxName) return std::nullopt;
    place += 1u + length;
  }
  if (!followed) at = place + 1;
  return name;
}

}  // namespace

bool is_domain_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > kMaxName) return false;
  while (true) {
    const std::string_view label = name.substr(0, name.find('.'));
    if (label.empty() || label.size() > kMaxLabel || !std::ranges::all_of(label, is_letter))
      return false;
    if (label.size() == name.size()) return true;
    name.remove_prefix(label.size() + 1);
  }
}

std::vector<std::string> read_domain_names(Bytes from, bool compressed) {
  std::vector<std::string> names;
  for (size_t at = 0; at < from.size();) {
    const std::optional<std::string> name = read_name(from, compressed, at);
    if (!name) break;
    if (name->empty()) continue;
    if (!is_domain_name(*name)) break;
    names.push_back(*name);
  }
  return names;
}

}  // namespace lkl::host
