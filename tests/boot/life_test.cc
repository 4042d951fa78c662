// SPDX-License-Identifier: GPL-2.0
// From lkl_init() to lkl_cleanup(), again and again.
#include <cstdlib>
#include <cstring>
#include <thread>

#include "support/host_tools.h"
#include "support/kernel_test.h"
#include "support/sanitizers.h"

using namespace lkl_test;

namespace {

// Threads that are not ours: ThreadSanitizer has one.
constexpr unsigned kOthers = kThreadSanitizer ? 1 : 0;

}  // namespace

TEST(Life, RefusesWhatComesAtTheWrongTime) {
  lkl_host_operations ops = {};
  ops.print = keep_log;
  EXPECT_EQ(lkl_is_running(), 0);
  EXPECT_EQ(lkl_start_kernel("mem=64M"), -LKL_EINVAL);
  EXPECT_EQ(lkl_sys_getpid(), -LKL_ENODEV);
  EXPECT_EQ(lkl_sys_halt(), -LKL_ENODEV);
  EXPECT_EQ(lkl_init(nullptr), -LKL_EINVAL);
  ASSERT_EQ(lkl_init(&ops), 0);
  EXPECT_EQ(lkl_init(&ops), -LKL_EBUSY);
  EXPECT_EQ(lkl_sys_getpid(), -LKL_ENODEV);
  ASSERT_EQ(lkl_start_kernel("mem=%dM loglevel=5", 64), 0);
  EXPECT_EQ(lkl_is_running(), 1);
  EXPECT_EQ(lkl_start_kernel("mem=64M"), -LKL_EBUSY);
  EXPECT_EQ(lkl_sys_getpid(), 1);
  EXPECT_EQ(lkl_sys_halt(), 0);
  EXPECT_EQ(lkl_is_running(), 0);
  EXPECT_EQ(lkl_sys_getpid(), -LKL_ESHUTDOWN);
  lkl_cleanup();
  EXPECT_EQ(lkl_sys_getpid(), -LKL_ENODEV);
  lkl_cleanup();
}

TEST(Life, TheUnprivilegedMayHalt) {
  lkl_host_operations ops = {};
  ops.print = keep_log;
  for (const bool halt : {true, false}) {
    ASSERT_EQ(lkl_init(&ops), 0);
    ASSERT_EQ(lkl_start_kernel("mem=64M loglevel=5"), 0);
    ASSERT_EQ(lkl_sys_setresuid(1000, 1000, 1000), 0);
    EXPECT_EQ(lkl_sys_reboot(static_cast<int>(LKL_LINUX_REBOOT_MAGIC1), LKL_LINUX_REBOOT_MAGIC2,
                             LKL_LINUX_REBOOT_CMD_POWER_OFF, nullptr),
              -LKL_EPERM);
    if (halt) {
      EXPECT_EQ(lkl_sys_halt(), 0);
    }
    lkl_cleanup();
    EXPECT_EQ(lkl_is_running(), 0);
  }
}

TEST(Life, ATooLongCommandLineIsRefused) {
  lkl_host_operations ops = {};
  ops.print = keep_log;
  ASSERT_EQ(lkl_init(&ops), 0);
  EXPECT_EQ(lkl_start_kernel("%s", std::string(4096, 'x').c_str()), -LKL_E2BIG);
  EXPECT_EQ(lkl_start_kernel("mem=32M loglevel=5"), 0);
  lkl_cleanup();
}

TEST(Life, NothingIsPrintedThatIsNoProblem) {
  lkl_host_operations ops = {};
  ops.print = keep_log;
  ASSERT_EQ(lkl_init(&ops), 0);
  ASSERT_EQ(lkl_start_kernel("mem=32M loglevel=4"), 0);
  // The kernel's first process has given its console up.
  EXPECT_EQ(lkl_sys_open("/", LKL_O_RDONLY, 0), 0);
  EXPECT_EQ(lkl_sys_halt(), 0);
  lkl_cleanup();
  EXPECT_EQ(kernel_log(), "");
}

TEST(Life, BootsAHundredTimesWithoutGrowth) {
  lkl_host_operations ops = {};
  ops.print = keep_log;
  long after_warm_up = 0;
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(lkl_init(&ops), 0);
    ASSERT_EQ(lkl_start_kernel("mem=64M loglevel=5"), 0);
    // nothing of the kernel before is left
    ASSERT_EQ(lkl_sys_mkdir("/mark", 0755), 0) << "boot " << i;
    std::thread([] { EXPECT_GT(lkl_sys_gettid(), 1); }).join();
    ASSERT_EQ(lkl_sys_halt(), 0);
    lkl_cleanup();
    ASSERT_EQ(host_threads(), 1 + kOthers);
    if (i == 10) after_warm_up = written_kib();
  }
  // these keep what was freed, and accounts of all there was
  if (!kAddressSanitizer && !kThreadSanitizer) {
    // not of code: when that is unmapped after a boot, a kernel that halts at once may be first
    EXPECT_LT(written_kib(), after_warm_up + 1024);
  }
}

class LifeTest : public KernelTest {};

TEST_F(LifeTest, SaysWhatItIs) {
  lkl_new_utsname name;
  ASSERT_EQ(lkl_sys_uname(reinterpret_cast<lkl_new_utsname*>(&name)), 0);
  EXPECT_STREQ(name.sysname, "Linux");
  EXPECT_GE(std::atof(name.release), 6.1) << name.release;
}

// The application's thread, the executor and the minder; with LKL_IO=threads also the pool.
TEST_F(LifeTest, AnIdleLibraryHasTwoThreadsOfItsOwn) {
  char proc[] = "proc";
  ASSERT_EQ(lkl_mount_fs(proc), 0);
  lkl_disk disk = {};
  lkl_disk_options options = {};
  options.struct_size = sizeof(options);
  options.flags = LKL_DISK_MEMORY;
  options.size = 16 << 20;
  ASSERT_GE(lkl_disk_add_options(&disk, &options), 0);
  std::thread([] { lkl_sys_gettid(); }).join();
  EXPECT_EQ(host_threads(), 3 + kOthers);
  EXPECT_EQ(lkl_disk_remove(disk), 0);
}

TEST_F(LifeTest, MemoryGoesBackToTheHost) {
  // 64 MiB of page cache on ramfs, then none
  const long before = resident_kib();
  const int fd = static_cast<int>(lkl_sys_open("/big", LKL_O_CREAT | LKL_O_RDWR, 0644));
  ASSERT_GE(fd, 0);
  std::string block(1 << 20, 'x');
  for (int i = 0; i < 64; ++i)
    ASSERT_EQ(lkl_sys_write(fd, block.data(), block.size()), static_cast<long>(block.size()));
  // some of the library's code may have gone since
  const long full = resident_kib();
  EXPECT_GT(full, before + 40 * 1024);
  lkl_sys_close(fd);
  ASSERT_EQ(lkl_sys_unlink("/big"), 0);
  // Free page reporting works in the background, a few seconds apart. The processor's list of free
  // pages keeps an eighth of the memory, KASAN for a while what else was freed.
  constexpr long kGoBack = 44 * 1024;
  __lkl__kernel_timespec second = {.tv_sec = 1, .tv_nsec = 0};
  for (int i = 0; i < 30 && resident_kib() > full - kGoBack; ++i)
    lkl_sys_nanosleep(&second, nullptr);
  EXPECT_LT(resident_kib(), full - kGoBack);
}
