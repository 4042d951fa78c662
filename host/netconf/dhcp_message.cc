// SPDX-License-Identifier: GPL-2.0
#include "netconf/dhcp_message.h"

#include <algorithm>
#include <bit>
#include <map>

#include "netconf/domain_names.h"

namespace lkl::host {
namespace {

constexpr uint8_t kRequestOp = 1, kReplyOp = 2, kEthernet = 1, kEthernetLength = 6;
constexpr uint32_t kMagic = 0x63825363;
// Where things are: RFC 2131, section 2.
constexpr size_t kTransaction = 4, kOwnAddress = 12, kYourAddress = 16, kHardwareAddress = 28,
                 kServerName = 44, kFile = 108, kCookie = 236, kOptions = 240;
constexpr uint16_t kLongest = 1472;  // that we take: what a packet of 1500 has room for

enum Option : uint8_t {
  kPad = 0,
  kMask = 1,
  kRouters = 3,
  kNameservers = 6,
  kDomain = 15,
  kMtu = 26,
  kWantedAddress = 50,
  kLeaseTime = 51,
  kOverload = 52,
  kMessageType = 53,
  kServer = 54,
  kParameters = 55,
  kMessage = 56,
  kMaxSize = 57,
  kRenewTime = 58,
  kRebindTime = 59,
  kClient = 61,
  kSearch = 119,
  kRoutes = 121,
  kEnd = 255,
};

// An option that is there several times is one in parts (RFC 3396).
using Options = std::map<uint8_t, std::vector<uint8_t>>;

// False if one goes beyond the end.
bool read_options(Bytes from, Options& options) {
  for (size_t at = 0; at < from.size();) {
    const uint8_t option = from[at++];
    if (option == kPad) continue;
    if (option == kEnd) return true;
    if (at >= from.size() || at + 1 + from[at] > from.size()) return false;
    const Bytes value = from.subspan(at + 1, from[at]);
    std::vector<uint8_t>& all = options[option];
    all.insert(all.end(), value.begin(), value.end());
    at += 1 + value.size();
  }
  return true;
}

// The option's value if it has this length.
std::optional<Bytes> find(const Options& options, uint8_t option, size_t length) {
  const auto found = options.find(option);
  if (found == options.end() || found->second.size() != length) return std::nullopt;
  return found->second;
}
uint32_t number(const Options& options, uint8_t option) {
  const std::optional<Bytes> value = find(options, option, 4);
  return value ? be32(*value, 0) : 0;
}

bool is_host(uint32_t address) {
  const uint32_t first = address >> 24;
  return first != 0 && first != 127 && first < 224;
}

std::vector<uint32_t> addresses(const Options& options, uint8_t option) {
  std::vector<uint32_t> result;
  const auto found = options.find(option);
  if (found == options.end()) return result;
  for (size_t at = 0; at + 4 <= found->second.size(); at += 4)
    if (const uint32_t address = be32(found->second, at); is_host(address))
      result.push_back(address);
  return result;
}

unsigned prefix_of_class(uint32_t address) {
  return address >> 31 == 0 ? 8 : address >> 30 == 2 ? 16 : 24;
}

// Nothing if there is one that is none: what is left of a list would lead astray.
std::optional<std::vector<DhcpRoute>> classless_routes(Bytes from) {
  std::vector<DhcpRoute> routes;
  while (!from.empty()) {
    DhcpRoute route;
    route.prefix = from[0];
    const size_t significant = (route.prefix + 7) / 8;
    if (route.prefix > 32 || from.size() < 1 + significant + 4) return std::nullopt;
    for (size_t i = 0; i < significant; ++i)
      route.destination |= static_cast<uint32_t>(from[1 + i]) << (24 - 8 * i);
    if (route.prefix < 32) route.destination &= ~(UINT32_MAX >> route.prefix);
    route.gateway = be32(from, 1 + significant);
    if (route.gateway != 0 && !is_host(route.gateway)) return std::nullopt;
    routes.push_back(route);
    from = from.subspan(1 + significant + 4);
  }
  return routes;
}

std::vector<DhcpRoute> routes_of(const Options& options) {
  if (const auto found = options.find(kRoutes); found != options.end())
    if (auto routes = classless_routes(found->second)) return *routes;
  std::vector<DhcpRoute> routes;
  // in the order of preference
  if (const auto routers = addresses(options, kRouters); !routers.empty())
    routes.push_back({.destination = 0, .prefix = 0, .gateway = routers.front()});
  return routes;
}

std::string text(const Options& options, uint8_t option) {
  std::string result;
  if (const auto found = options.find(option); found != options.end())
    for (const uint8_t byte : found->second) {
      if (byte == 0) break;
      result += byte >= ' ' && byte < 0x7f ? static_cast<char>(byte) : '?';
    }
  return result;
}

std::vector<std::string> search_of(const Options& options) {
  std::vector<std::string> names;
  if (const auto found = options.find(kSearch); found != options.end())
    names = read_domain_names(found->second, true);
  if (names.empty())
    if (const std::string domain = text(options, kDomain); is_domain_name(domain))
      names.push_back(domain);
  return names;
}

bool take_mask(const Options& options, DhcpReply& reply) {
  reply.prefix = prefix_of_class(reply.address);
  const std::optional<Bytes> value = find(options, kMask, 4);
  if (!value) return !options.contains(kMask);
  const uint32_t mask = be32(*value, 0);
  reply.prefix = static_cast<unsigned>(std::countl_one(mask));
  return mask != 0 && std::countl_one(mask) + std::countr_zero(mask) == 32;
}

void put_option(std::vector<uint8_t>& to, uint8_t option, std::initializer_list<uint8_t> value) {
  to.push_back(option);
  to.push_back(static_cast<uint8_t>(value.size()));
  to.insert(to.end(), value);
}
void put_option(std::vector<uint8_t>& to, uint8_t option, uint32_t value) {
  to.push_back(option);
  to.push_back(4);
  put32(to, value);
}

// RFC 2131, section 4.4.5: half of the lease and seven eighths, if nothing else is said that makes
// sense.
void take_times(const Options& options, DhcpReply& reply) {
  const uint32_t renew = number(options, kRenewTime), rebind = number(options, kRebindTime);
  reply.renew_s = renew && renew < reply.lease_s ? renew : reply.lease_s / 2;
  const auto usual = static_cast<uint32_t>(uint64_t{reply.lease_s} * 7 / 8);
  reply.rebind_s = rebind && rebind < reply.lease_s ? rebind : usual;
  reply.rebind_s = std::max(reply.rebind_s, reply.renew_s);
}

}  // namespace

std::vector<uint8_t> make_dhcp_request(const DhcpClient& client, const DhcpRequest& request) {
  std::vector<uint8_t> out = {kRequestOp, kEthernet, kEthernetLength, 0};
  put32(out, client.transaction);
  put16(out, request.seconds);
  put16(out, 0);  // answers may come to our address of Ethernet
  out.resize(kOwnAddress);
  put32(out, request.own);
  out.resize(kHardwareAddress);
  out.insert(out.end(), client.mac.begin(), client.mac.end());
  out.resize(kCookie);
  put32(out, kMagic);
  put_option(out, kMessageType, {static_cast<uint8_t>(request.type)});
  const auto& mac = client.mac;
  put_option(out, kClient, {kEthernet, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]});
  if (request.address) put_option(out, kWantedAddress, request.address);
  if (request.server) put_option(out, kServer, request.server);
  put_option(out, kMaxSize, {kLongest >> 8, kLongest & 0xff});
  // 121 before 3: RFC 3442
  put_option(out, kParameters,
             {kMask, kRoutes, kRouters, kNameservers, kDomain, kMtu, kLeaseTime, kServer,
              kRenewTime, kRebindTime, kSearch});
  out.push_back(kEnd);
  constexpr size_t kLeast = 300;  // BOOTP's, which relays may want
  out.resize(std::max(out.size(), kLeast));
  return out;
}

std::optional<DhcpReply> read_dhcp_reply(const DhcpClient& client, Bytes message) {
  if (message.size() < kOptions || message[0] != kReplyOp || message[1] != kEthernet ||
      message[2] != kEthernetLength || be32(message, kTransaction) != client.transaction ||
      !std::ranges::equal(message.subspan(kHardwareAddress, kEthernetLength), client.mac) ||
      be32(message, kCookie) != kMagic)
    return std::nullopt;
  Options options;
  if (!read_options(message.subspan(kOptions), options)) return std::nullopt;
  if (const std::optional<Bytes> overload = find(options, kOverload, 1)) {
    const uint8_t fields = (*overload)[0];
    if (fields & 1 && !read_options(message.subspan(kFile, kCookie - kFile), options))
      return std::nullopt;
    if (fields & 2 && !read_options(message.subspan(kServerName, kFile - kServerName), options))
      return std::nullopt;
  }

  const std::optional<Bytes> type = find(options, kMessageType, 1);
  if (!type) return std::nullopt;
  DhcpReply reply;
  reply.type = static_cast<DhcpType>((*type)[0]);
  reply.server = number(options, kServer);
  reply.message = text(options, kMessage);
  if (!is_host(reply.server)) return std::nullopt;
  if (reply.type == DhcpType::kNak) return reply;
  if (reply.type != DhcpType::kOffer && reply.type != DhcpType::kAck) return std::nullopt;

  reply.address = be32(message, kYourAddress);
  if (!is_host(reply.address) || !take_mask(options, reply)) return std::nullopt;
  reply.lease_s = number(options, kLeaseTime);
  if (reply.lease_s == 0) return std::nullopt;
  take_times(options, reply);
  reply.routes = routes_of(options);
  reply.nameservers = addresses(options, kNameservers);
  reply.search = search_of(options);
  if (const std::optional<Bytes> mtu = find(options, kMtu, 2)) reply.mtu = be16(*mtu, 0);
  return reply;
}

}  // namespace lkl::host
