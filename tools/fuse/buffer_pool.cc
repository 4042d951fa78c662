// SPDX-License-Identifier: GPL-2.0
#include "buffer_pool.h"

#include <lkl.h>
#include <lkl/asm/mman.h>
#include <sys/mman.h>

#include <algorithm>

namespace lkl::fuse {

namespace {

constexpr std::size_t kPage = 4096;

// The program's own memory as pages of the kernel: in calls of the host, too, which has no part in
// what the kernel maps for us.
std::byte* import_memory(std::size_t size, int& error) {
  void* const memory =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  error = memory == MAP_FAILED ? -LKL_ENOMEM : lkl_memory_import(memory, size);
  if (error == 0) return static_cast<std::byte*>(memory);
  if (memory != MAP_FAILED) ::munmap(memory, size);
  return nullptr;
}

// Without page tables this is memory like any other.
std::byte* map_memory(std::size_t size) {
  void* const memory = lkl_sys_mmap(nullptr, size, LKL_PROT_READ | LKL_PROT_WRITE,
                                    LKL_MAP_PRIVATE | LKL_MAP_ANONYMOUS, -1, 0);
  // an error is a negative number
  const auto result = reinterpret_cast<lkl_long>(memory);
  return result < 0 && result > -4096 ? nullptr : static_cast<std::byte*>(memory);
}

}  // namespace

std::size_t BufferPool::count_for(std::uint64_t memory, unsigned threads) {
  // One of a MiB for each of these is a sixteenth of the memory.
  constexpr std::uint64_t kMemoryForEach = 16 << 20;
  return std::min<std::uint64_t>(memory / kMemoryForEach, threads);
}

BufferPool::BufferPool(std::size_t count, std::size_t size)
    : size_((size + kPage - 1) / kPage * kPage) {
  free_.reserve(count);
  while (free_.size() < count) {
    int error = 0;
    std::byte* data = import_memory(size_, error);
    imported_ = error != -LKL_EOPNOTSUPP;
    if (!imported_) data = map_memory(size_);
    if (!data) break;
    free_.push_back(data);
  }
}

BufferPool::~BufferPool() {
  for (std::byte* const data : free_) {
    if (imported_) {
      lkl_memory_release(data, size_);
      ::munmap(data, size_);
    } else {
      lkl_sys_munmap(reinterpret_cast<lkl_ulong>(data), size_);
    }
  }
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
