// SPDX-License-Identifier: GPL-2.0
// Handlers of host signals and fork(): those that make calls while their thread forks, and those
// that fork in the middle of something.
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <thread>

#include "support/child.h"
#include "support/kernel_test.h"

using lkl_test::in_child;
using lkl_test::KernelTest;

namespace {

class ForkSignalTest : public KernelTest {};

// For SIGUSR1.
class Handler final {
 public:
  explicit Handler(void (*handler)(int)) {
    struct sigaction action = {};
    action.sa_handler = handler;
    sigaction(SIGUSR1, &action, &before_);
  }
  ~Handler() { sigaction(SIGUSR1, &before_, nullptr); }
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;

 private:
  struct sigaction before_;
};

// Between the library's handlers of fork(), when the kernel stands still: those of who comes
// before all libraries.
std::atomic<bool> signal_while_forking;
std::atomic<void (*)()> before_the_parent_goes_on;
std::mutex of_somebody_else;

void prepare() {
  if (signal_while_forking.exchange(false)) raise(SIGUSR1);
  of_somebody_else.lock();
}

void after() {
  of_somebody_else.unlock();
}

void after_in_parent() {
  after();
  if (void (*const what)() = before_the_parent_goes_on.exchange(nullptr)) what();
}

void register_first(int, char**, char**) {
  pthread_atfork(prepare, after_in_parent, after);
}
[[gnu::section(".preinit_array"), gnu::used]] void (*const first)(int, char**,
                                                                  char**) = register_first;

std::atomic<long> answer_in_handler;

}  // namespace

TEST_F(ForkSignalTest, ACallInAHandlerComesAfterTheFork) {
  const Handler handler([](int) { answer_in_handler = lkl_sys_getpid(); });
  answer_in_handler = 0;
  signal_while_forking = true;
  EXPECT_EQ(in_child([] { return answer_in_handler == 0 && lkl_sys_getpid() == 1 ? 0 : 1; }), 0);
  EXPECT_EQ(answer_in_handler, 1);
}

TEST_F(ForkSignalTest, AForkInAHandlerComesAfterTheFork) {
  const Handler handler(
      [](int) { answer_in_handler = in_child([] { return lkl_sys_getpid() == 1 ? 5 : 1; }); });
  answer_in_handler = 0;
  signal_while_forking = true;
  EXPECT_EQ(in_child([] { return answer_in_handler == 0 && lkl_sys_getpid() == 1 ? 0 : 1; }), 0);
  EXPECT_EQ(answer_in_handler, 5);
}

// Somebody has a lock that the fork waits for, and a call in which it needs all of the library:
// the timer, I/O, the CPU. The copy is good all the same.
TEST_F(ForkSignalTest, WhoHasALockGetsItsCallThrough) {
  std::atomic<bool> stop = false;
  std::atomic<long> calls = 0;
  std::thread other([&] {
    while (!stop) {
      {
        const std::lock_guard lock(of_somebody_else);
        __lkl__kernel_timespec ts = {.tv_sec = 0, .tv_nsec = 3'000'000};
        EXPECT_EQ(lkl_sys_nanosleep(&ts, nullptr), 0);
        ++calls;
      }
      usleep(1000);  // who takes it again at once may have it for ever
    }
  });
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(in_child([] { return lkl_sys_mkdir("/x", 0700) == 0 ? 0 : 1; }), 0);
  stop = true;
  other.join();
  EXPECT_GE(calls, 20);
}

namespace {

// glibc's, for setgid() in all threads: pthread_sigmask() does not know it.
constexpr int kToEachThread = 33;

std::atomic<bool> change_group, in_its_lock;

bool waits_for_this_thread() {
  uint64_t pending = 0;
  syscall(SYS_rt_sigpending, &pending, sizeof pending);
  return pending >> (kToEachThread - 1) & 1;
}

}  // namespace

// Threads begin and end under a lock of the C library's. Who has it waits for a thread, and that
// for the kernel, which stands still: the parent does without that lock.
TEST_F(ForkSignalTest, TheParentWantsNoLockOfTheCLibrarysThreads) {
  change_group = in_its_lock = false;
  std::thread changes([] {
    while (!change_group) usleep(100);
    EXPECT_EQ(setgid(getgid()), 0);
  });
  std::atomic<bool> ready = false;
  std::thread calls([&] {
    EXPECT_EQ(lkl_sys_getpid(), 1);
    uint64_t before;
    const uint64_t blocked = uint64_t{1} << (kToEachThread - 1);
    EXPECT_EQ(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &blocked, &before, sizeof before), 0);
    ready = true;
    while (!waits_for_this_thread()) usleep(100);
    in_its_lock = true;
    EXPECT_EQ(lkl_sys_getpid(), 1);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof before);
  });
  while (!ready) usleep(100);
  before_the_parent_goes_on = [] {
    change_group = true;
    while (!in_its_lock) usleep(100);
  };
  EXPECT_EQ(in_child([] { return lkl_sys_getpid() == 1 ? 0 : 1; }), 0);
  changes.join();
  calls.join();
}

namespace {

// A thread in the middle of a call, which a signal interrupts there.
class BlockedThread final {
 public:
  explicit BlockedThread(void (*handler)(int)) : handler_(handler) {
    EXPECT_EQ(lkl_sys_pipe2(pipe_, 0), 0);
    thread_ = std::thread([this] {
      char c;
      EXPECT_EQ(lkl_sys_read(pipe_[0], &c, 1), 1);
    });
    usleep(50'000);
  }
  ~BlockedThread() {
    EXPECT_EQ(lkl_sys_write(pipe_[1], "x", 1), 1);
    thread_.join();
  }
  BlockedThread(const BlockedThread&) = delete;
  BlockedThread& operator=(const BlockedThread&) = delete;
  void interrupt() { pthread_kill(thread_.native_handle(), SIGUSR1); }

 private:
  const Handler handler_;
  int pipe_[2];
  std::thread thread_;
};

std::atomic<int> child_in_handler = -1;

void fork_in_handler(int) {
  child_in_handler = in_child([] {
    // this copy is in the middle of a call, which can't be made whole: refused, not hanging
    if (lkl_sys_getpid() != -LKL_EDEADLK) return 1;
    return 0;
  });
}

}  // namespace

TEST_F(ForkSignalTest, AHandlerInsideACallForks) {
  BlockedThread blocked(fork_in_handler);
  blocked.interrupt();
  while (child_in_handler < 0) std::this_thread::yield();
  EXPECT_EQ(child_in_handler, 0);
}

// What one thread forks in the middle of a call is nothing to another one that forks.
TEST_F(ForkSignalTest, HandlersForkBesideOthers) {
  child_in_handler = 0;
  BlockedThread blocked([](int) {
    if (in_child([] { return lkl_sys_getpid() == -LKL_EDEADLK ? 0 : 1; }) == 0) ++child_in_handler;
  });
  std::atomic<bool> stop = false;
  std::thread forks([&] {
    while (!stop) EXPECT_EQ(in_child([] { return lkl_sys_getpid() == 1 ? 0 : 1; }), 0);
  });
  for (int i = 1; i <= 200; ++i) {
    blocked.interrupt();
    while (child_in_handler < i) std::this_thread::yield();
  }
  stop = true;
  forks.join();
}

namespace {

// A disk of the application that does not say how large it is before it may.
std::atomic<bool> asked_for_capacity, may_answer;

int late_capacity(lkl_disk, unsigned long long* bytes) {
  asked_for_capacity = true;
  asked_for_capacity.notify_all();
  may_answer.wait(false);
  *bytes = 1 << 20;
  return 0;
}

int no_request(lkl_disk, lkl_blk_req*) {
  return LKL_DEV_BLK_STATUS_IOERR;
}

}  // namespace

// Who cleans up waits for all that others do with the kernel, and fork() for who cleans up: in a
// handler of that very thread it has to go without.
TEST(ForkSignal, AHandlerInsideACleanupForks) {
  static lkl_host_operations silent = {};
  silent.print = lkl_test::keep_log;
  ASSERT_EQ(lkl_init(&silent), 0);
  ASSERT_EQ(lkl_start_kernel("mem=32M loglevel=5"), 0);
  asked_for_capacity = may_answer = false;
  std::thread adds([] {
    static lkl_dev_blk_ops ops = {.get_capacity = late_capacity, .request = no_request};
    lkl_disk disk = {};
    disk.ops = &ops;
    EXPECT_EQ(lkl_disk_add(&disk), 0);  // it goes with the kernel
  });
  asked_for_capacity.wait(false);

  child_in_handler = -1;
  const Handler handler([](int) { child_in_handler = in_child([] { return 7; }); });
  std::thread cleans_up([] { lkl_cleanup(); });
  while (lkl_is_running()) std::this_thread::yield();
  usleep(50'000);  // halted: it waits for the disk now, or is about to
  pthread_kill(cleans_up.native_handle(), SIGUSR1);
  while (child_in_handler < 0) usleep(1000);
  EXPECT_EQ(child_in_handler, 7);

  may_answer = true;
  may_answer.notify_all();
  adds.join();
  cleans_up.join();
}
