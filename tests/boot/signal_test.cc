// SPDX-License-Identifier: GPL-2.0
// Signals of this kernel have handlers.
#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "support/kernel_test.h"

using lkl_test::KernelTest;

namespace {

class SignalTest : public KernelTest {};

std::atomic<int> handled = 0;
std::atomic<long> in_handler = 0;

void lkl_handler(int sig) {
  handled = sig;
  in_handler = lkl_sys_getpid();
}

}  // namespace

TEST_F(SignalTest, AHandlerOfThisKernelInterruptsACall) {
  lkl_sigaction action = {};
  action.lkl_sa_handler = lkl_handler;
  ASSERT_EQ(lkl_sys_rt_sigaction(LKL_SIGUSR1, &action, nullptr, sizeof(lkl_sigset_t)), 0);
  std::atomic<long> tid = 0;
  std::thread sleeper([&] {
    tid = lkl_sys_gettid();
    __lkl__kernel_timespec ts = {.tv_sec = 60, .tv_nsec = 0};
    EXPECT_EQ(lkl_sys_nanosleep(&ts, nullptr), -LKL_EINTR);
    EXPECT_EQ(handled, LKL_SIGUSR1);
    EXPECT_EQ(in_handler, 1);
    // the mask is as it was: it comes again
    handled = 0;
    EXPECT_EQ(lkl_sys_tgkill(1, static_cast<int>(tid.load()), LKL_SIGUSR1), 0);
    EXPECT_EQ(handled, LKL_SIGUSR1);
  });
  while (tid == 0) std::this_thread::yield();
  __lkl__kernel_timespec ts = {.tv_sec = 0, .tv_nsec = 20'000'000};
  lkl_sys_nanosleep(&ts, nullptr);
  EXPECT_EQ(lkl_sys_tgkill(1, static_cast<int>(tid.load()), LKL_SIGUSR1), 0);
  sleeper.join();
}

TEST_F(SignalTest, DefaultActionsDoNotEndTheProcess) {
  int pipe[2];
  ASSERT_EQ(lkl_sys_pipe2(pipe, 0), 0);
  ASSERT_EQ(lkl_sys_close(pipe[0]), 0);
  EXPECT_EQ(lkl_sys_write(pipe[1], "x", 1), -LKL_EPIPE);  // and SIGPIPE
  EXPECT_EQ(lkl_sys_kill(1, LKL_SIGTERM), 0);
  EXPECT_EQ(lkl_sys_getpid(), 1);
}

TEST_F(SignalTest, Signalfd) {
  lkl_sigset_t mask = {};
  mask.sig[0] = 1ul << (LKL_SIGUSR2 - 1);
  ASSERT_EQ(lkl_sys_rt_sigprocmask(LKL_SIG_BLOCK, &mask, nullptr, sizeof mask), 0);
  const int fd = static_cast<int>(lkl_sys_signalfd4(-1, &mask, sizeof mask, 0));
  ASSERT_GE(fd, 0);
  ASSERT_EQ(lkl_sys_tgkill(1, static_cast<int>(lkl_sys_gettid()), LKL_SIGUSR2), 0);
  lkl_signalfd_siginfo info = {};
  ASSERT_EQ(lkl_sys_read(fd, reinterpret_cast<char*>(&info), sizeof info),
            static_cast<long>(sizeof info));
  EXPECT_EQ(info.ssi_signo, static_cast<unsigned>(LKL_SIGUSR2));
}

namespace {

void handle(int sig, unsigned long flags) {
  lkl_sigaction action = {};
  action.lkl_sa_handler = lkl_handler;
  action.sa_flags = flags;
  ASSERT_EQ(lkl_sys_rt_sigaction(sig, &action, nullptr, sizeof(lkl_sigset_t)), 0);
}

}  // namespace

// A thread that is in application code can't take it now: the other one does.
TEST_F(SignalTest, OneToTheProcessReachesAThreadThatWaits) {
  handle(LKL_SIGUSR1, 0);
  int pipe[2];
  ASSERT_EQ(lkl_sys_pipe2(pipe, 0), 0);
  // threads that have called, and do so no more
  std::atomic<bool> stop = false;
  std::vector<std::thread> silent;
  for (int i = 0; i < 4; ++i)
    silent.emplace_back([&] {
      lkl_sys_gettid();
      while (!stop) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    });
  for (int round = 0; round < 20; ++round) {
    handled = 0;
    std::atomic<bool> waits = false, done = false;
    std::thread waiter([&] {
      char c;
      lkl_sys_gettid();
      waits = true;
      EXPECT_EQ(lkl_sys_read(pipe[0], &c, 1), -LKL_EINTR);
      done = true;
    });
    while (!waits) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    // the sender may take it, too: not this one
    lkl_sigset_t all = {}, before = {};
    all.sig[0] = ~0ul;
    lkl_sys_rt_sigprocmask(LKL_SIG_BLOCK, &all, &before, sizeof all);
    EXPECT_EQ(lkl_sys_kill(1, LKL_SIGUSR1), 0);
    for (int i = 0; i < 3000 && !done; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_TRUE(done) << "round " << round;
    if (!done) lkl_sys_write(pipe[1], "x", 1);
    waiter.join();
    EXPECT_EQ(handled, LKL_SIGUSR1);
    lkl_sys_rt_sigprocmask(LKL_SIG_SETMASK, &before, nullptr, sizeof before);
  }
  stop = true;
  for (std::thread& thread : silent) thread.join();
}

TEST_F(SignalTest, SaRestartMakesTheCallAgain) {
  handle(LKL_SIGUSR1, LKL_SA_RESTART);
  handled = 0;
  int pipe[2];
  ASSERT_EQ(lkl_sys_pipe2(pipe, 0), 0);
  std::atomic<long> tid = 0;
  std::thread reader([&] {
    char c = 0;
    tid = lkl_sys_gettid();
    EXPECT_EQ(lkl_sys_read(pipe[0], &c, 1), 1);
    EXPECT_EQ(c, 'x');
    EXPECT_EQ(handled, LKL_SIGUSR1);
  });
  while (tid == 0) std::this_thread::yield();
  __lkl__kernel_timespec ts = {.tv_sec = 0, .tv_nsec = 20'000'000};
  lkl_sys_nanosleep(&ts, nullptr);
  ASSERT_EQ(lkl_sys_tgkill(1, static_cast<int>(tid.load()), LKL_SIGUSR1), 0);
  while (handled == 0) std::this_thread::yield();
  EXPECT_EQ(lkl_sys_write(pipe[1], "x", 1), 1);
  reader.join();
}

// None is lost, and the mask is what it was, however fast they come.
TEST_F(SignalTest, ManyOfTwoKinds) {
  handle(LKL_SIGUSR1, LKL_SA_RESTART);
  handle(LKL_SIGUSR2, LKL_SA_RESTART);
  const long me = lkl_sys_gettid();
  std::atomic<bool> stop = false;
  std::thread sender([&] {
    for (int i = 0; i < 2000; ++i)
      lkl_sys_tgkill(1, static_cast<int>(me), i % 2 ? LKL_SIGUSR1 : LKL_SIGUSR2);
    stop = true;
  });
  while (!stop) EXPECT_EQ(lkl_sys_gettid(), me);
  sender.join();
  lkl_sys_gettid();
  lkl_sigset_t mask = {};
  ASSERT_EQ(lkl_sys_rt_sigprocmask(LKL_SIG_BLOCK, nullptr, &mask, sizeof mask), 0);
  EXPECT_EQ(mask.sig[0], 0u);
  handled = 0;
  EXPECT_EQ(lkl_sys_tgkill(1, static_cast<int>(me), LKL_SIGUSR2), 0);
  lkl_sys_gettid();
  EXPECT_EQ(handled, LKL_SIGUSR2);
}

TEST_F(SignalTest, WhoWaitsForOneToTheProcessGetsIt) {
  lkl_sigset_t set = {};
  set.sig[0] = 1ul << (LKL_SIGUSR2 - 1);
  std::atomic<bool> waits = false;
  std::atomic<long> got = 0;
  std::thread waiter([&] {
    EXPECT_EQ(lkl_sys_rt_sigprocmask(LKL_SIG_BLOCK, &set, nullptr, sizeof set), 0);
    waits = true;
    __lkl__kernel_timespec ts = {.tv_sec = 10, .tv_nsec = 0};
    got = lkl_sys_rt_sigtimedwait(&set, nullptr, &ts, sizeof set);
  });
  // one that is in another call, and does not block it
  int pipe[2];
  ASSERT_EQ(lkl_sys_pipe2(pipe, 0), 0);
  std::thread other([&] {
    char c;
    EXPECT_EQ(lkl_sys_read(pipe[0], &c, 1), 1);
  });
  while (!waits) std::this_thread::yield();
  __lkl__kernel_timespec ts = {.tv_sec = 0, .tv_nsec = 20'000'000};
  lkl_sys_nanosleep(&ts, nullptr);
  EXPECT_EQ(lkl_sys_kill(1, LKL_SIGUSR2), 0);
  waiter.join();
  EXPECT_EQ(got, LKL_SIGUSR2);
  EXPECT_EQ(lkl_sys_write(pipe[1], "x", 1), 1);
  other.join();
}
