// SPDX-License-Identifier: GPL-2.0
//
// Signals, while calls wait and at any time.
#include <net/if.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "oracle.h"

namespace lkl::oracle {

namespace {

void nothing(int) {}
void interrupted(int flags) {
  struct sigaction action = {};
  action.sa_handler = nothing;
  action.sa_flags = flags;
  sigaction(SIGUSR1, &action, nullptr);
  const int listener = listen_somewhere(), fd = datagrams();
  const pthread_t me = pthread_self();
  const int port = port_of(listener), own = port_of(fd);
  std::thread other([&] {
    usleep(50'000);
    pthread_kill(me, SIGUSR1);
    usleep(50'000);
    if ((flags & SA_RESTART) != 0) close(connect_to(port));
  });
  const int accepted = accept(listener, nullptr, nullptr);
  say("accept", accepted >= 0 ? 0 : accepted);
  other.join();
  std::thread again([&] {
    usleep(50'000);
    pthread_kill(me, SIGUSR1);
    usleep(50'000);
    const sockaddr_in there = loopback(own);
    if ((flags & SA_RESTART) != 0)
      sendto(fd, "x", 1, 0, reinterpret_cast<const sockaddr*>(&there), sizeof there);
  });
  char text[8];
  sockaddr_in from;
  socklen_t size = sizeof from;
  say("recvfrom", recvfrom(fd, text, sizeof text, 0, reinterpret_cast<sockaddr*>(&from), &size));
  again.join();
  if (accepted >= 0) close(accepted);
  close(listener), close(fd);
}
void interrupted_once() {
  interrupted(0);
}
void restarted() {
  interrupted(SA_RESTART);
}
// Signals at any time lose nothing and do nothing twice.
void hail_of_signals() {
  struct sigaction action = {};
  action.sa_handler = nothing;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, nullptr);
  const int one = datagrams(), two = datagrams();
  const sockaddr_in there = loopback(port_of(two));
  const pthread_t me = pthread_self();
  bool over = false;
  int i = 0;
  std::thread other([&] {
    // one for each step at most: who is never let through gets nowhere on any system
    for (int last = -1, pause = 0; !__atomic_load_n(&over, __ATOMIC_RELAXED);
         pause = (pause + 7) % 100) {
      const int now = __atomic_load_n(&i, __ATOMIC_RELAXED);
      if (now != last) pthread_kill(me, SIGUSR1);
      last = now;
      usleep(static_cast<unsigned>(pause));
    }
  });
  int wrong = 0;
  for (; i < 1000; __atomic_store_n(&i, i + 1, __ATOMIC_RELAXED)) {
    if (sendto(one, &i, sizeof i, 0, reinterpret_cast<const sockaddr*>(&there), sizeof there) !=
        sizeof i)
      wrong++;
    int got = -1;
    sockaddr_in from = {};
    socklen_t size = sizeof from;
    if (recvfrom(two, &got, sizeof got, 0, reinterpret_cast<sockaddr*>(&from), &size) !=
            sizeof got ||
        got != i || ntohs(from.sin_port) != port_of(one))
      wrong++;
  }
  __atomic_store_n(&over, true, __ATOMIC_RELAXED);
  other.join();
  say("wrong", wrong);
  close(one), close(two);
}

// Of a thread that is to have none, and of a program that was started so.
void all_blocked() {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const auto look_up = [] {
    addrinfo* found = nullptr;
    const int error = getaddrinfo("127.0.0.1", "80", nullptr, &found);
    if (error == 0) freeaddrinfo(found);
    return error;
  };
  say("address", look_up());
  say("interface", if_nametoindex("lo") != 0);
  const Pair pair = connected();
  (void)!write(pair.near, "text", 4);
  say("nowhere", recv(pair.far, reinterpret_cast<void*>(1), 4, 0));
  say("read", read_text(pair.far));
  sigset_t still;
  pthread_sigmask(SIG_SETMASK, &before, &still);
  say("blocked", sigismember(&still, SIGSYS) == 1 && sigismember(&still, SIGTERM) == 1);
  done(pair);
}
void started_with_all_blocked() {
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  sigset_t all;
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &all);
  char name[] = "oracle", which[] = "all_blocked";
  char* const words[] = {name, which, nullptr};
  pid_t child = -1;
  int status = -1;
  fflush(stdout);
  const int error = posix_spawn(&child, "/proc/self/exe", nullptr, &attributes, words, environ);
  posix_spawnattr_destroy(&attributes);
  waitpid(child, &status, 0);
  say("spawned", error);
  say("child", ending(status));
}

}  // namespace

std::span<const Case> signals_cases() {
  static constexpr Case kCases[] = {
      CASE(interrupted_once),         CASE(restarted), CASE(hail_of_signals), CASE(all_blocked),
      CASE(started_with_all_blocked),
  };
  return kCases;
}

}  // namespace lkl::oracle
