// SPDX-License-Identifier: GPL-2.0
// fork() of a process with a kernel, until it returns to the parent: lkl_bench_fork
//
// With page tables the kernel's memory is a file, of which the child gets a copy. The host's row is
// that copy alone: a process that writes as much to an empty file in memory.
#include <benchmark/benchmark.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "kernels.h"
#include "support/host_tools.h"

namespace {

constexpr size_t kMiB = 1 << 20;

void Fork(benchmark::State& state) {
  for (auto _ : state) {
    const pid_t child = fork();
    if (child < 0) std::abort();
    if (child == 0) _exit(0);
    state.PauseTiming();
    if (waitpid(child, nullptr, 0) != child) std::abort();
    state.ResumeTiming();
  }
}

// With so many MiB of the kernel's memory in use, in a file of its first file system.
void ForkInUse(benchmark::State& state) {
  const std::vector<char> block(kMiB, 7);
  const int fd = Library::open("/in-use", true);
  for (int64_t i = 0; i < state.range(0); ++i)
    if (Library::write(fd, block.data(), kMiB) != static_cast<long>(kMiB)) std::abort();
  Fork(state);
  Library::close(fd);
  Library::unlink("/in-use");
}

void WriteToMemory(benchmark::State& state) {
  const std::vector<char> block(kMiB, 7);
  for (auto _ : state) {
    const int fd = memfd_create("lkl-bench", MFD_CLOEXEC);
    for (int64_t i = 0; i < state.range(0); ++i)
      if (pwrite(fd, block.data(), kMiB, static_cast<off_t>(i) << 20) != static_cast<ssize_t>(kMiB))
        std::abort();
    state.PauseTiming();
    close(fd);
    state.ResumeTiming();
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  lkl_host_ops.print = nullptr;
  if (lkl_init(&lkl_host_ops) || lkl_start_kernel("mem=512M loglevel=0")) return 1;
  const auto real = [](auto* b) { return b->UseRealTime()->Unit(benchmark::kMillisecond); };
  real(benchmark::RegisterBenchmark("Fork/booted", Fork));
  real(benchmark::RegisterBenchmark("Fork/in_use_MiB", ForkInUse))->Arg(32);
  real(benchmark::RegisterBenchmark("WriteToMemory/MiB", WriteToMemory))->Arg(32);
  benchmark::RunSpecifiedBenchmarks();
  lkl_sys_halt();
  lkl_cleanup();
}
