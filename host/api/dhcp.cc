// SPDX-License-Identifier: GPL-2.0
// A client of DHCP for IPv4, made of the kernel's own sockets: lkl_if_dhcp(), and what becomes of
// the lease after that.
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "api/netlink_dump.h"
#include "api/route.h"
#include "api/util.h"
#include "core/appointments.h"
#include "core/instance.h"
#include "core/registry.h"
#include "host.h"
#include "lkl.h"
#include "netconf/dhcp_message.h"
#include "netconf/udp_packet.h"

using lkl::host::Appointments;
using lkl::host::DhcpClient;
using lkl::host::DhcpReply;
using lkl::host::DhcpRequest;
using lkl::host::DhcpRoute;
using lkl::host::DhcpType;
using lkl::host::kernel_clock_ms;
using lkl::host::KernelFile;
using lkl::host::make_udp_packet;

namespace {

constexpr uint16_t kIpFrames = 0x0800;
constexpr size_t kFrameRoom = 2048;

uint32_t swapped(uint32_t value) {
  return __builtin_bswap32(value);
}
uint32_t random_number() {
  uint32_t number = 0;
  if (!lkl::host::random_bytes(std::as_writable_bytes(std::span(&number, 1))))
    number = static_cast<uint32_t>(lkl::host::monotonic_ns());
  return number;
}

int hardware_address(int ifindex, std::array<uint8_t, 6>& mac) {
  bool found = false;
  const int error =
      lkl::host::netlink_dump(LKL_RTM_GETLINK, LKL_AF_UNSPEC, [&](const lkl_nlmsghdr& message) {
        const auto header = lkl::host::header_of<lkl_ifinfomsg>(message);
        if (header.ifi_index != ifindex || header.ifi_type != LKL_ARPHRD_ETHER) return;
        lkl::host::for_each_attribute<lkl_ifinfomsg>(
            message, [&](const lkl_rtattr& attribute, std::span<const std::byte> value) {
              if (attribute.rta_type != LKL_IFLA_ADDRESS || value.size() != mac.size()) return;
              std::memcpy(mac.data(), value.data(), mac.size());
              found = true;
            });
      });
  return error ? error : found ? 0 : -LKL_ENODEV;
}

// Packets of IPv4 on one interface that has no address yet.
class PacketSocket final {
 public:
  explicit PacketSocket(int ifindex)
      : ifindex_(ifindex),
        file_(lkl_sys_socket(LKL_AF_PACKET, LKL_SOCK_DGRAM | LKL_SOCK_CLOEXEC, 0)),
        room_(kFrameRoom) {}

  int open() {
    if (!file_.is_open()) return file_.error();
    const int on = 1;
    lkl_long error =
        lkl_sys_setsockopt(file_.fd(), LKL_SOL_PACKET, LKL_PACKET_AUXDATA,
                           reinterpret_cast<const char*>(&on), static_cast<int>(sizeof on));
    if (error) return static_cast<int>(error);
    const lkl_sockaddr_ll here = to({});
    error = lkl_sys_bind(file_.fd(), reinterpret_cast<const lkl_sockaddr*>(&here), sizeof here);
    return static_cast<int>(error);
  }

  int broadcast(const std::vector<uint8_t>& packet) {
    const lkl_sockaddr_ll all = to({0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
    const lkl_long sent =
        lkl_sys_sendto(file_.fd(), packet.data(), packet.size(), 0,
                       reinterpret_cast<const lkl_sockaddr*>(&all), static_cast<int>(sizeof all));
    return static_cast<int>(std::min<lkl_long>(sent, 0));
  }

  // A packet that is there until then, or an empty one. A negative error.
  int receive(uint64_t until_ms, lkl::host::Bytes& packet, bool& checksum_ready) {
    packet = {};
    const int ready = lkl::host::wait_readable(file_.fd(), until_ms);
    if (ready <= 0) return ready;
    lkl_iovec part = {.iov_base = room_.data(), .iov_len = room_.size()};
    alignas(lkl_cmsghdr) char control[LKL_CMSG_SPACE(sizeof(lkl_tpacket_auxdata))] = {};
    lkl_user_msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const lkl_long count = lkl_sys_recvmsg(file_.fd(), &message, LKL_MSG_DONTWAIT);
    // ENETDOWN: that the interface went down was told so, once
    if (count == -LKL_EAGAIN || count == -LKL_EINTR || count == -LKL_ENETDOWN) return 0;
    if (count < 0) return static_cast<int>(count);
    packet = lkl::host::Bytes(room_).first(static_cast<size_t>(count));
    checksum_ready = true;
    const lkl_cmsghdr* const header = LKL_CMSG_FIRSTHDR(&message);
    lkl_tpacket_auxdata status;
    if (header && header->cmsg_level == LKL_SOL_PACKET && header->cmsg_type == LKL_PACKET_AUXDATA &&
        header->cmsg_len >= LKL_CMSG_LEN(sizeof status)) {
      std::memcpy(&status, LKL_CMSG_DATA(header), sizeof status);
      checksum_ready = !(status.tp_status & LKL_TP_STATUS_CSUMNOTREADY);
    }
    return 0;
  }

 private:
  lkl_sockaddr_ll to(const std::array<uint8_t, 6>& mac) const {
    lkl_sockaddr_ll address = {};
    address.sll_family = LKL_AF_PACKET;
    address.sll_protocol = __builtin_bswap16(kIpFrames);
    address.sll_ifindex = ifindex_;
    address.sll_halen = mac.size();
    std::ranges::copy(mac, address.sll_addr);
    return address;
  }

  const int ifindex_;
  const KernelFile file_;
  std::vector<uint8_t> room_;
};

// Asks until there is an answer: RFC 2131, sections 4.1 and 4.4.1. Its pause before the first
// question, against many hosts that start at once, is left out.
class Conversation final {
 public:
  Conversation(PacketSocket& socket, const std::array<uint8_t, 6>& mac, uint64_t until_ms)
      : socket_(socket), began_ms_(kernel_clock_ms()), until_ms_(until_ms) {
    client_.mac = mac;
  }

  // 0, -LKL_ETIMEDOUT if nobody offers any, -LKL_EACCES if a server does, and refuses then.
  int obtain(DhcpReply& lease) {
    bool refused = false;
    for (;;) {
      client_.transaction = random_number();
      DhcpReply offer;
      int error = ask({.type = DhcpType::kDiscover}, kFirstRounds, offer);
      if (error) return error == -LKL_ETIMEDOUT && refused ? -LKL_EACCES : error;
      error = ask({.type = DhcpType::kRequest, .server = offer.server, .address = offer.address},
                  kRequestRounds, lease);
      if (error == 0 && lease.type == DhcpType::kAck) return 0;
      if (error && error != -LKL_ETIMEDOUT) return error;
      // refused, or that server is no more: from the start
      if (error == 0) {
        refused = true;
        lkl_printf("lkl: DHCP: the server refuses its own offer%s%s\n",
                   lease.message.empty() ? "" : ": ", lease.message.c_str());
        lkl::host::sleep_ms(kAfterNakMs);
      }
      if (kernel_clock_ms() >= until_ms_) return refused ? -LKL_EACCES : -LKL_ETIMEDOUT;
    }
  }

 private:
  static constexpr unsigned kFirstMs = 4000, kLongestMs = 64000, kAroundMs = 1000;
  static constexpr unsigned kAgainMs = 100;  // the link is not there yet
  static constexpr unsigned kAfterNakMs = 500;
  static constexpr unsigned kFirstRounds = UINT32_MAX, kRequestRounds = 4;

  // An answer to this question; -LKL_ETIMEDOUT.
  int ask(DhcpRequest request, unsigned rounds, DhcpReply& reply) {
    unsigned pause_ms = kFirstMs;
    while (rounds > 0) {
      const uint64_t now = kernel_clock_ms();
      if (now >= until_ms_) break;
      request.seconds = static_cast<uint16_t>(std::min<uint64_t>((now - began_ms_) / 1000, 65535));
      const std::vector<uint8_t> message = make_dhcp_request(client_, request);
      const int sent =
          socket_.broadcast(make_udp_packet({.source = 0,
                                             .destination = UINT32_MAX,
                                             .source_port = lkl::host::kDhcpClientPort,
                                             .destination_port = lkl::host::kDhcpServerPort,
                                             .payload = message}));
      const bool lost = sent == -LKL_ENETDOWN || sent == -LKL_ENOBUFS || sent == -LKL_EAGAIN;
      if (sent && !lost) return sent;
      const uint64_t pause =
          lost ? kAgainMs : pause_ms - kAroundMs + random_number() % (2 * kAroundMs + 1);
      const int error = wait_for(request, std::min(until_ms_, now + pause), reply);
      if (error != -LKL_ETIMEDOUT) return error;
      if (lost) continue;
      pause_ms = std::min(pause_ms * 2, kLongestMs);
      --rounds;
    }
    return -LKL_ETIMEDOUT;
  }

  int wait_for(const DhcpRequest& request, uint64_t until_ms, DhcpReply& reply) {
    while (kernel_clock_ms() < until_ms) {
      lkl::host::Bytes packet;
      bool checksum_ready = true;
      if (const int error = socket_.receive(until_ms, packet, checksum_ready)) return error;
      const auto datagram = lkl::host::read_udp_packet(packet, checksum_ready);
      if (!datagram || datagram->source_port != lkl::host::kDhcpServerPort ||
          datagram->destination_port != lkl::host::kDhcpClientPort)
        continue;
      const auto read = read_dhcp_reply(client_, datagram->payload);
      if (!read || !answers(*read, request)) continue;
      reply = *read;
      return 0;
    }
    return -LKL_ETIMEDOUT;
  }

  static bool answers(const DhcpReply& reply, const DhcpRequest& request) {
    if (request.type == DhcpType::kDiscover) return reply.type == DhcpType::kOffer;
    if (reply.server != request.server) return false;
    return reply.type == DhcpType::kNak ||
           (reply.type == DhcpType::kAck && reply.address == request.address);
  }

  PacketSocket& socket_;
  DhcpClient client_;
  const uint64_t began_ms_, until_ms_;
};

// The address, for as long as the lease is. One from a lease before goes.
int set_address(int ifindex, const DhcpReply& lease) {
  const uint32_t address = swapped(lease.address);
  std::vector<lkl::host::InterfaceAddress> before;
  if (const int error = lkl::host::read_addresses(ifindex, LKL_AF_INET, before)) return error;
  for (const lkl::host::InterfaceAddress& old : before) {
    const bool same = std::memcmp(old.bytes.data(), &address, sizeof address) == 0;
    if ((same && old.prefix == lease.prefix) || old.flags & LKL_IFA_F_PERMANENT) continue;
    lkl_if_del_ip(ifindex, LKL_AF_INET, old.bytes.data(), old.prefix);
  }
  lkl_ifaddrmsg header = {};
  header.ifa_family = LKL_AF_INET;
  header.ifa_prefixlen = static_cast<__lkl__u8>(lease.prefix);
  header.ifa_index = static_cast<__lkl__u32>(ifindex);
  lkl::host::NetlinkRequest request(LKL_RTM_NEWADDR, LKL_NLM_F_CREATE | LKL_NLM_F_REPLACE, header);
  request.attribute(LKL_IFA_LOCAL, address);
  request.attribute(LKL_IFA_ADDRESS, address);
  constexpr unsigned kHasBroadcast = 30;
  if (lease.prefix <= kHasBroadcast)
    request.attribute(LKL_IFA_BROADCAST, swapped(lease.address | (UINT32_MAX >> lease.prefix)));
  lkl_ifa_cacheinfo life = {};
  life.ifa_valid = life.ifa_prefered = lease.lease_s;
  request.attribute(LKL_IFA_CACHEINFO, std::as_bytes(std::span(&life, 1)));
  return request.send();
}

lkl::host::Route route_of(int ifindex, const DhcpRoute& route, const uint32_t (&wire)[2]) {
  return {.family = LKL_AF_INET,
          .destination = &wire[0],
          .prefix = route.prefix,
          .gateway = route.gateway ? &wire[1] : nullptr,
          .ifindex = ifindex,
          .protocol = LKL_RTPROT_DHCP};
}

// Routes of a lease before that this one does not have.
int remove_old_routes(int ifindex, const DhcpReply& lease) {
  std::vector<DhcpRoute> old;
  const int error =
      lkl::host::netlink_dump(LKL_RTM_GETROUTE, LKL_AF_INET, [&](const lkl_nlmsghdr& message) {
        const auto header = lkl::host::header_of<lkl_rtmsg>(message);
        if (header.rtm_protocol != LKL_RTPROT_DHCP || header.rtm_table != LKL_RT_TABLE_MAIN) return;
        DhcpRoute route = {.destination = 0, .prefix = header.rtm_dst_len, .gateway = 0};
        int through = 0;
        lkl::host::for_each_attribute<lkl_rtmsg>(
            message, [&](const lkl_rtattr& attribute, std::span<const std::byte> value) {
              uint32_t number;
              if (value.size() != sizeof number) return;
              std::memcpy(&number, value.data(), sizeof number);
              if (attribute.rta_type == LKL_RTA_DST) route.destination = swapped(number);
              if (attribute.rta_type == LKL_RTA_GATEWAY) route.gateway = swapped(number);
              if (attribute.rta_type == LKL_RTA_OIF) through = static_cast<int>(number);
            });
        if (through == ifindex) old.push_back(route);
      });
  if (error) return error;
  for (const DhcpRoute& route : old) {
    const bool wanted = std::ranges::any_of(lease.routes, [&](const DhcpRoute& each) {
      return each.destination == route.destination && each.prefix == route.prefix &&
             each.gateway == route.gateway;
    });
    if (wanted) continue;
    const uint32_t wire[2] = {swapped(route.destination), swapped(route.gateway)};
    lkl::host::remove_route(route_of(ifindex, route, wire));
  }
  return 0;
}

int set_routes(int ifindex, const DhcpReply& lease) {
  if (const int error = remove_old_routes(ifindex, lease)) return error;
  std::vector<DhcpRoute> routes = lease.routes;
  // what is on the wire comes first: gateways may be there
  std::stable_partition(routes.begin(), routes.end(),
                        [](const DhcpRoute& route) { return route.gateway == 0; });
  for (const DhcpRoute& route : routes) {
    const uint32_t wire[2] = {swapped(route.destination), swapped(route.gateway)};
    lkl::host::Route add = route_of(ifindex, route, wire);
    int error = lkl::host::add_route(add);
    if (error == -LKL_ENETUNREACH || error == -LKL_EHOSTUNREACH) {
      // an address of its own network, say, and a router in another
      add.on_link = true;
      error = lkl::host::add_route(add);
    }
    if (error && error != -LKL_EEXIST) return error;
  }
  return 0;
}

// IPv4 works with less, but a value like this is a trap: much else does not.
constexpr uint16_t kLeastMtu = 576;

int apply(int ifindex, DhcpReply& lease) {
  if (lease.mtu < kLeastMtu) lease.mtu = 0;
  // one that the card can't have is no reason to have no network
  if (lease.mtu && lkl_if_set_mtu(ifindex, lease.mtu)) lease.mtu = 0;
  if (const int error = set_address(ifindex, lease)) return error;
  return set_routes(ifindex, lease);
}

void tell(const DhcpReply& from, lkl_dhcp_lease& to) {
  to.address = swapped(from.address);
  to.prefix_len = from.prefix;
  to.server = swapped(from.server);
  to.lease_s = from.lease_s;
  to.mtu = from.mtu;
  for (const DhcpRoute& route : from.routes)
    if (route.prefix == 0 && route.gateway && to.gateway == 0) to.gateway = swapped(route.gateway);
  for (const uint32_t server : from.nameservers)
    if (to.nameserver_count < std::size(to.nameservers))
      to.nameservers[to.nameserver_count++] = swapped(server);
  std::string search;
  for (const std::string& name : from.search)
    if (search.size() + 1 + name.size() < sizeof to.search)
      search += (search.empty() ? "" : " ") + name;
  std::ranges::copy(search, to.search);
}

int run(int ifindex, uint64_t timeout_ms, DhcpReply& lease) {
  std::array<uint8_t, 6> mac;
  if (const int error = hardware_address(ifindex, mac)) return error;
  if (const int error = lkl_if_up(ifindex)) return error;
  PacketSocket socket(ifindex);
  if (const int error = socket.open()) return error;
  Conversation conversation(socket, mac, kernel_clock_ms() + timeout_ms);
  if (const int error = conversation.obtain(lease)) return error;
  return apply(ifindex, lease);
}

constexpr uint64_t kSecond = 1'000'000'000;

// A lease that an interface has: RFC 2131, section 4.4.5. While the address is there questions go
// by plain UDP.
class Lease final {
 public:
  Lease(int ifindex, uint64_t since_ns, DhcpReply reply)
      : ifindex_(ifindex), since_ns_(since_ns), reply_(std::move(reply)) {}

  uint64_t first() const {
    return reply_.lease_s == UINT32_MAX ? Appointments::kNever : at(reply_.renew_s);
  }

  // What is to be done now; when there is more.
  uint64_t go_on() {
    const uint64_t now = lkl::host::monotonic_ns();
    if (now >= at(reply_.lease_s)) return begin_again();
    // somebody has taken it away, or there is no such interface or kernel any more
    if (!is_there()) return Appointments::kNever;
    const bool any = now >= at(reply_.rebind_s);
    DhcpReply answer;
    const int error = ask(any, answer);
    if (error == 0 && answer.type == DhcpType::kAck) return take(now, answer);
    if (error == 0 && answer.type == DhcpType::kNak) {
      const uint32_t address = swapped(reply_.address);
      lkl_if_del_ip(ifindex_, LKL_AF_INET, &address, reply_.prefix);
      return begin_again();
    }
    // half of the time that is left, but not more often than that
    const uint64_t until = at(any ? reply_.lease_s : reply_.rebind_s);
    const uint64_t left = until > now ? until - now : 0;
    return std::min(until, now + std::max(left / 2, kSeldom));
  }

 private:
  static constexpr uint64_t kSeldom = 60 * kSecond;
  static constexpr uint64_t kAnswerMs = 4000, kBeginMs = 20'000;

  uint64_t at(uint32_t seconds) const { return since_ns_ + seconds * kSecond; }

  bool is_there() const {
    const uint32_t address = swapped(reply_.address);
    std::vector<lkl::host::InterfaceAddress> all;
    return lkl::host::read_addresses(ifindex_, LKL_AF_INET, all) == 0 &&
           std::ranges::any_of(all, [&](const lkl::host::InterfaceAddress& each) {
             return std::memcmp(each.bytes.data(), &address, sizeof address) == 0;
           });
  }

  uint64_t take(uint64_t since_ns, const DhcpReply& answer) {
    since_ns_ = since_ns;
    reply_ = answer;
    return apply(ifindex_, reply_) ? Appointments::kNever : first();
  }

  // From the start, as the address is no more.
  uint64_t begin_again() {
    const uint64_t now = lkl::host::monotonic_ns();
    DhcpReply reply;
    const int error = run(ifindex_, kBeginMs, reply);
    if (error == 0) {
      since_ns_ = now;
      reply_ = reply;
      return first();
    }
    const bool later = error == -LKL_ETIMEDOUT || error == -LKL_EACCES;
    return later ? lkl::host::monotonic_ns() + kSeldom : Appointments::kNever;
  }

  // Its server, or any: the answer.
  int ask(bool any, DhcpReply& answer) const {
    const KernelFile file(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM | LKL_SOCK_CLOEXEC, 0));
    if (!file.is_open()) return file.error();
    for (const auto& [option, value] :
         {std::pair(LKL_SO_BINDTOIFINDEX, ifindex_), std::pair(LKL_SO_BROADCAST, 1),
          std::pair(LKL_SO_REUSEADDR, 1)})
      if (const lkl_long error = lkl_sys_setsockopt(file.fd(), LKL_SOL_SOCKET, option,
                                                    reinterpret_cast<const char*>(&value),
                                                    static_cast<int>(sizeof value)))
        return static_cast<int>(error);
    const lkl_sockaddr_in here = place(0, lkl::host::kDhcpClientPort);
    if (const lkl_long error = lkl_sys_bind(file.fd(), reinterpret_cast<const lkl_sockaddr*>(&here),
                                            static_cast<int>(sizeof here)))
      return static_cast<int>(error);
    DhcpClient client = {.transaction = random_number()};
    if (const int error = hardware_address(ifindex_, client.mac)) return error;
    const std::vector<uint8_t> message =
        make_dhcp_request(client, {.type = DhcpType::kRequest, .own = reply_.address});
    const lkl_sockaddr_in there =
        place(any ? UINT32_MAX : reply_.server, lkl::host::kDhcpServerPort);
    const lkl_long sent = lkl_sys_sendto(file.fd(), message.data(), message.size(), 0,
                                         reinterpret_cast<const lkl_sockaddr*>(&there),
                                         static_cast<int>(sizeof there));
    if (sent < 0) return static_cast<int>(sent);
    return wait_for(file, client, answer);
  }

  int wait_for(const KernelFile& file, const DhcpClient& client, DhcpReply& answer) const {
    std::vector<uint8_t> room(kFrameRoom);
    const uint64_t until_ms = kernel_clock_ms() + kAnswerMs;
    for (;;) {
      const int ready = lkl::host::wait_readable(file.fd(), until_ms);
      if (ready <= 0) return ready ? ready : -LKL_ETIMEDOUT;
      const lkl_long count =
          lkl_sys_recvfrom(file.fd(), room.data(), room.size(), LKL_MSG_DONTWAIT, nullptr, nullptr);
      if (count < 0 && count != -LKL_EAGAIN && count != -LKL_EINTR) return static_cast<int>(count);
      if (count < 0) continue;
      const auto read =
          read_dhcp_reply(client, lkl::host::Bytes(room).first(static_cast<size_t>(count)));
      if (!read || read->type == DhcpType::kOffer) continue;
      if (read->type == DhcpType::kAck && read->address != reply_.address) continue;
      answer = *read;
      return 0;
    }
  }

  static lkl_sockaddr_in place(uint32_t address, uint16_t port) {
    lkl_sockaddr_in place = {};
    place.sin_family = LKL_AF_INET;
    place.sin_port = __builtin_bswap16(port);
    place.sin_addr.s_addr = swapped(address);
    return place;
  }

  const int ifindex_;
  uint64_t since_ns_;
  DhcpReply reply_;
};

// From now on by itself.
int keep(int ifindex, uint64_t since_ns, const DhcpReply& reply) {
  const auto lease = std::make_shared<Lease>(ifindex, since_ns, reply);
  const lkl::host::Registry::Use instance;
  if (!instance) return -LKL_ENODEV;
  return instance->appointments().set(ifindex, lease->first(), [lease] {
    try {
      return lease->go_on();
    } catch (const std::bad_alloc&) {
      return lkl::host::monotonic_ns() + kSecond;
    }
  });
}

}  // namespace

int lkl_if_dhcp(int ifindex, lkl_dhcp_lease* lease, unsigned int timeout_ms) {
  constexpr size_t kFirst = sizeof(lkl_dhcp_lease);  // bytes when it came
  if (lease && lease->struct_size < kFirst) return -LKL_EINVAL;
  return lkl::host::or_no_memory([&] {
    DhcpReply reply;
    const uint64_t now = lkl::host::monotonic_ns();
    int error = run(ifindex, timeout_ms, reply);
    if (error == 0) error = keep(ifindex, now, reply);
    if (error || !lease) return error;
    lkl_dhcp_lease told = {};
    told.struct_size = lease->struct_size;
    tell(reply, told);
    std::memcpy(lease, &told, sizeof told);
    return 0;
  });
}
