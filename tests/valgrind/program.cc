// SPDX-License-Identifier: GPL-2.0
// Boots a kernel, does some work in it and, if a bug is named, has it (arch/lkl/kernel/planted.c).
#include <lkl.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "support/kernel_test.h"

namespace {

#ifdef LKL_TEST_MAPPED
constexpr size_t kPage = 4096;

// A fault that is served at each depth of the stack, which has to be made larger now and then.
[[gnu::noinline]] void touch(char* at, const char* end) {
  volatile char room[600];
  room[0] = 0;
  *at = 1;
  if (at + kPage != end) touch(at + kPage, end);
  room[sizeof(room) - 1] = 0;
}

bool faults_are_served() {
  constexpr size_t kSize = 64 * kPage;
  void* const mapped = lkl_sys_mmap(nullptr, kSize, LKL_PROT_READ | LKL_PROT_WRITE,
                                    LKL_MAP_PRIVATE | LKL_MAP_ANONYMOUS, -1, 0);
  const auto address = reinterpret_cast<lkl_ulong>(mapped);
  if (address % kPage != 0) return false;  // an error
  auto* const start = static_cast<char*>(mapped);
  touch(start, start + kSize);
  return lkl_sys_munmap(address, kSize) == 0;
}

// Memory that nobody has written yet, and that is written when it is the kernel's as well.
bool imported_memory_is_read() {
  auto* const memory = static_cast<char*>(std::aligned_alloc(kPage, kPage));
  int ends[2];
  std::string back(kPage, 0);
  if (lkl_memory_import(memory, kPage) || lkl_sys_pipe2(ends, 0)) return false;
  std::memset(memory, 'x', kPage);
  const lkl_iovec piece = {memory, kPage};
  const bool same = lkl_sys_vmsplice(ends[1], &piece, 1, 0) == kPage &&
                    lkl_sys_read(ends[0], back.data(), kPage) == kPage &&
                    back == std::string(kPage, 'x');
  if (lkl_memory_release(memory, kPage)) return false;
  std::free(memory);
  return same;
}
#endif

bool does_some_work() {
#ifdef LKL_TEST_MAPPED
  if (!faults_are_served() || !imported_memory_is_read()) return false;
#endif
  return !lkl_test::read_kernel_file("/debugfs/lkl/bug").empty();
}

}  // namespace

int main(int argc, char** argv) {
  lkl_host_operations ops = {};
  if (lkl_init(&ops) || lkl_start_kernel("mem=64M loglevel=4")) return 1;
  char debugfs[] = "debugfs";
  if (lkl_mount_fs(debugfs)) return 1;
  if (argc > 1) {
    if (const long error = lkl_test::write_kernel_file("/debugfs/lkl/bug", argv[1])) {
      std::fprintf(stderr, "%s: %s\n", argv[1], lkl_strerror(static_cast<int>(error)));
      return 1;
    }
  } else if (!does_some_work()) {
    return 1;
  }
  if (lkl_sys_halt()) return 1;
  lkl_cleanup();
  return 0;
}
