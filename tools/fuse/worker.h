// SPDX-License-Identifier: GPL-2.0
//
// What each thread that serves requests has of its own: whose files it makes, and a buffer while it
// serves.
#ifndef LKL_FUSE_WORKER_H
#define LKL_FUSE_WORKER_H

#include <sys/types.h>

#include <cstddef>
#include <span>

namespace lkl::fuse {

class Worker {
 public:
  // The calling thread's.
  static Worker& current();

  // What is made from now on belongs to these, with this umask. All rights are kept: the host's
  // kernel has checked the caller's already, if it was asked to.
  void make_as(uid_t user, gid_t group, mode_t mask);

  // For the answer to the request that the thread serves.
  void set_buffer(std::span<std::byte> buffer) { buffer_ = buffer; }
  // That, with room for `size` bytes; throws std::bad_alloc if the host has asked for more than it
  // was told to.
  std::byte* buffer(std::size_t size) const;

 private:
  Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() = default;

  uid_t user_ = 0;
  gid_t group_ = 0;
  mode_t mask_ = 0;
  std::span<std::byte> buffer_;
};

}  // namespace lkl::fuse

#endif  // LKL_FUSE_WORKER_H
