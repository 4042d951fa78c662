// SPDX-License-Identifier: GPL-2.0
// A boot goes once through all of the kernel's code; the host need not keep it mapped for that.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <link.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "support/kernel_test.h"

namespace {

constexpr uintptr_t kPage = 4096;

struct Range {
  uintptr_t start, end;
  size_t pages() const { return (end - start) / kPage; }
};

// Code and constants of the library, or of the program if it is linked in.
std::vector<Range> code_and_constants() {
  struct Search {
    uintptr_t at;
    std::vector<Range> ranges;
  } search = {reinterpret_cast<uintptr_t>(&lkl_init), {}};
  dl_iterate_phdr(
      [](dl_phdr_info* object, size_t, void* argument) {
        auto& [at, found] = *static_cast<Search*>(argument);
        std::vector<Range> ranges;
        bool is_it = false;
        for (size_t i = 0; i < object->dlpi_phnum; ++i) {
          const ElfW(Phdr)& segment = object->dlpi_phdr[i];
          const uintptr_t start = object->dlpi_addr + segment.p_vaddr;
          if (segment.p_type != PT_LOAD) continue;
          is_it |= at - start < segment.p_memsz;
          if (!(segment.p_flags & PF_W))
            ranges.push_back({start & ~(kPage - 1), (start + segment.p_memsz) & ~(kPage - 1)});
        }
        if (is_it) found = ranges;
        return is_it ? 1 : 0;
      },
      &search);
  return search.ranges;
}

// Constants and what a sanitizer has between them.
__attribute__((no_sanitize_address)) void touch(const Range& range) {
  for (uintptr_t page = range.start; page < range.end; page += kPage)
    (void)*reinterpret_cast<const volatile char*>(page);
}

size_t mapped(const std::vector<Range>& ranges) {
  const int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  size_t pages = 0;
  for (const Range& range : ranges) {
    std::vector<uint64_t> entries(range.pages());
    const size_t size = entries.size() * sizeof entries[0];
    EXPECT_EQ(pread(pagemap, entries.data(), size,
                    static_cast<off_t>(range.start / kPage * sizeof entries[0])),
              static_cast<ssize_t>(size));
    for (const uint64_t entry : entries) pages += entry >> 63;
  }
  close(pagemap);
  return pages;
}

void boot() {
  lkl_host_operations ops = {};
  ops.print = lkl_test::keep_log;
  ASSERT_EQ(lkl_init(&ops), 0);
  ASSERT_EQ(lkl_start_kernel("mem=64M"), 0);
}

void end() {
  EXPECT_EQ(lkl_sys_halt(), 0);
  lkl_cleanup();
}

}  // namespace

TEST(ProgramPages, NoMoreIsMappedAfterABootThanIsUsed) {
  const std::vector<Range> ranges = code_and_constants();
  ASSERT_FALSE(ranges.empty());
  size_t all = 0;
  for (const Range& range : ranges) {
    all += range.pages();
    touch(range);
  }
  ASSERT_EQ(mapped(ranges), all);
  boot();
  // a host that has the file in huge pages maps them whole: a third of it, still
  size_t after = all;
  for (int i = 0; i < 1000 && (after = mapped(ranges)) >= all * 9 / 10; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_LT(after, all * 9 / 10) << "of " << all << " pages";
  end();
}

// Such as a breakpoint.
TEST(ProgramPages, WhatWasWrittenToThemStays) {
  const char* const text = lkl_strerror(-LKL_ENOENT);
  ASSERT_EQ(std::string(text), "No such file or directory");
  const int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
  if (memory < 0) GTEST_SKIP() << "/proc/self/mem cannot be opened";
  const auto write_at = [&](char c) {
    return pwrite(memory, &c, 1, static_cast<off_t>(reinterpret_cast<uintptr_t>(text)));
  };
  ASSERT_EQ(write_at('n'), 1);
  boot();
  // by a thread behind it
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(std::string(lkl_strerror(-LKL_ENOENT)), "no such file or directory");
  EXPECT_EQ(write_at('N'), 1);
  end();
  close(memory);
}
