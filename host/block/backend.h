// SPDX-License-Identifier: GPL-2.0
// What a disk is to a device model: nothing of virtio, nothing of the kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "io/event_loop.h"

namespace lkl::host {

class BlockBackend;

enum class BlockOp { kRead, kWrite, kFlush, kDiscard, kWriteZeroes };

// One request; the device derives from it. It and the memory it names stay as they
// are until completed(), which is called exactly once: before submit() returns, on
// the thread that called it, or later on the thread that waits on the event loop.
class BlockRequest : public IoCompletion, public BlockingTask {
 public:
  BlockOp op = BlockOp::kRead;
  uint64_t offset = 0;      // bytes
  uint64_t length = 0;      // bytes; for reads and writes the sum of the vector
  std::span<IoVec> vector;  // the backend may change it as it goes on
  bool unmap = false;       // kWriteZeroes: the blocks may be given back

  // 0 or -errno of the host.
  virtual void completed(int error) = 0;

  // Called by the event loop: the backend goes on.
  void done(int64_t result) final;
  int64_t run() final;

  // Takes `bytes` that are done off the front.
  void advance(uint64_t bytes);

  // ---- notes of the backend, from submit() to completed() ----
  unsigned retries = 0;  // since there was progress
  bool waits_for_space = false;
  BlockRequest* next_waiting = nullptr;

 protected:
  ~BlockRequest() = default;

 private:
  friend class BlockBackend;
  BlockBackend* backend_ = nullptr;
};

class BlockBackend {
 public:
  virtual ~BlockBackend() = default;

  virtual uint64_t size() const = 0;  // bytes
  virtual unsigned block_size() const { return 512; }
  virtual bool read_only() const { return false; }
  virtual bool can_discard() const { return false; }

  // The range has been checked against size(). A flush makes durable every write
  // that was completed before it is submitted.
  void submit(BlockRequest& request) {
    request.backend_ = this;
    request.retries = 0;
    request.waits_for_space = false;
    start(request);
  }
  // The disk goes: requests that wait for something other than the host's disk fail, now and
  // from now on. Any thread.
  virtual void stop_waiting() {}

 protected:
  friend class BlockRequest;
  // What submit() is to a backend: the request is completed(), now or later.
  virtual void start(BlockRequest& request) = 0;
  // An operation on the event loop has ended.
  virtual void resume(BlockRequest& request, int64_t result) = 0;
  // On a pool thread: 0 or -errno.
  virtual int64_t run_blocking(BlockRequest& request) = 0;
};

inline void BlockRequest::done(int64_t result) {
  backend_->resume(*this, result);
}

inline int64_t BlockRequest::run() {
  return backend_->run_blocking(*this);
}

inline void BlockRequest::advance(uint64_t bytes) {
  offset += bytes;
  length -= bytes;
  while (bytes > 0 && bytes >= vector.front().size) {
    bytes -= vector.front().size;
    vector = vector.subspan(1);
  }
  if (bytes > 0) {
    vector.front().base = static_cast<std::byte*>(vector.front().base) + bytes;
    vector.front().size -= bytes;
  }
}

}  // namespace lkl::host
