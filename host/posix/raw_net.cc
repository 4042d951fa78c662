// SPDX-License-Identifier: GPL-2.0
// An interface of the host by a packet socket (packet(7)): frames go out of it beside the host's
// own, and those that come in are seen by both.
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "descriptor.h"
#include "net/cannot_open.h"
#include "net/host_net.h"
#include "posix/interface.h"
#include "posix/raw_call.h"
#include "posix/shared_address.h"
#include "posix/wire_events.h"

#ifndef PACKET_VNET_HDR_SZ
#define PACKET_VNET_HDR_SZ 24  // Linux 6.5
#endif

namespace lkl::host {
namespace {

constexpr std::string_view kNeed =
    "frames of an interface need CAP_NET_RAW (root, or \"setcap cap_net_raw+ep PROGRAM\")";
constexpr std::string_view kUsualPorts = "61000-61127";
constexpr int kSocketRoom = 8 << 20;

class RawNet final : public NetBackend {
 public:
  struct Parts {
    Descriptor socket;
    Interface interface;
    bool knows_uso = false;
    bool shared = false;
    std::vector<PortRange> ports;
    std::vector<Descriptor> held;
  };

  explicit RawNet(Parts parts) : parts_(std::move(parts)) {}
  int open() { return events_.open(parts_.socket.get(), parts_.interface.index); }

  bool has_header() const override { return true; }
  NetOffloads offloads() const override {
    return {.checksum = true, .tso4 = true, .tso6 = true, .ecn = true, .uso = parts_.knows_uso};
  }
  // The host's stack and cards put together what comes in, and nobody can tell them.
  int accept(const NetOffloads& taken) override {
    return taken.checksum && taken.tso4 && taken.tso6 ? 0 : -EOPNOTSUPP;
  }
  size_t longest_frame(unsigned mtu) const override { return mtu + kEthernetSize; }
  std::array<uint8_t, 6> mac() const override {
    return parts_.shared ? parts_.interface.mac : std::array<uint8_t, 6>{};
  }
  uint16_t mtu() const override { return parts_.interface.mtu; }
  bool has_link() const override { return events_.has_link(); }
  int in(unsigned) const override { return events_.in(); }
  int out(unsigned) const override { return events_.out(); }

  int send(unsigned, std::span<const IoVec> frame) override;
  int64_t receive(unsigned, std::span<const IoVec> room) override;

 private:
  // Of the header of virtio 1.2 the host has all but the last two bytes, the number of buffers.
  static constexpr size_t kHostHeader = 10;
  static constexpr size_t kLeastFrame = 14;

  // A message of the host's: this header, and what is behind ours in `frame`.
  struct Message {
    std::array<std::byte, kHostHeader> header;
    std::array<iovec, 1024> parts;  // as many as the host takes
    msghdr message;
    size_t size;  // of all

    bool set(std::span<const IoVec> frame);
    void copy_header(std::span<const IoVec> frame, bool to_frame);
  };

  const Parts parts_;
  WireEvents events_;
  Message out_, in_;
  bool frames_ = false;  // have come since there were none
};

// False if it has more pieces than can be said.
bool RawNet::Message::set(std::span<const IoVec> frame) {
  size_t count = 0, skipped = kHeaderSize;
  parts[count++] = {header.data(), header.size()};
  size = header.size();
  for (const IoVec& part : frame) {
    const size_t front = std::min(skipped, part.size);
    skipped -= front;
    if (front == part.size) continue;
    if (count == parts.size()) return false;
    parts[count++] = {static_cast<std::byte*>(part.base) + front, part.size - front};
    size += part.size - front;
  }
  message = {};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  return true;
}

void RawNet::Message::copy_header(std::span<const IoVec> frame, bool to_frame) {
  std::span<std::byte> rest = header;
  for (const IoVec& part : frame) {
    const size_t count = std::min(rest.size(), part.size);
    if (count == 0) continue;
    if (to_frame)
      std::memcpy(part.base, rest.data(), count);
    else
      std::memcpy(rest.data(), part.base, count);
    rest = rest.subspan(count);
  }
}

int RawNet::send(unsigned, std::span<const IoVec> frame) {
  if (!out_.set(frame)) return -EMSGSIZE;
  out_.copy_header(frame, false);
  if (parts_.shared) {
    const auto* behind = reinterpret_cast<const IoVec*>(out_.parts.data() + 1);
    if (!may_go_out({behind, out_.message.msg_iovlen - 1}, parts_.ports)) return -EPERM;
  }
  const int64_t sent =
      raw_call(SYS_sendmsg, parts_.socket.get(), &out_.message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) {
    events_.went_on();
    return 0;
  }
  if (sent == -EAGAIN) {
    events_.wait_for_room();
    return -EAGAIN;
  }
  // The host's queue is full, of whomever: nothing tells when there is room in it again.
  if (sent == -ENOBUFS || sent == -ENOMEM) {
    events_.wait_a_moment();
    return -EAGAIN;
  }
  return static_cast<int>(sent);
}

int64_t RawNet::receive(unsigned, std::span<const IoVec> room) {
  if (!in_.set(room)) return -EMSGSIZE;
  for (;;) {
    const int64_t size =
        raw_call(SYS_recvmsg, parts_.socket.get(), &in_.message, MSG_DONTWAIT | MSG_TRUNC);
    // a segment of a kind that its header can't say
    if (size == -EINVAL) continue;
    if (size < 0) {
      // -ENETDOWN as well: it may come up again
      if (events_.wants_look(frames_)) events_.look();
      frames_ = false;
      return events_.gone() ? -ENODEV : -EAGAIN;
    }
    frames_ = true;
    const auto length = static_cast<size_t>(size);
    if (length < kHostHeader + kLeastFrame || length > in_.size) continue;
    in_.copy_header(room, true);
    return size + static_cast<int64_t>(kHeaderSize - kHostHeader);
  }
}

int set(int fd, int level, int option, int value) {
  return ::setsockopt(fd, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

int attach(int fd, std::vector<sock_filter> code) {
  const sock_fprog program = {static_cast<unsigned short>(code.size()), code.data()};
  return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ? -errno : 0;
}

// A VLAN's frames come without their tag: as if they were of the wire itself.
std::vector<sock_filter> without_vlans() {
  return {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0},
      {BPF_RET | BPF_K, 0, 0, UINT32_MAX},
      {BPF_RET | BPF_K, 0, 0, 0}};
}

int make_socket(RawNet::Parts& parts, bool bypass) {
  // It hears nothing before it is bound: the filter is there first.
  parts.socket = Descriptor(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!parts.socket) return -errno;
  const int fd = parts.socket.get();
  parts.knows_uso = set(fd, SOL_PACKET, PACKET_VNET_HDR_SZ, NetBackend::kHeaderSize) == 0;
  if (const int error = set(fd, SOL_PACKET, PACKET_VNET_HDR, 1)) return error;
  if (const int error = set(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)) return error;
  if (bypass)
    if (const int error = set(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1)) return error;
  for (const auto& [force, usual] :
       {std::pair(SO_SNDBUFFORCE, SO_SNDBUF), std::pair(SO_RCVBUFFORCE, SO_RCVBUF)})
    if (set(fd, SOL_SOCKET, force, kSocketRoom)) set(fd, SOL_SOCKET, usual, kSocketRoom);
  if (const int error = attach(fd, parts.shared ? incoming_filter(parts.ports) : without_vlans()))
    return error;
  sockaddr_ll own = {};
  own.sll_family = AF_PACKET;
  own.sll_protocol = htons(ETH_P_ALL);
  own.sll_ifindex = parts.interface.index;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&own), sizeof own) < 0) return -errno;
  if (parts.shared) return 0;
  packet_mreq all = {};  // until the socket is closed
  all.mr_ifindex = parts.interface.index;
  all.mr_type = PACKET_MR_PROMISC;
  return ::setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) < 0 ? -errno : 0;
}

int cannot_hold(const NetUri& uri, unsigned port, int error) {
  std::string line =
      "port " + std::to_string(port) + " of the host can't be held: " + ::strerror(-error);
  if (error == -EADDRINUSE) line += "; choose ports that no program has, by ports=FIRST-LAST";
  if (error == -EMFILE)
    line += "; each takes two descriptors: choose fewer, or raise \"ulimit -n\"";
  uri.say(line);
  return error;
}

}  // namespace

int open_raw(NetUri& uri, std::unique_ptr<NetBackend>& result) {
  RawNet::Parts parts;
  const std::string name = uri.target();
  parts.shared = uri.take_flag("shared");
  const std::optional<std::string> ports = uri.take("ports");
  const bool bypass = uri.take_flag("bypass");
  if (const int error = uri.end()) return error;
  if (ports && !parts.shared) return uri.refuse("ports= is for an address that is shared");
  if (!parse_ports(ports.value_or(std::string(kUsualPorts)), parts.ports))
    return uri.refuse("ports=" + *ports +
                      " is not FIRST-LAST, or up to eight of it with + between");
  if (const int error = find_interface(name, parts.interface))
    return cannot_open(uri, name, error, kNeed);
  if (!parts.interface.ethernet) return uri.refuse(name + " is not an Ethernet");
  if (const int error = make_socket(parts, bypass)) return cannot_open(uri, name, error, kNeed);
  unsigned port = 0;
  if (parts.shared)
    if (const int error = hold_ports(parts.ports, name, parts.held, port))
      return cannot_hold(uri, port, error);
  auto wire = std::make_unique<RawNet>(std::move(parts));
  if (const int error = wire->open()) return cannot_open(uri, name, error, kNeed);
  result = std::move(wire);
  return 0;
}

}  // namespace lkl::host
