// SPDX-License-Identifier: GPL-2.0
#include "net/conversation.h"

namespace lkl_test {

void NicTest::SetUp() {
  KernelTest::SetUp();
  if (!kernel_has_ip()) GTEST_SKIP() << "the kernel has no network";
}

char NicTest::carrier() {
  const std::string text = read_kernel_file("/sysfs/class/net/eth0/carrier");
  return text.empty() ? '-' : text[0];
}

}  // namespace lkl_test
