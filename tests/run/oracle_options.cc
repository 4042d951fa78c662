// SPDX-License-Identifier: GPL-2.0
//
// Names, options, and mistakes.
#include <arpa/inet.h>
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

void both_families() {
  const int listener = socket(AF_INET6, SOCK_STREAM, 0);
  const int off = 0;
  say("set", setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off));
  sockaddr_in6 any = {};
  any.sin6_family = AF_INET6;
  say("bind", bind(listener, reinterpret_cast<sockaddr*>(&any), sizeof any));
  say("listen", listen(listener, 4));
  say("listens", option(listener, SOL_SOCKET, SO_ACCEPTCONN));
  socklen_t size = sizeof any;
  getsockname(listener, reinterpret_cast<sockaddr*>(&any), &size);
  const int four = connect_to(ntohs(any.sin6_port)), six = socket(AF_INET6, SOCK_STREAM, 0);
  any.sin6_addr = in6addr_loopback;
  say("connect", connect(six, reinterpret_cast<sockaddr*>(&any), sizeof any));
  for (int i = 0; i < 2; i++) {
    sockaddr_in6 peer = {};
    size = sizeof peer;
    const int fd = accept(listener, reinterpret_cast<sockaddr*>(&peer), &size);
    char text[INET6_ADDRSTRLEN] = {};
    inet_ntop(AF_INET6, &peer.sin6_addr, text, sizeof text);
    say("peer", text);
    say("size", size);
    close(fd);
  }
  close(four), close(six), close(listener);
}
// Less room than there is to say: as much as there is room for, and how much it would have been.
void small_rooms() {
  const int listener = listen_somewhere();
  char room[64] = {};
  auto* const address = reinterpret_cast<sockaddr*>(room);
  socklen_t size = 4;
  say("getsockname", getsockname(listener, address, &size));
  say("size", size);
  int value = -1;
  size = 2;
  say("getsockopt", getsockopt(listener, SOL_SOCKET, SO_TYPE, &value, &size));
  say("size", size);
  size = 64;
  say("getsockopt", getsockopt(listener, SOL_SOCKET, SO_TYPE, room, &size));
  say("size", size);
  size = static_cast<socklen_t>(-1);
  say("negative", getsockopt(listener, SOL_SOCKET, SO_TYPE, &value, &size));
  say("negative", getsockname(listener, address, &size));
  say("short", setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &value, 1));
  const int near = connect_to(port_of(listener));
  size = 3;
  const int far = accept(listener, address, &size);
  say("accept", far >= 0);
  say("size", size);
  close(near), close(far), close(listener);
}

}  // namespace

std::span<const Case> options_cases() {
  static constexpr Case kCases[] = {
      CASE(names_and_options),
      CASE(mistakes),
      CASE(both_families),
      CASE(small_rooms),
  };
  return kCases;
}

}  // namespace lkl::oracle
