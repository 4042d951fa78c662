// SPDX-License-Identifier: GPL-2.0
#include "drill/guest.h"

#include <fmt/format.h>
#include <lkl.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "drill/netlink.h"

namespace lkl::tool::drill {

namespace {

constexpr char kInterface[] = "tun0";
constexpr char kTunDevice[] = "/dev-net-tun";
constexpr unsigned kTunNumber = 10 << 8 | 200;
constexpr int kCaptureRoom = 64 << 20;
constexpr std::size_t kMostPacket = 1 << 18;
constexpr unsigned kEthernetAll = 3;
// What an interface leaves to its hardware: packets of TCP larger than its MTU, and checksums.
constexpr unsigned kOffloads = LKL_TUN_F_CSUM | LKL_TUN_F_TSO4 | LKL_TUN_F_TSO6 | LKL_TUN_F_TSO_ECN;

struct __lkl__kernel_timespec timespec_of(std::int64_t us) {
  return {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
}

std::uint16_t network_order(unsigned value) {
  return static_cast<std::uint16_t>(value << 8 | value >> 8);
}

// The sender's time, of a packet that was captured.
std::optional<std::int64_t> time_of(const lkl_msghdr& message) {
  const auto* control = static_cast<const char*>(message.msg_control);
  for (std::size_t at = 0; at + sizeof(lkl_cmsghdr) <= message.msg_controllen;) {
    lkl_cmsghdr header;
    std::memcpy(&header, control + at, sizeof(header));
    if (header.cmsg_len < sizeof(header)) break;
    if (header.cmsg_level == LKL_SOL_SOCKET && header.cmsg_type == LKL_SO_TIMESTAMPNS_OLD) {
      std::array<std::int64_t, 2> stamp;
      std::memcpy(stamp.data(), control + at + sizeof(header), sizeof(stamp));
      return stamp[0] * 1000000 + stamp[1] / 1000;
    }
    at += (header.cmsg_len + 7) & ~std::size_t{7};
  }
  return std::nullopt;
}

}  // namespace

std::int64_t guest_time() {
  struct __lkl__kernel_timespec now = {};
  lkl_sys_clock_gettime(LKL_CLOCK_REALTIME, &now);
  return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void sleep_until(std::int64_t time) {
  const std::int64_t left = time - guest_time();
  if (left <= 0) return;
  struct __lkl__kernel_timespec pause = timespec_of(left);
  lkl_sys_nanosleep(&pause, nullptr);
}

unsigned guest_ticks() {
  struct __lkl__kernel_timespec tick = {};
  lkl_sys_clock_getres(LKL_CLOCK_MONOTONIC_COARSE, &tick);
  return tick.tv_nsec > 0 ? static_cast<unsigned>((1000000000 + tick.tv_nsec / 2) / tick.tv_nsec)
                          : 1;
}

long check_call(long result, const std::string& what) {
  if (result < 0)
    throw Failure(fmt::format("{}: {}", what, lkl_strerror(static_cast<int>(result))));
  return result;
}

GuestDescriptor::~GuestDescriptor() {
  if (fd_ >= 0) lkl_sys_close(static_cast<unsigned>(fd_));
}

GuestNetwork::GuestNetwork(const NetworkSetup& setup) : setup_(setup), buffer_(kMostPacket) {
  lkl_sys_mknod(kTunDevice, LKL_S_IFCHR | 0600, kTunNumber);
  const long tun = lkl_sys_open(kTunDevice, LKL_O_RDWR | LKL_O_NONBLOCK, 0);
  check_call(tun, "/dev/net/tun of the kernel (CONFIG_TUN)");
  tun_ = GuestDescriptor(tun);
  lkl_ifreq request = {};
  std::strncpy(request.lkl_ifr_name, kInterface, sizeof(request.lkl_ifr_name) - 1);
  request.lkl_ifr_flags = LKL_IFF_TUN | LKL_IFF_NO_PI;
  check_call(lkl_sys_ioctl(static_cast<unsigned>(tun_.get()), LKL_TUNSETIFF,
                           reinterpret_cast<lkl_ulong>(&request)),
             "interface tun0");
  check_call(lkl_sys_ioctl(static_cast<unsigned>(tun_.get()), LKL_TUNSETOFFLOAD, kOffloads),
             "offloads of tun0");
  index_ = static_cast<int>(check_call(lkl_ifname_to_ifindex(kInterface), "interface tun0"));
  check_call(lkl_if_set_mtu(index_, static_cast<int>(setup_.mtu)),
             fmt::format("MTU {} of tun0", setup_.mtu));
  check_call(lkl_if_up(index_), "tun0 up");
  add_addresses();
  open_capture();
}

void GuestNetwork::add_addresses() {
  const int family = setup_.local.ipv6 ? LKL_AF_INET6 : LKL_AF_INET;
  check_call(lkl_if_add_ip(index_, family, setup_.local.bytes.data(), setup_.prefix),
             fmt::format("address {} of tun0", to_text(setup_.local)));
  // Everybody else is at the other end.
  RouteSocket route(LKL_NETLINK_ROUTE);
  lkl_rtmsg message = {};
  message.rtm_family = static_cast<unsigned char>(family);
  message.rtm_table = LKL_RT_TABLE_MAIN;
  message.rtm_protocol = LKL_RTPROT_STATIC;
  message.rtm_scope = LKL_RT_SCOPE_UNIVERSE;
  message.rtm_type = LKL_RTN_UNICAST;
  NetlinkMessage request(LKL_RTM_NEWROUTE, LKL_NLM_F_CREATE | LKL_NLM_F_REPLACE, message);
  request.add(LKL_RTA_OIF, static_cast<std::uint32_t>(index_));
  check_call(route.ask(request), "route by tun0");
}

void GuestNetwork::open_capture() {
  capture_ =
      GuestDescriptor(check_call(lkl_sys_socket(LKL_AF_PACKET, LKL_SOCK_DGRAM | LKL_SOCK_NONBLOCK,
                                                network_order(kEthernetAll)),
                                 "packet socket (CONFIG_PACKET)"));
  const int on = 1;
  check_call(lkl_sys_setsockopt(capture_.get(), LKL_SOL_SOCKET, LKL_SO_TIMESTAMPNS_OLD,
                                reinterpret_cast<const char*>(&on), sizeof(on)),
             "SO_TIMESTAMPNS");
  check_call(lkl_sys_setsockopt(capture_.get(), LKL_SOL_SOCKET, LKL_SO_RCVBUFFORCE,
                                reinterpret_cast<const char*>(&kCaptureRoom), sizeof(kCaptureRoom)),
             "SO_RCVBUFFORCE");
  lkl_sockaddr_ll address = {};
  address.sll_family = LKL_AF_PACKET;
  address.sll_protocol = network_order(kEthernetAll);
  address.sll_ifindex = index_;
  check_call(
      lkl_sys_bind(capture_.get(), reinterpret_cast<lkl_sockaddr*>(&address), sizeof(address)),
      "packet socket of tun0");
}

// What was captured is not read here as well: its queue is short.
void GuestNetwork::drain() {
  while (lkl_sys_read(static_cast<unsigned>(tun_.get()), reinterpret_cast<char*>(buffer_.data()),
                      buffer_.size()) > 0) {
  }
}

long GuestNetwork::send(std::span<const std::uint8_t> packet) {
  drain();
  const long sent = lkl_sys_write(static_cast<unsigned>(tun_.get()),
                                  reinterpret_cast<const char*>(packet.data()), packet.size());
  return std::min(sent, 0L);
}

std::optional<Captured> GuestNetwork::receive(std::int64_t deadline) {
  for (;;) {
    drain();
    lkl_sockaddr_ll address = {};
    std::array<char, 256> control;
    lkl_iovec part = {buffer_.data(), buffer_.size()};
    lkl_msghdr message = {};
    message.msg_name = &address;
    message.msg_namelen = sizeof(address);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const long size = lkl_sys_recvmsg(capture_.get(), &message, 0);
    if (size == -LKL_EAGAIN) {
      const std::int64_t left = deadline - guest_time();
      if (left <= 0) return std::nullopt;
      lkl_pollfd wait = {capture_.get(), LKL_POLLIN, 0};
      struct __lkl__kernel_timespec limit = timespec_of(left);
      lkl_sys_ppoll(&wait, 1, &limit, nullptr, 0);
      continue;
    }
    check_call(size, "packet socket of tun0");
    if (address.sll_pkttype != LKL_PACKET_OUTGOING) continue;
    const std::span<const std::uint8_t> bytes =
        std::span(buffer_).first(static_cast<std::size_t>(size));
    std::optional<WirePacket> packet = read_packet(bytes);
    if (!packet || !(packet->from == setup_.local) || !(packet->to == setup_.remote)) continue;
    return Captured{
        time_of(message).value_or(guest_time()), {bytes.begin(), bytes.end()}, std::move(*packet)};
  }
}

GuestMemory::GuestMemory(std::size_t size) : size_(size) {
  if (size == 0) return;
  void* const address = lkl_sys_mmap(nullptr, size, LKL_PROT_READ | LKL_PROT_WRITE,
                                     LKL_MAP_PRIVATE | LKL_MAP_ANONYMOUS, -1, 0);
  const auto number = reinterpret_cast<lkl_long>(address);
  check_call(number < 0 && number > -4096 ? number : 0, "memory of the kernel");
  data_ = static_cast<char*>(address);
}

GuestMemory::~GuestMemory() {
  if (data_ != nullptr) lkl_sys_munmap(reinterpret_cast<lkl_ulong>(data_), size_);
}

std::optional<std::string> read_guest_file(const std::string& path) {
  const GuestDescriptor file(lkl_sys_open(path.c_str(), LKL_O_RDONLY, 0));
  if (file.get() < 0) return std::nullopt;
  std::string text;
  std::array<char, 4096> chunk;
  for (;;) {
    const long size = lkl_sys_read(static_cast<unsigned>(file.get()), chunk.data(), chunk.size());
    if (size < 0) return std::nullopt;
    if (size == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(size));
  }
}

long write_guest_file(const std::string& path, const std::string& text) {
  const GuestDescriptor file(lkl_sys_open(path.c_str(), LKL_O_WRONLY, 0));
  if (file.get() < 0) return file.get();
  const long size = lkl_sys_write(static_cast<unsigned>(file.get()), text.data(), text.size());
  return std::min(size, 0L);
}

}  // namespace lkl::tool::drill
