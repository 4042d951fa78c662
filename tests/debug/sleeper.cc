// SPDX-License-Identifier: GPL-2.0
// What gdb looks at in gdb_test.cc: a thread that waits in a read, one that calls what the debugger
// stops in, and one that adds a disk; then abort().
#include <lkl.h>

#include <cstdlib>
#include <thread>

extern "C" __attribute__((noinline)) void debugger_stops_here() {
  asm volatile("");
}

int main() {
  lkl_host_ops.print = nullptr;
  if (lkl_init(&lkl_host_ops) || lkl_start_kernel("mem=64M")) return 1;
  int pipe[2];
  if (lkl_sys_pipe2(pipe, 0)) return 1;
  std::thread([&] {
    char c;
    lkl_sys_read(pipe[0], &c, 1);
  }).detach();
  // until it waits: its write end is there, so nothing but time can tell
  __lkl__kernel_timespec moment = {.tv_sec = 0, .tv_nsec = 200'000'000};
  lkl_sys_nanosleep(&moment, nullptr);
  debugger_stops_here();
  std::thread([] {
    lkl_disk disk = {};
    lkl_disk_options options = {};
    options.struct_size = sizeof(options);
    options.flags = LKL_DISK_MEMORY;
    options.size = 1 << 20;
    if (lkl_disk_add_options(&disk, &options) < 0) std::exit(1);
  }).join();
  std::abort();
}
