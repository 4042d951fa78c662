// SPDX-License-Identifier: GPL-2.0
//
// What the kernel maps: rings of packet sockets, for instance. They are in its part of the address
// space, and the host knows nothing of them.
#include <lkl.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include "preload/libc.h"
#include "preload/numbers.h"

namespace lkl::preload {

namespace {

struct Mapping {
  std::uintptr_t begin, end;
};
struct Mappings {
  std::mutex mutex;
  std::vector<Mapping> all;
};
// Never taken down: threads may go on at the very end.
Mappings& mappings() {
  static auto& all = *new Mappings;
  return all;
}
// Most programs have none.
std::atomic<bool> any;

void* map_kernels(int kernel, void* at, std::size_t length, int protection, int flags, off_t from) {
  const long result = in_kernel([&] {
    return reinterpret_cast<long>(lkl_sys_mmap(at, length, protection, flags, kernel, from));
  });
  // as all calls tell of errors
  if (result < 0 && result > -4096) {
    errno = static_cast<int>(-result);
    return MAP_FAILED;
  }
  const auto begin = static_cast<std::uintptr_t>(result);
  Mappings& mine = mappings();
  const Inside inside;
  const std::lock_guard lock(mine.mutex);
  mine.all.push_back({begin, begin + length});
  any = true;
  return reinterpret_cast<void*>(result);
}

bool is_kernels(const void* at) {
  if (!any) return false;
  const auto address = reinterpret_cast<std::uintptr_t>(at);
  Mappings& mine = mappings();
  const Inside inside;
  const std::lock_guard lock(mine.mutex);
  return std::any_of(mine.all.begin(), mine.all.end(),
                     [=](const Mapping& one) { return address >= one.begin && address < one.end; });
}

}  // namespace

}  // namespace lkl::preload

using namespace lkl::preload;

extern "C" {

void* mmap(void* at, size_t length, int protection, int flags, int fd, off_t from) __THROW {
  // The library maps its own at any time, when a fault of the program's is served as well.
  const bool is_programs = (flags & MAP_ANONYMOUS) == 0 && entry_of(fd).owner() == Owner::kKernel;
  const int kernel = is_programs ? kernel_fd(fd) : kOfHost;
  if (kernel == kOfHost) return libc().mmap(at, length, protection, flags, fd, from);
  return map_kernels(kernel, at, length, protection, flags, from);
}
void* mmap64(void* at, size_t length, int protection, int flags, int fd, off64_t from) __THROW {
  return mmap(at, length, protection, flags, fd, from);
}

int munmap(void* at, size_t length) __THROW {
  if (!is_kernels(at)) return libc().munmap(at, length);
  return static_cast<int>(
      answer(in_kernel([&] { return lkl_sys_munmap(reinterpret_cast<lkl_ulong>(at), length); })));
}
}
