// SPDX-License-Identifier: GPL-2.0
//
// Who listens, by several threads and processes.
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

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
void address_in_use() {
  const int one = listen_somewhere(), two = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in same = loopback(port_of(one));
  say("bind", bind(two, reinterpret_cast<sockaddr*>(&same), sizeof same));
  close(one);
  say("bind", bind(two, reinterpret_cast<sockaddr*>(&same), sizeof same));
  close(two);
}

}  // namespace

std::span<const Case> servers_cases() {
  static constexpr Case kCases[] = {
      CASE(blocked_accept),
      CASE(forked_server),
      CASE(address_in_use),
  };
  return kCases;
}

}  // namespace lkl::oracle
