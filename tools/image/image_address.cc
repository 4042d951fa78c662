// SPDX-License-Identifier: GPL-2.0
#include "image/image_address.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/host_calls.h"

namespace lkl::tool {

namespace {

// Names people use, and qemu's.
constexpr std::pair<std::string_view, std::string_view> kFormats[] = {
    {"raw", "raw"},     {"qcow2", "qcow2"},
    {"qcow", "qcow"},   {"qed", "qed"},
    {"vdi", "vdi"},     {"vhd", "vpc"},
    {"vpc", "vpc"},     {"vhdx", "vhdx"},
    {"vmdk", "vmdk"},   {"parallels", "parallels"},
    {"dmg", "dmg"},     {"cloop", "cloop"},
    {"bochs", "bochs"},
};

bool is_scheme_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

// Length of "FORMAT:" at the start.
std::size_t format_length(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || known_format(text.substr(0, colon)).empty()) return 0;
  return colon + 1;
}

// Length of "SCHEME" if "SCHEME://" is at the start.
std::size_t scheme_length(std::string_view text) {
  const std::size_t end = static_cast<std::size_t>(
      std::find_if_not(text.begin(), text.end(), is_scheme_character) - text.begin());
  return end > 0 && text.substr(end).starts_with("://") ? end : 0;
}

}  // namespace

std::string_view known_format(std::string_view word) {
  for (const auto& [name, qemu] : kFormats)
    if (word == name) return qemu;
  return {};
}

std::string list_formats() {
  std::string list;
  for (const auto& [name, qemu] : kFormats)
    list += fmt::format("{}{}", list.empty() ? "" : ", ", name);
  return list;
}

std::size_t address_prefix(std::string_view text) {
  std::size_t length = format_length(text);
  if (const std::size_t scheme = scheme_length(text.substr(length))) {
    // A port of the host is no partition.
    const std::size_t host = length + scheme + 3;
    length = std::min(text.find('/', host), text.size());
  }
  if (text.substr(length).starts_with("file:")) length += 5;
  return length + on_host::drive_length(text.substr(length));
}

const HostNames::Found& HostNames::at(const std::string& path) {
  const auto [entry, is_new] = known_.try_emplace(path);
  Found& found = entry->second;
  on_host::Status status;
  if (is_new && !path.empty() && on_host::look_at(path, status))
    found = {true, status.kind == on_host::Kind::kDirectory, status.device, status.inode};
  return found;
}

ImageAddress parse_image_address(const std::string& text, HostNames& names) {
  ImageAddress address;
  if (names.at(text).exists)
    address.text = address.place = text;
  else
    address = image_address(text);
  if (!address.scheme.empty()) return address;
  const HostNames::Found& found = names.at(address.place);
  address.device = found.device;
  address.inode = found.inode;
  return address;
}

ImageAddress parse_image_address(const std::string& text) {
  HostNames names;
  return parse_image_address(text, names);
}

ImageAddress image_address(const std::string& text) {
  ImageAddress address;
  address.text = address.place = text;
  if (const std::size_t length = format_length(text)) {
    address.format = known_format(std::string_view(text).substr(0, length - 1));
    address.place = text.substr(length);
  }
  if (address.place.starts_with("file:")) {
    address.place.erase(0, 5);
    if (address.place.starts_with("///")) address.place.erase(0, 2);
    return address;
  }
  if (address.place.starts_with("mem:")) {
    address.scheme = "mem";
    return address;
  }
  if (text.starts_with("vol:")) {
    address.scheme = "vol";
    return address;
  }
  address.scheme = address.place.substr(0, scheme_length(address.place));
  return address;
}

}  // namespace lkl::tool
