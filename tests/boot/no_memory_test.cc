// SPDX-License-Identifier: GPL-2.0
// Helpers of the API when the host has no more memory: an error, and no exception.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <new>

#include "support/kernel_test.h"

namespace {

// Allocations that this thread may still make; negative: any number.
thread_local int allowed = -1;

// Declared throwing, as the operators are: the compiler takes the pointer for valid.
void* allocate(std::size_t size) {
  if (allowed == 0) throw std::bad_alloc();
  if (allowed > 0) --allowed;
  void* const memory = std::malloc(size ? size : 1);
  if (!memory) throw std::bad_alloc();
  return memory;
}

class NoMemoryTest : public lkl_test::KernelTest {
 protected:
  // What is printed is kept: not an allocation that is looked for.
  NoMemoryTest() { lkl_test::kernel_log().reserve(1 << 20); }
};

// `call` with so much memory that its first allocation fails, then its second ..., until it needs
// no more. It undoes what it has done.
void expect_no_memory(const char* what, const std::function<long()>& call) {
  ASSERT_GE(call(), 0) << what;
  int failures = 0;
  for (int enough = 0; enough < 1000; ++enough) {
    allowed = enough;
    const long result = call();
    const bool failed = allowed == 0;
    allowed = -1;
    if (result >= 0) {
      // the last one that was allowed may have been the last one that it needs
      if (!failed) break;
      continue;
    }
    EXPECT_EQ(result, -LKL_ENOMEM) << what << ", " << enough << " allocations";
    ++failures;
  }
  EXPECT_GT(failures, 0) << what << " allocates nothing: no test of anything";
}

}  // namespace

// Of the whole program, and as ever for threads that have set nothing.
void* operator new(std::size_t size) {
  return allocate(size);
}
void* operator new[](std::size_t size) {
  return allocate(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

TEST_F(NoMemoryTest, IsAnError) {
  // of names that are too long for what a string holds without an allocation
  expect_no_memory("lkl_sysctl",
                   [] { return lkl_sysctl("kernel.random.urandom_min_reseed_secs", "60"); });
  expect_no_memory("lkl_sysctl_parse_write", [] {
    return lkl_sysctl_parse_write("kernel.random.urandom_min_reseed_secs|60;kernel.hostname|name");
  });
  expect_no_memory("lkl_mount_fs", [] {
    const long result = lkl_mount_fs("no-file-system-of-this-name");
    return result == -LKL_ENODEV ? 0 : result;
  });
  expect_no_memory("lkl_mount_blkdev", [] {
    char point[32];
    const long result = lkl_mount_blkdev(LKL_MAKEDEV(1, 0), nullptr, 0, nullptr, point, 32);
    return result == -LKL_ENOMEM ? result : 0;
  });
}

TEST_F(NoMemoryTest, OfADiskIsAnError) {
  lkl_disk disk = {};
  lkl_disk_options options = {};
  options.struct_size = sizeof(options);
  options.flags = LKL_DISK_MEMORY;
  options.size = 1 << 20;
  const int id = lkl_disk_add_options(&disk, &options);
  ASSERT_GE(id, 0);
  expect_no_memory("lkl_get_virtio_blkdev", [&] {
    __lkl__u32 device = 0;
    return lkl_get_virtio_blkdev(id, 0, &device);
  });
  EXPECT_EQ(lkl_disk_remove(disk), 0);
  expect_no_memory("lkl_disk_add_options", [&] {
    lkl_disk another = {};
    const int added = lkl_disk_add_options(&another, &options);
    return added < 0 ? added : lkl_disk_remove(another);
  });
}
