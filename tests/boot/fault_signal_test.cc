// SPDX-License-Identifier: GPL-2.0
// Faults are signals of the host: whose they are, and who takes them.
#include <sys/mman.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "support/kernel_test.h"

namespace {

class FaultSignalTest : public lkl_test::KernelTest {};

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
TEST_F(FaultSignalTest, ThreadsOfTheLibraryTakeFaults) {
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
