// SPDX-License-Identifier: GPL-2.0
// Addresses as people write them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lkl::host {

// In network order: 4 bytes or 16.
struct IpAddress {
  bool v6 = false;
  std::array<uint8_t, 16> bytes = {};

  bool operator==(const IpAddress&) const = default;
};

// "192.0.2.1", "2001:db8::1" (RFC 4291, also with an IPv4 address at its end).
std::optional<IpAddress> parse_address(std::string_view text);
std::string to_text(const IpAddress& address);

// "ADDRESS/BITS"; without bits, all of them.
struct IpPrefix {
  IpAddress address;
  unsigned length = 0;
};
std::optional<IpPrefix> parse_prefix(std::string_view text);

// "02:00:5e:10:00:01": six bytes in hex, ':' or '-' between them.
std::optional<std::array<uint8_t, 6>> parse_mac(std::string_view text);

// A number in this base, nothing before or behind it.
std::optional<uint64_t> parse_number(std::string_view text, int base = 10);
// As strtoul(3) with base 0: 0x for hex, 0 for octal.
std::optional<uint64_t> parse_c_number(std::string_view text);

// The words of a list, which any of the separators are between.
std::vector<std::string_view> words_of(std::string_view list, std::string_view separators);

}  // namespace lkl::host
