// SPDX-License-Identifier: GPL-2.0
//
// That who takes over a command, lklfuse or a program that serves an image gets nowhere: see
// intruder.cc and intruder_server.cc.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <sstream>
#include <string>

#include "tool_test.h"

namespace lkl::tool_test {
namespace {

class IntruderTest : public ToolTest {
 protected:
  void SetUp() override {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "a sanitized program has a wider filter";
#endif
    ToolTest::SetUp();
    // Not below where the commands are run: they may list that.
    user_ = shell("mktemp -d | tr -d '\\n'");
    shell("chmod 755 . " + user_ + " && mkdir -p tree/dir && echo hello >tree/file && echo mine >" +
          user_ + "/file");
    make_ext4("e.img", "16M", "tree");
    victim_ = fork();
    if (victim_ == 0) {
      execlp("sleep", "sleep", "1000", nullptr);
      _exit(127);
    }
  }
  void TearDown() override {
    if (victim_ > 0) {
      EXPECT_EQ(waitpid(victim_, nullptr, WNOHANG), 0) << "the other process was ended";
      kill(victim_, SIGKILL);
      waitpid(victim_, nullptr, 0);
      EXPECT_EQ(shell("cat " + user_ + "/file"), "mine\n");
      EXPECT_EQ(shell("ls -A " + user_), "file\n");
      std::filesystem::remove_all(user_);
    }
    ToolTest::TearDown();
  }

  std::string environment() const {
    return "export INTRUDER_VICTIM=" + std::to_string(victim_) + " INTRUDER_DIRECTORY=" + user_ +
           "; ";
  }

  // What the intruder got away with in what the command line runs.
  std::string allowed(const std::string& command, bool writes) {
    std::remove("log");
    const Result result =
        shell_status(environment() + (writes ? "export INTRUDER_WRITES=1; " : "") +
                     "export INTRUDER_LOG=$PWD/log LD_PRELOAD=" LKL_INTRUDER "; " + command);
    std::ifstream log("log");
    const std::string text((std::istreambuf_iterator<char>(log)), {});
    EXPECT_NE(text.find("the end\n"), text.npos) << result.err << text;
    EXPECT_GT(std::count(text.begin(), text.end(), '\n'), 60);
    return shell("grep ^ALLOWED log || true");
  }

  std::string user_;  // a directory that is none of the commands' business
  pid_t victim_ = -1;
};

struct Case {
  const char* name;
  const char* command;
  bool writes = false;  // files of the host
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.name;
}

class CommandTest : public IntruderTest, public testing::WithParamInterface<Case> {};

TEST_P(CommandTest, KeepsItIn) {
  EXPECT_EQ(allowed(GetParam().command, GetParam().writes), "");
}

constexpr Case kCases[] = {
    {"ls", LKL_TOOL_PATH " ls e.img"},
    {"cat", LKL_TOOL_PATH " cat e.img /file"},
    {"info", LKL_TOOL_PATH " info e.img"},
    {"find", LKL_TOOL_PATH " find e.img"},
    {"write", "echo x | " LKL_TOOL_PATH " write e.img /x"},
    {"rm", LKL_TOOL_PATH " rm e.img /file"},
    {"tar_out", LKL_TOOL_PATH " tar out e.img -f o.tar"},
    {"diff", LKL_TOOL_PATH " diff e.img:/ tree"},
    {"cp_in", LKL_TOOL_PATH " cp -r tree e.img:/copy"},
    {"cp_out", "mkdir out && " LKL_TOOL_PATH " cp -r e.img:/dir out", true},
    {"sh", "mkdir here && cd here && echo ls | " LKL_TOOL_PATH " sh ../e.img", true},
    {"cpfromfs", "mkdir out && " LKL_FACES "/cpfromfs -i e.img /file out", true},
    {"lklfuse", "mkdir mnt && " LKL_FACES "/lklfuse e.img mnt -f"},
};

INSTANTIATE_TEST_SUITE_P(In, CommandTest, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

// In the place of qemu-nbd and nbdkit: it says what it could do, and fails.
class ServerTest : public IntruderTest {
 protected:
  std::string allowed_in_server(const std::string& program, const std::string& command) {
    shell("mkdir -p bin && cp " LKL_INTRUDER_SERVER " bin/" + program);
    const Result result =
        shell_status(environment() + "exec 9<" + user_ + "/file; PATH=$PWD/bin:$PATH " + command);
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("the end"), result.err.npos) << result.err;
    std::string allowed;
    std::istringstream lines(result.err);
    for (std::string line; std::getline(lines, line);)
      if (line.find("ALLOWED") != line.npos) allowed += line + "\n";
    return allowed;
  }
};

TEST_F(ServerTest, OfAnImage) {
  if (!have("qemu-img")) GTEST_SKIP() << "needs qemu-utils";
  shell("qemu-img convert -O qcow2 e.img e.qcow2");
  EXPECT_EQ(allowed_in_server("qemu-nbd", LKL_TOOL_PATH " ls e.qcow2"), "");
  EXPECT_EQ(allowed_in_server("qemu-nbd", LKL_TOOL_PATH " ls qcow2:e.qcow2"), "");
  EXPECT_EQ(allowed_in_server("qemu-nbd", LKL_TOOL_PATH " rm e.qcow2 /file"), "");
}

TEST_F(ServerTest, OfTheNetwork) {
  EXPECT_EQ(allowed_in_server("nbdkit",
                              "INTRUDER_NETWORK=1 " LKL_TOOL_PATH " ls http://127.0.0.1:1/disk"),
            "");
}

}  // namespace
}  // namespace lkl::tool_test
