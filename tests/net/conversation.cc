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

const Calls kHosts = {
    .read = [](int fd, char* to, size_t size) -> long { return ::read(fd, to, size); },
    .write = [](int fd, const char* from, size_t size) -> long {
      return ::send(fd, from, size, MSG_NOSIGNAL);
    }};

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

}  // namespace lkl_test
