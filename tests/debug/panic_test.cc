// SPDX-License-Identifier: GPL-2.0
// A kernel that is at its end: what it says, and what becomes of the process.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <regex>
#include <thread>

#include "debug/kernel_code.h"
#include "support/host_tools.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

// What kernel threads call, found before: one of them may begin on one thread of the host and go on
// with another, which strings of C++ do not expect.
void* (*kernel_memcpy)(void*, const void*, size_t);
void (*kernel_msleep)(unsigned);
void (*kernel_panic)(const char*, ...);
void (*kernel_bug)(const char*, int, const char*);

// The thread of the host that is to be the CPU when test_bug() runs, if not any.
std::atomic<pid_t> wanted_thread = 0;
constexpr long kByAnother = 1;  // it was not, and nothing has happened

// Of two threads: one has the CPU, and the other is about to make a call.
std::atomic<bool> held = false, call_comes = false;

void find_functions() {
  kernel_memcpy = kernel_function<void*(void*, const void*, size_t)>("memcpy");
  kernel_msleep = kernel_function<void(unsigned)>("msleep");
  kernel_panic = kernel_function<void(const char*, ...)>("panic");
  kernel_bug = kernel_function<void(const char*, int, const char*)>("lkl_bug");
  wanted_thread = 0;
}

}  // namespace

// Their names are looked for in backtraces: global, so that they have symbols.
extern "C" {

__attribute__((noinline)) long test_bug(long, long, long, long, long, long) {
  if (wanted_thread != 0 && gettid() != wanted_thread) return kByAnother;
  kernel_bug("test.c", 42, "test_bug");
  return 0;
}

// Has the CPU until the other thread's call is there, then waits: its thread runs that call.
long test_hold(long, long, long, long, long, long) {
  held = true;
  while (!call_comes) sched_yield();
  usleep(20'000);
  kernel_msleep(100);
  return 0;
}

// For backtraces: what a thread was doing that runs a call of another one.
__attribute__((noinline)) long test_helper() {
  wanted_thread = gettid();
  lkl_long none[6] = {};
  const long result = lkl_syscall(__lkl__NR_getpgid, none);
  asm volatile("" ::: "memory");  // no jump, so that this function is in it
  return result;
}

__attribute__((noinline)) long test_null(long, long, long, long, long, long) {
  kernel_memcpy(nullptr, "text", 4);
  return 0;
}

__attribute__((noinline)) int test_thread_null(void*) {
  kernel_msleep(20);
  test_null(0, 0, 0, 0, 0, 0);
  return 0;
}

__attribute__((noinline)) int test_thread_panic(void*) {
  kernel_msleep(20);
  kernel_panic("by the executor");
  return 0;
}

// A kernel thread that runs `what`, a function of the test.
long start_thread(long what, long, long, long, long, long) {
  void* const task = kernel_function<void*(int (*)(void*), void*, int, const char*, ...)>(
      "kthread_create_on_node")(reinterpret_cast<int (*)(void*)>(what), nullptr, -1, "crash");
  kernel_function<int(void*)>("wake_up_process")(task);
  return 0;
}

}  // extern "C"

namespace {

class PanicTest : public ::testing::Test {
 protected:
  void SetUp() override { find_functions(); }

  void boot(lkl_on_panic what) {
    kernel_log().clear();
    for (const char* words : {"BUG: failure at test.c", "Call trace of"}) expect_complaint(words);
    ops_.print = keep_log;
    ASSERT_EQ(lkl_set_on_panic(what), 0);
    ASSERT_EQ(lkl_init(&ops_), 0);
    ASSERT_EQ(lkl_start_kernel("mem=64M loglevel=8 oops=panic"), 0) << kernel_log();
    kernel_log().clear();
  }

  // The process goes on, without that kernel and with the next.
  void expect_dead_and_boot_again() {
    EXPECT_EQ(lkl_is_running(), 0);
    EXPECT_EQ(lkl_sys_getpid(), -LKL_ESHUTDOWN);
    std::thread([] { EXPECT_EQ(lkl_sys_getpid(), -LKL_ESHUTDOWN); }).join();
    EXPECT_EQ(lkl_sys_halt(), -LKL_ENODEV);
    lkl_cleanup();
    EXPECT_EQ(host_threads(), threads_);
    boot(LKL_ON_PANIC_ERROR);
    EXPECT_EQ(lkl_sys_getpid(), 1);
    EXPECT_EQ(lkl_sys_mkdir("/mark", 0755), 0);
    lkl_cleanup();
    EXPECT_EQ(lkl_set_on_panic(LKL_ON_PANIC_ABORT), 0);
  }

  static bool said(const std::string& pattern) {
    return std::regex_search(kernel_log(), std::regex(pattern));
  }

  // These functions are in the call trace, from the inside to the outside.
  static void expect_frames(std::initializer_list<const char*> names) {
    size_t at = 0;
    for (const char* name : names) {
      at = kernel_log().find("] " + std::string(name) + "+0x", at);
      ASSERT_NE(at, std::string::npos) << name << " is not, or not there, in:\n" << kernel_log();
    }
  }

  lkl_host_operations ops_ = {};
  // one, or that of a sanitizer too, which it makes with the program's first
  const unsigned threads_ = (std::thread([] {}).join(), host_threads());
};

TEST_F(PanicTest, ABugInACallEndsTheCallWithAnError) {
  boot(LKL_ON_PANIC_ERROR);
  // by this thread, not by one that happens to be the CPU when the call comes
  wanted_thread = gettid();
  long result;
  do result = call_in_kernel(test_bug);
  while (result == kByAnother);
  EXPECT_EQ(result, -LKL_ESHUTDOWN);
  EXPECT_TRUE(said("BUG: failure at test.c:42/test_bug\\(\\)!")) << kernel_log();
  EXPECT_TRUE(said("Kernel panic - not syncing: BUG!")) << kernel_log();
  // from the report to the application, through the change of stacks, by name
  expect_frames({"lkl_bug", "test_bug", "lkl_run_request", "lkl_task_loop", "lkl_kernel_syscall",
                 "lkl_syscall", "main"});
  expect_dead_and_boot_again();
}

// Below the call is what the thread that was the CPU had been doing.
TEST_F(PanicTest, ABugInACallThatAnotherThreadRuns) {
  boot(LKL_ON_PANIC_ERROR);
  const SystemCall getpgid = replace_system_call(__lkl__NR_getpgid, test_hold);
  long result = kByAnother, helpers_result = 0;
  while (result == kByAnother) {
    held = call_comes = false;
    std::thread helper([&] { helpers_result = test_helper(); });
    while (!held) sched_yield();
    call_comes = true;
    result = call_in_kernel(test_bug);
    helper.join();
  }
  replace_system_call(__lkl__NR_getpgid, getpgid);
  EXPECT_EQ(result, -LKL_ESHUTDOWN);
  EXPECT_EQ(helpers_result, -LKL_ESHUTDOWN);
  expect_frames({"lkl_bug", "test_bug", "lkl_run_request", "lkl_task_loop", "lkl_kernel_syscall",
                 "lkl_syscall", "test_helper"});
  expect_dead_and_boot_again();
}

TEST_F(PanicTest, AFaultInACallIsShownWhereItWas) {
  boot(LKL_ON_PANIC_ERROR);
  EXPECT_EQ(call_in_kernel(test_null), -LKL_ESHUTDOWN);
  EXPECT_TRUE(said("BUG: unable to handle access to address 0+ at (lkl_copy_small|memcpy)\\+0x"))
      << kernel_log();
  EXPECT_TRUE(said("\\] (lkl_copy_small|memcpy)\\+.*\n.*\\] test_null\\+.*\n.*\\] lkl_run_request"))
      << kernel_log();
  expect_dead_and_boot_again();
}

TEST_F(PanicTest, AFaultOfAKernelThread) {
  boot(LKL_ON_PANIC_ERROR);
  EXPECT_EQ(call_in_kernel(start_thread, reinterpret_cast<long>(test_thread_null)), 0);
  // the kernel's thread runs while this one is asleep, or on this one
  __lkl__kernel_timespec second = {.tv_sec = 60, .tv_nsec = 0};
  EXPECT_EQ(lkl_sys_nanosleep(&second, nullptr), -LKL_ESHUTDOWN);
  EXPECT_TRUE(said("Call trace of crash")) << kernel_log();
  EXPECT_TRUE(said("\\] test_null\\+.*\n.*\\] test_thread_null\\+.*\n.*\\] kthread\\+"))
      << kernel_log();
  expect_dead_and_boot_again();
}

// Without panic_on_oops it costs the thread only.
TEST_F(PanicTest, AFaultThatEndsAKernelThreadOnly) {
  boot(LKL_ON_PANIC_ERROR);
  expect_complaint("BUG: unable to handle access to address");
  ASSERT_EQ(lkl_sys_mkdir("/proc", 0755), 0);
  ASSERT_EQ(lkl_sys_mount("proc", "/proc", "proc", 0, nullptr), 0);
  const lkl_long fd = lkl_sys_open("/proc/sys/kernel/panic_on_oops", LKL_O_WRONLY, 0);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(lkl_sys_write(fd, "0", 1), 1);
  EXPECT_EQ(call_in_kernel(start_thread, reinterpret_cast<long>(test_thread_null)), 0);
  __lkl__kernel_timespec moment = {.tv_sec = 0, .tv_nsec = 100000000};
  EXPECT_EQ(lkl_sys_nanosleep(&moment, nullptr), 0);
  EXPECT_TRUE(said("Call trace of crash")) << kernel_log();
  EXPECT_FALSE(said("Kernel panic")) << kernel_log();
  EXPECT_EQ(lkl_is_running(), 1);
  EXPECT_EQ(lkl_sys_close(fd), 0);
  lkl_cleanup();
}

TEST_F(PanicTest, APanicOfTheExecutorEndsCallsThatWait) {
  boot(LKL_ON_PANIC_ERROR);
  int pipe[2];
  ASSERT_EQ(lkl_sys_pipe2(pipe, 0), 0);
  std::atomic<int> ended = 0;
  std::thread readers[3];
  for (auto& reader : readers)
    reader = std::thread([&] {
      char c;
      EXPECT_EQ(lkl_sys_read(pipe[0], &c, 1), -LKL_ESHUTDOWN);
      ++ended;
    });
  EXPECT_EQ(call_in_kernel(start_thread, reinterpret_cast<long>(test_thread_panic)), 0);
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(ended, 3);
  EXPECT_TRUE(said("Kernel panic - not syncing: by the executor")) << kernel_log();
  EXPECT_TRUE(said("\\] panic\\+.*\n.*\\] test_thread_panic\\+")) << kernel_log();
  expect_dead_and_boot_again();
}

TEST_F(PanicTest, RefusesWhatMeansNothing) {
  EXPECT_EQ(lkl_set_on_panic(static_cast<lkl_on_panic>(7)), -LKL_EINVAL);
  setenv("LKL_ON_PANIC", "explode", 1);
  testing::internal::CaptureStderr();
  EXPECT_EQ(lkl_init(&ops_), -LKL_EINVAL);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "lkl: LKL_ON_PANIC=explode: it can be abort, error or wait\n");
  unsetenv("LKL_ON_PANIC");
}

TEST_F(PanicTest, TheEnvironmentHasTheLastWord) {
  setenv("LKL_ON_PANIC", "error", 1);
  boot(LKL_ON_PANIC_ABORT);
  EXPECT_EQ(call_in_kernel(test_bug), -LKL_ESHUTDOWN);
  lkl_cleanup();
  unsetenv("LKL_ON_PANIC");
}

using PanicDeathTest = PanicTest;

TEST_F(PanicDeathTest, TheDefaultIsToAbort) {
  EXPECT_EXIT(
      {
        lkl_init(&lkl_host_ops);
        lkl_start_kernel("mem=64M loglevel=1");
        call_in_kernel(test_bug);
      },
      ::testing::KilledBySignal(SIGABRT), "Kernel panic - not syncing: BUG!");
}

TEST_F(PanicDeathTest, TheApplicationsPanicOperationIsCalled) {
  EXPECT_EXIT(
      {
        lkl_host_operations ops = {};
        ops.panic = [] { _exit(7); };
        lkl_init(&ops);
        lkl_start_kernel("mem=64M loglevel=0");
        call_in_kernel(test_bug);
      },
      ::testing::ExitedWithCode(7), "");
}

TEST_F(PanicTest, WaitsForADebugger) {
  int output[2];
  ASSERT_EQ(pipe(output), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(output[1], STDERR_FILENO);
    lkl_host_operations ops = {};
    lkl_set_on_panic(LKL_ON_PANIC_WAIT);
    lkl_init(&ops);
    lkl_start_kernel("mem=64M loglevel=0");
    call_in_kernel(test_bug);
    _exit(1);
  }
  close(output[1]);
  std::string said;
  char buffer[256];
  ssize_t count;
  while (said.find('\n') == std::string::npos && (count = read(output[0], buffer, 256)) > 0)
    said.append(buffer, static_cast<size_t>(count));
  EXPECT_EQ(said, "lkl: waiting for a debugger: gdb -p " + std::to_string(child) + "\n");
  std::string gdb;
  run("gdb -nx -batch -p " + std::to_string(child) + " -ex continue -ex bt -ex continue", &gdb);
  if (gdb.find("ptrace: Operation not permitted") != std::string::npos) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    GTEST_SKIP() << "this process may not be debugged: " << gdb;
  }
  EXPECT_NE(gdb.find("SIGTRAP"), std::string::npos) << gdb;
  EXPECT_NE(gdb.find("test_bug"), std::string::npos) << gdb;
  EXPECT_NE(gdb.find("main ("), std::string::npos) << gdb;
  int status = 0;
  kill(child, SIGKILL);
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  close(output[0]);
}

}  // namespace
