// SPDX-License-Identifier: GPL-2.0
#include "net/two_networks.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "net/conversation.h"

namespace lkl_test {

bool run_command(const std::string& command) {
  const std::string quiet = "PATH=$PATH:/usr/sbin:/sbin; " + command + " >/dev/null 2>&1";
  return std::system(quiet.c_str()) == 0;
}

std::string output_of(const std::string& command) {
  const std::string quiet = "PATH=$PATH:/usr/sbin:/sbin; " + command + " 2>/dev/null";
  std::string text;
  FILE* const pipe = popen(quiet.c_str(), "re");
  if (!pipe) return text;
  char piece[4096];
  for (size_t count; (count = fread(piece, 1, sizeof piece, pipe)) > 0;) text.append(piece, count);
  pclose(pipe);
  return text;
}

sockaddr_in host_address(const char* text, unsigned short port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = inet_addr(text);
  return address;
}

TwoNetworks::TwoNetworks(unsigned mtu) {
  ready_ = make(mtu);
}

TwoNetworks::~TwoNetworks() {
  if (udp_ >= 0) shutdown(udp_, SHUT_RDWR);
  if (tcp_ >= 0) shutdown(tcp_, SHUT_RDWR);
  if (udp_echo_.joinable()) udp_echo_.join();
  if (tcp_echo_.joinable()) tcp_echo_.join();
  for (const int fd : {udp_, tcp_, far_})
    if (fd >= 0) close(fd);
}

bool TwoNetworks::make(unsigned mtu) {
  if (!enter_own_network()) return false;
  bool good = run_command("ip link set lo up");
  std::thread there([&] {
    const std::string near = std::to_string(getpid()), size = std::to_string(mtu);
    good = good && unshare(CLONE_NEWNET) == 0 &&
           run_command("ip link add far0 mtu " + size + " type veth peer name near0 mtu " + size) &&
           run_command("ip link set near0 netns " + near) && run_command("ip link set lo up") &&
           host_up("far0", kFarAddress);
    far_ = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  });
  there.join();
  return good && far_ >= 0 && run_command("ip link set near0 up");
}

void TwoNetworks::in_far(const std::function<void()>& body) const {
  std::thread([&] {
    if (setns(far_, CLONE_NEWNET) == 0) body();
  }).join();
}

bool TwoNetworks::start_echo() {
  in_far([this] {
    udp_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    tcp_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(tcp_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  });
  const sockaddr_in here = host_address("0.0.0.0", kPort);
  const auto* generic = reinterpret_cast<const sockaddr*>(&here);
  if (bind(udp_, generic, sizeof here) || bind(tcp_, generic, sizeof here) || listen(tcp_, 4))
    return false;
  udp_echo_ = std::thread([this] {
    std::vector<char> packet(65536);
    sockaddr_in from = {};
    for (;;) {
      socklen_t length = sizeof from;
      auto* address = reinterpret_cast<sockaddr*>(&from);
      const ssize_t count = recvfrom(udp_, packet.data(), packet.size(), 0, address, &length);
      if (count <= 0) return;
      sendto(udp_, packet.data(), static_cast<size_t>(count), 0, address, length);
    }
  });
  tcp_echo_ = std::thread([this] {
    const int fd = accept(tcp_, nullptr, nullptr);
    echoed_ = fd >= 0 && echo(kHosts, fd);
    close(fd);
  });
  return true;
}

bool TwoNetworks::echo_ended() {
  tcp_echo_.join();
  return echoed_;
}

int TwoNetworks::replies_to_ping(const char* to, size_t size) const {
  int count = 0;
  in_far([&] {
    const int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
    std::vector<char> packet(sizeof(icmphdr) + size, 'x');
    icmphdr header = {};
    header.type = ICMP_ECHO;
    header.un.echo.id = htons(0x4c4b);
    uint32_t sum = 0;
    std::memcpy(packet.data(), &header, sizeof header);
    for (size_t i = 0; i + 1 < packet.size(); i += 2) {
      uint16_t word;
      std::memcpy(&word, packet.data() + i, sizeof word);
      sum += word;
    }
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    header.checksum = static_cast<uint16_t>(~sum);
    std::memcpy(packet.data(), &header, sizeof header);
    const sockaddr_in address = host_address(to, 0);
    if (sendto(fd, packet.data(), packet.size(), 0, reinterpret_cast<const sockaddr*>(&address),
               sizeof address) < 0)
      count = -1;
    pollfd wait = {.fd = fd, .events = POLLIN, .revents = 0};
    std::vector<char> answer(65536);
    // the first one may be late; a second one follows it at once
    while (count >= 0 && poll(&wait, 1, count ? 300 : 10'000) == 1) {
      const ssize_t got = recv(fd, answer.data(), answer.size(), 0);
      icmphdr reply;
      if (got < static_cast<ssize_t>(20 + sizeof reply)) continue;
      std::memcpy(&reply, answer.data() + 20, sizeof reply);
      if (reply.type == ICMP_ECHOREPLY && reply.un.echo.id == header.un.echo.id &&
          static_cast<size_t>(got) == 20 + packet.size())
        ++count;
    }
    close(fd);
  });
  return count;
}

}  // namespace lkl_test
