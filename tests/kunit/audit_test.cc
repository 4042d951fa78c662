// SPDX-License-Identifier: GPL-2.0
// Auditing of system calls, which a suite of KUnit depends on.
#include <linux/audit.h>
#include <linux/netlink.h>

#include <cstring>
#include <string>
#include <thread>

#include "support/kernel_test.h"

using lkl_test::kernel_log;

namespace {

// Any number of fields would follow; these rules have none.
struct Request {
  nlmsghdr header;
  audit_rule_data rule;
};

class AuditTest : public lkl_test::KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    char proc[] = "proc";
    ASSERT_EQ(lkl_mount_fs(proc), 0);
    ASSERT_EQ(lkl_test::write_kernel_file("/proc/sys/kernel/printk_ratelimit", "0"), 0);
  }
  const char* more_words() const override { return "audit=1"; }

  // auditctl -a always,exit -S NUMBER
  static void audit_call(unsigned number) {
    const int socket =
        static_cast<int>(lkl_sys_socket(LKL_AF_NETLINK, LKL_SOCK_RAW, NETLINK_AUDIT));
    ASSERT_GE(socket, 0);
    Request request = {};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = AUDIT_ADD_RULE;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    request.rule.flags = AUDIT_FILTER_EXIT;
    request.rule.action = AUDIT_ALWAYS;
    request.rule.mask[AUDIT_WORD(number)] = AUDIT_BIT(number);
    ASSERT_EQ(lkl_sys_sendto(socket, &request, sizeof request, 0, nullptr, 0),
              static_cast<long>(sizeof request));
    struct {
      nlmsghdr header;
      nlmsgerr error;
      char text[256];
    } answer = {};
    ASSERT_GT(lkl_sys_recvfrom(socket, &answer, sizeof answer, 0, nullptr, nullptr), 0);
    ASSERT_EQ(answer.header.nlmsg_type, NLMSG_ERROR);
    ASSERT_EQ(answer.error.error, 0);
    lkl_sys_close(socket);
  }

  // Without a daemon records go to the log, by a thread of the kernel.
  static bool is_logged(const std::string& text) {
    for (int i = 0; i < 1000 && kernel_log().find(text) == std::string::npos; ++i) {
      __lkl__kernel_timespec ts = {.tv_sec = 0, .tv_nsec = 10'000'000};
      lkl_sys_nanosleep(&ts, nullptr);
    }
    return kernel_log().find(text) != std::string::npos;
  }
};

TEST_F(AuditTest, CallsAndTheirResults) {
  audit_call(__lkl__NR_mkdirat);
  const std::string number = " syscall=" + std::to_string(__lkl__NR_mkdirat);
  ASSERT_EQ(lkl_sys_mkdir("/audited", 0751), 0);
  EXPECT_TRUE(is_logged(number + " success=yes exit=0 ")) << kernel_log();
  EXPECT_TRUE(is_logged(" a2=1e9 ")) << kernel_log();
  EXPECT_TRUE(is_logged(" name=\"/audited\" ")) << kernel_log();
  // of another thread, and one that fails
  std::thread([] { EXPECT_EQ(lkl_sys_mkdir("/audited", 0751), -LKL_EEXIST); }).join();
  EXPECT_TRUE(is_logged(number + " success=no exit=-17 ")) << kernel_log();
  // what no rule asks for is in no record
  EXPECT_EQ(lkl_sys_rmdir("/audited"), 0);
  EXPECT_EQ(lkl_sys_mkdir("/last", 0), 0);
  EXPECT_TRUE(is_logged(" name=\"/last\" ")) << kernel_log();
  EXPECT_EQ(kernel_log().find(" syscall=" + std::to_string(__lkl__NR_unlinkat)), std::string::npos);
}

}  // namespace
