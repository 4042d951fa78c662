// SPDX-License-Identifier: GPL-2.0
#include "posix/slirp_words.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

namespace lkl::host {
namespace {

constexpr unsigned kLeastMtu = 68, kLeastMtu6 = 1280, kUsualMtu = 1500, kMostMtu = 65520;
constexpr size_t kMostBootfile = 127;  // of BOOTP's message

template <class Number>
std::optional<Number> number_of(std::string_view text, Number least, Number most) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number >= least && number <= most ? std::optional(number) : std::nullopt;
}

std::optional<uint16_t> port_of(std::string_view text) {
  return number_of<uint16_t>(text, 1, UINT16_MAX);
}

bool ipv4_of(const std::string& text, in_addr& result) {
  return inet_pton(AF_INET, text.c_str(), &result) == 1;
}

bool ipv6_of(const std::string& text, in6_addr& result) {
  return inet_pton(AF_INET6, text.c_str(), &result) == 1;
}

std::string quoted(std::string_view word, std::string_view value) {
  return std::string(word) + "=" + std::string(value);
}

// WORD alone, WORD=on or WORD=off; `result` stays if it is not there. 0 or -EINVAL, and said.
int take_switch(NetUri& uri, std::string_view word, bool& result) {
  if (uri.take_flag(word)) {
    result = true;
    return 0;
  }
  const std::optional<std::string> value = uri.take(word);
  if (!value) return 0;
  result = *value == "on" || *value == "yes";
  if (result || *value == "off" || *value == "no") return 0;
  return uri.refuse(quoted(word, *value) + " is neither on nor off");
}

// An address of this network of IPv4; `result` stays if it is not there.
int take_ipv4(NetUri& uri, std::string_view word, const SlirpConfig& config, in_addr& result) {
  const std::optional<std::string> value = uri.take(word);
  if (!value) return 0;
  if (!ipv4_of(*value, result)) return uri.refuse(quoted(word, *value) + " is no IPv4 address");
  if ((result.s_addr & config.vnetmask.s_addr) == config.vnetwork.s_addr) return 0;
  char network[INET_ADDRSTRLEN] = "";
  inet_ntop(AF_INET, &config.vnetwork, network, sizeof network);
  return uri.refuse(quoted(word, *value) + " is not in the network " + network + ": see net=");
}

bool same_prefix(const in6_addr& one, const in6_addr& other, unsigned bits) {
  for (unsigned bit = 0; bit < bits; ++bit)
    if ((one.s6_addr[bit / 8] ^ other.s6_addr[bit / 8]) & (0x80 >> bit % 8)) return false;
  return true;
}

int take_ipv6(NetUri& uri, std::string_view word, const SlirpConfig& config, in6_addr& result) {
  const std::optional<std::string> value = uri.take(word);
  if (!value) return 0;
  if (!ipv6_of(*value, result)) return uri.refuse(quoted(word, *value) + " is no IPv6 address");
  if (same_prefix(result, config.vprefix_addr6, config.vprefix_len)) return 0;
  return uri.refuse(quoted(word, *value) + " is not in the network of ipv6-net=");
}

// "[ADDRESS:]PORT", the address of IPv6 in brackets.
bool split_address(std::string_view text, std::string& address, uint16_t& port) {
  const size_t colon = text.rfind(':');
  std::string_view host =
      colon == std::string_view::npos ? std::string_view() : text.substr(0, colon);
  if (colon != std::string_view::npos) text.remove_prefix(colon + 1);
  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return false;
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return false;
  }
  address = host;
  const std::optional<uint16_t> number = port_of(text);
  port = number.value_or(0);
  return number.has_value();
}

// "tcp:" or "udp:" off the front; without it is TCP.
bool take_protocol(std::string_view& text) {
  const bool udp = text.starts_with("udp:");
  if (udp || text.starts_with("tcp:")) text.remove_prefix(4);
  if (!udp && text.starts_with(':') && text.find(':', 1) != std::string_view::npos)
    text.remove_prefix(1);  // ":ADDRESS:PORT", as qemu has it
  return udp;
}

}  // namespace

socklen_t to_socket_address(const std::string& text, uint16_t port, bool like_ipv6,
                            sockaddr_storage& result) {
  result = {};
  sockaddr_in in = {};
  sockaddr_in6 in6 = {};
  if (text.empty() ? like_ipv6 : ipv6_of(text, in6.sin6_addr)) {
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(port);
    std::memcpy(&result, &in6, sizeof in6);
    return sizeof in6;
  }
  if (!text.empty() && !ipv4_of(text, in.sin_addr)) return 0;
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  std::memcpy(&result, &in, sizeof in);
  return sizeof in;
}

int SlirpWords::parse_ipv4(NetUri& uri) {
  bool on = true;
  if (const int error = take_switch(uri, "ipv4", on)) return error;
  config.in_enabled = on;
  const std::string net = uri.take("net").value_or("10.0.2.0/24");
  const size_t slash = net.find('/');
  const std::string mask = slash == std::string::npos ? "24" : net.substr(slash + 1);
  if (const auto bits = number_of<unsigned>(mask, 8, 29))
    config.vnetmask.s_addr = htonl(UINT32_MAX << (32 - *bits));
  else if (!ipv4_of(mask, config.vnetmask))
    return uri.refuse(quoted("net", net) + " is not ADDRESS/BITS, of 8 to 29 bits");
  if (!ipv4_of(net.substr(0, slash), config.vnetwork))
    return uri.refuse(quoted("net", net) + " is not ADDRESS/BITS, of IPv4");
  if (config.vnetwork.s_addr & ~config.vnetmask.s_addr)
    return uri.refuse(quoted("net", net) + " has more of an address than of a network");

  const auto usual = [&](uint32_t host) {
    return in_addr{config.vnetwork.s_addr | (htonl(host) & ~config.vnetmask.s_addr)};
  };
  // without the bits that a small network has not
  config.vhost = usual(0x0202);
  config.vnameserver = usual(0x0203);
  config.vdhcp_start = usual(0x020f);
  if (config.vdhcp_start.s_addr == (config.vnetwork.s_addr | ~config.vnetmask.s_addr))
    config.vdhcp_start = usual(0x0204);
  for (const auto& [word, to] : {std::pair("host", &config.vhost),
                                 {"dns", &config.vnameserver},
                                 {"dhcpstart", &config.vdhcp_start}})
    if (const int error = take_ipv4(uri, word, config, *to)) return error;
  if (config.vhost.s_addr == config.vnameserver.s_addr ||
      config.vhost.s_addr == config.vdhcp_start.s_addr ||
      config.vnameserver.s_addr == config.vdhcp_start.s_addr)
    return uri.refuse("host=, dns= and dhcpstart= are to be different addresses");
  return 0;
}

int SlirpWords::parse_ipv6(NetUri& uri) {
  bool on = true;
  if (const int error = take_switch(uri, "ipv6", on)) return error;
  config.in6_enabled = on;
  const std::optional<std::string> prefix = uri.take("ipv6-prefix");
  uint64_t bits = 64;
  if (!uri.take_number("ipv6-prefixlen", 8, 126, bits)) return -EINVAL;
  std::string net = uri.take("ipv6-net").value_or(prefix.value_or("fec0::"));
  if (const size_t slash = net.find('/'); slash != std::string::npos) {
    const auto given = number_of<unsigned>(std::string_view(net).substr(slash + 1), 8, 126);
    if (!given)
      return uri.refuse(quoted("ipv6-net", net) + " is not PREFIX/BITS, of 8 to 126 bits");
    bits = *given;
    net.resize(slash);
  }
  config.vprefix_len = static_cast<uint8_t>(bits);
  if (!ipv6_of(net, config.vprefix_addr6))
    return uri.refuse(quoted("ipv6-net", net) + " is no prefix of IPv6");
  config.vhost6 = config.vnameserver6 = config.vprefix_addr6;
  config.vhost6.s6_addr[15] |= 2;
  config.vnameserver6.s6_addr[15] |= 3;
  if (const int error = take_ipv6(uri, "ipv6-host", config, config.vhost6)) return error;
  if (const int error = take_ipv6(uri, "ipv6-dns", config, config.vnameserver6)) return error;
  if (!config.in_enabled && !config.in6_enabled)
    return uri.refuse("ipv4=off and ipv6=off leave nothing");
  return 0;
}

int SlirpWords::parse_names(NetUri& uri) {
  const auto take = [&](std::string_view word, std::string& text, const char*& to) {
    text = uri.take(word).value_or("");
    to = text.empty() ? nullptr : text.c_str();
  };
  take("hostname", hostname_, config.vhostname);
  take("domainname", domain_, config.vdomainname);
  take("tftp", tftp_, config.tftp_path);
  take("tftp-server-name", tftp_server_, config.tftp_server_name);
  take("bootfile", bootfile_, config.bootfile);
  if (bootfile_.size() > kMostBootfile)
    return uri.refuse("bootfile= has more than " + std::to_string(kMostBootfile) + " letters");
  search_ = uri.take_all("dnssearch");
  for (const std::string& domain : search_) search_pointers_.push_back(domain.c_str());
  search_pointers_.push_back(nullptr);
  config.vdnssearch = search_.empty() ? nullptr : search_pointers_.data();
  return 0;
}

// The host's addresses by which connections go out: one for each family.
int SlirpWords::parse_outbound(NetUri& uri) {
  for (const std::string& text : uri.take_all("outbound-addr")) {
    if (ipv4_of(text, outbound_.sin_addr) && !config.outbound_addr) {
      outbound_.sin_family = AF_INET;
      config.outbound_addr = &outbound_;
    } else if (ipv6_of(text, outbound6_.sin6_addr) && !config.outbound_addr6) {
      outbound6_.sin6_family = AF_INET6;
      config.outbound_addr6 = &outbound6_;
    } else {
      return uri.refuse(quoted("outbound-addr", text) + " is no address, or the second one");
    }
  }
  return 0;
}

int SlirpWords::parse_host_forwards(NetUri& uri) {
  for (const std::string& text : uri.take_all("hostfwd")) {
    std::string_view rest = text;
    HostForward forward = {.udp = take_protocol(rest)};
    const size_t dash = rest.find('-');
    sockaddr_storage ignored;
    if (dash == std::string_view::npos ||
        !split_address(rest.substr(0, dash), forward.host_address, forward.host_port) ||
        !split_address(rest.substr(dash + 1), forward.guest_address, forward.guest_port) ||
        !to_socket_address(forward.host_address, 0, false, ignored) ||
        !to_socket_address(forward.guest_address, 0, false, ignored))
      return uri.refuse(quoted("hostfwd", text) +
                        " is not [tcp:|udp:][HOSTADDRESS]:PORT-[GUESTADDRESS]:PORT, with addresses "
                        "of IPv6 in brackets");
    host_forwards.push_back(std::move(forward));
  }
  return 0;
}

int SlirpWords::parse_guest_forwards(NetUri& uri) {
  for (const std::string& text : uri.take_all("guestfwd")) {
    const auto wrong = [&] {
      return uri.refuse(quoted("guestfwd", text) +
                        " is not [tcp:]SERVER:PORT-cmd:COMMAND or -unix:PATH");
    };
    std::string_view rest = text;
    const bool udp = take_protocol(rest);
    const size_t dash = rest.find('-');
    std::string server;
    GuestForward forward;
    if (udp || dash == std::string_view::npos ||
        !split_address(rest.substr(0, dash), server, forward.port) ||
        (!server.empty() && !ipv4_of(server, forward.server)))
      return wrong();
    rest.remove_prefix(dash + 1);
    forward.is_path = rest.starts_with("unix:");
    if (!forward.is_path && !rest.starts_with("cmd:")) return wrong();
    forward.to = rest.substr(forward.is_path ? 5 : 4);
    if (forward.to.empty()) return wrong();
    guest_forwards.push_back(std::move(forward));
  }
  return 0;
}

int SlirpWords::parse(NetUri& uri) {
  if (!uri.target().empty())
    return uri.refuse(
        "\"" + uri.target() +
        "\": slirp is the only one of its kind; words follow a comma, \"slirp:,mtu=9000\"");
  config.version = 4;
  for (const auto part : {&SlirpWords::parse_ipv4, &SlirpWords::parse_ipv6,
                          &SlirpWords::parse_names, &SlirpWords::parse_outbound,
                          &SlirpWords::parse_host_forwards, &SlirpWords::parse_guest_forwards})
    if (const int error = (this->*part)(uri)) return error;
  bool restricted = false;
  if (const int error = take_switch(uri, "restrict", restricted)) return error;
  config.restricted = restricted;
  uint64_t mtu = kUsualMtu;
  if (!uri.take_number("mtu", kLeastMtu, kMostMtu, mtu)) return -EINVAL;
  if (mtu < kLeastMtu6 && config.in6_enabled)
    return uri.refuse("IPv6 wants an MTU of " + std::to_string(kLeastMtu6) + ": add ipv6=off");
  config.if_mtu = config.if_mru = mtu;
  return uri.end();
}

}  // namespace lkl::host
