// SPDX-License-Identifier: GPL-2.0
#include "support/lan.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace lkl_test {
namespace {

constexpr uint8_t kRouterMac[6] = {2, 0, 0, 0, 7, 1};
constexpr uint8_t kRouterV4[4] = {10, 7, 0, 1};
constexpr uint8_t kRouterV6[16] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
constexpr uint8_t kServerV6[16] = {0xfd, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
constexpr size_t kEthernet = 14, kIpv4 = 20, kIpv6 = 40, kUdp = 8;

template <size_t N>
void put(Packet& to, const uint8_t (&bytes)[N]) {
  to.insert(to.end(), bytes, bytes + N);
}
void put(Packet& to, const Packet& bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}
void put16(Packet& to, unsigned value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}
unsigned get16(const Packet& from, size_t at) {
  return static_cast<unsigned>(from[at] << 8 | from[at + 1]);
}
Packet part(const Packet& from, size_t at, size_t size = SIZE_MAX) {
  return Packet(from.begin() + static_cast<long>(at),
                from.begin() + static_cast<long>(at + std::min(size, from.size() - at)));
}
unsigned checksum(const Packet& data) {
  unsigned long sum = 0;
  for (size_t i = 0; i < data.size(); ++i) sum += i % 2 ? data[i] : data[i] << 8u;
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return ~static_cast<unsigned>(sum) & 0xffff;
}
void set16(Packet& to, size_t at, unsigned value) {
  to[at] = static_cast<uint8_t>(value >> 8);
  to[at + 1] = static_cast<uint8_t>(value);
}

// Back to who has sent the frame.
Packet ethernet(const Packet& to, unsigned type, const Packet& payload) {
  Packet frame = part(to, 6, 6);
  put(frame, kRouterMac);
  put16(frame, type);
  put(frame, payload);
  return frame;
}
Packet ipv4(uint8_t protocol, const Packet& to, const Packet& payload) {
  Packet out = {0x45, 0};
  put16(out, static_cast<unsigned>(kIpv4 + payload.size()));
  put(out, Packet{0, 0, 0, 0, 64, protocol, 0, 0});
  put(out, kRouterV4);
  put(out, to);
  set16(out, 10, checksum(out));
  put(out, payload);
  return out;
}
Packet ipv6(uint8_t protocol, const Packet& from, const Packet& to, Packet payload,
            size_t checksum_at) {
  Packet pseudo = from;
  put(pseudo, to);
  put(pseudo, Packet{0, 0});
  put16(pseudo, static_cast<unsigned>(payload.size()));
  put(pseudo, Packet{0, 0, 0, protocol});
  put(pseudo, payload);
  set16(payload, checksum_at, checksum(pseudo));
  Packet out = {0x60, 0, 0, 0};
  put16(out, static_cast<unsigned>(payload.size()));
  put(out, Packet{protocol, 255});
  put(out, from);
  put(out, to);
  put(out, payload);
  return out;
}
Packet udp(unsigned from, unsigned to, const Packet& payload) {
  Packet out;
  put16(out, from);
  put16(out, to);
  put16(out, static_cast<unsigned>(kUdp + payload.size()));
  put16(out, 0);
  put(out, payload);
  return out;
}

}  // namespace

Packet LanOptions::default_dhcp_options() {
  return {1,   4, 255, 255, 255, 0,                           // mask
          3,   4, 10,  7,   0,   1,                           // router
          6,   4, 10,  7,   0,   1,                           // name server
          15,  3, 'l', 'a', 'n', 26,  2, 0x05, 0x78,          // domain, MTU 1400
          51,  4, 0,   0,   14,  16,                          // 3600 s
          119, 9, 3,   'l', 'a', 'n', 0, 2,    'd',  'e', 0,  // search
          255};
}

Lan::Lan(int fd, LanOptions options)
    : fd_(fd), options_(std::move(options)), client_(options_.client) {
  if (pipe2(stop_, O_CLOEXEC)) abort();
  thread_ = std::thread([this] { run(); });
}

Lan::~Lan() {
  close(stop_[1]);
  thread_.join();
  close(stop_[0]);
}

std::vector<int> Lan::dhcp_types() const {
  const std::lock_guard lock(mutex_);
  return dhcp_types_;
}

void Lan::send(const Packet& frame) {
  ::send(fd_, frame.data(), frame.size(), MSG_NOSIGNAL);
}

void Lan::run() {
  for (;;) {
    pollfd wait[2] = {{fd_, POLLIN, 0}, {stop_[0], POLLIN, 0}};
    if (poll(wait, 2, -1) < 0) continue;
    if (wait[1].revents) return;
    Packet frame(65536);
    const ssize_t count = recv(fd_, frame.data(), frame.size(), MSG_DONTWAIT);
    if (count == 0) return;
    if (count < 0) continue;
    frame.resize(static_cast<size_t>(count));
    take(frame);
  }
}

void Lan::take(const Packet& frame) {
  if (frame.size() < kEthernet) return;
  switch (get16(frame, 12)) {
    case 0x806:
      return take_arp(frame);
    case 0x800:
      return take_ipv4(frame);
    case 0x86dd:
      return take_ipv6(frame);
  }
}

void Lan::take_arp(const Packet& frame) {
  if (frame.size() < kEthernet + 28 || get16(frame, 20) != 1 ||
      part(frame, 38, 4) != Packet(kRouterV4, kRouterV4 + 4))
    return;
  Packet answer = part(frame, 14, 6);
  put16(answer, 2);
  put(answer, kRouterMac);
  put(answer, kRouterV4);
  put(answer, part(frame, 22, 10));
  send(ethernet(frame, 0x806, answer));
}

void Lan::take_ipv4(const Packet& frame) {
  constexpr size_t kTransport = kEthernet + kIpv4;
  if (frame.size() < kTransport + 8 || frame[14] != 0x45) return;
  if (checksum(part(frame, kEthernet, kIpv4)) != 0) return;
  const Packet from = part(frame, 26, 4), to = part(frame, 30, 4);
  const Packet payload = part(frame, kTransport, get16(frame, 16) - kIpv4);
  const bool to_router = to == Packet(kRouterV4, kRouterV4 + 4);
  if (frame[23] == 1 && to_router && payload[0] == 8 && options_.ping) {
    ++pings_;
    Packet answer = payload;
    answer[0] = 0;
    set16(answer, 2, 0);
    set16(answer, 2, checksum(answer));
    send(ethernet(frame, 0x800, ipv4(1, from, answer)));
  } else if (frame[23] == 17) {
    Packet pseudo = part(frame, 26, 8);
    put(pseudo, Packet{0, 17});
    put16(pseudo, static_cast<unsigned>(payload.size()));
    put(pseudo, payload);
    if (get16(payload, 6) != 0 && checksum(pseudo) != 0) return;
    const unsigned port = get16(payload, 2);
    if (port == 67) take_dhcp(frame, part(payload, kUdp));
    if (port == 53 && to_router && options_.dns)
      send(ethernet(frame, 0x800,
                    ipv4(17, from, udp(53, get16(payload, 0), answer_dns(part(payload, kUdp))))));
  }
}

void Lan::take_dhcp(const Packet& frame, const Packet& message) {
  if (!options_.dhcp || message.size() < 300) return;
  int type = 0;
  for (size_t at = 240; at + 2 < message.size() && message[at] != 255; at += 2u + message[at + 1])
    if (message[at] == 53) type = message[at + 2];
  {
    const std::lock_guard lock(mutex_);
    dhcp_types_.push_back(type);
  }
  const bool to_all = part(frame, 30, 4) == Packet{255, 255, 255, 255};
  if (to_all) ++asked_all_;
  if (silent_ || (silent_to_one_ && !to_all)) return;
  if (type == 1 && lost_++ >= options_.lost_discovers) answer_dhcp(frame, message, 2);
  if (type == 3) answer_dhcp(frame, message, refused_++ < options_.naks ? 6 : 5);
}

void Lan::answer_dhcp(const Packet& frame, const Packet& question, uint8_t type) {
  Packet message = part(question, 0, 240);
  message[0] = 2;
  const uint8_t given[4] = {10, 7, 0, client_};
  std::copy(given, given + 4, message.begin() + 16);
  put(message, Packet{53, 1, type, 54, 4});
  put(message, kRouterV4);
  put(message, options_.dhcp_options);
  std::vector<Packet> all = {message};
  if (options_.hostile) all = options_.hostile(message);
  for (const Packet& each : all)
    send(ethernet(frame, 0x800, ipv4(17, Packet(given, given + 4), udp(67, 68, each))));
}

// Router advertisement with prefix, RDNSS and DNSSL.
void Lan::advertise(const Packet& frame) {
  Packet message = {134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0};
  put(message, Packet{1, 1});
  put(message, kRouterMac);
  put(message, Packet{3, 4, 64, 0xc0, 0, 0, 14, 16, 0, 0, 14, 16, 0, 0, 0, 0});
  put(message, Packet{0xfd, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  put(message, Packet{25, 3, 0, 0, 0, 0, 14, 16});
  put(message, kServerV6);
  put(message, Packet{31, 2, 0, 0, 0, 0, 14, 16, 3, 'l', 'a', 'n', 0, 0, 0, 0});
  Packet all_hosts(16);
  all_hosts[0] = 0xff;
  all_hosts[1] = 2;
  all_hosts[15] = 1;
  send(ethernet(frame, 0x86dd, ipv6(58, Packet(kRouterV6, kRouterV6 + 16), all_hosts, message, 2)));
}

void Lan::take_ipv6(const Packet& frame) {
  constexpr size_t kTransport = kEthernet + kIpv6;
  if (frame.size() < kTransport + 8) return;
  const Packet from = part(frame, 22, 16), to = part(frame, 38, 16);
  const Packet payload = part(frame, kTransport);
  if (frame[20] == 17 && get16(payload, 2) == 53 && options_.dns) {
    send(ethernet(
        frame, 0x86dd,
        ipv6(17, to, from, udp(53, get16(payload, 0), answer_dns(part(payload, kUdp))), 6)));
    return;
  }
  if (frame[20] != 58 || !options_.router) return;
  if (payload[0] == 133) advertise(frame);
  if (payload[0] == 128 && options_.ping) {
    ++pings_;
    Packet answer = payload;
    answer[0] = 129;
    set16(answer, 2, 0);
    send(ethernet(frame, 0x86dd, ipv6(58, to, from, answer, 2)));
  }
  // somebody looks for one of ours; who looks whether an address is taken has none itself
  if (payload[0] == 135 && payload.size() >= 24 && from != Packet(16)) {
    const Packet target = part(payload, 8, 16);
    if (target != Packet(kRouterV6, kRouterV6 + 16) && target != Packet(kServerV6, kServerV6 + 16))
      return;
    Packet answer = {136, 0, 0, 0, 0xe0, 0, 0, 0};
    put(answer, target);
    put(answer, Packet{2, 1});
    put(answer, kRouterMac);
    send(ethernet(frame, 0x86dd, ipv6(58, target, from, answer, 2)));
  }
}

Packet Lan::answer_dns(const Packet& question) const {
  const Packet name = {4, 'h', 'o', 's', 't', 3, 'l', 'a', 'n', 0};
  if (question.size() < 12 + name.size() + 4) return {};
  const bool known = part(question, 12, name.size()) == name;
  const unsigned type = get16(question, 12 + name.size());
  // without what may be behind the question
  Packet answer = known ? part(question, 0, 12 + name.size() + 4) : question;
  set16(answer, 2, known ? 0x8180 : 0x8183);
  set16(answer, 6, known);
  set16(answer, 10, 0);
  if (!known) return answer;
  put(answer, Packet{0xc0, 12});
  put16(answer, type);
  put(answer, Packet{0, 1, 0, 0, 0, 60});
  put16(answer, type == 28 ? 16 : 4);
  if (type == 28)
    put(answer, kServerV6);
  else
    put(answer, kRouterV4);
  return answer;
}

}  // namespace lkl_test
