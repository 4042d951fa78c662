// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstring>
#include <vector>

#include "net/conversation.h"

namespace lkl_test {

// A datagram to who sends it back, until it comes, as it was. How often it was sent, 0 if it never
// did.
inline int ask_by_udp(const char* to, size_t size) {
  const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
  const std::vector<char> data = content(size);
  std::vector<char> back(size + 1);
  lkl_sockaddr_in there = address(to);
  int tries = 0;
  for (bool good = false; !good;) {
    if (++tries > 300) {
      tries = 0;
      break;
    }
    lkl_sys_sendto(fd, const_cast<char*>(data.data()), size, 0, generic(there), sizeof there);
    lkl_pollfd wait = {.fd = fd, .events = LKL_POLLIN, .revents = 0};
    for (__lkl__kernel_timespec moment = {.tv_sec = 0, .tv_nsec = 100'000'000};
         !good && lkl_sys_ppoll(&wait, 1, &moment, nullptr, 0) == 1;) {
      const auto got = lkl_sys_recvfrom(fd, back.data(), back.size(), 0, nullptr, nullptr);
      good = got == static_cast<lkl_long>(size) && std::memcmp(back.data(), data.data(), size) == 0;
      EXPECT_TRUE(good) << got << " of " << size;  // lost or as it was
    }
  }
  lkl_sys_close(fd);
  return tries;
}

}  // namespace lkl_test
