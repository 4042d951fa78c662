// SPDX-License-Identifier: GPL-2.0
#include "netconf/ip_text.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace lkl::host {
namespace {

// Up to the separator, which goes with it.
std::string_view take_until(std::string_view& text, char separator) {
  const std::string_view part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

std::optional<std::array<uint8_t, 4>> parse_v4(std::string_view text) {
  std::array<uint8_t, 4> bytes = {};
  if (std::ranges::count(text, '.') != 3 || text.ends_with('.')) return std::nullopt;
  for (uint8_t& byte : bytes) {
    const std::string_view part = take_until(text, '.');
    const auto number = parse_number(part);
    // "010" is 8 to some and 10 to others
    if (!number || *number > 255 || (part.size() > 1 && part[0] == '0')) return std::nullopt;
    byte = static_cast<uint8_t>(*number);
  }
  return bytes;
}

// Groups of 16 bits that colons are between; an IPv4 address may be the last two.
std::optional<std::vector<uint16_t>> parse_groups(std::string_view text) {
  std::vector<uint16_t> groups;
  while (!text.empty()) {
    const size_t colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    if (colon == std::string_view::npos && part.find('.') != std::string_view::npos) {
      const auto v4 = parse_v4(part);
      if (!v4) return std::nullopt;
      groups.push_back(static_cast<uint16_t>((*v4)[0] << 8 | (*v4)[1]));
      groups.push_back(static_cast<uint16_t>((*v4)[2] << 8 | (*v4)[3]));
      return groups;
    }
    const auto number = parse_number(part, 16);
    if (!number || part.size() > 4 || groups.size() == 8) return std::nullopt;
    groups.push_back(static_cast<uint16_t>(*number));
    if (colon == std::string_view::npos) return groups;
    text.remove_prefix(colon + 1);
    if (text.empty()) return std::nullopt;
  }
  return groups;
}

std::optional<std::array<uint8_t, 16>> parse_v6(std::string_view text) {
  constexpr size_t kGroups = 8;
  const size_t gap = text.find("::");
  const auto front = parse_groups(text.substr(0, gap));
  std::optional<std::vector<uint16_t>> back = std::vector<uint16_t>();
  if (gap != std::string_view::npos) back = parse_groups(text.substr(gap + 2));
  if (!front || !back) return std::nullopt;
  const size_t given = front->size() + back->size();
  if (gap == std::string_view::npos ? given != kGroups : given >= kGroups) return std::nullopt;
  std::array<uint16_t, kGroups> groups = {};
  std::ranges::copy(*front, groups.begin());
  std::ranges::copy_backward(*back, groups.end());
  std::array<uint8_t, 16> bytes;
  for (size_t i = 0; i < kGroups; ++i) {
    bytes[2 * i] = static_cast<uint8_t>(groups[i] >> 8);
    bytes[2 * i + 1] = static_cast<uint8_t>(groups[i]);
  }
  return bytes;
}

std::string v6_text(const std::array<uint8_t, 16>& bytes) {
  // the longest row of zeroes becomes "::" (RFC 5952)
  const auto group = [&](size_t i) {
    return static_cast<unsigned>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  };
  size_t first = 8, longest = 1;
  for (size_t i = 0; i < 8; ++i) {
    size_t length = 0;
    while (i + length < 8 && group(i + length) == 0) ++length;
    if (length > longest) first = i, longest = length;
  }
  std::string text;
  for (size_t i = 0; i < 8; ++i) {
    if (i == first) {
      text += "::";
      i += longest - 1;
      continue;
    }
    if (!text.empty() && !text.ends_with(':')) text += ':';
    char digits[8];
    std::snprintf(digits, sizeof digits, "%x", group(i));
    text += digits;
  }
  return text;
}

}  // namespace

std::optional<IpAddress> parse_address(std::string_view text) {
  IpAddress address;
  if (text.find(':') != std::string_view::npos) {
    const auto bytes = parse_v6(text);
    if (!bytes) return std::nullopt;
    address.v6 = true;
    address.bytes = *bytes;
    return address;
  }
  const auto bytes = parse_v4(text);
  if (!bytes) return std::nullopt;
  std::ranges::copy(*bytes, address.bytes.begin());
  return address;
}

std::string to_text(const IpAddress& address) {
  if (address.v6) return v6_text(address.bytes);
  char text[16];
  const auto& bytes = address.bytes;
  std::snprintf(text, sizeof text, "%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
  return text;
}

std::optional<IpPrefix> parse_prefix(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return std::nullopt;
  const unsigned bits = address->v6 ? 128 : 32;
  if (slash == std::string_view::npos) return IpPrefix{.address = *address, .length = bits};
  const auto length = parse_number(text.substr(slash + 1));
  if (!length || *length > bits) return std::nullopt;
  return IpPrefix{.address = *address, .length = static_cast<unsigned>(*length)};
}

std::optional<std::array<uint8_t, 6>> parse_mac(std::string_view text) {
  std::array<uint8_t, 6> mac = {};
  constexpr size_t kLength = 17;
  if (text.size() != kLength) return std::nullopt;
  for (size_t i = 0; i < mac.size(); ++i) {
    const auto number = parse_number(text.substr(3 * i, 2), 16);
    if (!number) return std::nullopt;
    if (i + 1 < mac.size() && text[3 * i + 2] != ':' && text[3 * i + 2] != '-') return std::nullopt;
    mac[i] = static_cast<uint8_t>(*number);
  }
  return mac;
}

std::optional<uint64_t> parse_number(std::string_view text, int base) {
  uint64_t number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number, base);
  if (error != std::errc() || end != last) return std::nullopt;
  return number;
}

std::optional<uint64_t> parse_c_number(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) return parse_number(text.substr(2), 16);
  if (text.size() > 1 && text[0] == '0') return parse_number(text.substr(1), 8);
  return parse_number(text);
}

std::vector<std::string_view> words_of(std::string_view list, std::string_view separators) {
  std::vector<std::string_view> words;
  while (!list.empty()) {
    const std::string_view word = list.substr(0, list.find_first_of(separators));
    list.remove_prefix(std::min(word.size() + 1, list.size()));
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

}  // namespace lkl::host
