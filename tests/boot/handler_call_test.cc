// SPDX-License-Identifier: GPL-2.0
// Handlers of host signals that make calls, wherever they find their thread: such a call is
// served or refused, and the one that was interrupted has its own result.
#include <time.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <thread>

#include "support/kernel_test.h"

using lkl_test::KernelTest;

namespace {

std::atomic<long> served, refused, wrong;

void close_nothing(int) {
  const int before = errno;
  errno = 12345;
  const long result = lkl_sys_close(-1);
  // a handler has to leave it as it was; the library does as well
  const bool kept = errno == 12345;
  errno = before;
  if (!kept)
    ++wrong;
  else if (result == -LKL_EBADF)
    ++served;
  else if (result == -LKL_EDEADLK)
    ++refused;
  else
    ++wrong;
}

// SIGPROF for the process every 50 microseconds.
class Interruptions {
 public:
  Interruptions() {
    struct sigaction action = {};
    action.sa_handler = close_nothing;
    action.sa_flags = SA_RESTART;
    sigaction(SIGPROF, &action, &before_);
    sigevent event = {};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGPROF;
    timer_create(CLOCK_MONOTONIC, &event, &timer_);
    const itimerspec often = {.it_interval = {0, 50'000}, .it_value = {0, 50'000}};
    timer_settime(timer_, 0, &often, nullptr);
  }
  ~Interruptions() {
    timer_delete(timer_);
    // valgrind may still have one to deliver
    signal(SIGPROF, SIG_IGN);
    sigaction(SIGPROF, &before_, nullptr);
  }
  Interruptions(const Interruptions&) = delete;
  Interruptions& operator=(const Interruptions&) = delete;

 private:
  timer_t timer_;
  struct sigaction before_;
};

class HandlerCallTest : public KernelTest {};

}  // namespace

TEST_F(HandlerCallTest, DisturbsNoCall) {
  const long me = lkl_sys_gettid();
  served = refused = wrong = 0;
  long bad = 0;
  const Interruptions interruptions;
  // both kinds, and enough of them
  while (served < 10000 || refused < 1000)
    for (int i = 0; i < 1000; ++i)
      if (lkl_sys_gettid() != me) ++bad;
  EXPECT_EQ(bad, 0);
  EXPECT_EQ(wrong, 0);
}

// Its record is being made just then.
TEST_F(HandlerCallTest, DisturbsNoFirstCall) {
  served = refused = wrong = 0;
  const Interruptions interruptions;
  for (int i = 0; i < 2000; ++i) std::thread([] { EXPECT_GT(lkl_sys_gettid(), 1); }).join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(HandlerCallTest, MayBeTheFirstCallOfItsThread) {
  served = refused = wrong = 0;
  struct sigaction action = {}, before;
  action.sa_handler = close_nothing;
  sigaction(SIGUSR1, &action, &before);
  std::thread([] { raise(SIGUSR1); }).join();
  sigaction(SIGUSR1, &before, nullptr);
  EXPECT_EQ(served, 1);
}
