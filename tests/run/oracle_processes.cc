// SPDX-License-Identifier: GPL-2.0
//
// Descriptors of several threads and processes.
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "oracle.h"

namespace lkl::oracle {

namespace {

void copies() {
  const Pair pair = connected();
  const int copy = dup(pair.near);
  close(pair.near);
  (void)!write(copy, "copy", 4);
  say("read", read_text(pair.far));
  dup2(copy, 200);
  close(copy);
  (void)!write(200, "two", 3);
  say("read", read_text(pair.far));
  say("type", option(200, SOL_SOCKET, SO_TYPE));
  close(200);
  say("read", read_text(pair.far));
  close(pair.far);
}
void passed() {
  const Pair pair = connected();
  int ends[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    close(pair.near);
    const int fd = take_descriptor(ends[1]);
    (void)!write(fd, "passed", 6);
    _exit(option(fd, SOL_SOCKET, SO_DOMAIN) == AF_INET ? 0 : 2);
  }
  send_descriptor(ends[0], pair.near);
  close(pair.near);
  say("read", read_text(pair.far));
  int status = -1;
  waitpid(child, &status, 0);
  say("child", status);
  close(ends[0]), close(ends[1]), close(pair.far);
}
void exhausted() {
  const int listener = listen_somewhere(SOCK_NONBLOCK);
  const int one = connect_to(port_of(listener));
  wait_for(listener, POLLIN);
  rlimit before = {};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit small = {30, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &small);
  std::vector<int> fds;
  for (int fd; (fd = open("/dev/null", O_RDONLY)) >= 0;) fds.push_back(fd);
  say("socket", socket(AF_INET, SOCK_STREAM, 0));
  say("accept", accept(listener, nullptr, nullptr));
  say("still there", wait_for(listener, POLLIN, 0));
  for (const int fd : fds) close(fd);
  setrlimit(RLIMIT_NOFILE, &before);
  const int fd = accept(listener, nullptr, nullptr);
  say("accepted", fd >= 0);
  close(fd), close(one), close(listener);
}
void closed_all() {
  const Pair pair = connected();
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    close_range(3, ~0U, 0);
    const Pair own = connected();
    const bool good = write(own.near, "x", 1) == 1 && read_text(own.far) == "\"x\"";
    _exit(good ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  say("child", status);
  (void)!write(pair.near, "mine", 4);
  say("parent", read_text(pair.far));
  done(pair);
}

// As libuv starts programs: the child has our memory, and descriptors of its own.
void vforked() {
  const Pair pair = connected();
  fflush(stdout);
  const pid_t child = vfork();
  if (child == 0) {
    dup2(pair.near, 1);
    close(pair.near);
    close(pair.far);
    execl("/bin/echo", "echo", "by a child", nullptr);
    _exit(1);
  }
  say("read", read_text(pair.far));
  int status = -1;
  waitpid(child, &status, 0);
  say("child", status);
  (void)!write(pair.near, "by us", 5);
  say("read", read_text(pair.far));
  done(pair);
}
void spawned() {
  const Pair pair = connected();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pair.near, 0);
  posix_spawn_file_actions_adddup2(&actions, pair.near, 1);
  posix_spawn_file_actions_addclose(&actions, pair.near);
  posix_spawn_file_actions_addclose(&actions, pair.far);
  pid_t child = -1;
  char name[] = "cat";
  char* const words[] = {name, nullptr};
  say("spawn", posix_spawn(&child, "/bin/cat", &actions, nullptr, words, environ));
  posix_spawn_file_actions_destroy(&actions);
  close(pair.near);
  (void)!write(pair.far, "there and back", 14);
  say("read", read_text(pair.far));
  shutdown(pair.far, SHUT_WR);
  say("read", read_text(pair.far));
  int status = -1;
  waitpid(child, &status, 0);
  say("child", status);
  close(pair.far);
}
void kept_by_exec() {
  const Pair pair = connected();
  constexpr int kKept = 9, kLost = 8;
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    dup2(pair.near, kKept);
    dup3(pair.near, kLost, O_CLOEXEC);
    close(pair.near), close(pair.far);
    execl("/bin/sh", "sh", "-c", "echo kept >&9; (echo lost >&8) 2>/dev/null || exit 7", nullptr);
    _exit(1);
  }
  close(pair.near);
  say("read", read_text(pair.far));
  int status = -1;
  waitpid(child, &status, 0);
  say("child", WEXITSTATUS(status));
  say("read", read_text(pair.far));
  close(pair.far);
}
// The lowest that is free, as everywhere: select() and many programs count on it.
void numbers() {
  const int lowest = open("/dev/null", O_RDONLY);
  close(lowest);
  const int listener = listen_somewhere();
  say("socket", listener - lowest);
  const int near = connect_to(port_of(listener));
  say("socket", near - lowest);
  const int far = accept(listener, nullptr, nullptr);
  say("accepted", far - lowest);
  say("copy", fcntl(near, F_DUPFD, lowest + 10) - lowest);
  close(lowest + 10);
  const int copy = fcntl(near, F_DUPFD_CLOEXEC, 0);
  say("copy", copy - lowest);
  say("flags", fcntl(copy, F_GETFD));
  close(copy), close(near);
  const int again = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  say("socket", again - lowest);
  say("flags", fcntl(again, F_GETFD));
  close(again), close(far), close(listener);
  for (int i = 0; i < 200; i++) {
    const Pair pair = connected();
    const int epoll = epoll_create1(0);
    epoll_event event = {};
    epoll_ctl(epoll, EPOLL_CTL_ADD, pair.far, &event);
    done(pair), close(epoll);
  }
  const int then = socket(AF_INET, SOCK_STREAM, 0);
  say("none is lost", then - lowest);
  close(then);
}

}  // namespace

std::span<const Case> processes_cases() {
  static constexpr Case kCases[] = {
      OFTEN(copies), CASE(passed),  CASE(exhausted),    CASE(closed_all),
      CASE(vforked), CASE(spawned), CASE(kept_by_exec), CASE(numbers),
  };
  return kCases;
}

}  // namespace lkl::oracle
