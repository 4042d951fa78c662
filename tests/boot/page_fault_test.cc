// SPDX-License-Identifier: GPL-2.0
// A boot writes to thousands of pages, most of which the host is asked for at once.
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "support/kernel_test.h"

namespace {

// Page faults of the calling thread; unlike those of getrusage(2) without pages got by madvise(2).
class FaultCounter {
 public:
  FaultCounter() {
    perf_event_attr attr = {};
    attr.type = PERF_TYPE_SOFTWARE;
    attr.size = sizeof attr;
    attr.config = PERF_COUNT_SW_PAGE_FAULTS;
    attr.exclude_kernel = 1;
    fd_ = static_cast<int>(syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
  }
  ~FaultCounter() {
    if (fd_ >= 0) close(fd_);
  }
  FaultCounter(const FaultCounter&) = delete;
  FaultCounter& operator=(const FaultCounter&) = delete;

  bool works() const { return fd_ >= 0; }
  uint64_t read() const {
    uint64_t count = 0;
    EXPECT_EQ(::read(fd_, &count, sizeof count), static_cast<ssize_t>(sizeof count));
    return count;
  }

 private:
  int fd_;
};

bool host_populates() {
  void* const page =
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const bool can = madvise(page, 4096, MADV_POPULATE_WRITE) == 0;
  munmap(page, 4096);
  return can;
}

}  // namespace

TEST(PageFaults, AreNotMoreWithMoreMemory) {
  const FaultCounter counter;
  if (!counter.works()) GTEST_SKIP() << "the host lets nobody count page faults (perf_event_open)";
  if (!host_populates()) GTEST_SKIP() << "the host is older than Linux 5.14 (MADV_POPULATE_WRITE)";
  lkl_host_operations ops = {};
  uint64_t faults[2];
  // the first boot in a process has some of its own
  for (const int mem : {64, 64, 512}) {
    const uint64_t before = counter.read();
    ASSERT_EQ(lkl_init(&ops), 0);
    ASSERT_EQ(lkl_start_kernel("mem=%dM loglevel=0", mem), 0);
    faults[mem == 512] = counter.read() - before;
    lkl_cleanup();
  }
  // an eighth of what the array of pages alone would take
  EXPECT_LT(faults[1], faults[0] + (lkl_test::kLockdep ? 400 : 200)) << faults[0] << " with 64 MiB";
}
