// SPDX-License-Identifier: GPL-2.0
//
// Sockets that several processes have.
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "oracle.h"

namespace lkl::oracle {

namespace {

pid_t start(const std::function<int()>& child) {
  fflush(stdout);
  const pid_t pid = fork();
  if (pid == 0) _exit(child());
  return pid;
}
void ends(const char* what, pid_t child) {
  int status = -1;
  waitpid(child, &status, 0);
  say(what, status);
}
void in_child(const char* what, const std::function<int()>& child) {
  ends(what, start(child));
}

int accepts_and_says(int listener, const char* text) {
  const int fd = accept(listener, nullptr, nullptr);
  const bool good = fd >= 0 && write(fd, text, strlen(text)) == static_cast<ssize_t>(strlen(text));
  close(fd);
  return good ? 0 : 1;
}

// A stream that both write to and read from, one after the other.
void stream_of_two() {
  const Pair pair = connected();
  (void)!write(pair.far, "for the child, and for the parent", 33);
  in_child("child", [&] {
    char text[13];
    const bool good = read(pair.near, text, sizeof text) == sizeof text;
    (void)!write(pair.near, "child ", 6);
    return good ? 0 : 1;
  });
  (void)!write(pair.near, "parent", 6);
  say("rest", read_text(pair.near));
  usleep(20'000);
  say("read", read_text(pair.far));
  in_child("child", [&] { return option(pair.near, SOL_SOCKET, SO_TYPE) == SOCK_STREAM ? 0 : 1; });
  shutdown(pair.near, SHUT_WR);
  say("end", read_text(pair.far));
  close(pair.far);
  say("end", read_text(pair.near));
  close(pair.near);
}
// One after the other accepts, and the parent is told of it by its old epoll instance.
void listener_of_two() {
  const int listener = listen_somewhere(), epoll = epoll_create1(0);
  epoll_event event = {.events = EPOLLIN, .data = {.u64 = 0x1234567890}};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  for (int i = 0; i < 3; i++) {
    const pid_t child = start([&] { return accepts_and_says(listener, "by the child"); });
    const int one = connect_to(port_of(listener));
    say("read", read_text(one));
    ends("child", child);
    close(one);
    say("none", epoll_wait(epoll, &event, 1, 0));
    const int two = connect_to(port_of(listener));
    say("told", epoll_wait(epoll, &event, 1, 2000));
    say("data", static_cast<long>(event.data.u64));
    say("events", event.events);
    say("accepted", accepts_and_says(listener, "by the parent"));
    say("read", read_text(two));
    close(two);
  }
  say("changed", epoll_ctl(epoll, EPOLL_CTL_MOD, listener, &event));
  say("out", epoll_ctl(epoll, EPOLL_CTL_DEL, listener, &event));
  say("out again", epoll_ctl(epoll, EPOLL_CTL_DEL, listener, &event));
  close(epoll), close(listener);
}
void datagrams_of_two() {
  const int fd = datagrams(), other = datagrams();
  const sockaddr_in there = loopback(port_of(fd));
  const auto* const to = reinterpret_cast<const sockaddr*>(&there);
  const auto take = [&] {
    char text[32];
    sockaddr_in from = {};
    socklen_t size = sizeof from;
    const ssize_t count =
        recvfrom(fd, text, sizeof text, 0, reinterpret_cast<sockaddr*>(&from), &size);
    return ntohs(from.sin_port) == port_of(other) ? std::string(text, static_cast<size_t>(count))
                                                  : "of another";
  };
  for (const char* text : {"one", "two", "three"})
    sendto(other, text, strlen(text), 0, to, sizeof there);
  in_child("child", [&] { return take() == "one" ? 0 : 1; });
  say("then", take());
  in_child("child", [&] { return take() == "three" ? 0 : 1; });
  in_child("child", [&] { return sendto(fd, "to itself", 9, 0, to, sizeof there) == 9 ? 0 : 1; });
  say("sent", read_text(fd).size());
  close(fd), close(other);
}
void children_of_children() {
  const int listener = listen_somewhere();
  const pid_t child =
      start([&] { return fork() == 0 ? accepts_and_says(listener, "by a child's child") : 0; });
  const int port = port_of(listener);
  close(listener);
  const int fd = connect_to(port);
  say("read", read_text(fd));
  say("end", read_text(fd));
  ends("child", child);
  close(fd);
}
// It has them, and does nothing with them: nobody notices.
void inherited_for_nothing() {
  const Pair pair = connected();
  const int fd = datagrams(), listener = listen_somewhere();
  for (int i = 0; i < 2; i++) {
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      execl("/bin/true", "true", nullptr);
      _exit(1);
    }
    ends("child", child);
    (void)!write(pair.near, "to far", 6);
    say("read", read_text(pair.far));
    (void)!write(pair.far, "to near", 7);
    say("read", read_text(pair.near));
    const sockaddr_in there = loopback(port_of(fd));
    sendto(fd, "x", 1, 0, reinterpret_cast<const sockaddr*>(&there), sizeof there);
    say("datagram", read_text(fd));
    const int near = connect_to(port_of(listener));
    say("accepted", accepts_and_says(listener, "hello"));
    say("read", read_text(near));
    close(near);
  }
  close(fd), close(listener), done(pair);
}
// A child makes one, and hands it to its parent.
void handed_up() {
  int ends_of_it[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, ends_of_it);
  const Pair first = connected();
  const pid_t child = start([&] {
    const int listener = listen_somewhere();
    send_descriptor(ends_of_it[1], listener);
    return 0;
  });
  const int listener = take_descriptor(ends_of_it[0]);
  ends("child", child);
  say("port", port_of(listener) > 0);
  say("listens", option(listener, SOL_SOCKET, SO_ACCEPTCONN));
  const int near = connect_to(port_of(listener));
  say("poll", wait_for(listener, POLLIN));
  say("accepted", accepts_and_says(listener, "handed up"));
  say("read", read_text(near));
  close(near), close(listener), close(ends_of_it[0]), close(ends_of_it[1]), done(first);
}
void nothing(int) {}
void signals_where_two_wait() {
  const int listener = listen_somewhere();
  in_child("child", [&] { return wait_for(listener, POLLIN, 0) == 0 ? 0 : 1; });
  const pthread_t me = pthread_self();
  const int port = port_of(listener);
  for (const int flags : {0, SA_RESTART}) {
    struct sigaction action = {};
    action.sa_handler = nothing;
    action.sa_flags = flags;
    sigaction(SIGUSR1, &action, nullptr);
    std::thread other([&] {
      usleep(50'000);
      pthread_kill(me, SIGUSR1);
      usleep(50'000);
      if (flags != 0) close(connect_to(port));
    });
    const int accepted = accept(listener, nullptr, nullptr);
    say("accept", accepted >= 0 ? 0 : accepted);
    if (accepted >= 0) close(accepted);
    other.join();
  }
  const timeval little = {0, 30'000};
  setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &little, sizeof little);
  say("too late", accept(listener, nullptr, nullptr));
  close(listener);
}
// What is closed by a child that has ended is closed.
void addresses_after_children() {
  for (int i = 0; i < 5; i++) {
    const int listener = listen_somewhere();
    const int port = port_of(listener);
    const pid_t child = start([&] { return wait_for(listener, POLLIN, 0) == 0 ? 0 : 1; });
    close(listener);
    ends("child", child);
    const int again = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in same = loopback(port);
    say("bind", bind(again, reinterpret_cast<const sockaddr*>(&same), sizeof same));
    close(again);
    // nor is one that nobody has used
    const int unused = listen_somewhere();
    const int its = port_of(unused);
    in_child("idle", [] { return 0; });
    close(unused);
    say("nobody", connect_to(its));
  }
}
// Some of them before there is a socket.
void made_by_many() {
  std::vector<pid_t> children;
  for (int i = 0; i < 4; i++)
    children.push_back(start([] {
      const Pair pair = connected();
      (void)!write(pair.near, "own", 3);
      return read_text(pair.far) == "\"own\"" ? 0 : 1;
    }));
  const Pair pair = connected();
  for (int i = 0; i < 4; i++)
    children.push_back(start([&] {
      const int fd = connect_to(port_of(pair.far));
      return fd < 0 && write(pair.near, "x", 1) == 1 ? 0 : 1;
    }));
  for (const pid_t child : children) ends("child", child);
  usleep(20'000);
  say("read", read_text(pair.far));
  done(pair);
}
// Threads go on while others fork.
void forks_beside_threads() {
  const Pair pair = connected();
  bool goes_on = true;
  long bytes = 0;
  std::thread writer([&] {
    char text[1000] = {};
    for (int i = 0; i < 2000; i++) (void)!write(pair.near, text, sizeof text);
    shutdown(pair.near, SHUT_WR);
  });
  std::thread reader([&] {
    char text[4096];
    for (ssize_t count; (count = read(pair.far, text, sizeof text)) > 0;) bytes += count;
    goes_on = false;
  });
  int good = 0;
  for (int i = 0; i < 20; i++) {
    const pid_t child = start([] {
      const int fd = datagrams();
      return port_of(fd) > 0 ? 0 : 1;
    });
    int status = -1;
    waitpid(child, &status, 0);
    good += status == 0;
  }
  writer.join(), reader.join();
  say("children", good);
  say("bytes", bytes);
  say("over", !goes_on);
  done(pair);
}

}  // namespace

std::span<const Case> families_cases() {
  static constexpr Case kCases[] = {
      CASE(stream_of_two),          CASE(listener_of_two),          CASE(datagrams_of_two),
      CASE(children_of_children),   CASE(inherited_for_nothing),    CASE(handed_up),
      CASE(signals_where_two_wait), CASE(addresses_after_children), CASE(made_by_many),
      CASE(forks_beside_threads),
  };
  return kCases;
}

}  // namespace lkl::oracle
