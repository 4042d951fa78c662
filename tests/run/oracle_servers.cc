// SPDX-License-Identifier: GPL-2.0
//
// Who listens, by several threads and processes.
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "oracle.h"

namespace lkl::oracle {

namespace {

void blocked_accept() {
  const int listener = listen_somewhere();
  std::vector<std::thread> threads;
  int accepted[2] = {-1, -1};
  for (int& one : accepted) threads.emplace_back([&] { one = accept(listener, nullptr, nullptr); });
  usleep(50'000);
  const int one = connect_to(port_of(listener)), two = connect_to(port_of(listener));
  for (std::thread& thread : threads) thread.join();
  say("both", accepted[0] >= 0 && accepted[1] >= 0 && accepted[0] != accepted[1]);
  close(one), close(two), close(accepted[0]), close(accepted[1]), close(listener);
}
void forked_server() {
  const int listener = listen_somewhere();
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 3; i++) {
      const int fd = accept(listener, nullptr, nullptr);
      (void)!write(fd, "child", 5);
      close(fd);
    }
    _exit(0);
  }
  const int port = port_of(listener);
  close(listener);
  for (int i = 0; i < 3; i++) {
    const int fd = connect_to(port);
    say("read", read_text(fd));
    say("read", read_text(fd));
    close(fd);
  }
  int status = -1;
  waitpid(child, &status, 0);
  say("child", status);
  say("nobody", connect_to(port));
}
void child_closes_the_listener() {
  const int listener = listen_somewhere();
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    close(listener);
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  say("child", status);
  const int near = connect_to(port_of(listener)), far = accept(listener, nullptr, nullptr);
  (void)!write(near, "still there", 11);
  say("read", read_text(far));
  close(near), close(far), close(listener);
}
void address_in_use() {
  const int one = listen_somewhere(), two = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in same = loopback(port_of(one));
  say("bind", bind(two, reinterpret_cast<sockaddr*>(&same), sizeof same));
  close(one);
  say("bind", bind(two, reinterpret_cast<sockaddr*>(&same), sizeof same));
  close(two);
}
// One program by TCP and UDP, in one poll().
void both_kinds() {
  const int listener = listen_somewhere(), datagram = datagrams();
  std::thread server([&] {
    int stream = -1;
    for (int left = 20; left > 0;) {
      pollfd fds[] = {{listener, POLLIN, 0}, {datagram, POLLIN, 0}, {stream, POLLIN, 0}};
      if (poll(fds, 3, 5000) <= 0) return;
      char text[64];
      if (fds[0].revents != 0) stream = accept(listener, nullptr, nullptr);
      if (fds[1].revents != 0) {
        sockaddr_in from = {};
        socklen_t size = sizeof from;
        const ssize_t count =
            recvfrom(datagram, text, sizeof text, 0, reinterpret_cast<sockaddr*>(&from), &size);
        sendto(datagram, text, static_cast<size_t>(count), 0, reinterpret_cast<sockaddr*>(&from),
               size);
        left--;
      }
      if (fds[2].revents != 0) {
        const ssize_t count = read(stream, text, sizeof text);
        (void)!write(stream, text, static_cast<size_t>(count));
        left--;
      }
    }
    close(stream);
  });
  const int stream = connect_to(port_of(listener)), other = datagrams();
  const sockaddr_in there = loopback(port_of(datagram));
  connect(other, reinterpret_cast<const sockaddr*>(&there), sizeof there);
  int good = 0;
  for (int i = 0; i < 10; i++) {
    const std::string text = std::to_string(i);
    (void)!write(stream, text.data(), text.size());
    (void)!write(other, text.data(), text.size());
    good += read_text(stream) == "\"" + text + "\"";
    good += read_text(other) == "\"" + text + "\"";
  }
  server.join();
  say("answers", good);
  close(stream), close(other), close(listener), close(datagram);
}
// A listener for each thread, all at one port.
void listeners_of_threads() {
  constexpr int kThreads = 4, kConnections = 60;
  std::vector<int> listeners;
  int on = 1, port = 0;
  for (int i = 0; i < kThreads; i++) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    const sockaddr_in here = loopback(port);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0)
      return say("bind", -1);
    listen(fd, kConnections);
    port = port_of(fd);
    listeners.push_back(fd);
  }
  const int over = eventfd(0, 0);
  std::atomic<int> accepted = 0;
  std::vector<std::thread> threads;
  for (const int listener : listeners)
    threads.emplace_back([&, listener] {
      const int epoll = epoll_create1(0);
      epoll_event event = {};
      event.events = EPOLLIN;
      event.data.fd = listener;
      epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
      event.data.fd = over;
      epoll_ctl(epoll, EPOLL_CTL_ADD, over, &event);
      while (epoll_wait(epoll, &event, 1, -1) == 1 && event.data.fd != over)
        for (int fd; (fd = accept(listener, nullptr, nullptr)) >= 0; close(fd)) {
          (void)!write(fd, "hello", 5);
          accepted++;
        }
      close(epoll);
    });
  int answered = 0;
  for (int i = 0; i < kConnections; i++) {
    const int fd = connect_to(port);
    answered += read_text(fd) == "\"hello\"";
    close(fd);
  }
  const uint64_t one = 1;
  (void)!write(over, &one, sizeof one);
  for (std::thread& thread : threads) thread.join();
  say("accepted", accepted);
  say("answered", answered);
  for (const int fd : listeners) close(fd);
  close(over);
}
// Of several who wait for one listener somebody is woken, and nobody twice.
void exclusive() {
  const int listener = listen_somewhere(SOCK_NONBLOCK), over = eventfd(0, 0);
  std::atomic<int> accepted = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; i++)
    threads.emplace_back([&] {
      const int epoll = epoll_create1(0);
      epoll_event event = {};
      event.events = EPOLLIN | EPOLLEXCLUSIVE;
      event.data.fd = listener;
      epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
      event.events = EPOLLIN;
      event.data.fd = over;
      epoll_ctl(epoll, EPOLL_CTL_ADD, over, &event);
      while (epoll_wait(epoll, &event, 1, -1) == 1 && event.data.fd != over) {
        const int fd = accept(listener, nullptr, nullptr);
        if (fd < 0) continue;
        accepted++;
        (void)!write(fd, "a", 1);
        close(fd);
      }
      close(epoll);
    });
  int answered = 0;
  for (int i = 0; i < 30; i++) {
    const int fd = connect_to(port_of(listener));
    answered += read_text(fd) == "\"a\"";
    close(fd);
  }
  const uint64_t one = 1;
  (void)!write(over, &one, sizeof one);
  for (std::thread& thread : threads) thread.join();
  say("accepted", accepted);
  say("answered", answered);
  close(listener), close(over);
}

}  // namespace

std::span<const Case> servers_cases() {
  static constexpr Case kCases[] = {
      CASE(blocked_accept), CASE(forked_server), CASE(child_closes_the_listener),
      CASE(address_in_use), CASE(both_kinds),    CASE(listeners_of_threads),
      CASE(exclusive),
  };
  return kCases;
}

}  // namespace lkl::oracle
