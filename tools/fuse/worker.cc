// SPDX-License-Identifier: GPL-2.0
#include "worker.h"

#include <lkl.h>
#include <lkl/asm/mman.h>

#include <algorithm>
#include <bit>
#include <new>

namespace lkl::fuse {

namespace {

// A change of the file system user takes rights away (capabilities(7)); they are taken back.
void take_all_rights() {
  struct __lkl__user_cap_header_struct header = {};
  header.version = _LKL_LINUX_CAPABILITY_VERSION_3;
  struct __lkl__user_cap_data_struct data[2] = {};
  if (lkl_sys_capget(&header, data) < 0) return;
  for (auto& half : data) half.effective = half.permitted;
  lkl_sys_capset(&header, data);
}

}  // namespace

Worker& Worker::current() {
  thread_local Worker worker;
  return worker;
}

Worker::Worker() {
  // The umask belongs to what threads share otherwise.
  lkl_sys_unshare(LKL_CLONE_FS);
  lkl_sys_umask(0);
}

void Worker::make_as(uid_t user, gid_t group, mode_t mask) {
  if (group != group_) lkl_sys_setfsgid(group);
  if (user != user_) lkl_sys_setfsuid(user);
  if (user != user_ || group != group_) take_all_rights();
  if (mask != mask_) lkl_sys_umask(static_cast<int>(mask));
  user_ = user;
  group_ = group;
  mask_ = mask;
}

Worker::~Worker() {
  free_buffer();
}

void Worker::free_buffer() {
  if (buffer_) lkl_sys_munmap(reinterpret_cast<lkl_ulong>(buffer_), buffer_size_);
  buffer_ = nullptr;
  buffer_size_ = 0;
}

std::byte* Worker::buffer(std::size_t size) {
  if (size <= buffer_size_) return buffer_;
  free_buffer();
  constexpr std::size_t kLeast = 128 * 1024;
  const std::size_t wanted = std::bit_ceil(std::max(size, kLeast));
  void* const memory = lkl_sys_mmap(nullptr, wanted, LKL_PROT_READ | LKL_PROT_WRITE,
                                    LKL_MAP_PRIVATE | LKL_MAP_ANONYMOUS, -1, 0);
  // an error is a negative number
  if (reinterpret_cast<lkl_long>(memory) < 0 && reinterpret_cast<lkl_long>(memory) > -4096)
    throw std::bad_alloc();
  buffer_ = static_cast<std::byte*>(memory);
  buffer_size_ = wanted;
  return buffer_;
}

}  // namespace lkl::fuse
