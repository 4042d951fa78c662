// SPDX-License-Identifier: GPL-2.0
// Signals of the host do no harm.
#include <sys/time.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include "support/kernel_test.h"

namespace {

class HostSignalTest : public lkl_test::KernelTest {};

std::atomic<long> from_handler = 0;
std::atomic<int> ticks = 0;

void call_from_handler(int) {
  from_handler = lkl_sys_getpid();
}

void tick(int) {
  volatile char frame[4096];  // as a handler of an application might have
  frame[0] = 1;
  (void)frame[0];
  ++ticks;
}

}  // namespace

TEST_F(HostSignalTest, ACallFromAHandlerInsideACallIsRefused) {
  struct sigaction action = {}, before;
  action.sa_handler = call_from_handler;
  sigaction(SIGUSR1, &action, &before);
  int pipe[2];
  ASSERT_EQ(lkl_sys_pipe2(pipe, 0), 0);
  std::atomic<bool> done = false;
  std::thread blocked([&] {
    char c;
    EXPECT_EQ(lkl_sys_read(pipe[0], &c, 1), 1);  // not disturbed
    done = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  from_handler = 0;
  pthread_kill(blocked.native_handle(), SIGUSR1);
  while (from_handler == 0) std::this_thread::yield();
  EXPECT_EQ(from_handler, -LKL_EDEADLK);
  EXPECT_FALSE(done);
  EXPECT_EQ(lkl_sys_write(pipe[1], "x", 1), 1);
  blocked.join();
  // outside of a call it is a call like any other
  raise(SIGUSR1);
  EXPECT_EQ(from_handler, 1);
  sigaction(SIGUSR1, &before, nullptr);
}

TEST_F(HostSignalTest, HostSignalsMayComeAtAnyTime) {
  struct sigaction action = {}, before;
  action.sa_handler = tick;
  action.sa_flags = SA_RESTART;
  sigaction(SIGPROF, &action, &before);
  itimerval often = {.it_interval = {0, 1000}, .it_value = {0, 1000}};
  setitimer(ITIMER_PROF, &often, nullptr);
  while (ticks < 200) {
    ASSERT_EQ(lkl_sys_mkdir("/x", 0755), 0);
    ASSERT_EQ(lkl_sys_rmdir("/x"), 0);
  }
  const itimerval never = {};
  setitimer(ITIMER_PROF, &never, nullptr);
  // valgrind may still have one to deliver
  signal(SIGPROF, SIG_IGN);
  sigaction(SIGPROF, &before, nullptr);
}
