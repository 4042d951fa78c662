// SPDX-License-Identifier: GPL-2.0
// Memory that can be at several addresses: of a kernel that keeps page tables, which say where.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include "descriptor.h"
#include "host.h"

namespace lkl::host {

// Threads that copy memory, beside the one that forks. They are made before the kernel stands still
// for that, and end when it goes on: a thread begins and ends under locks of the C library's, and
// who has one may be in a call (of a signal handler), which waits for the kernel.
class Copiers final {
 public:
  static constexpr unsigned kMost = 4;

  // As many as there are processors for, or the host has.
  Copiers();
  ~Copiers();
  Copiers(const Copiers&) = delete;
  Copiers& operator=(const Copiers&) = delete;
  // In the child, where they are not.
  void fork_forget();

  // body(argument, 0) ... body(argument, count - 1), at once as far as there are threads.
  void run(void (*body)(void*, size_t), void* argument, size_t count);

 private:
  enum State : int { kBegins, kIdle, kWorks, kEnds };
  struct Copier {
    Copiers* all = nullptr;
    size_t number = 0;
    std::atomic<int> state = kBegins;
    Thread thread;
  };

  static void serve(Copier& self);
  static void wait_while(Copier& copier, State state);

  void (*body_)(void*, size_t) = nullptr;
  void* argument_ = nullptr;
  std::array<Copier, kMost - 1> copiers_;
};

class MappableMemory final {
 public:
  MappableMemory() = default;
  ~MappableMemory();
  MappableMemory(const MappableMemory&) = delete;
  MappableMemory& operator=(const MappableMemory&) = delete;

  // As reserve_memory(), once. Released with this object.
  void* allocate(size_t size, size_t align);
  // From `base` to its end, all zeros yet, it is not going to be mapped: it can be memory as any
  // other, in huge pages if the host has them, and shared with a forked child until one writes.
  bool never_map(void* base, size_t size);
  bool exists() const { return base_ != nullptr; }
  bool has(const void* at) const {
    return reinterpret_cast<uintptr_t>(at) - reinterpret_cast<uintptr_t>(base_) < size_;
  }

  // Addresses where nothing is, to be mapped to; an access is a fault. Released with this object.
  void* window(size_t size, size_t align);
  // What is at `base` is at `at` as well, in a window; LKL_MAP_*. Or nothing is there. False if the
  // host has no room for one more mapping. May be called in the handler of a fault.
  bool map(void* at, const void* base, size_t size, int access) const;
  static bool unmap(void* at, size_t size);

  // What is at `base` is at `at` in place of memory of the application's own, for good; and the
  // other way round, with the same content. False if the host has no room, and nothing happened.
  bool lend(void* at, const void* base, size_t size);
  bool take_back(void* at, size_t size);

  void discard(void* base, size_t size) const;
  // The guard page of a stack is on or off (host.h, stack_on()): of one in this memory.
  void remember_guard(const void* stack, bool on);

  // Around fork() of the process, while nobody writes to the memory: the child gets a copy, which
  // the parent makes before it goes on, with `copiers` if there are any. False in the child if it
  // could not be had: other memory, all zeros, is in its place.
  void fork_prepare();
  void fork_parent(Copiers* copiers);
  bool fork_child();
  // The same in a child that has no use for a copy.
  void fork_child_without();

 private:
  struct Window {
    void* base;
    size_t size;
  };

  // A part of the memory that is the application's as well.
  struct Loan {
    void* at;
    size_t offset;
    size_t size;
  };

  struct Free {
    void operator()(uint8_t* bits) const { std::free(bits); }
  };

  // What is from `start` to `end` is in this file, at the same offset.
  struct Piece {
    Descriptor file;
    size_t start = 0;
    size_t end = 0;
  };

  // One after the other. No vector: while a fork goes on nothing is allocated.
  class Pieces {
   public:
    bool empty() const { return count_ == 0; }
    size_t size() const { return count_; }
    Piece* begin() { return pieces_.data(); }
    Piece* end() { return begin() + count_; }
    const Piece* begin() const { return pieces_.data(); }
    const Piece* end() const { return begin() + count_; }
    const Piece& operator[](size_t i) const { return pieces_[i]; }
    void add(Piece piece) { pieces_[count_++] = std::move(piece); }
    void keep(size_t count) {
      while (count_ > count) pieces_[--count_] = Piece();
    }

   private:
    std::array<Piece, Copiers::kMost> pieces_;
    size_t count_ = 0;
  };

  bool put_pieces(void* at, size_t offset, size_t size, int prot, int flags) const;
  bool put_memory(void* at, size_t offset, size_t size) const;
  void make_pieces_for_child();
  bool copy_to(const Piece& to) const;
  bool copy_for_child(Copiers* copiers) const;
  bool have_copy();
  void put_guards_back() const;

  Pieces pieces_;
  void* base_ = nullptr;
  size_t size_ = 0;
  size_t mappable_size_ = 0;  // from its start on
  std::vector<Window> windows_;
  std::vector<Loan> loans_;
  std::unique_ptr<uint8_t[], Free> guards_;  // a bit for each page, of memory as it is touched
  Pieces childs_;                            // from fork_prepare() on
  Descriptor copied_, tell_copied_;  // two ends: the parent says that the child has its copy
};

// The calling thread takes signals of faults: where there is mappable memory a fault is no mistake,
// and a thread that blocks it dies of it.
void let_faults_come();

}  // namespace lkl::host
