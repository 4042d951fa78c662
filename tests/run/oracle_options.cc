// SPDX-License-Identifier: GPL-2.0
//
// Names, options, and mistakes.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oracle.h"

namespace lkl::oracle {

namespace {

void names_and_options() {
  const Pair pair = connected();
  sockaddr_in near = {}, far = {};
  socklen_t size = sizeof near;
  say("getsockname", getsockname(pair.near, reinterpret_cast<sockaddr*>(&near), &size));
  say("getpeername", getpeername(pair.far, reinterpret_cast<sockaddr*>(&far), &size));
  say("same", near.sin_port == far.sin_port && near.sin_addr.s_addr == far.sin_addr.s_addr);
  say("type", option(pair.near, SOL_SOCKET, SO_TYPE));
  say("family", option(pair.near, SOL_SOCKET, SO_DOMAIN));
  say("protocol", option(pair.near, SOL_SOCKET, SO_PROTOCOL));
  int one = 1;
  say("nodelay", setsockopt(pair.near, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
  say("nodelay is", option(pair.near, IPPROTO_TCP, TCP_NODELAY));
  tcp_info info = {};
  size = sizeof info;
  getsockopt(pair.near, IPPROTO_TCP, TCP_INFO, &info, &size);
  say("state", info.tcpi_state);
  say("no such option", setsockopt(pair.near, SOL_SOCKET, 9999, &one, sizeof one));
  say("bad memory", setsockopt(pair.near, IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<void*>(8), 4));
  say("bad name", getsockname(pair.near, reinterpret_cast<sockaddr*>(8), &size));
  done(pair);
  const int fresh = socket(AF_INET, SOCK_STREAM, 0);
  say("not connected", getpeername(fresh, reinterpret_cast<sockaddr*>(&near), &size));
  say("shut down", shutdown(fresh, SHUT_RDWR));
  say("accept", accept(fresh, nullptr, nullptr));
  close(fresh);
}
void mistakes() {
  say("family", socket(AF_MAX + 5, SOCK_STREAM, 0));
  say("protocol", socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
  say("pair", socketpair(AF_INET, SOCK_STREAM, 0, nullptr));
  const sockaddr_in there = loopback(1);
  const auto* const address = reinterpret_cast<const sockaddr*>(&there);
  say("no descriptor", connect(999, address, sizeof there));
  int ends[2];
  (void)!pipe(ends);
  say("no socket", connect(ends[0], address, sizeof there));
  close(ends[0]), close(ends[1]);
  const int fd = datagrams();
  say("no stream", listen(fd, 1));
  say("no stream", accept(fd, nullptr, nullptr));
  say("short", connect(fd, address, 2));
  say("long", connect(fd, address, 4096));
  say("bad memory", connect(fd, reinterpret_cast<sockaddr*>(8), sizeof there));
  say("bad memory", sendto(fd, reinterpret_cast<void*>(8), 10, 0, address, sizeof there));
  say("bad message", recvmsg(fd, reinterpret_cast<msghdr*>(8), 0));
  msghdr message = {};
  message.msg_iovlen = 5000;
  say("parts", sendmsg(fd, &message, 0));
  close(fd);
  say("ring", syscall(425 /* io_uring_setup */, 0, nullptr) < 0);
}

}  // namespace

std::span<const Case> options_cases() {
  static constexpr Case kCases[] = {
      CASE(names_and_options),
      CASE(mistakes),
  };
  return kCases;
}

}  // namespace lkl::oracle
