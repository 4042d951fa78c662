// SPDX-License-Identifier: GPL-2.0
#include "buffer_pool.h"

#include <lkl.h>
#include <lkl/asm/mman.h>

#include <algorithm>

namespace lkl::fuse {

std::size_t BufferPool::count_for(std::uint64_t memory, unsigned threads) {
  // One of a MiB for each of these is a sixteenth of the memory.
  constexpr std::uint64_t kMemoryForEach = 16 << 20;
  return std::min<std::uint64_t>(memory / kMemoryForEach, threads);
}

BufferPool::BufferPool(std::size_t count, std::size_t size) : size_(size) {
  free_.reserve(count);
  while (free_.size() < count) {
    void* const memory =
        lkl_sys_mmap(nullptr, size, LKL_PROT_READ | LKL_PROT_WRITE,
                     LKL_MAP_PRIVATE | LKL_MAP_ANONYMOUS | LKL_MAP_POPULATE, -1, 0);
    // an error is a negative number
    const auto result = reinterpret_cast<lkl_long>(memory);
    if (result < 0 && result > -4096) break;
    free_.push_back(static_cast<std::byte*>(memory));
  }
}

BufferPool::~BufferPool() {
  for (std::byte* const data : free_) lkl_sys_munmap(reinterpret_cast<lkl_ulong>(data), size_);
}

BufferPool::Buffer BufferPool::take() {
  Buffer buffer = take_library();
  if (buffer.data()) return buffer;
  return Buffer(std::make_unique_for_overwrite<std::byte[]>(size_));
}

BufferPool::Buffer BufferPool::take_library() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) return {};
  // what was used last is in the processor's cache
  std::byte* const data = free_.back();
  free_.pop_back();
  return {this, data};
}

void BufferPool::give_back(std::byte* data) {
  const std::lock_guard lock(mutex_);
  free_.push_back(data);
}

}  // namespace lkl::fuse
