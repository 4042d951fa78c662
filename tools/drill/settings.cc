// SPDX-License-Identifier: GPL-2.0
#include "drill/settings.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <utility>

#include "base/error.h"

namespace lkl::tool::drill {

namespace {

constexpr std::pair<const char*, Family> kFamilies[] = {
    {"ipv4", Family::kIpv4}, {"ipv4-mapped-ipv6", Family::kMapped}, {"ipv6", Family::kIpv6}};
constexpr std::uint64_t kMostMtu = 65535;
constexpr std::uint64_t kMostTolerance = 60'000'000;

template <class Number>
bool read_number(const std::string& text, std::uint64_t most, Number& number) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value > most) return false;
  number = static_cast<Number>(value);
  return true;
}

}  // namespace

std::string family_name(Family family) {
  for (const auto& [name, value] : kFamilies)
    if (value == family) return name;
  return {};
}

std::vector<Family> parse_families(const std::string& text) {
  std::vector<Family> families;
  for (const auto& [name, value] : kFamilies)
    if (text == name || text == "all") families.push_back(value);
  if (families.empty())
    throw UsageFailure(
        fmt::format("--family {}: there are ipv4, ipv4-mapped-ipv6, ipv6 and all", text));
  return families;
}

Settings::Settings(Family chosen) : family(chosen) {
  const auto address = [](const char* text) { return parse_address(text).value_or(Address()); };
  if (family == Family::kIpv6) {
    network.local = address("fd3d:a0b:17d6::1");
    network.remote = address("fd3d:fa7b:d17d::1");
    network.prefix = 48;
    // 20 bytes more, so that segments have the size that they have by IPv4
    network.mtu = 1520;
  } else {
    network.local = address("192.168.0.1");
    network.remote = address("192.0.2.1");
  }
  definitions["CMSG_LEVEL_IP"] = ipv6_sockets() ? "SOL_IPV6" : "SOL_IP";
  definitions["CMSG_TYPE_RECVERR"] = ipv6_sockets() ? "IPV6_RECVERR" : "IP_RECVERR";
}

std::string Settings::set(const std::string& name, const std::string& value) {
  const auto take_address = [&](Address& to) -> std::string {
    const std::optional<Address> address = parse_address(value);
    if (!address) return fmt::format("'{}' is no address", value);
    // of the other family: for another run
    if (address->ipv6 == to.ipv6) to = *address;
    return {};
  };
  const auto take_number = [&](std::uint64_t most, auto& to) -> std::string {
    return read_number(value, most, to) ? ""
                                        : fmt::format("'{}' is no number up to {}", value, most);
  };
  if (name == "local_ip") return take_address(network.local);
  if (name == "remote_ip") return take_address(network.remote);
  if (name == "gateway_ip") {
    // everybody else is at the other end of the interface: no router is needed
    Address gateway;
    return take_address(gateway);
  }
  if (name == "mtu") return take_number(kMostMtu, network.mtu);
  if (name == "bind_port") return take_number(UINT16_MAX, bind_port);
  if (name == "connect_port") return take_number(UINT16_MAX, connect_port);
  if (name == "tolerance_usecs") return take_number(kMostTolerance, tolerance_us);
  if (name == "tolerance_percent") return take_number(100, tolerance_percent);
  if (name == "netmask_ip") {
    const std::optional<Address> mask = parse_address(value);
    if (!mask || mask->ipv6) return fmt::format("'{}' is no mask of IPv4", value);
    unsigned bits = 0;
    for (const std::uint8_t byte : mask->bytes) bits += static_cast<unsigned>(std::popcount(byte));
    if (family != Family::kIpv6) network.prefix = bits;
    return {};
  }
  if (name == "non_fatal") {
    for (std::size_t at = 0; at <= value.size();) {
      const std::size_t end = std::min(value.find(',', at), value.size());
      const std::string what = value.substr(at, end - at);
      if (what == "packet")
        packets_may_differ = true;
      else if (what == "syscall")
        calls_may_differ = true;
      else
        return fmt::format("'{}': there are packet and syscall", what);
      at = end + 1;
    }
    return {};
  }
  if (name == "define" || name == "D") {
    const std::size_t equals = value.find('=');
    if (equals == std::string::npos || equals == 0)
      return fmt::format("'{}' is not NAME=VALUE", value);
    definitions[value.substr(0, equals)] = value.substr(equals + 1);
    return {};
  }
  return "this option is not known here";
}

void Settings::take(const Script& script) {
  for (const ScriptOption& option : script.options)
    if (const std::string wrong = set(option.name, option.value); !wrong.empty())
      throw ScriptError(
          fmt::format("{}:{}: --{}: {}", script.name, option.line, option.name, wrong));
}

void Settings::take(const std::string& name, const std::string& value) {
  if (const std::string wrong = set(name, value); !wrong.empty())
    throw UsageFailure(fmt::format("--{}: {}", name, wrong));
}

}  // namespace lkl::tool::drill
