// SPDX-License-Identifier: GPL-2.0
#include "support/kernel_test.h"

#include <mutex>

namespace lkl_test {
namespace {

std::mutex log_mutex;

}  // namespace

std::string& kernel_log() {
  static std::string log;
  return log;
}

void keep_log(const char* text, int length) {
  const std::lock_guard lock(log_mutex);
  kernel_log().append(text, length);
}

}  // namespace lkl_test
