// SPDX-License-Identifier: GPL-2.0
//
// Who waits for several: select, poll, epoll.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "oracle.h"

namespace lkl::oracle {

namespace {

void edges() {
  const int listener = listen_somewhere(SOCK_NONBLOCK);
  const int epoll = epoll_create1(0);
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLET;
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  say("nothing", epoll_wait(epoll, &event, 1, 0));
  const int one = connect_to(port_of(listener));
  say("edge", epoll_wait(epoll, &event, 1, 2000));
  say("no edge", epoll_wait(epoll, &event, 1, 50));
  const int two = connect_to(port_of(listener));
  say("edge", epoll_wait(epoll, &event, 1, 2000));
  const int first = accept(listener, nullptr, nullptr), second = accept(listener, nullptr, nullptr);
  say("both", first >= 0 && second >= 0);
  say("no more", accept(listener, nullptr, nullptr));
  say("no edge", epoll_wait(epoll, &event, 1, 50));
  event.events = EPOLLIN | EPOLLET;
  epoll_ctl(epoll, EPOLL_CTL_ADD, first, &event);
  (void)!write(one, "a", 1);
  say("data", epoll_wait(epoll, &event, 1, 2000));
  for (const int fd : {one, two, first, second, listener, epoll}) close(fd);
}
void epoll_before_bind() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int epoll = epoll_create1(0), outer = epoll_create1(0);
  epoll_event event = {};
  event.events = EPOLLIN;
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  epoll_ctl(outer, EPOLL_CTL_ADD, epoll, &event);
  const sockaddr_in any = loopback(0);
  say("bind", bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any));
  say("listen", listen(fd, 4));
  const int other = connect_to(port_of(fd));
  say("event, by two", epoll_wait(outer, &event, 1, 2000));
  close(other), close(fd), close(epoll), close(outer);
}

}  // namespace

std::span<const Case> events_cases() {
  static constexpr Case kCases[] = {
      CASE(edges),
      CASE(epoll_before_bind),
  };
  return kCases;
}

}  // namespace lkl::oracle
