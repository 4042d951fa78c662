// SPDX-License-Identifier: GPL-2.0
// Bad pointers give -EFAULT, as from any kernel, and what was before them counts.
#include <sys/mman.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "support/kernel_test.h"

using lkl_test::KernelTest;

namespace {

class FaultTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    page_ = static_cast<char*>(
        mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(page_, MAP_FAILED);
    mprotect(page_ + kPage, kPage, PROT_NONE);
    ASSERT_EQ(lkl_sys_pipe2(pipe_, 0), 0);
  }
  void TearDown() override {
    munmap(page_, 2 * kPage);
    KernelTest::TearDown();
  }

  static constexpr size_t kPage = 4096;
  char* page_ = nullptr;
  int pipe_[2];
};

}  // namespace

TEST_F(FaultTest, NullAndWildPointers) {
  char* const wild[] = {nullptr, reinterpret_cast<char*>(8), reinterpret_cast<char*>(0x123456789),
                        page_ + kPage};
  for (char* pointer : wild) {
    EXPECT_EQ(lkl_sys_mkdir(pointer, 0755), -LKL_EFAULT);
    EXPECT_EQ(lkl_sys_open(pointer, LKL_O_RDONLY, 0), -LKL_EFAULT);
    EXPECT_EQ(lkl_sys_write(pipe_[1], pointer, 10), -LKL_EFAULT);
    EXPECT_EQ(lkl_sys_write(pipe_[1], pointer, 1000), -LKL_EFAULT);
    EXPECT_EQ(lkl_sys_nanosleep(reinterpret_cast<__lkl__kernel_timespec*>(pointer), nullptr),
              -LKL_EFAULT);
    EXPECT_EQ(lkl_sys_stat("/", reinterpret_cast<lkl_stat*>(pointer)), -LKL_EFAULT);
    EXPECT_EQ(lkl_sys_pipe2(reinterpret_cast<int*>(pointer), 0), -LKL_EFAULT);
    EXPECT_EQ(lkl_sys_getcwd(pointer, 100), -LKL_EFAULT);
  }
  ASSERT_EQ(lkl_sys_write(pipe_[1], page_, 100), 100);
  EXPECT_EQ(lkl_sys_read(pipe_[0], page_ + kPage, 100), -LKL_EFAULT);
}

TEST_F(FaultTest, ALongCopyStopsAtTheBadPage) {
  const int fd = static_cast<int>(lkl_sys_open("/file", LKL_O_CREAT | LKL_O_RDWR, 0644));
  ASSERT_GE(fd, 0);
  std::memset(page_, 'a', kPage);
  EXPECT_EQ(lkl_sys_write(fd, page_ + 1000, 2 * kPage), static_cast<long>(kPage - 1000));
  EXPECT_EQ(lkl_sys_pread64(fd, page_ + kPage - 100, 200, 0), 100);
}

TEST_F(FaultTest, NamesAtTheEndOfAPage) {
  std::strcpy(page_ + kPage - 5, "/dir");
  EXPECT_EQ(lkl_sys_mkdir(page_ + kPage - 5, 0755), 0);
  // no terminating 0 before the bad page
  std::memset(page_ + kPage - 8, 'x', 8);
  page_[kPage - 8] = '/';
  EXPECT_EQ(lkl_sys_mkdir(page_ + kPage - 8, 0755), -LKL_EFAULT);
}

TEST_F(FaultTest, AFutexOnABadAddress) {
  EXPECT_EQ(lkl_sys_futex(reinterpret_cast<__lkl__u32*>(page_ + kPage),
                          LKL_FUTEX_WAIT | LKL_FUTEX_PRIVATE_FLAG, 0, nullptr, nullptr, 0),
            -LKL_EFAULT);
  // those that change it, where nothing is and where it can only be read
  alignas(4096) static const char kReadOnly[4096] = {};
  for (const char* bad : {static_cast<const char*>(page_ + kPage), kReadOnly}) {
    auto* const futex = reinterpret_cast<__lkl__u32*>(const_cast<char*>(bad));
    EXPECT_EQ(lkl_sys_futex(futex, LKL_FUTEX_LOCK_PI, 0, nullptr, nullptr, 0), -LKL_EFAULT);
    EXPECT_EQ(lkl_sys_futex(futex, LKL_FUTEX_TRYLOCK_PI, 0, nullptr, nullptr, 0), -LKL_EFAULT);
  }
}

namespace {

// The masks of the library's own threads; how many there are. A new one takes a moment to say its
// name.
unsigned check_masks() {
  unsigned checked = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream status(task.path() / "status");
    std::string line, name;
    while (std::getline(status, line)) {
      if (line.rfind("Name:", 0) == 0) name = line;
      if (line.rfind("SigBlk:", 0) == 0 && name.find("lkl-") != std::string::npos) {
        const unsigned long blocked = std::stoul(line.substr(7), nullptr, 16);
        EXPECT_EQ(blocked >> (SIGSEGV - 1) & 1, 0u) << name;
        EXPECT_EQ(blocked >> (SIGBUS - 1) & 1, 0u) << name;
        EXPECT_EQ(blocked >> (SIGINT - 1) & 1, 1u) << name;
        ++checked;
      }
    }
  }
  return checked;
}

}  // namespace

// Calls are executed by other threads too: faults must not be blocked in the library's.
TEST_F(FaultTest, ThreadsOfTheLibraryTakeFaults) {
  unsigned checked = 0;
  for (int i = 0; i < 1000 && checked == 0; ++i) {
    checked = check_masks();
    if (checked == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_GE(checked, 1u);
}

namespace {

volatile sig_atomic_t faults;
char* bad_page;

void on_segv(int) {
  faults = faults + 1;
  mprotect(bad_page, 4096, PROT_READ | PROT_WRITE);
}

}  // namespace

// A fault of the application is the application's.
TEST(Fault, TheApplicationKeepsItsOwnHandler) {
  bad_page = static_cast<char*>(mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(bad_page, MAP_FAILED);
  struct sigaction action = {}, before = {}, after = {};
  action.sa_handler = on_segv;
  sigaction(SIGSEGV, &action, &before);
  lkl_host_operations ops = {};
  ops.print = lkl_test::keep_log;
  ASSERT_EQ(lkl_init(&ops), 0);
  ASSERT_EQ(lkl_start_kernel("mem=32M loglevel=5"), 0);
  *static_cast<volatile char*>(bad_page) = 1;
  EXPECT_EQ(faults, 1);
  EXPECT_EQ(lkl_sys_mkdir(nullptr, 0), -LKL_EFAULT);
  EXPECT_EQ(faults, 1);
  lkl_cleanup();
  sigaction(SIGSEGV, &before, &after);
  EXPECT_EQ(after.sa_handler, on_segv);
}
