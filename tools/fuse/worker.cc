// SPDX-License-Identifier: GPL-2.0
#include "worker.h"

#include <lkl.h>

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

std::byte* Worker::buffer(std::size_t size) const {
  if (size > buffer_.size()) throw std::bad_alloc();
  return buffer_.data();
}

}  // namespace lkl::fuse
