// SPDX-License-Identifier: GPL-2.0
//
// That the commands are in the sandbox while they read an image: a debugger makes a running one try
// what it must not.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tool_test.h"

namespace lkl::tool_test {
namespace {

class ConfinedTest : public ToolTest {
 protected:
  // A shell on e.img that waits for lines.
  void start(const std::string& options = {}) {
    make_ext4("e.img", "16M");
    ASSERT_EQ(mkfifo("lines", 0600), 0);
    const std::string command = "exec " LKL_TOOL_PATH " sh " + options + " e.img < lines";
    shell_ = std::make_unique<Process>(std::vector<std::string>{"/bin/sh", "-c", command}, false);
    lines_.open("lines");
    lines_ << "pwd" << std::endl;
    ASSERT_EQ(shell_->first_line(), "/");
  }
  Result end() {
    lines_.close();
    return shell_->finish();
  }

  std::unique_ptr<Process> shell_;
  std::ofstream lines_;
};

TEST_F(ConfinedTest, AllThreadsAre) {
  start();
  const std::string tasks = "/proc/" + std::to_string(shell_->pid()) + "/task";
  int threads = 0;
  for (const auto& task : std::filesystem::directory_iterator(tasks)) {
    const std::string status = shell("cat " + task.path().string() + "/status");
    EXPECT_NE(status.find("NoNewPrivs:\t1\n"), status.npos) << status;
    EXPECT_NE(status.find("Seccomp:\t2\n"), status.npos) << status;
    threads++;
  }
  EXPECT_GT(threads, 1);
  EXPECT_EQ(end().status, 0);
}

TEST_F(ConfinedTest, UnlessItIsTurnedOff) {
  start("--no-sandbox");
  const std::string status = shell("cat /proc/" + std::to_string(shell_->pid()) + "/status");
  EXPECT_NE(status.find("NoNewPrivs:\t0\n"), status.npos) << status;
  EXPECT_NE(status.find("Seccomp:\t0\n"), status.npos) << status;
  EXPECT_EQ(end().status, 0);
}

TEST_F(ConfinedTest, NothingElseOpens) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "a sanitized program has a wider filter, and looks for leaks of gdb's calls";
#endif
  if (!have("gdb")) GTEST_SKIP() << "gdb is missing";
  start();
  const Result tried = debug(shell_->pid(), {"(int)open(\"/etc/passwd\", 0)",
                                             "(int)open(\"e.img\", 0)", "(int)socket(2, 1, 0)"});
  if (tried.status != 0) GTEST_SKIP() << "gdb cannot attach: " << tried.err;
  // The current directory is the shell's to get and put; all else is not.
  EXPECT_NE(tried.out.find("$1 = -1"), std::string::npos) << tried.out;
  EXPECT_EQ(tried.out.find("$2 = -1"), std::string::npos) << tried.out;
  EXPECT_NE(tried.out.find("$3 = -1"), std::string::npos) << tried.out;
  EXPECT_EQ(end().status, 0);
}

TEST_F(ConfinedTest, NothingIsExecuted) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "a sanitized program has a wider filter, and looks for leaks of gdb's calls";
#endif
  if (!have("gdb")) GTEST_SKIP() << "gdb is missing";
  start();
  const Result tried = debug(shell_->pid(), {"(int)execl(\"/bin/true\", \"true\", 0)"});
  // What gdb says of a process that is gone at once differs from time to time.
  siginfo_t ended = {};
  waitid(P_PID, static_cast<id_t>(shell_->pid()), &ended, WEXITED | WNOHANG | WNOWAIT);
  if (ended.si_pid == 0) {
    shell_->signal(SIGCONT);
    if (tried.out.find("$1 = ") == std::string::npos)
      GTEST_SKIP() << "gdb cannot attach: " << tried.err;
    ADD_FAILURE() << "it goes on: " << tried.out << tried.err;
  }
  EXPECT_EQ(end().status, 128 + SIGSYS);
}

TEST_F(ConfinedTest, ShellKeepsToItsDirectory) {
  make_ext4("e.img", "16M");
  std::filesystem::create_directory("here");
  write_file("outside", "out");
  write_file("here/inside", "in");
  write_file("here/script",
             "put inside\nput ../outside\nget inside ../copy\nget inside copy\nls\n");
  const auto run_script = [](const std::string& options) {
    return shell_status("cd here && " LKL_TOOL_PATH " sh " + options + " ../e.img < script");
  };
  const Result result = run_script("");
  EXPECT_NE(result.status, 0);
  EXPECT_NE(result.err.find("../outside: not accessible from here"), std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("../copy: not accessible from here"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("--no-sandbox"), std::string::npos) << result.err;
  EXPECT_FALSE(std::filesystem::exists("copy"));
  EXPECT_EQ(shell("cat here/copy"), "in");

  const Result free = run_script("--no-sandbox");
  EXPECT_EQ(free.status, 0) << free.err;
  EXPECT_NE(free.out.find("outside"), std::string::npos) << free.out;
  EXPECT_EQ(shell("cat copy"), "in");
}

TEST_F(ConfinedTest, CopiesReachWhatIsNamed) {
  std::filesystem::create_directories("a/b");
  std::filesystem::create_directory("out");
  write_file("a/b/file", "1");
  write_file("target", "2");
  std::filesystem::create_symlink("../target", "a/link");
  make_ext4("e.img", "16M");
  lkl_ok({"cp", "-r", "a", "e.img:/copy"});
  lkl_ok({"cp", "-r", "-L", "a", "e.img:/followed"});
  EXPECT_EQ(lkl_ok({"cat", "e.img", "/followed/link"}), "2");
  lkl_ok({"cp", "-r", "e.img:/copy", "out"});
  EXPECT_EQ(listing("a"), listing("out/copy"));
  lkl_ok({"cp", "e.img:/copy/b/file", "out/file"});
  EXPECT_EQ(shell("cat out/file"), "1");
}

}  // namespace
}  // namespace lkl::tool_test
