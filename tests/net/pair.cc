// SPDX-License-Identifier: GPL-2.0
#include "net/pair.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace lkl_test {

bool contains(Frame frame, std::string_view bytes) {
  const auto* data = reinterpret_cast<const char*>(frame.data());
  return std::string_view(data, frame.size()).find(bytes) != std::string_view::npos;
}

int ether_type(Frame frame) {
  return frame.size() < 14 ? -1 : frame[12] << 8 | frame[13];
}

int ip_protocol(Frame frame) {
  return ether_type(frame) != 0x0800 || frame.size() < 34 ? -1 : frame[23];
}

WatchedWire::~WatchedWire() {
  for (const Wire& half : halves_) shutdown(half.end(1), SHUT_RDWR);
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

void WatchedWire::start() {
  for (int from : {0, 1})
    threads_[static_cast<size_t>(from)] = std::thread([this, from] { pass(from); });
}

void WatchedWire::set_watch(Watch watch) {
  const std::lock_guard lock(mutex_);
  watch_ = std::move(watch);
}

bool WatchedWire::passes(int from, Frame frame) {
  const std::lock_guard lock(mutex_);
  return !watch_ || watch_(from, frame);
}

void WatchedWire::pass(int from) {
  const int in = halves_[static_cast<size_t>(from)].end(1);
  const int out = halves_[static_cast<size_t>(1 - from)].end(1);
  std::vector<unsigned char> frame(70000);
  for (ssize_t count; (count = recv(in, frame.data(), frame.size(), 0)) > 0;) {
    const Frame seen(frame.data(), static_cast<size_t>(count));
    if (!passes(from, seen)) continue;
    if (send(out, seen.data(), seen.size(), MSG_NOSIGNAL) != count) break;
    bytes_[static_cast<size_t>(from)] += seen.size();
  }
}

void serve() {
  lkl_sockaddr_in6 here = {};  // IPv4 as well
  here.sin6_family = LKL_AF_INET6;
  here.sin6_port = htons(kPort);
  const int udp = static_cast<int>(lkl_sys_socket(LKL_AF_INET6, LKL_SOCK_DGRAM, 0));
  const int tcp = static_cast<int>(lkl_sys_socket(LKL_AF_INET6, LKL_SOCK_STREAM, 0));
  EXPECT_EQ(lkl_sys_bind(udp, generic(here), sizeof here), 0);
  EXPECT_EQ(lkl_sys_bind(tcp, generic(here), sizeof here), 0);
  EXPECT_EQ(lkl_sys_listen(tcp, 8), 0);
  std::thread(echo_datagrams, udp).detach();
  std::thread([tcp] {
    for (int fd; (fd = static_cast<int>(lkl_sys_accept(tcp, nullptr, nullptr))) >= 0;)
      std::thread([fd] {
        echo(kOurs, fd);
        lkl_sys_close(fd);
      }).detach();
  }).detach();
}

void PairTest::start_side(int side, const std::function<void(int side)>& prepare) {
  static lkl_host_operations silent = {};
  silent.print = keep_log;
  kernel_log().clear();
  ASSERT_EQ(lkl_init(&silent), 0);
  ASSERT_EQ(lkl_start_kernel("mem=128M loglevel=5 %s", boot_words_.c_str()), 0);
  for (size_t i = 0; i < wires_.size(); ++i) {
    const std::string own = "10.0." + std::to_string(i) + "." + std::to_string(side + 1);
    lkl_netdev* nd = nullptr;
    ASSERT_EQ(connect_card(wires_[i]->uri(side).c_str(), own.c_str(), mtu_, nd), 0);
    cards_.push_back(nd);
  }
  if (prepare) prepare(side);
}

void PairTest::have_wires(size_t count) {
  while (wires_.size() < count) wires_.push_back(std::make_unique<WatchedWire>());
}

void PairTest::boot(const std::function<void(int side)>& prepare) {
  int ends[2], ready[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(pipe(ready), 0);
  child_ = fork();
  if (child_ == 0) {
    alarm(100);
    close(ends[1]);
    close(ready[0]);
    start_side(1, prepare);
    serve();
    char nothing = 0;
    if (write(ready[1], &nothing, 1) != 1) _exit(8);
    while (read(ends[0], &nothing, 1) > 0) continue;
    const std::string complaint = complaint_in_log();
    if (!complaint.empty()) dprintf(2, "the other kernel complained: %s\n", kernel_log().c_str());
    _exit(complaint.empty() && !HasFailure() ? 0 : 9);
  }
  close(ends[0]);
  close(ready[1]);
  until_ = ends[1];
  start_side(0, prepare);
  for (const auto& wire : wires_) wire->start();
  char nothing;
  EXPECT_EQ(read(ready[0], &nothing, 1), 1);
  close(ready[0]);
}

void PairTest::TearDown() {
  close(until_);
  EXPECT_EQ(end_of(child_), 0);
  if (lkl_is_running()) {
    EXPECT_EQ(lkl_sys_halt(), 0);
  }
  lkl_cleanup();
  for (lkl_netdev* nd : cards_) lkl_netdev_free(nd);
}

namespace {

// What is sent before the other side is ready is lost.
bool ask_until_answered(int fd, const char* to, unsigned short port,
                        const std::vector<char>& packet,
                        const std::function<bool(Frame)>& is_answer) {
  lkl_sockaddr_in there = address(to, port);
  std::vector<unsigned char> answer(packet.size() + 200);
  for (int tries = 0; tries < 200; ++tries) {
    lkl_sys_sendto(fd, packet.data(), packet.size(), 0, generic(there), sizeof there);
    lkl_pollfd wait = {.fd = fd, .events = LKL_POLLIN, .revents = 0};
    for (__lkl__kernel_timespec moment = {.tv_sec = 0, .tv_nsec = 50'000'000};
         lkl_sys_ppoll(&wait, 1, &moment, nullptr, 0) == 1;) {
      const long count = lkl_sys_recvfrom(fd, answer.data(), answer.size(), 0, nullptr, nullptr);
      if (count < 0) break;
      if (is_answer(Frame(answer.data(), static_cast<size_t>(count)))) return true;
    }
  }
  return false;
}

}  // namespace

bool ping(const char* to, size_t size, const char* interface) {
  const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_RAW, LKL_IPPROTO_ICMP));
  if (fd < 0) return false;
  if (interface != nullptr) {
    EXPECT_EQ(set_text_option(fd, LKL_SOL_SOCKET, LKL_SO_BINDTODEVICE, interface), 0);
  }
  // an echo request: type, code, checksum, identifier, sequence
  std::vector<char> packet = content(8 + size);
  const unsigned char head[8] = {8, 0, 0, 0, 0x12, 0x34, 0, 1};
  std::memcpy(packet.data(), head, sizeof head);
  uint32_t sum = 0;
  for (size_t i = 0; i < packet.size(); ++i)
    sum += static_cast<uint32_t>(static_cast<unsigned char>(packet[i])) << (i % 2 ? 0 : 8);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  const uint16_t checksum = htons(static_cast<uint16_t>(~sum));
  std::memcpy(&packet[2], &checksum, sizeof checksum);

  // behind the header of IP: an echo reply with what was sent
  const bool good = ask_until_answered(fd, to, 0, packet, [&](Frame answer) {
    return answer.size() == 20 + packet.size() && answer[20] == 0 &&
           std::memcmp(&answer[24], &packet[4], packet.size() - 4) == 0;
  });
  lkl_sys_close(fd);
  return good;
}

bool echoes_by_udp(const char* to, size_t size) {
  const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
  const std::vector<char> packet = content(size);
  const bool good = ask_until_answered(fd, to, kPort, packet, [&](Frame answer) {
    return answer.size() == size && std::memcmp(answer.data(), packet.data(), size) == 0;
  });
  lkl_sys_close(fd);
  return good;
}

int connect_to(const char* to, int protocol, unsigned short port) {
  lkl_sockaddr_in there = address(to, port);
  for (;;) {
    const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_STREAM, protocol));
    if (fd < 0) return fd;
    const long result = lkl_sys_connect(fd, generic(there), sizeof there);
    if (result == 0) return fd;
    lkl_sys_close(fd);
    if (result != -LKL_ECONNREFUSED) return static_cast<int>(result);
    usleep(10'000);
  }
}

}  // namespace lkl_test
