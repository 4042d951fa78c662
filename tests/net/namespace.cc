// SPDX-License-Identifier: GPL-2.0
#include "net/namespace.h"

#include <lkl/linux/sched.h>

namespace lkl_test {

OtherNetwork::OtherNetwork() {
  EXPECT_GE(lkl_mount_fs("proc"), 0);
  thread_ = std::thread([this] { serve(); });
  ready_.get_future().wait();
}

OtherNetwork::~OtherNetwork() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
  lkl_sys_close(fd_);
}

void OtherNetwork::serve() {
  EXPECT_EQ(lkl_sys_unshare(LKL_CLONE_NEWNET), 0);
  fd_ = static_cast<int>(lkl_sys_open("/proc/thread-self/ns/net", LKL_O_RDONLY, 0));
  EXPECT_GE(fd_, 0);
  ready_.set_value();
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return work_ != nullptr || ends_; });
    if (ends_) return;
    (*work_)();
    work_ = nullptr;
    lock.unlock();
    changed_.notify_all();
  }
}

void OtherNetwork::run(const std::function<void()>& work) {
  std::unique_lock lock(mutex_);
  work_ = &work;
  changed_.notify_all();
  changed_.wait(lock, [this] { return work_ == nullptr; });
}

}  // namespace lkl_test
