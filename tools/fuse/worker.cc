// SPDX-License-Identifier: GPL-2.0
#include "worker.h"

#include <lkl.h>

#include <new>

#include "session/serving.h"

namespace lkl::fuse {

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
  if (user != user_ || group != group_) tool::take_all_rights();
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
