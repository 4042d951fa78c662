// SPDX-License-Identifier: GPL-2.0
#include "net/ping.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace lkl::tool {

namespace {

constexpr std::uint8_t kEcho4 = 8, kReply4 = 0, kEcho6 = 128, kReply6 = 129;

std::uint16_t checksum(std::span<const std::uint8_t> bytes) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i++)
    sum += static_cast<unsigned>(i % 2 ? bytes[i] : bytes[i] << 8);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

// Of the answer its message of ICMP: IPv4's has the header in front.
std::span<const std::uint8_t> message_of(bool v6, std::span<const std::uint8_t> packet) {
  if (v6 || packet.empty()) return packet;
  return packet.subspan(std::min<std::size_t>((packet[0] & 0xfU) * 4U, packet.size()));
}

}  // namespace

SocketAddress::SocketAddress(const HostAddress& host, unsigned port, int ifindex)
    : v6(host.v6), size(host.v6 ? sizeof storage.in6 : sizeof storage.in), storage{} {
  if (v6) {
    storage.in6.sin6_family = LKL_AF_INET6;
    storage.in6.sin6_port = htons(static_cast<std::uint16_t>(port));
    std::memcpy(&storage.in6.sin6_addr, host.bytes.data(), host.bytes.size());
    const bool link_local = host.bytes[0] == 0xfe && (host.bytes[1] & 0xc0) == 0x80;
    if (link_local) storage.in6.sin6_scope_id = static_cast<__lkl__u32>(ifindex);
  } else {
    storage.in.sin_family = LKL_AF_INET;
    storage.in.sin_port = htons(static_cast<std::uint16_t>(port));
    std::memcpy(&storage.in.sin_addr, host.bytes.data(), sizeof storage.in.sin_addr);
  }
}

double kernel_seconds() {
  __lkl__kernel_timespec now = {};
  lkl_sys_clock_gettime(LKL_CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

bool KernelSocket::wait(double until) const {
  const double left = std::max(0.0, until - kernel_seconds());
  lkl_pollfd wait = {.fd = fd_, .events = LKL_POLLIN, .revents = 0};
  return lkl_sys_poll(&wait, 1, static_cast<int>(left * 1000) + 1) == 1;
}

std::optional<double> ping(const HostAddress& host, int ifindex) {
  const SocketAddress to(host, 0, ifindex);
  const KernelSocket socket(to.family(), LKL_SOCK_RAW,
                            host.v6 ? LKL_IPPROTO_ICMPV6 : LKL_IPPROTO_ICMP);
  if (socket.get() < 0) return std::nullopt;
  const auto id = static_cast<std::uint16_t>(getpid());
  constexpr unsigned kTries = 3;
  for (unsigned number = 1; number <= kTries; number++) {
    std::array<std::uint8_t, 16> question = {host.v6 ? kEcho6 : kEcho4, 0, 0, 0};
    question[4] = static_cast<std::uint8_t>(id >> 8);
    question[5] = static_cast<std::uint8_t>(id);
    question[7] = static_cast<std::uint8_t>(number);
    if (!host.v6) {  // the kernel makes IPv6's
      const std::uint16_t sum = checksum(question);
      question[2] = static_cast<std::uint8_t>(sum >> 8);
      question[3] = static_cast<std::uint8_t>(sum);
    }
    const double sent = kernel_seconds(), until = sent + 1;
    lkl_sys_sendto(socket.get(), question.data(), question.size(), 0, to.get(), to.size);
    while (kernel_seconds() < until) {
      if (!socket.wait(until)) break;
      std::array<std::uint8_t, 256> packet;
      SocketAddress from({}, 0, 0);
      int size = sizeof from.storage;
      const lkl_long count =
          lkl_sys_recvfrom(socket.get(), packet.data(), packet.size(), LKL_MSG_DONTWAIT,
                           reinterpret_cast<lkl_sockaddr*>(&from.storage), &size);
      if (count <= 0) break;
      const auto answer =
          message_of(host.v6, std::span(packet).first(static_cast<std::size_t>(count)));
      const bool from_there =
          host.v6 ? std::memcmp(&from.storage.in6.sin6_addr, host.bytes.data(), 16) == 0
                  : std::memcmp(&from.storage.in.sin_addr, host.bytes.data(), 4) == 0;
      if (from_there && answer.size() >= 8 && answer[0] == (host.v6 ? kReply6 : kReply4) &&
          std::equal(question.begin() + 4, question.begin() + 8, answer.begin() + 4))
        return kernel_seconds() - sent;
    }
  }
  return std::nullopt;
}

}  // namespace lkl::tool
