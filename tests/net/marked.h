// SPDX-License-Identifier: GPL-2.0
// Two kernels on a wire, and datagrams with a mark that are counted on it.
#pragma once

#include <atomic>
#include <optional>
#include <string_view>

#include "net/pair.h"

namespace lkl_test {

class MarkedTest : public PairTest {
 protected:
  static constexpr std::string_view kMark = "a marked datagram";
  std::atomic<int> marked_ = 0;  // such that went by the wire, from side 0

  void SetUp() override {
    watching_.emplace(wire(), [this](int from, Frame frame) {
      if (from == 0 && contains(frame, kMark)) ++marked_;
      return true;
    });
    boot();
    // so that a lost question for an address is no reason
    ASSERT_TRUE(ping("10.0.0.2"));
  }

  static void send_marked(int count) {
    const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
    lkl_sockaddr_in there = address("10.0.0.2", 9);
    for (int i = 0; i < count; ++i)
      lkl_sys_sendto(fd, kMark.data(), kMark.size(), 0, generic(there), sizeof there);
    lkl_sys_close(static_cast<unsigned>(fd));
  }
  // All that were sent: what is sent after them has gone there and come back.
  int marked_so_far() {
    EXPECT_TRUE(echoes_by_udp("10.0.0.2", 100));
    return marked_;
  }

 private:
  std::optional<Watching> watching_;
};

}  // namespace lkl_test
