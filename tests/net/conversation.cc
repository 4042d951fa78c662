// SPDX-License-Identifier: GPL-2.0
#include "net/conversation.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

namespace lkl_test {

std::string fd_uri(int fd, const char* words) {
  return "fd:" + std::to_string(fd) + words;
}

Wire::Wire(int type) {
  EXPECT_EQ(socketpair(AF_UNIX, type, 0, ends_.data()), 0);
  for (const int end : ends_) {
    const int room = 4 << 20;
    setsockopt(end, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    setsockopt(end, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  }
}

Wire::Wire() : Wire(SOCK_SEQPACKET) {}

Wire::~Wire() {
  for (const int end : ends_) close(end);
}

lkl_sockaddr_in6 address6(const char* text, unsigned short port) {
  lkl_sockaddr_in6 to = {};
  to.sin6_family = LKL_AF_INET6;
  to.sin6_port = htons(port);
  inet_pton(AF_INET6, text, &to.sin6_addr);
  return to;
}

lkl_sockaddr_in address(const char* text, unsigned short port) {
  lkl_sockaddr_in to = {};
  to.sin_family = LKL_AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.lkl_s_addr = inet_addr(text);
  return to;
}

int connect_card(const char* uri, const char* own, unsigned short mtu, lkl_netdev*& nd) {
  lkl_netdev_options options = {};
  options.struct_size = sizeof options;
  options.mtu = mtu;
  if (const int error = lkl_netdev_open(uri, &options, &nd)) return error;
  const int id = lkl_netdev_add(nd, nullptr);
  if (id < 0) return id;
  const int index = lkl_netdev_get_ifindex(id);
  if (index < 0) return index;
  if (const int error = lkl_if_set_ipv4(index, inet_addr(own), 24)) return error;
  return lkl_if_up(index);
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
const Calls kHosts = {
    .read = [](int fd, char* to, size_t size) -> long { return ::read(fd, to, size); },
    .write = [](int fd, const char* from, size_t size) -> long {
      return ::send(fd, from, size, MSG_NOSIGNAL);
    }};

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
    usleep(10'000);
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

pid_t start_peer(const std::string& uri, const char* own, unsigned short mtu) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  alarm(100);
  static lkl_host_operations silent = {};
  silent.print = keep_log;
  lkl_netdev* nd = nullptr;
  if (lkl_init(&silent) || lkl_start_kernel("mem=64M loglevel=4")) _exit(1);
  if (connect_card(uri.c_str(), own, mtu, nd)) _exit(2);
  lkl_sockaddr_in here = address("0.0.0.0");
  const int udp = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
  const int tcp = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_STREAM, 0));
  if (lkl_sys_bind(udp, generic(here), sizeof here)) _exit(3);
  if (lkl_sys_bind(tcp, generic(here), sizeof here) || lkl_sys_listen(tcp, 1)) _exit(4);
  std::thread(echo_datagrams, udp).detach();
  const int fd = static_cast<int>(lkl_sys_accept(tcp, nullptr, nullptr));
  const bool good = fd >= 0 && echo(kOurs, fd);
  lkl_sys_close(fd);
  // what is in flight arrives before the wire is gone
  __lkl__kernel_timespec moment = {.tv_sec = 0, .tv_nsec = 300'000'000};
  lkl_sys_nanosleep(&moment, nullptr);
  _exit(good && complaint_in_log().empty() ? 0 : 5);
}

int end_of(pid_t pid) {
  int status = -1;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

namespace {

bool write_file(const char* path, const std::string& text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  const bool good = fd >= 0 && write(fd, text.data(), text.size()) > 0;
  close(fd);
  return good;
}

}  // namespace

bool enter_own_network() {
  if (unshare(CLONE_NEWNET) == 0) return true;
  const std::string user = std::to_string(geteuid()), group = std::to_string(getegid());
  // as root there, or the rights would end with the next exec()
  return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 && write_file("/proc/self/setgroups", "deny") &&
         write_file("/proc/self/uid_map", "0 " + user + " 1") &&
         write_file("/proc/self/gid_map", "0 " + group + " 1");
}

bool host_up(const char* name, const char* own) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  ifreq request = {};
  std::strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
  auto* in = reinterpret_cast<sockaddr_in*>(&request.ifr_addr);
  in->sin_family = AF_INET;
  in->sin_addr.s_addr = inet_addr(own);
  bool good = ioctl(fd, SIOCSIFADDR, &request) == 0;
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  good = good && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  close(fd);
  return good;
}

void NicTest::SetUp() {
  KernelTest::SetUp();
  if (!kernel_has_ip()) GTEST_SKIP() << "the kernel has no network";
}

char NicTest::carrier() {
  const std::string text = read_kernel_file("/sysfs/class/net/eth0/carrier");
  return text.empty() ? '-' : text[0];
}

}  // namespace lkl_test
