// SPDX-License-Identifier: GPL-2.0
// What both sides of a conversation do, on any host.
#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdio>
#include <thread>

#include "net/conversation.h"

namespace lkl_test {
namespace {

// Each byte of it in its place, whatever order the machine has.
uint16_t network_order(unsigned short number) {
  return std::bit_cast<uint16_t>(
      std::array<uint8_t, 2>{static_cast<uint8_t>(number >> 8), static_cast<uint8_t>(number)});
}

uint32_t ipv4(const char* text) {
  std::array<uint8_t, 4> bytes = {};
  EXPECT_EQ(std::sscanf(text, "%hhu.%hhu.%hhu.%hhu", &bytes[0], &bytes[1], &bytes[2], &bytes[3]),
            4);
  return std::bit_cast<uint32_t>(bytes);
}

}  // namespace

lkl_sockaddr_in address(const char* text, unsigned short port) {
  lkl_sockaddr_in to = {};
  to.sin_family = LKL_AF_INET;
  to.sin_port = network_order(port);
  to.sin_addr.lkl_s_addr = ipv4(text);
  return to;
}

int connect_card(const char* uri, const char* own, unsigned short mtu, lkl_netdev*& nd) {
  lkl_netdev_options options = {};
  options.struct_size = sizeof options;
  options.mtu = mtu;
  if (const int error = lkl_netdev_open(uri, &options, &nd)) return error;
  return add_card(nd, own);
}

int add_card(lkl_netdev* nd, const char* own) {
  const int id = lkl_netdev_add(nd, nullptr);
  if (id < 0) return id;
  const int index = lkl_netdev_get_ifindex(id);
  if (index < 0) return index;
  if (const int error = lkl_if_set_ipv4(index, ipv4(own), 24)) return error;
  return lkl_if_up(index);
}

void know_the_neighbor(const char* whose) {
  const unsigned char mac[6] = {2, 0, 0, 0, 0, 2};
  const lkl_sockaddr_in neighbor = address(whose);
  ASSERT_EQ(lkl_add_neighbor(lkl_ifname_to_ifindex("eth0"), LKL_AF_INET, &neighbor.sin_addr, mac),
            0);
}

namespace {

uint64_t add_to_sum(uint64_t sum, const char* data, size_t size) {
  for (size_t i = 0; i < size; ++i)
    sum = (sum ^ static_cast<unsigned char>(data[i])) * 1099511628211u;
  return sum;
}

}  // namespace

std::vector<char> content(size_t size) {
  std::vector<char> data(size);
  uint64_t state = 88172645463325252u;
  for (char& byte : data) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    byte = static_cast<char>(state >> 32);
  }
  return data;
}

const Calls kOurs = {
    .read = [](int fd, char* to, size_t size) { return lkl_sys_read(fd, to, size); },
    .write = [](int fd, const char* from, size_t size) { return lkl_sys_write(fd, from, size); }};

bool echo(const Calls& calls, int fd) {
  std::vector<char> buffer(60000);
  for (;;) {
    const long count = calls.read(fd, buffer.data(), buffer.size());
    if (count == 0) return true;
    if (count < 0) return false;
    for (long done = 0; done < count;) {
      const long put = calls.write(fd, buffer.data() + done, static_cast<size_t>(count - done));
      if (put <= 0) return false;
      done += put;
    }
  }
}

void talk(const Calls& calls, int fd, size_t size, const std::function<void()>& no_more) {
  const std::vector<char> data = content(size);
  std::thread sends([&] {
    for (size_t done = 0; done < size;) {
      const long put = calls.write(fd, data.data() + done, std::min<size_t>(size - done, 50000));
      ASSERT_GT(put, 0);
      done += static_cast<size_t>(put);
    }
    if (no_more) no_more();
  });
  uint64_t sum = 0;
  size_t got = 0;
  std::vector<char> buffer(70000);
  for (long count;
       (no_more || got < size) && (count = calls.read(fd, buffer.data(), buffer.size())) > 0;) {
    sum = add_to_sum(sum, buffer.data(), static_cast<size_t>(count));
    got += static_cast<size_t>(count);
  }
  sends.join();
  EXPECT_EQ(got, size);
  EXPECT_EQ(sum, add_to_sum(0, data.data(), size));
}

void talk_by_tcp(const char* to, size_t size) {
  const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_STREAM, 0));
  lkl_sockaddr_in there = address(to);
  long result;
  while ((result = lkl_sys_connect(fd, generic(there), sizeof there)) == -LKL_ECONNREFUSED)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_EQ(result, 0);
  talk(kOurs, fd, size, [&] { EXPECT_EQ(lkl_sys_shutdown(fd, LKL_SHUT_WR), 0); });
  EXPECT_EQ(lkl_sys_close(fd), 0);
}

void echo_datagrams(int udp) {
  std::vector<char> packet(65536);
  for (;;) {
    lkl_sockaddr_in6 from = {};
    int length = sizeof from;
    const long count =
        lkl_sys_recvfrom(udp, packet.data(), packet.size(), 0, generic(from), &length);
    if (count < 0) break;
    lkl_sys_sendto(udp, packet.data(), static_cast<size_t>(count), 0, generic(from), length);
  }
}

bool boot_with_network() {
  static lkl_host_operations silent = {};
  silent.print = keep_log;
  kernel_log().clear();
  EXPECT_EQ(lkl_init(&silent), 0);
  EXPECT_EQ(lkl_start_kernel("mem=64M loglevel=4"), 0);
  if (::testing::Test::HasFailure() || kernel_has_ip()) return true;
  lkl_cleanup();
  return false;
}

}  // namespace lkl_test
