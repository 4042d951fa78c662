// SPDX-License-Identifier: GPL-2.0
// One operation of the host that may block, as it goes from whoever starts it to whoever
// does it. It is part of what waits for its end, so that nothing is allocated for it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "host.h"

namespace lkl::host {

// Work that only blocks.
class BlockingTask {
 public:
  // On some thread that may block; the value is what the completion gets.
  virtual int64_t run() = 0;

 protected:
  ~BlockingTask() = default;
};

class IoCompletion;

struct IoOperation {
  enum class Kind { kRead, kWrite, kSync, kTask };

  Kind kind = Kind::kTask;
  int fd = -1;
  std::span<const IoVec> vector;
  uint64_t offset = 0;
  BlockingTask* task = nullptr;
  IoCompletion* end = nullptr;
  int64_t result = 0;
  IoOperation* next = nullptr;  // of the list it is on
  // What the host keeps of it while it does it.
  alignas(void*) std::array<std::byte, 48> host_room = {};
};

// First in, first out.
class IoOperationList {
 public:
  bool empty() const { return !first_; }
  void push(IoOperation& operation) {
    operation.next = nullptr;
    (last_ ? last_->next : first_) = &operation;
    last_ = &operation;
  }
  void push_front(IoOperation& operation) {
    operation.next = first_;
    first_ = &operation;
    if (!last_) last_ = &operation;
  }
  IoOperation* pop() {
    IoOperation* const operation = first_;
    if (!operation) return nullptr;
    first_ = operation->next;
    if (!first_) last_ = nullptr;
    return operation;
  }
  void append(IoOperationList&& other) {
    if (other.empty()) return;
    (last_ ? last_->next : first_) = other.first_;
    last_ = other.last_;
    other = {};
  }

 private:
  IoOperation* first_ = nullptr;
  IoOperation* last_ = nullptr;
};

// Told when an operation has ended. Owned by the caller, alive until done() runs.
class IoCompletion {
 public:
  // `result`: bytes transferred, or -errno of the host. Must not block.
  virtual void done(int64_t result) = 0;

 protected:
  ~IoCompletion() = default;

 private:
  friend class EventLoop;
  IoOperation operation_;
};

}  // namespace lkl::host
