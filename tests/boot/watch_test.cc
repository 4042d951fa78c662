// SPDX-License-Identifier: GPL-2.0
// Descriptors of the host that are waited for in the kernel.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "support/child.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

// Both ends of the host's.
struct HostPipe {
  HostPipe() { EXPECT_EQ(pipe(ends), 0); }
  ~HostPipe() {
    for (const int end : ends) close(end);
  }
  void put(char byte = 'x') const { ASSERT_EQ(write(ends[1], &byte, 1), 1); }
  char take() const {
    char byte = 0;
    EXPECT_EQ(read(ends[0], &byte, 1), 1);
    return byte;
  }
  int in() const { return ends[0]; }
  int out() const { return ends[1]; }

  int ends[2] = {-1, -1};
};

class WatchTest : public KernelTest {
 protected:
  // What it says; 0 if nothing, within so long.
  static uint64_t said(int watch, int ms) {
    lkl_pollfd state = {.fd = watch, .events = LKL_POLLIN, .revents = 0};
    __lkl__kernel_timespec limit = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1'000'000};
    if (lkl_sys_ppoll(&state, 1, &limit, nullptr, 0) != 1) return 0;
    return get(watch);
  }
  static uint64_t get(int watch) {
    uint64_t events = 0;
    EXPECT_EQ(lkl_sys_read(watch, reinterpret_cast<char*>(&events), sizeof events),
              static_cast<lkl_long>(sizeof events));
    return events;
  }
  static constexpr int kLong = 20'000, kShort = 30;
};

}  // namespace

TEST_F(WatchTest, SaysWhatIsReady) {
  const HostPipe host;
  const int watch = lkl_watch_create(host.in(), LKL_POLLIN, 0);
  ASSERT_GE(watch, 0);
  EXPECT_EQ(said(watch, kShort), 0u);
  host.put();
  EXPECT_EQ(said(watch, kLong), static_cast<uint64_t>(LKL_POLLIN));
  // nobody has taken it: said once more, after it was read
  EXPECT_EQ(said(watch, kLong), static_cast<uint64_t>(LKL_POLLIN));
  host.take();
  // what was seen before that may be said now
  (void)said(watch, kShort);
  EXPECT_EQ(said(watch, kShort), 0u);
  EXPECT_EQ(lkl_sys_close(watch), 0);
}

TEST_F(WatchTest, IsReadableUntilItIsRead) {
  const HostPipe host;
  const int watch = lkl_watch_create(host.in(), LKL_POLLIN, LKL_O_NONBLOCK);
  ASSERT_GE(watch, 0);
  uint64_t events = 0;
  EXPECT_EQ(lkl_sys_read(watch, reinterpret_cast<char*>(&events), sizeof events), -LKL_EAGAIN);
  host.put();
  for (int i = 0; i < 3; ++i) {
    lkl_pollfd state = {.fd = watch, .events = LKL_POLLIN, .revents = 0};
    ASSERT_EQ(lkl_sys_ppoll(&state, 1, nullptr, nullptr, 0), 1);
    host.take();
    host.put();
  }
  EXPECT_EQ(lkl_sys_read(watch, reinterpret_cast<char*>(&events), 4), -LKL_EINVAL);
  EXPECT_EQ(get(watch), static_cast<uint64_t>(LKL_POLLIN));
  lkl_sys_close(watch);
}

TEST_F(WatchTest, OneThreadWaitsForBothWorlds) {
  const HostPipe host;
  int kernel[2];
  ASSERT_EQ(lkl_sys_pipe2(kernel, 0), 0);
  const int watch = lkl_watch_create(host.in(), LKL_POLLIN, LKL_O_CLOEXEC);
  ASSERT_GE(watch, 0);
  const auto set = static_cast<int>(lkl_sys_epoll_create1(0));
  for (const int fd : {watch, kernel[0]}) {
    lkl_epoll_event event = {.events = LKL_EPOLLIN | LKL_EPOLLET, .data = static_cast<uint64_t>(fd)};
    ASSERT_EQ(lkl_sys_epoll_ctl(set, LKL_EPOLL_CTL_ADD, fd, &event), 0);
  }
  constexpr int kTurns = 2000;
  std::atomic<int> answers = 0;
  std::thread other([&] {
    for (int turn = 0; turn < kTurns; ++turn) {
      if (turn % 2)
        host.put();
      else
        EXPECT_EQ(lkl_sys_write(kernel[1], "k", 1), 1);
      answers.wait(turn);
    }
  });
  int of_host = 0, of_kernel = 0;
  while (of_host + of_kernel < kTurns) {
    std::array<lkl_epoll_event, 4> events;
    const lkl_long count = lkl_sys_epoll_pwait(set, events.data(), 4, kLong, nullptr, 0);
    ASSERT_GT(count, 0);
    for (lkl_long i = 0; i < count; ++i) {
      if (events[static_cast<size_t>(i)].data == static_cast<uint64_t>(watch)) {
        host.take();
        get(watch);
        ++of_host;
      } else {
        char byte;
        ASSERT_EQ(lkl_sys_read(kernel[0], &byte, 1), 1);
        ++of_kernel;
      }
      answers = of_host + of_kernel;
      answers.notify_one();
    }
  }
  other.join();
  EXPECT_EQ(of_host, kTurns / 2);
  EXPECT_EQ(of_kernel, kTurns / 2);
  for (const int fd : {watch, set, kernel[0], kernel[1]}) lkl_sys_close(fd);
}

// One that is an epoll instance of the host's stands for all that is in there.
TEST_F(WatchTest, ASetOfTheHostsIsOne) {
  constexpr size_t kPipes = 60;
  const std::vector<HostPipe> host(kPipes);
  const int host_set = epoll_create1(EPOLL_CLOEXEC);
  for (size_t i = 0; i < kPipes; ++i) {
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.u64 = i;
    ASSERT_EQ(epoll_ctl(host_set, EPOLL_CTL_ADD, host[i].in(), &event), 0);
  }
  const int watch = lkl_watch_create(host_set, LKL_POLLIN, 0);
  ASSERT_GE(watch, 0);
  constexpr int kEach = 100;
  std::thread other([&] {
    for (int round = 0; round < kEach; ++round)
      for (const HostPipe& one : host) one.put();
  });
  size_t taken = 0;
  while (taken < kEach * kPipes) {
    ASSERT_NE(said(watch, kLong), 0u) << taken;
    epoll_event events[16];
    const int count = epoll_wait(host_set, events, 16, 0);
    for (int i = 0; i < count; ++i, ++taken) host[events[i].data.u64].take();
  }
  other.join();
  lkl_sys_close(watch);
  close(host_set);
}

TEST_F(WatchTest, AReaderWaits) {
  const HostPipe host;
  const int watch = lkl_watch_create(host.in(), LKL_POLLIN, 0);
  ASSERT_GE(watch, 0);
  std::atomic<int> times = 0;
  std::thread reader([&] {
    for (int i = 0; i < 100; ++i) {
      EXPECT_EQ(get(watch), static_cast<uint64_t>(LKL_POLLIN));
      host.take();
      // it may have been asked again before that
      while (said(watch, 0)) continue;
      ++times;
      times.notify_one();
    }
  });
  for (int i = 0; i < 100; ++i) {
    host.put();
    times.wait(i);
  }
  reader.join();
  lkl_sys_close(watch);
}

TEST_F(WatchTest, TellsOfRoomAndOfTheEnd) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const int room = lkl_watch_create(ends[0], LKL_POLLOUT, 0);
  ASSERT_GE(room, 0);
  EXPECT_EQ(said(room, kLong), static_cast<uint64_t>(LKL_POLLOUT));
  lkl_sys_close(room);
  const int end = lkl_watch_create(ends[0], LKL_POLLRDHUP, 0);
  ASSERT_GE(end, 0);
  EXPECT_EQ(said(end, kShort), 0u);
  close(ends[1]);
  EXPECT_EQ(said(end, kLong), static_cast<uint64_t>(LKL_POLLRDHUP | LKL_POLLHUP));
  lkl_sys_close(end);
  close(ends[0]);
}

TEST_F(WatchTest, WhatCannotBeWatchedIsRefused) {
  const HostPipe host;
  EXPECT_EQ(lkl_watch_create(-1, LKL_POLLIN, 0), -LKL_EBADF);
  EXPECT_EQ(lkl_watch_create(1 << 20, LKL_POLLIN, 0), -LKL_EBADF);
  EXPECT_EQ(lkl_watch_create(host.in(), 0x4000, 0), -LKL_EINVAL);
  EXPECT_EQ(lkl_watch_create(host.in(), LKL_POLLIN, LKL_O_APPEND), -LKL_EINVAL);
  // more than there can be: none is left behind
  lkl_rlimit few = {.rlim_cur = 20, .rlim_max = 20};
  ASSERT_EQ(lkl_sys_prlimit64(0, LKL_RLIMIT_NOFILE, reinterpret_cast<lkl_rlimit64*>(&few), nullptr),
            0);
  std::vector<int> watches;
  int last = 0;
  while ((last = lkl_watch_create(host.in(), LKL_POLLIN, 0)) >= 0) watches.push_back(last);
  EXPECT_EQ(last, -LKL_EMFILE);
  EXPECT_GT(watches.size(), 10u);
  host.put();
  for (const int watch : watches) EXPECT_NE(said(watch, kLong), 0u);
  for (const int watch : watches) EXPECT_EQ(lkl_sys_close(watch), 0);
  const int again = lkl_watch_create(host.in(), LKL_POLLIN, 0);
  EXPECT_GE(again, 0);
  EXPECT_NE(said(again, kLong), 0u);
}

// While what it watches becomes ready all the time.
TEST_F(WatchTest, ComesAndGoes) {
  const HostPipe host;
  std::atomic<bool> over = false;
  std::thread noise([&] {
    while (!over) {
      host.put();
      host.take();
    }
  });
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 3; ++thread)
    threads.emplace_back([&] {
      for (int i = 0; i < 300; ++i) {
        const int watch = lkl_watch_create(host.in(), LKL_POLLIN, LKL_O_NONBLOCK);
        ASSERT_GE(watch, 0);
        if (i % 3) {
          uint64_t events;
          lkl_sys_read(watch, reinterpret_cast<char*>(&events), sizeof events);
          lkl_sys_sched_yield();
        }
        EXPECT_EQ(lkl_sys_close(watch), 0);
      }
    });
  for (std::thread& thread : threads) thread.join();
  over = true;
  noise.join();
}

TEST_F(WatchTest, AForkedChildHasItsOwn) {
  const HostPipe host;
  const int watch = lkl_watch_create(host.in(), LKL_POLLIN, 0);
  ASSERT_GE(watch, 0);
  EXPECT_EQ(in_child([&] {
              host.put();
              if (said(watch, kLong) != LKL_POLLIN) return 1;
              const int another = lkl_watch_create(host.in(), LKL_POLLIN, 0);
              if (another < 0 || said(another, kLong) != LKL_POLLIN) return 2;
              return lkl_sys_close(watch) == 0 ? 0 : 3;
            }),
            0);
  // the pipe is one
  EXPECT_EQ(said(watch, kLong), static_cast<uint64_t>(LKL_POLLIN));
  lkl_sys_close(watch);
}

TEST_F(WatchTest, EndsWithItsKernel) {
  const HostPipe host;
  ASSERT_GE(lkl_watch_create(host.in(), LKL_POLLIN, 0), 0);
  ASSERT_GE(lkl_watch_create(host.out(), LKL_POLLOUT, 0), 0);
  host.put();
  ASSERT_EQ(lkl_sys_halt(), 0);
  EXPECT_EQ(lkl_watch_create(host.in(), LKL_POLLIN, 0), -LKL_ENODEV);
  lkl_cleanup();
  EXPECT_EQ(lkl_watch_create(host.in(), LKL_POLLIN, 0), -LKL_ENODEV);
  SetUp();
  const int watch = lkl_watch_create(host.in(), LKL_POLLIN, 0);
  ASSERT_GE(watch, 0);
  EXPECT_EQ(said(watch, kLong), static_cast<uint64_t>(LKL_POLLIN));
}
