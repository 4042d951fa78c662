// SPDX-License-Identifier: GPL-2.0
// The function tracer sees what kernel code calls, and changes nothing of what it does.
#include <sys/mman.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <numeric>
#include <thread>

#include "fs/image.h"
#include "support/child.h"
#include "trace/trace_fs.h"

using namespace lkl_test;

namespace {

class FunctionTest : public TraceTest {
 protected:
  static void start() { set("current_tracer", "function"); }
  // What is recorded stays until a tracer is chosen.
  static void stop() { set("tracing_on", "0"); }

  // A call goes through the kernel and says something that is not the same each time.
  static bool works() {
    int pipe[2];
    char text[3] = {};
    if (lkl_sys_pipe2(pipe, 0)) return false;
    const bool right = lkl_sys_write(pipe[1], "abc", 3) == 3 &&
                       lkl_sys_read(pipe[0], text, 3) == 3 && !std::memcmp(text, "abc", 3);
    lkl_sys_close(pipe[0]);
    lkl_sys_close(pipe[1]);
    return right;
  }
};

}  // namespace

TEST_F(FunctionTest, TheCallsOfARead) {
  EXPECT_EQ(get("available_tracers").find("function"), 0u) << get("available_tracers");
  int pipe[2];
  char text[3];
  ASSERT_EQ(lkl_sys_pipe2(pipe, 0), 0);
  ASSERT_EQ(lkl_sys_write(pipe[1], "abc", 3), 3);
  start();
  ASSERT_EQ(lkl_sys_read(pipe[0], text, 3), 3);
  stop();
  const std::vector<std::string> lines = recorded();
  const std::string task = "host-" + std::to_string(lkl_sys_gettid());
  size_t at = 0;
  for (const char* call : {"ksys_read <-", "vfs_read <-ksys_read", "pipe_read <-vfs_read"}) {
    at = find(lines, call, at);
    ASSERT_LT(at, lines.size()) << call << "\n" << joined(lines);
    EXPECT_NE(lines[at].find(task), std::string::npos) << lines[at];
  }
  EXPECT_EQ(std::memcmp(text, "abc", 3), 0);
}

TEST_F(FunctionTest, OnAndOffAndOnAgain) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(get("current_tracer"), "nop\n");
    ASSERT_EQ(recorded(), std::vector<std::string>());
    EXPECT_TRUE(works());
    ASSERT_EQ(recorded(), std::vector<std::string>());
    start();
    EXPECT_EQ(get("current_tracer"), "function\n");
    EXPECT_TRUE(works());
    stop();
    EXPECT_LT(find(recorded(), "pipe_write <-vfs_write"), recorded().size());
    set("current_tracer", "nop");
    set("tracing_on", "1");
  }
}

TEST_F(FunctionTest, OneTaskOnly) {
  const long self = lkl_sys_gettid();
  set("set_ftrace_pid", std::to_string(self));
  start();
  std::thread([] { lkl_sys_mkdir("/other", 0755); }).join();
  ASSERT_EQ(lkl_sys_rmdir("/other"), 0);
  stop();
  const std::vector<std::string> lines = recorded();
  EXPECT_LT(find(lines, "do_rmdir <-"), lines.size()) << joined(lines);
  EXPECT_EQ(find(lines, "do_mkdirat <-"), lines.size()) << joined(lines);
  for (const std::string& line : lines)
    EXPECT_NE(line.find("host-" + std::to_string(self)), std::string::npos) << line;
}

// The stack as seen from the start of a function, before it has a frame of its own.
TEST_F(FunctionTest, Stacks) {
  int pipe[2];
  ASSERT_EQ(lkl_sys_pipe2(pipe, 0), 0);
  set("options/func_stack_trace", "1");
  start();
  ASSERT_EQ(lkl_sys_write(pipe[1], "a", 1), 1);
  stop();
  const std::vector<std::string> lines = recorded();
  const size_t at = find(lines, "pipe_write <-vfs_write");
  ASSERT_LT(at + 5, lines.size()) << joined(lines);
  EXPECT_NE(lines[at + 1].find("<stack trace>"), std::string::npos) << lines[at + 1];
  EXPECT_EQ(lines[at + 2], " => pipe_write");
  EXPECT_EQ(lines[at + 3], " => vfs_write");
  EXPECT_EQ(lines[at + 4], " => ksys_write");
}

// Bad pointers: the host's handler looks into the kernel's tables, on the kernel's stack or
// on one of its own.
TEST_F(FunctionTest, BadPointers) {
  alignas(16) static char other_stack[65536];
  const stack_t on = {.ss_sp = other_stack, .ss_flags = 0, .ss_size = sizeof other_stack};
  const stack_t off = {.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
  start();
  for (const stack_t* stack : {&off, &on, &off}) {
    ASSERT_EQ(sigaltstack(stack, nullptr), 0);
    for (int i = 0; i < 200; ++i) {
      ASSERT_EQ(lkl_sys_mkdir(nullptr, 0755), -LKL_EFAULT);
      ASSERT_EQ(lkl_sys_pipe2(reinterpret_cast<int*>(8), 0), -LKL_EFAULT);
      ASSERT_EQ(lkl_sys_getcwd(reinterpret_cast<char*>(16), 100), -LKL_EFAULT);
    }
  }
  lkl_sys_mkdir(nullptr, 0755);
  stop();
  const std::vector<std::string> lines = recorded();
  EXPECT_LT(find(lines, "do_mkdirat <-"), lines.size()) << joined(lines);
  // the handler itself is not traced
  for (const char* lookup : {"search_exception_tables", "search_extable", "lkl_kernel_fixup"})
    EXPECT_EQ(find(lines, lookup), lines.size()) << lookup;
  EXPECT_TRUE(works());
}

// All six arguments arrive, and data is what it was.
TEST_F(FunctionTest, ArgumentsAndDataAreKept) {
  start();
  const int fd = static_cast<int>(lkl_sys_open("/file", LKL_O_CREAT | LKL_O_RDWR, 0640));
  ASSERT_GE(fd, 0);
  std::vector<unsigned char> data(100'000), found(data.size());
  std::iota(data.begin(), data.end(), 0);
  ASSERT_EQ(lkl_sys_pwrite64(fd, reinterpret_cast<char*>(data.data()), data.size(), 12345),
            static_cast<long>(data.size()));
  ASSERT_EQ(lkl_sys_pread64(fd, reinterpret_cast<char*>(found.data()), found.size(), 12345),
            static_cast<long>(found.size()));
  EXPECT_EQ(found, data);
  // descriptor, offset, descriptor, offset, length, flags
  int pipe[2];
  ASSERT_EQ(lkl_sys_pipe2(pipe, 0), 0);
  __lkl__kernel_loff_t offset = 12345 + 1000;
  ASSERT_EQ(lkl_sys_splice(fd, &offset, pipe[1], nullptr, 256, 0), 256);
  EXPECT_EQ(offset, 12345 + 1256);
  ASSERT_EQ(lkl_sys_read(pipe[0], reinterpret_cast<char*>(found.data()), 256), 256);
  EXPECT_EQ(std::memcmp(found.data(), data.data() + 1000, 256), 0);
  void* const memory =
      lkl_sys_mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_LT(reinterpret_cast<unsigned long>(memory), -4096ul);
  std::memset(memory, 1, 8192);
  EXPECT_EQ(lkl_sys_munmap(reinterpret_cast<unsigned long>(memory), 8192), 0);
  // numbers printed by the kernel: functions with a variable number of arguments
  set("buffer_size_kb", "3000");
  EXPECT_EQ(get("buffer_size_kb"), "3000\n");
}

// Threads that call at the same time, that sleep, that are served by others and by the
// library's own, that come and go.
TEST_F(FunctionTest, ManyThreads) {
  start();
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      const std::string name = "/d" + std::to_string(i);
      for (int k = 0; k < 200; ++k) {
        right += works();
        right += lkl_sys_mkdir(name.c_str(), 0755) == 0 && lkl_sys_rmdir(name.c_str()) == 0;
        if (k % 50) continue;
        __lkl__kernel_timespec ts = {.tv_sec = 0, .tv_nsec = 1'000'000};
        lkl_sys_nanosleep(&ts, nullptr);
        std::thread([&] { right += works(); }).join();
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 8 * (200 * 2 + 4));
  stop();
  // timers went off meanwhile
  EXPECT_TRUE(works());
}

// Requests that end in interrupts, kernel threads, the disk's own thread.
TEST_F(FunctionTest, AFileSystem) {
  const TempDir dir;
  Image image(dir, "ext4", 32);
  start();
  ASSERT_EQ(image.mount(), "");
  std::vector<char> data(1 << 20, 'x');
  for (int i = 0; i < 10; ++i) {
    const std::string path = image.point() + "/f" + std::to_string(i);
    const int fd = static_cast<int>(lkl_sys_open(path.c_str(), LKL_O_CREAT | LKL_O_RDWR, 0644));
    ASSERT_GE(fd, 0);
    ASSERT_EQ(lkl_sys_write(fd, data.data(), data.size()), static_cast<long>(data.size()));
    ASSERT_EQ(lkl_sys_fsync(fd), 0);
    lkl_sys_close(fd);
  }
  EXPECT_EQ(image.umount(), "");
  EXPECT_EQ(image.check(), "");
  EXPECT_EQ(get("current_tracer"), "function\n");
}

// Both processes go on being traced, each in a buffer of its own.
TEST_F(FunctionTest, AFork) {
  start();
  EXPECT_EQ(in_child([] {
              if (lkl_sys_mkdir("/child", 0755)) return 1;
              if (!works()) return 2;
              stop();
              const std::vector<std::string> lines = recorded();
              if (find(lines, "do_mkdirat <-") == lines.size()) return 3;
              return lkl_sys_halt() ? 4 : 0;
            }),
            0);
  EXPECT_TRUE(works());
  stop();
  const std::vector<std::string> lines = recorded();
  EXPECT_LT(find(lines, "pipe_read <-"), lines.size());
  EXPECT_EQ(find(lines, "do_mkdirat <-"), lines.size()) << joined(lines);
}

// A kernel that is halted while it is traced, and the next one in the same memory.
TEST_F(FunctionTest, TheNextBoot) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(get("current_tracer"), "nop\n");
    start();
    EXPECT_TRUE(works());
    TearDown();
    SetUp();
  }
}
