// SPDX-License-Identifier: GPL-2.0
//
// Buffers in memory of the library's kernel (lkl_memory_import()): its devices can reach it, so
// that O_DIRECT works there. They are large, and memory in one piece is rare once all of it has
// been in use: so they are made when the mount begins, and there are as many as the kernel's memory
// bears, not one for each thread. The program's own memory stands in when all are in use. Direct
// I/O refuses that (EFAULT), everything else takes it.
#ifndef LKL_FUSE_BUFFER_POOL_H
#define LKL_FUSE_BUFFER_POOL_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace lkl::fuse {

class BufferPool {
 public:
  // Move-only; goes back to its pool.
  class Buffer {
   public:
    Buffer() noexcept = default;
    Buffer(Buffer&& other) noexcept { *this = std::move(other); }
    Buffer& operator=(Buffer&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(data_, other.data_);
      std::swap(own_, other.own_);
      return *this;
    }
    ~Buffer() {
      if (pool_) pool_->give_back(data_);
    }

    std::byte* data() const { return data_; }
    // Whether devices can reach it.
    bool is_library() const { return pool_ != nullptr; }

   private:
    friend class BufferPool;
    Buffer(BufferPool* pool, std::byte* data) : pool_(pool), data_(data) {}
    explicit Buffer(std::unique_ptr<std::byte[]> own) : data_(own.get()), own_(std::move(own)) {}

    BufferPool* pool_ = nullptr;
    std::byte* data_ = nullptr;
    std::unique_ptr<std::byte[]> own_;
  };

  // How many, for so much memory and so many threads.
  static std::size_t count_for(std::uint64_t memory, unsigned threads);

  // `count` buffers of `size` bytes, or as many as the kernel has in one piece now.
  BufferPool(std::size_t count, std::size_t size);
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  // To be called before the kernel halts, when all buffers are back.
  ~BufferPool();

  // Any thread. The library's begin with a page. Throws std::bad_alloc if the host has no memory.
  Buffer take();
  // One of the library's, or nothing.
  Buffer take_library();

 private:
  void give_back(std::byte* data);

  const std::size_t size_;
  std::mutex mutex_;
  std::vector<std::byte*> free_;
  bool imported_ = false;  // not mapped by the kernel
};

}  // namespace lkl::fuse

#endif  // LKL_FUSE_BUFFER_POOL_H
