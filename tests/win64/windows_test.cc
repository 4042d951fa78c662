// SPDX-License-Identifier: GPL-2.0
// What Windows wants of who runs on a stack that is not the thread's, and whose exceptions are
// whose.
#include <windows.h>

#include <atomic>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/kernel_test.h"
#include "support/two_pages.h"

namespace {

// What Windows holds for the stack of the calling thread.
struct Bounds {
  uint64_t base = __readgsqword(0x08);
  uint64_t limit = __readgsqword(0x10);
  uint64_t start = __readgsqword(0x1478);

  bool operator==(const Bounds&) const = default;
  bool has(uint64_t address) const { return start <= limit && limit <= address && address < base; }
};

struct Seen {
  std::atomic<unsigned> calls = 0, elsewhere = 0, outside = 0, caught = 0;
  Bounds own;
};

// More than a page: the compiler calls __chkstk(), which compares with the bounds.
__attribute__((noinline)) size_t large_frame(const char* text, size_t length) {
  volatile char copy[10000];
  for (size_t i = 0; i < length && i < sizeof copy; ++i) copy[i] = text[i];
  return length + static_cast<size_t>(copy[0]);
}

__attribute__((noinline)) void throws() {
  throw std::runtime_error("of a callback");
}

void look(void* user, const char* text, lkl_ulong length) {
  Seen& seen = *static_cast<Seen*>(user);
  const Bounds now;
  const auto here = reinterpret_cast<uint64_t>(__builtin_frame_address(0));
  ++seen.calls;
  if (!seen.own.has(here)) ++seen.elsewhere;
  if (!now.has(here)) ++seen.outside;
  (void)large_frame(text, length);
  try {
    throws();
  } catch (const std::runtime_error&) {
    ++seen.caught;
  }
}

class WindowsTest : public lkl_test::KernelTest {};

}  // namespace

TEST_F(WindowsTest, TheBoundsAreThoseOfTheKernelStack) {
  std::thread([] {
    Seen seen;
    const Bounds before;
    seen.own = before;
    ASSERT_EQ(lkl_set_print(look, &seen), 0);
    const int fd = static_cast<int>(lkl_sys_open("/dev/kmsg", LKL_O_WRONLY, 0));
    if (fd < 0) {
      ASSERT_EQ(lkl_sys_mknod("/kmsg", LKL_S_IFCHR | 0600, LKL_MAKEDEV(1, 11)), 0);
    }
    const int log = fd >= 0 ? fd : static_cast<int>(lkl_sys_open("/kmsg", LKL_O_WRONLY, 0));
    ASSERT_GE(log, 0);
    for (int i = 0; i < 20; ++i) EXPECT_GT(lkl_sys_write(log, "<1>words\n", 9), 0);
    lkl_sys_close(log);
    ASSERT_EQ(lkl_set_print(nullptr, nullptr), 0);
    EXPECT_GE(seen.calls, 10u);     // (of some it is only said that there were more)
    EXPECT_GT(seen.elsewhere, 0u);  // else nothing was tested
    EXPECT_EQ(seen.outside, 0u);
    EXPECT_EQ(seen.caught, seen.calls);
    EXPECT_EQ(Bounds(), before);
  }).join();
}

namespace {

lkl_test::TwoPages* guarded;
std::atomic<int> faults;

LONG CALLBACK allow(EXCEPTION_POINTERS* exception) {
  const EXCEPTION_RECORD& record = *exception->ExceptionRecord;
  if (record.ExceptionCode != EXCEPTION_ACCESS_VIOLATION) return EXCEPTION_CONTINUE_SEARCH;
  ++faults;
  DWORD before;
  VirtualProtect(guarded->first() + lkl_test::TwoPages::kPage, lkl_test::TwoPages::kPage,
                 PAGE_READWRITE, &before);
  return EXCEPTION_CONTINUE_EXECUTION;
}

}  // namespace

TEST_F(WindowsTest, AnAccessViolationOfTheApplicationIsItsOwn) {
  lkl_test::TwoPages pages;
  guarded = &pages;
  faults = 0;
  void* const handler = AddVectoredExceptionHandler(FALSE, allow);
  *static_cast<volatile char*>(pages.first() + lkl_test::TwoPages::kPage) = 1;
  EXPECT_EQ(faults, 1);
  // and one of the kernel is none of it
  EXPECT_EQ(lkl_sys_mkdir(reinterpret_cast<const char*>(8), 0755), -LKL_EFAULT);
  EXPECT_EQ(faults, 1);
  RemoveVectoredExceptionHandler(handler);
}

// From many threads at once, each with its kernel stack, on which the exception is dispatched.
TEST_F(WindowsTest, BadPointersOfManyThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([] {
      for (int j = 0; j < 500; ++j) {
        ASSERT_EQ(lkl_sys_mkdir(reinterpret_cast<const char*>(8), 0755), -LKL_EFAULT);
        ASSERT_EQ(lkl_sys_getpid(), 1);
      }
    });
  for (std::thread& thread : threads) thread.join();
}

TEST_F(WindowsTest, LastErrorIsTheApplications) {
  SetLastError(12345);
  int pipe[2];
  ASSERT_EQ(lkl_sys_pipe2(pipe, 0), 0);
  std::thread writer([&] {
    Sleep(20);
    EXPECT_EQ(lkl_sys_write(pipe[1], "x", 1), 1);
  });
  SetLastError(12345);
  char c;
  EXPECT_EQ(lkl_sys_read(pipe[0], &c, 1), 1);
  EXPECT_EQ(GetLastError(), 12345u);
  writer.join();
}

TEST_F(WindowsTest, AWireThatIsNotThereIsSaid) {
  lkl_netdev* nd = nullptr;
  lkl_test::kernel_log().clear();
  EXPECT_EQ(lkl_netdev_open("passt:", nullptr, &nd), -LKL_EPROTONOSUPPORT);
  EXPECT_NE(lkl_test::kernel_log().find("on Windows"), std::string::npos);
}
