// SPDX-License-Identifier: GPL-2.0
#include "config/value_check.h"

#include "netconf/domain_names.h"
#include "netconf/ip_text.h"

namespace lkl::host {
namespace {

std::string unless(bool good, const char* wanted) {
  return good ? "" : wanted;
}

bool is_number(std::string_view value, uint64_t least, uint64_t most) {
  const auto number = parse_number(value);
  return number && *number >= least && *number <= most;
}

// Whether all parts are so; there has to be one.
template <class Good>
bool all_of(std::string_view list, std::string_view separators, Good good) {
  const auto words = words_of(list, separators);
  for (const std::string_view word : words)
    if (!good(word)) return false;
  return !words.empty();
}

bool is_route(std::string_view text) {
  std::string_view network, gateway;
  if (!split_route(text, network, gateway)) return false;
  const auto to = parse_prefix(network);
  const auto via = parse_address(gateway);
  if ((!network.empty() && !to) || (!gateway.empty() && !via)) return false;
  if (network.empty()) return via.has_value();
  return !via || via->v6 == to->address.v6;
}

}  // namespace

std::string check_any(std::string_view) {
  return "";
}

std::string check_ipv4(std::string_view value) {
  const auto address = parse_address(value);
  return unless(address && !address->v6, "an IPv4 address");
}

std::string check_ipv6(std::string_view value) {
  const auto address = parse_address(value);
  return unless(address && address->v6, "an IPv6 address");
}

std::string check_mac(std::string_view value) {
  const auto mac = parse_mac(value);
  constexpr uint8_t kGroup = 1;
  return unless(mac && !((*mac)[0] & kGroup) && *mac != std::array<uint8_t, 6>(),
                "an Ethernet address of one card, like 02:00:00:00:00:01");
}

std::string check_mtu(std::string_view value) {
  return unless(is_number(value, 68, 65535), "a number from 68 to 65535");
}

std::string check_mask(std::string_view value) {
  return unless(is_number(value, 1, 31), "a number from 1 to 31");
}

std::string check_mask6(std::string_view value) {
  return unless(is_number(value, 1, 128), "a number from 1 to 128");
}

std::string check_number(std::string_view value) {
  return unless(is_number(value, 0, UINT32_MAX), "a number");
}

std::string check_c_number(std::string_view value) {
  const auto number = parse_c_number(value);
  return unless(number && *number <= UINT32_MAX, "a number, like 0x100");
}

std::string check_single_cpu(std::string_view value) {
  return unless(is_number(value, 0, 2), "0, 1 or 2");
}

std::string check_neighbors(std::string_view value) {
  const bool good = all_of(value, ";", [](std::string_view entry) {
    const size_t bar = entry.find('|');
    return bar != std::string_view::npos && parse_address(entry.substr(0, bar)) &&
           parse_mac(entry.substr(bar + 1));
  });
  return unless(good, "IP|MAC;IP|MAC...");
}

std::string check_pairs(std::string_view value) {
  const bool good = all_of(value, ";", [](std::string_view entry) {
    const size_t bar = entry.find('|');
    return bar != std::string_view::npos && bar > 0 && bar + 1 < entry.size();
  });
  return unless(good, "KEY|VALUE;KEY|VALUE...");
}

std::string check_prefixes(std::string_view value) {
  const bool good = all_of(value, ",", [](std::string_view each) {
    return each.find('/') != std::string_view::npos && parse_prefix(each);
  });
  return unless(good, "an address with the bits of its network, like 10.0.0.2/24");
}

std::string check_routes(std::string_view value) {
  return unless(all_of(value, ",", is_route),
                "a route, like \"10.1.0.0/16 via 10.0.0.1\" or \"default via 10.0.0.1\"");
}

std::string check_servers(std::string_view value) {
  const bool good = all_of(value, ", ", [](std::string_view each) {
    return parse_address(each.substr(0, each.find('%'))).has_value();
  });
  return unless(good, "the address of a name server");
}

std::string check_domains(std::string_view value) {
  return unless(all_of(value, ", ", is_domain_name), "the name of a domain");
}

std::string check_hostname(std::string_view value) {
  constexpr size_t kMost = 64;  // __NEW_UTS_LEN
  return unless(value.size() <= kMost && is_domain_name(value), "a host's name");
}

bool split_route(std::string_view text, std::string_view& network, std::string_view& gateway) {
  const auto words = words_of(text, " ");
  network = gateway = {};
  if (words.size() != 1 && (words.size() != 3 || words[1] != "via")) return false;
  if (words[0] != "default") network = words[0];
  if (words.size() == 3) gateway = words[2];
  return true;
}

}  // namespace lkl::host
