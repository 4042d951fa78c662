// SPDX-License-Identifier: GPL-2.0
//
// Questions to a name server and its answers (RFC 1035, RFC 3596).
#ifndef LKL_TOOL_DNS_MESSAGE_H
#define LKL_TOOL_DNS_MESSAGE_H

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lkl::tool {

enum class DnsType : std::uint16_t { kA = 1, kCname = 5, kAaaa = 28 };

struct DnsQuestion {
  std::uint16_t id = 0;
  std::string name;  // without the dot at its end
  DnsType type = DnsType::kA;
};

// Nothing if the name is none: a label is empty or too long, or all of it is.
std::optional<std::vector<std::uint8_t>> make_dns_question(const DnsQuestion& question);

struct DnsAnswer {
  unsigned code = 0;                   // 0: no error, 3: there is no such name
  std::vector<std::string> addresses;  // as texts, of the name or of what it is an alias of
};

// What is in the answer to this question; nothing if it is none: another id, another question, no
// response, or damaged.
std::optional<DnsAnswer> read_dns_answer(const DnsQuestion& question,
                                         std::span<const std::uint8_t> message);

// "there is no such name" for 3.
std::string dns_code_text(unsigned code);

// Addresses as texts, and back.
std::string ipv4_text(const std::uint8_t* bytes);
std::string ipv6_text(const std::uint8_t* bytes);
struct HostAddress {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes = {};
};
std::optional<HostAddress> parse_host_address(const std::string& text);

}  // namespace lkl::tool

#endif  // LKL_TOOL_DNS_MESSAGE_H
