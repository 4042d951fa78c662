// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include "support/kernel_test.h"

namespace lkl_test {

// A network name space of the kernel's, and a thread that is in it.
class OtherNetwork final {
 public:
  OtherNetwork();
  ~OtherNetwork();
  OtherNetwork(const OtherNetwork&) = delete;
  OtherNetwork& operator=(const OtherNetwork&) = delete;

  // Done by that thread, and done when this returns.
  void run(const std::function<void()>& work);
  // The descriptor that stands for it: IFLA_NET_NS_FD.
  int fd() const { return fd_; }

 private:
  void serve();

  int fd_ = -1;
  std::promise<void> ready_;
  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void()>* work_ = nullptr;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace lkl_test
