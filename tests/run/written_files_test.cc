// SPDX-License-Identifier: GPL-2.0
//
// Programs that write to files of the network: sysctl(8) and the like.
#include <signal.h>

#include "nobody.h"
#include "tools/tool_test.h"

namespace lkl::tool_test {
namespace {

// Each test as root and as somebody without rights.
class WrittenFilesTest : public ToolTest, public testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    ToolTest::SetUp();
    if (is_nobody() ? !nobody_has_lkl() : geteuid() != 0)
      GTEST_SKIP() << "takes root, and a command that all others may read: " << LKL_TOOL_PATH;
    const Result tried = as_it({LKL_TOOL_PATH, "run", "--", "sh", "-c", kWrite});
    if (tried.err.find("FUSE") != std::string::npos) GTEST_SKIP() << tried.err;
    EXPECT_EQ(tried.status, 0) << tried.err;
  }
  bool is_nobody() const { return GetParam() == "nobody"; }
  Result as_it(const std::vector<std::string>& words) const {
    return is_nobody() ? as_nobody(words) : run(words);
  }
  Result python(const std::string& text) const {
    return as_it({LKL_TOOL_PATH, "run", "--", "/usr/bin/python3", "-c", text});
  }

  static constexpr char kWrite[] = "echo 17 > /proc/sys/net/ipv4/tcp_fin_timeout";
};
INSTANTIATE_TEST_SUITE_P(Users, WrittenFilesTest, testing::Values("root", "nobody"),
                         [](const auto& info) { return info.param; });

TEST_P(WrittenFilesTest, AreTheKernelsAndNotTheHosts) {
  const std::string file = "/proc/sys/net/ipv4/tcp_fin_timeout";
  const std::string before = shell("cat " + file);
  const Result told = as_it({LKL_TOOL_PATH, "run", "--", "sh", "-c",
                             std::string(kWrite) + "; cat " + file + "; cat " + file});
  EXPECT_EQ(told.out, "17\n17\n") << told.err;
  EXPECT_EQ(told.err, "");
  EXPECT_EQ(shell("cat " + file), before);
  const Result mtu =
      as_it({LKL_TOOL_PATH, "run", "--", "sh", "-c",
             "echo 1400 > /sys/class/net/eth0/mtu; cat /sys/class/net/eth0/mtu; "
             "echo 192.0.2.1 named >> /etc/hosts; getent ahostsv4 named | head -n 1; "
             "echo nameserver 192.0.2.2 > /etc/resolv.conf; cat /etc/resolv.conf"});
  EXPECT_EQ(mtu.out.find("1400\n192.0.2.1 "), 0u) << mtu.out << mtu.err;
  EXPECT_EQ(mtu.out.substr(mtu.out.find("nameserver")), "nameserver 192.0.2.2\n");
}

TEST_P(WrittenFilesTest, Sysctl) {
  if (!have("sysctl")) GTEST_SKIP() << "sysctl is not installed (procps)";
  const Result told =
      as_it({LKL_TOOL_PATH, "run", "--", "sysctl", "-w", "net.ipv4.tcp_fin_timeout=19",
             "net.ipv4.tcp_congestion_control=no-such", "net.ipv4.ip_forward=many"});
  EXPECT_NE(told.status, 0);
  EXPECT_NE(told.err.find("\"net.ipv4.tcp_congestion_control\": No such file"), std::string::npos)
      << told.err;
  EXPECT_NE(told.err.find("\"net.ipv4.ip_forward\": Invalid argument"), std::string::npos)
      << told.err;
  const Result both = as_it({LKL_TOOL_PATH, "run", "--", "sh", "-c",
                             "sysctl -qw net.ipv4.ip_local_port_range='2000 3000'; "
                             "sysctl -n net.ipv4.ip_local_port_range"});
  EXPECT_EQ(both.out, "2000\t3000\n") << both.err;
}

// What the kernel says comes back, by any copy of the descriptor.
TEST_P(WrittenFilesTest, ErrorsAreThoseOfTheKernel) {
  const Result told = python(
      "import errno, os, socket\n"
      "def say(what, *words):\n"
      "  try: print(what.__name__, what(*words))\n"
      "  except OSError as error: print(what.__name__, errno.errorcode[error.errno])\n"
      "name = '/proc/sys/net/ipv4/ip_forward'\n"
      "file = os.open(name, os.O_RDWR)\n"
      "say(os.write, file, b'many\\n')\n"
      "say(os.write, file, b'1\\n')\n"
      "say(os.pread, file, 10, 0)\n"
      "copy = os.dup(file); os.close(file)\n"
      "if os.fork() == 0:\n"
      "  say(os.pwrite, copy, b'0\\n', 0); say(os.pwrite, copy, b'?', 0); os._exit(0)\n"
      "os.wait()\n"
      "say(os.pread, copy, 10, 0)\n"
      "again = os.open('/proc/self/fd/%d' % copy, os.O_WRONLY); os.close(copy)\n"
      "say(os.write, again, b'1\\n'); say(os.read, again, 1)\n"
      "print(open(name).read())\n"
      "say(os.open, '/proc/sys/net/ipv4/no-such', os.O_WRONLY)\n"
      "say(os.open, '/proc/sys/net/ipv4/no-such', os.O_WRONLY | os.O_CREAT)\n"
      "say(os.open, '/proc/sys/net/ipv4', os.O_WRONLY)\n"
      "say(os.open, '/proc/net/tcp', os.O_WRONLY)\n");
  EXPECT_EQ(told.out,
            "write EINVAL\nwrite 2\npread b'1\\n'\npwrite 2\npwrite EINVAL\npread b'0\\n'\n"
            "write 2\nread EBADF\n1\n\n"
            "open ENOENT\nopen ENOENT\nopen EISDIR\nopen EACCES\n")
      << told.err;
  EXPECT_EQ(told.err, "");
}

// Nobody is left waiting for a kernel that has gone.
TEST_P(WrittenFilesTest, WithoutTheKernelTheyAreErrors) {
  std::vector<std::string> words = {LKL_TOOL_PATH,
                                    "run",
                                    "--",
                                    "/usr/bin/python3",
                                    "-c",
                                    "import os, time\n"
                                    "file = os.open('/proc/sys/net/ipv4/ip_forward', os.O_WRONLY)\n"
                                    "parent = os.getppid()\n"
                                    "print('ready', flush=True)\n"
                                    "while os.getppid() == parent: time.sleep(0.05)\n"
                                    "try: os.write(file, b'1')\n"
                                    "except OSError: print('refused')\n"};
  Process process(is_nobody() ? nobodys(words) : words, false);
  ASSERT_EQ(process.first_line(), "ready");
  process.signal(SIGKILL);
  EXPECT_EQ(process.finish().out, "refused\n");
}

// Whoever was waiting for whom.
TEST_P(WrittenFilesTest, TheKernelIsKilledAtAnyTime) {
  std::vector<std::string> words = {
      LKL_TOOL_PATH,
      "run",
      "--",
      "/usr/bin/python3",
      "-c",
      "import threading\n"
      "def work():\n"
      "  try:\n"
      "    while True:\n"
      "      with open('/proc/sys/net/ipv4/ip_forward', 'w') as file: file.write('1')\n"
      "  except OSError: pass\n"
      "threads = [threading.Thread(target=work) for i in range(4)]\n"
      "for one in threads: one.start()\n"
      "print('ready', flush=True)\n"
      "for one in threads: one.join()\n"
      "print('over')\n"};
  for (int i = 0; i < 20; i++) {
    Process process(is_nobody() ? nobodys(words) : words, false);
    ASSERT_EQ(process.first_line(), "ready");
    usleep(static_cast<unsigned>(3'000 * i));
    process.signal(SIGKILL);
    const Result result = process.finish();
    EXPECT_EQ(result.status, 128 + SIGKILL);
    EXPECT_EQ(result.out, "over\n") << result.err;
  }
}

TEST_P(WrittenFilesTest, ManyAtOnceAndOneAfterTheOther) {
  const Result told = python(
      "for i in range(3000):\n"
      "  with open('/proc/sys/net/ipv4/ip_default_ttl', 'w') as file: file.write(str(1 + i % "
      "255))\n"
      "print(open('/proc/sys/net/ipv4/ip_default_ttl').read())\n"
      "many = [open('/proc/sys/net/ipv4/ip_forward', 'w') for i in range(500)]\n"
      "for one in many: one.write('1'); one.close()\n"
      "print(open('/proc/sys/net/ipv4/ip_forward').read())\n");
  EXPECT_EQ(told.out, "195\n\n1\n\n") << told.err;
}

// Each network has its own.
TEST_P(WrittenFilesTest, OfTheNetworkOfWhoOpens) {
  if (is_nobody() && geteuid() == 0) GTEST_SKIP() << "the server is root's";
  Process server({LKL_TOOL_PATH, "server", "--socket", path("socket")}, false);
  for (int i = 0; i < 500 && access(path("socket").c_str(), F_OK) != 0; i++) usleep(20'000);
  const auto in = [&](const std::string& network, const std::string& command) {
    std::vector<std::string> words = {"run", "--server", path("socket")};
    if (!network.empty()) words.insert(words.end(), {"--netns", network});
    words.insert(words.end(), {"--", "sh", "-c", command});
    return lkl_ok(words);
  };
  const std::string file = "/proc/sys/net/ipv4/ip_forward";
  EXPECT_EQ(in("a", "echo 1 > " + file + "; cat " + file), "1\n");
  EXPECT_EQ(in("", "cat " + file), "0\n");
  EXPECT_EQ(in("b", "cat " + file), "0\n");
  EXPECT_EQ(in("a", "cat " + file), "1\n");
  server.signal(SIGTERM);
  EXPECT_EQ(server.finish().status, 0);
}

}  // namespace
}  // namespace lkl::tool_test
