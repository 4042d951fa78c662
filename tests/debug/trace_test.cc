// SPDX-License-Identifier: GPL-2.0
// LKL_TRACE: lines as strace has them.
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>

#include "support/host_tools.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

class TraceTest : public ::testing::Test {
 protected:
  void TearDown() override {
    lkl_cleanup();
    unsetenv("LKL_TRACE");
    unsetenv("LKL_TRACE_FILE");
  }
  int init(const char* what) {
    setenv("LKL_TRACE", what, 1);
    setenv("LKL_TRACE_FILE", file_.c_str(), 1);
    return lkl_init(&ops_);
  }
  // The trace of some calls.
  std::string trace(const char* what) {
    EXPECT_EQ(init(what), 0);
    EXPECT_EQ(lkl_start_kernel("mem=64M loglevel=0"), 0);
    const int fd =
        static_cast<int>(lkl_sys_open("/a\tfile", LKL_O_CREAT | LKL_O_RDWR | LKL_O_CLOEXEC, 0640));
    lkl_sys_write(fd, "hello \"world\"\n", 14);
    char buffer[100];
    lkl_sys_pread64(fd, buffer, sizeof buffer, 6);
    lkl_sys_read(99, buffer, 10);
    lkl_sys_mkdir(nullptr, 0755);
    lkl_sys_getppid();
    lkl_sys_socket(LKL_AF_UNIX, LKL_SOCK_STREAM, 0);
    lkl_cleanup();
    std::ostringstream text;
    text << std::ifstream(file_).rdbuf();
    return text.str();
  }
  static bool has(const std::string& text, const std::string& pattern) {
    return std::regex_search(text, std::regex(pattern));
  }

  TempDir folder_;
  std::string file_ = folder_ / "trace";
  lkl_host_operations ops_ = {};
};

const std::string kTime = " <[0-9]+\\.[0-9]{6}>\n";

}  // namespace

TEST_F(TraceTest, ArgumentsResultAndTime) {
  const std::string text = trace("syscalls");
  EXPECT_TRUE(has(text,
                  "^\\[[0-9]+\\] openat\\(AT_FDCWD, \"/a\\\\011file\", "
                  "O_RDWR\\|O_CREAT\\|O_CLOEXEC, 0640\\) = [0-9]+" +
                      kTime))
      << text;
  EXPECT_TRUE(has(text, "write\\([0-9]+, \"hello \\\\\"world\\\\\"\\\\n\", 14\\) = 14" + kTime))
      << text;
  EXPECT_TRUE(has(text, "pread64\\([0-9]+, \"\\\\\"world\\\\\"\\\\n\", 100, 6\\) = 8" + kTime))
      << text;
  EXPECT_TRUE(has(text, "read\\(99, 0x[0-9a-f]+, 10\\) = -1 EBADF \\(Bad file number\\)" + kTime))
      << text;
  EXPECT_TRUE(has(text, "mkdirat\\(AT_FDCWD, NULL, 0755\\) = -1 EFAULT \\(Bad address\\)" + kTime))
      << text;
  EXPECT_TRUE(has(text, "getppid\\(\\) = 0" + kTime)) << text;
}

TEST_F(TraceTest, FilterByNameAndClass) {
  const std::string text = trace("syscalls:file,getppid");
  EXPECT_TRUE(has(text, "openat\\(")) << text;
  EXPECT_TRUE(has(text, "mkdirat\\(")) << text;
  EXPECT_TRUE(has(text, "getppid\\(")) << text;
  EXPECT_FALSE(has(text, "write\\(|read\\(|socket\\(")) << text;
  const std::string network = trace("syscalls:network");
  EXPECT_TRUE(has(network, "^\\[[0-9]+\\] socket\\(")) << network;
  EXPECT_FALSE(has(network, "openat\\(|write\\(")) << network;
}

TEST_F(TraceTest, RefusesWhatIsNotThere) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(init("syscalls:file,opeen"), -LKL_EINVAL);
  EXPECT_EQ(init("functions"), -LKL_EINVAL);
  file_ = "/no/such/folder/trace";
  EXPECT_EQ(init("syscalls"), -LKL_EINVAL);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "lkl: LKL_TRACE: opeen: no such system call, nor one of the classes file, desc, "
            "network\n"
            "lkl: LKL_TRACE: functions: it can be syscalls or syscalls:FILTER\n"
            "lkl: LKL_TRACE: LKL_TRACE_FILE=/no/such/folder/trace: No such file or directory\n");
}

// A set-user-ID program writes to files of its owner, not to one that its caller names.
TEST_F(TraceTest, NotInProgramsWithMoreRightsThanTheirCaller) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can make a program of another user";
  const std::string program = folder_ / "program", theirs = folder_ / "theirs";
  const std::string kContent = "theirs";
  ASSERT_EQ(run("chmod 755 " + folder_.path() + " && cp " LKL_SLEEPER " " + program), 0);
  for (const bool more_rights : {false, true}) {
    std::ofstream(theirs) << kContent;
    ASSERT_EQ(run("chmod 666 " + theirs), 0);
    if (more_rights) {
      ASSERT_EQ(run("chown nobody " + program + " && chmod 4755 " + program), 0);
    }
    // it aborts in the end
    run("ulimit -c 0; LKL_TRACE=syscalls LKL_TRACE_FILE=" + theirs + " " + program);
    std::ostringstream text;
    text << std::ifstream(theirs).rdbuf();
    EXPECT_EQ(text.str() == kContent, more_rights) << text.str();
  }
}
