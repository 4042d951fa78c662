// SPDX-License-Identifier: GPL-2.0
#include "posix/shared_address.h"

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "net/vector.h"

namespace lkl::host {
namespace {

constexpr size_t kMostRanges = 8;

// Where things are, from the frame's start; what is behind an IPv4 header is found by its length.
constexpr uint32_t kType = 12, kArpOperation = 20;
constexpr uint32_t kV4 = 14, kV4Fragment = kV4 + 6, kV4Protocol = kV4 + 9;
constexpr uint32_t kV6 = 14, kV6Next = kV6 + 6, kV6Payload = kV6 + 40, kV6FragmentSize = 8;
constexpr uint32_t kV4Offset = 0x1fff, kV6Offset = 0xfff8;
constexpr uint32_t kTcp = IPPROTO_TCP, kUdp = IPPROTO_UDP, kIcmp = IPPROTO_ICMP,
                   kIcmp6 = IPPROTO_ICMPV6, kFragment = IPPROTO_FRAGMENT;
constexpr uint32_t kArpReply = 2;

// Kinds of ICMP and ICMPv6. Errors; echo; routers and neighbours.
constexpr std::array<uint32_t, 4> kIcmpIn = {0, 3, 11, 12}, kIcmpOut = {8, 3, 11, 12};
constexpr std::array<uint32_t, 7> kIcmp6In = {1, 2, 3, 4, 129, 134, 136},
                                  kIcmp6Out = {1, 2, 3, 4, 128, 133, 135};

bool take_port(std::string_view& text, uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || port == 0) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

// A program whose jumps are forward to places that are named when they are reached.
class Filter final {
 public:
  enum Place {
    kDrop,
    kTake,
    kPorts4,
    kIcmp4,
    kPorts6,
    kIcmpv6,
    kFragment6,
    kIcmpv6Fragment,
    kIsV4,
    kIsV6,
    kPlaces
  };

  void load(uint16_t size, uint32_t at) { add(BPF_LD | size | BPF_ABS, at); }
  void load_behind_v4(uint16_t size, uint32_t at) {
    add(BPF_LDX | BPF_B | BPF_MSH, kV4);
    add(BPF_LD | size | BPF_IND, kV4 + at);
  }
  void load_about(uint32_t what) { load(BPF_W, static_cast<uint32_t>(SKF_AD_OFF) + what); }
  void mask(uint32_t bits) { add(BPF_ALU | BPF_AND | BPF_K, bits); }
  void if_equal(uint32_t value, Place to) { jump(BPF_JEQ, value, 0, to); }
  void unless_equal(uint32_t value, Place to) { jump(BPF_JEQ, value, 1, to); }
  void go(Place to) {
    add(BPF_JMP | BPF_JA, 0);
    open_.push_back({code_.size() - 1, to});
  }
  // Which of the ranges it is in, if any, is all that is left to know.
  void take_if_port_of(std::span<const PortRange> ports) {
    for (const PortRange& range : ports) {
      add(BPF_JMP | BPF_JGE | BPF_K, range.first, 0, 2);
      add(BPF_JMP | BPF_JGT | BPF_K, range.last, 1, 0);
      go(kTake);
    }
    go(kDrop);
  }
  void take_if_one_of(std::span<const uint32_t> kinds) {
    for (const uint32_t kind : kinds) if_equal(kind, kTake);
    go(kDrop);
  }
  void place(Place place) { places_[place] = code_.size(); }

  std::vector<sock_filter> end() {
    place(kTake);
    add(BPF_RET | BPF_K, UINT32_MAX);
    place(kDrop);
    add(BPF_RET | BPF_K, 0);
    for (const auto& [at, to] : open_) code_[at].k = static_cast<uint32_t>(places_[to] - at - 1);
    return std::move(code_);
  }

 private:
  void add(int code, uint32_t k, uint8_t if_true = 0, uint8_t if_false = 0) {
    code_.push_back({static_cast<uint16_t>(code), if_true, if_false, k});
  }
  // By a jump of its own, which reaches any distance; `skipped` if the answer is this.
  void jump(int test, uint32_t value, int skipped, Place to) {
    add(BPF_JMP | test | BPF_K, value, skipped ? 1 : 0, skipped ? 0 : 1);
    go(to);
  }

  std::vector<sock_filter> code_;
  std::vector<std::pair<size_t, Place>> open_;
  std::array<size_t, kPlaces> places_ = {};
};

template <class Range, class Value>
bool contains(const Range& range, Value value) {
  return std::ranges::find(range, value) != std::ranges::end(range);
}

// The first bytes of a frame.
struct Start {
  std::array<uint8_t, kV6Payload + kV6FragmentSize + 60> bytes;
  size_t size = 0;

  explicit Start(std::span<const IoVec> frame) {
    size = copy_from(frame, 0, std::as_writable_bytes(std::span(bytes)));
  }
  // What is not there is nothing that may go out.
  uint32_t byte(size_t at) const { return at < size ? bytes[at] : UINT32_MAX; }
  uint32_t word(size_t at) const {
    return at + 1 < size ? static_cast<uint32_t>(bytes[at] << 8 | bytes[at + 1]) : UINT32_MAX;
  }
};

bool is_ours(uint32_t port, std::span<const PortRange> ports) {
  return std::ranges::any_of(ports, [&](PortRange r) { return port >= r.first && port <= r.last; });
}

int hold(int family, int type, const std::string& interface, uint16_t port, Descriptor& held) {
  held = Descriptor(::socket(family, type | SOCK_CLOEXEC, 0));
  if (!held) return -errno;
  const int fd = held.get();
  sock_filter nothing = {BPF_RET | BPF_K, 0, 0, 0};
  const sock_fprog program = {1, &nothing};
  if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0) return -errno;
  const auto length = static_cast<socklen_t>(interface.size());
  if (::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface.data(), length) < 0) return -errno;
  sockaddr_in6 both = {};
  both.sin6_family = AF_INET6;
  both.sin6_port = htons(port);
  sockaddr_in four = {};
  four.sin_family = AF_INET;
  four.sin_port = htons(port);
  int off = 0;
  if (family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  const int bound = family == AF_INET6
                        ? ::bind(fd, reinterpret_cast<sockaddr*>(&both), sizeof both)
                        : ::bind(fd, reinterpret_cast<sockaddr*>(&four), sizeof four);
  if (bound < 0) return -errno;
  return type == SOCK_STREAM && ::listen(fd, 0) < 0 ? -errno : 0;
}

}  // namespace

bool parse_ports(std::string_view text, std::vector<PortRange>& ports) {
  ports.clear();
  for (;;) {
    PortRange range = {};
    if (!take_port(text, range.first)) return false;
    range.last = range.first;
    if (text.starts_with('-')) {
      text.remove_prefix(1);
      if (!take_port(text, range.last)) return false;
    }
    if (range.last < range.first || ports.size() == kMostRanges) return false;
    ports.push_back(range);
    if (text.empty()) return true;
    if (!text.starts_with('+')) return false;
    text.remove_prefix(1);
  }
}

std::vector<sock_filter> incoming_filter(std::span<const PortRange> ports) {
  Filter filter;
  using F = Filter;
  filter.load_about(SKF_AD_VLAN_TAG_PRESENT);  // for another interface
  filter.unless_equal(0, F::kDrop);
  filter.load_about(SKF_AD_PKTTYPE);  // somebody may have made it promiscuous
  filter.if_equal(PACKET_OTHERHOST, F::kDrop);
  filter.load(BPF_H, kType);
  filter.if_equal(ETH_P_IP, F::kIsV4);
  filter.if_equal(ETH_P_IPV6, F::kIsV6);
  filter.unless_equal(ETH_P_ARP, F::kDrop);
  filter.load(BPF_H, kArpOperation);
  filter.if_equal(kArpReply, F::kTake);
  filter.go(F::kDrop);

  filter.place(F::kIsV4);
  filter.load(BPF_H, kV4Fragment);
  filter.mask(kV4Offset);
  filter.unless_equal(0, F::kTake);
  filter.load(BPF_B, kV4Protocol);
  filter.if_equal(kTcp, F::kPorts4);
  filter.if_equal(kUdp, F::kPorts4);
  filter.if_equal(kIcmp, F::kIcmp4);
  filter.go(F::kDrop);
  filter.place(F::kPorts4);
  filter.load_behind_v4(BPF_H, 2);
  filter.take_if_port_of(ports);
  filter.place(F::kIcmp4);
  filter.load_behind_v4(BPF_B, 0);
  filter.take_if_one_of(kIcmpIn);

  filter.place(F::kIsV6);
  filter.load(BPF_B, kV6Next);
  filter.if_equal(kTcp, F::kPorts6);
  filter.if_equal(kUdp, F::kPorts6);
  filter.if_equal(kIcmp6, F::kIcmpv6);
  filter.if_equal(kFragment, F::kFragment6);
  filter.go(F::kDrop);
  filter.place(F::kPorts6);
  filter.load(BPF_H, kV6Payload + 2);
  filter.take_if_port_of(ports);
  filter.place(F::kIcmpv6);
  filter.load(BPF_B, kV6Payload);
  filter.take_if_one_of(kIcmp6In);
  filter.place(F::kFragment6);
  filter.load(BPF_H, kV6Payload + 2);
  filter.mask(kV6Offset);
  filter.unless_equal(0, F::kTake);
  filter.load(BPF_B, kV6Payload);
  filter.if_equal(kIcmp6, F::kIcmpv6Fragment);
  filter.load(BPF_H, kV6Payload + kV6FragmentSize + 2);
  filter.take_if_port_of(ports);
  filter.place(F::kIcmpv6Fragment);
  filter.load(BPF_B, kV6Payload + kV6FragmentSize);
  filter.take_if_one_of(kIcmp6In);
  return filter.end();
}

bool may_go_out(std::span<const IoVec> frame, std::span<const PortRange> ports) {
  const Start start(frame);
  const uint32_t type = start.word(kType);
  if (type == ETH_P_ARP) return start.word(kArpOperation) != kArpReply;
  uint32_t protocol, payload;
  bool later;
  if (type == ETH_P_IP) {
    later = (start.word(kV4Fragment) & kV4Offset) != 0;
    protocol = start.byte(kV4Protocol);
    payload = kV4 + 4 * (start.byte(kV4) & 15);
  } else if (type == ETH_P_IPV6) {
    protocol = start.byte(kV6Next);
    payload = kV6Payload;
    later = protocol == kFragment && (start.word(kV6Payload + 2) & kV6Offset) != 0;
    if (protocol == kFragment) {
      protocol = start.byte(kV6Payload);
      payload += kV6FragmentSize;
    }
  } else {
    return false;
  }
  if (start.size < payload) return false;
  if (later) return true;
  if (protocol == kTcp || protocol == kUdp) return is_ours(start.word(payload), ports);
  if (type == ETH_P_IP && protocol == kIcmp) return contains(kIcmpOut, start.byte(payload));
  if (type == ETH_P_IPV6 && protocol == kIcmp6) return contains(kIcmp6Out, start.byte(payload));
  return false;
}

int hold_ports(std::span<const PortRange> ports, const std::string& interface,
               std::vector<Descriptor>& held, unsigned& port) {
  for (const PortRange& range : ports)
    for (port = range.first; port <= range.last; ++port)
      for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        Descriptor socket;
        const auto number = static_cast<uint16_t>(port);
        int error = hold(AF_INET6, type, interface, number, socket);
        if (error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL)  // a host without IPv6
          error = hold(AF_INET, type, interface, number, socket);
        if (error) return error;
        held.push_back(std::move(socket));
      }
  return 0;
}

}  // namespace lkl::host
