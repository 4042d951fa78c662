// SPDX-License-Identifier: GPL-2.0
//
// Who waits for several: select, poll, epoll.
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

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

// As Boost.Asio does it: it is known to epoll from the start, and what is waited for changes.
void changed_around_connect() {
  const int listener = listen_somewhere();
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), epoll = epoll_create1(0);
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLPRI | EPOLLERR | EPOLLHUP | EPOLLET;
  say("add", epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
  const sockaddr_in there = loopback(port_of(listener));
  say("connect", connect(fd, reinterpret_cast<const sockaddr*>(&there), sizeof there));
  event.events |= EPOLLOUT;
  say("change", epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event));
  say("writable", wait_for(fd, POLLOUT));
  // the one of a socket that is not connected may have come before
  for (int i = 0; i < 10 && epoll_wait(epoll, &event, 1, 2000) == 1; i++)
    if ((event.events & (EPOLLOUT | EPOLLHUP)) == EPOLLOUT) break;
  say("event", event.events);
  say("error", error_text(fd));
  const int far = accept(listener, nullptr, nullptr);
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
  say("change", epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event));
  say("nothing", epoll_wait(epoll, &event, 1, 0));
  (void)!write(far, "a", 1);
  say("data", epoll_wait(epoll, &event, 1, 2000));
  say("event", event.events);
  close(far);
  wait_for(fd, POLLRDHUP);
  say("end", epoll_wait(epoll, &event, 1, 2000));
  say("event", event.events);
  say("remove", epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &event));
  say("remove", epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &event));
  close(fd), close(epoll), close(listener);
}
void edges_of_parts() {
  const Pair pair = connected();
  const int epoll = epoll_create1(0);
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLET;
  epoll_ctl(epoll, EPOLL_CTL_ADD, pair.far, &event);
  (void)!write(pair.near, "abcd", 4);
  say("edge", epoll_wait(epoll, &event, 1, 2000));
  char two[2];
  say("a part", read(pair.far, two, sizeof two));
  say("no edge", epoll_wait(epoll, &event, 1, 50));
  event.events = EPOLLIN | EPOLLET;
  say("change", epoll_ctl(epoll, EPOLL_CTL_MOD, pair.far, &event));
  say("again", epoll_wait(epoll, &event, 1, 2000));
  (void)!write(pair.near, "ef", 2);
  say("edge", epoll_wait(epoll, &event, 1, 2000));
  wait_for(pair.far, POLLIN);
  say("rest", read_text(pair.far));
  say("no edge", epoll_wait(epoll, &event, 1, 50));
  event.events = EPOLLOUT | EPOLLET;
  say("change", epoll_ctl(epoll, EPOLL_CTL_MOD, pair.far, &event));
  say("writable", epoll_wait(epoll, &event, 1, 2000));
  say("no edge", epoll_wait(epoll, &event, 1, 50));
  done(pair), close(epoll);
}
void one_shot() {
  const Pair pair = connected();
  const int epoll = epoll_create1(0);
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLONESHOT;
  epoll_ctl(epoll, EPOLL_CTL_ADD, pair.far, &event);
  (void)!write(pair.near, "a", 1);
  say("once", epoll_wait(epoll, &event, 1, 2000));
  say("not again", epoll_wait(epoll, &event, 1, 50));
  (void)!write(pair.near, "b", 1);
  say("not again", epoll_wait(epoll, &event, 1, 50));
  event.events = EPOLLIN | EPOLLONESHOT;
  epoll_ctl(epoll, EPOLL_CTL_MOD, pair.far, &event);
  say("once more", epoll_wait(epoll, &event, 1, 2000));
  done(pair), close(epoll);
}
// As libkqueue has them: three deep, by edges.
void epolls_in_epolls() {
  const Pair pair = connected();
  int epolls[3];
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLET;
  int inner = pair.far;
  for (int& one : epolls) {
    one = epoll_create1(0);
    epoll_ctl(one, EPOLL_CTL_ADD, inner, &event);
    inner = one;
  }
  say("nothing", epoll_wait(inner, &event, 1, 0));
  for (const char* text : {"first", "second"}) {
    (void)!write(pair.near, text, strlen(text));
    say("outer", epoll_wait(epolls[2], &event, 1, 2000));
    say("middle", epoll_wait(epolls[1], &event, 1, 2000));
    say("inner", epoll_wait(epolls[0], &event, 1, 2000));
    say("read", read_text(pair.far));
    say("nothing", epoll_wait(inner, &event, 1, 0));
  }
  done(pair);
  for (const int one : epolls) close(one);
}
void closed_in_epoll() {
  const int epoll = epoll_create1(0);
  int count = 0;
  for (int i = 0; i < 50; i++) {
    const Pair pair = connected();
    epoll_event event = {};
    event.events = EPOLLIN;
    epoll_ctl(epoll, EPOLL_CTL_ADD, pair.far, &event);
    (void)!write(pair.near, "a", 1);
    wait_for(pair.far, POLLIN);
    done(pair);
    count += epoll_wait(epoll, &event, 1, 0);
  }
  say("events", count);
  close(epoll);
}
void hang_ups() {
  const Pair pair = connected();
  constexpr short kAll = POLLIN | POLLOUT | POLLRDHUP;
  say("open", wait_for(pair.near, kAll));
  shutdown(pair.far, SHUT_WR);
  wait_for(pair.near, POLLRDHUP);
  say("far half", wait_for(pair.near, kAll));
  say("own half", wait_for(pair.far, kAll));
  shutdown(pair.near, SHUT_WR);
  wait_for(pair.far, POLLRDHUP);
  wait_for(pair.near, POLLHUP);
  say("both", wait_for(pair.far, kAll));
  say("both", wait_for(pair.near, kAll));
  done(pair);
}
void selected() {
  const Pair pair = connected();
  const int listener = listen_somewhere(), datagram = datagrams();
  int ends[2];
  (void)!pipe(ends);
  const int fds[] = {pair.near, pair.far, listener, datagram, ends[0]};
  const auto look = [&](const char* when) {
    fd_set in, out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    int most = 0;
    for (const int fd : fds) {
      FD_SET(fd, &in);
      FD_SET(fd, &out);
      most = std::max(most, fd);
    }
    FD_CLR(listener, &out);
    timeval none = {0, 200'000};
    const int count = select(most + 1, &in, &out, nullptr, &none);
    std::string text = std::to_string(count) + " ";
    for (const int fd : fds) text += FD_ISSET(fd, &in) ? 'r' : '-';
    for (const int fd : fds) text += FD_ISSET(fd, &out) ? 'w' : '-';
    say(when, text);
  };
  look("at first");
  (void)!write(pair.near, "a", 1);
  (void)!write(ends[1], "b", 1);
  const int client = connect_to(port_of(listener));
  const sockaddr_in there = loopback(port_of(datagram));
  sendto(datagram, "c", 1, 0, reinterpret_cast<const sockaddr*>(&there), sizeof there);
  for (const int fd : {pair.far, listener, datagram}) wait_for(fd, POLLIN);
  look("then");
  close(client), close(listener), close(datagram), close(ends[0]), close(ends[1]);
  done(pair);
}
void both_worlds() {
  const Pair pair = connected();
  const int event_fd = eventfd(0, 0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
  int ends[2];
  (void)!pipe(ends);
  const int epoll = epoll_create1(0);
  const int fds[] = {pair.far, event_fd, timer, ends[0]};
  for (unsigned i = 0; i < std::size(fds); i++) {
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.u32 = i;
    epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event);
  }
  const auto which = [&] {
    epoll_event event = {};
    return epoll_wait(epoll, &event, 1, 2000) == 1 ? static_cast<long>(event.data.u32) : 99L;
  };
  char bytes[8];
  (void)!write(pair.near, "a", 1);
  say("socket", which());
  (void)!read(pair.far, bytes, 1);
  const uint64_t one = 1;
  (void)!write(event_fd, &one, sizeof one);
  say("event", which());
  (void)!read(event_fd, bytes, sizeof bytes);
  const itimerspec soon = {{}, {0, 1'000'000}};
  timerfd_settime(timer, 0, &soon, nullptr);
  say("timer", which());
  (void)!read(timer, bytes, sizeof bytes);
  (void)!write(ends[1], "b", 1);
  say("pipe", which());
  (void)!read(ends[0], bytes, 1);
  epoll_event event = {};
  say("nothing", epoll_wait(epoll, &event, 1, 50));
  for (const int fd : {event_fd, timer, ends[0], ends[1], epoll}) close(fd);
  done(pair);
}

}  // namespace

std::span<const Case> events_cases() {
  static constexpr Case kCases[] = {
      CASE(edges),    CASE(epoll_before_bind), OFTEN(changed_around_connect), CASE(edges_of_parts),
      CASE(one_shot), CASE(epolls_in_epolls),  CASE(closed_in_epoll),         OFTEN(hang_ups),
      CASE(selected), CASE(both_worlds),
  };
  return kCases;
}

}  // namespace lkl::oracle
