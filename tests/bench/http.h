// SPDX-License-Identifier: GPL-2.0
// A small server of HTTP and a client with many connections at once, written once for both kernels.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>

#include "conversation.h"

namespace lkl_bench {

inline constexpr uint16_t kHttpPort = 8080;
inline constexpr unsigned kAtOnce = 1000;

inline const std::string kAsked = "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
inline const std::string kAnswered =
    "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n" + std::string(100, 'x');

// One thread for all connections; for ever.
template <class K>
void serve_http() {
  const sockaddr_in here = address_of("0.0.0.0", kHttpPort);
  const int listener = K::socket(SOCK_STREAM | SOCK_NONBLOCK), set = K::epoll();
  if (K::bind(listener, here) || K::listen(listener)) std::abort();
  K::epoll_add(set, listener, EPOLLIN);
  std::unordered_map<int, std::string> asked;
  for (;;)
    K::epoll_wait(set, [&](int fd) {
      if (fd == listener) {
        for (int with; (with = K::accept(listener)) >= 0;) K::epoll_add(set, with, EPOLLIN);
        return;
      }
      char room[512];
      const long count = K::read(fd, room, sizeof room);
      std::string& text = asked[fd];
      if (count > 0) text.append(room, static_cast<size_t>(count));
      if (count > 0 && !text.ends_with("\r\n\r\n")) return;
      if (count > 0) K::write(fd, kAnswered.data(), kAnswered.size());
      asked.erase(fd);
      K::close(fd);
    });
}

// So many requests, a connection for each. How many of them had the right answer.
template <class K>
uint64_t ask_http(const char* server, uint64_t amount) {
  const sockaddr_in there = address_of(server, kHttpPort);
  const int set = K::epoll();
  uint64_t begun = 0, ended = 0, good = 0;
  std::unordered_map<int, std::string> answers;
  const auto begin = [&] {
    const int fd = K::socket(SOCK_STREAM | SOCK_NONBLOCK);
    K::connect(fd, there);
    K::epoll_add(set, fd, EPOLLOUT);
    answers[fd];
    ++begun;
  };
  while (begun < std::min<uint64_t>(amount, kAtOnce)) begin();
  while (ended < amount)
    K::epoll_wait(set, [&](int fd) {
      std::string& answer = answers[fd];
      if (answer.empty() && K::write(fd, kAsked.data(), kAsked.size()) > 0) {
        answer = "?";
        K::epoll_change(set, fd, EPOLLIN);
        return;
      }
      char room[1024];
      const long count = K::read(fd, room, sizeof room);
      if (count > 0) {
        answer.append(room, static_cast<size_t>(count));
        return;
      }
      good += answer.substr(1) == kAnswered;
      ++ended;
      answers.erase(fd);
      K::close(fd);
      if (begun < amount) begin();
    });
  K::close(set);
  return good;
}

}  // namespace lkl_bench
