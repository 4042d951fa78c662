// SPDX-License-Identifier: GPL-2.0
//
// How programs are started, how they end, and who else is served: lkl run, lkl server.
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

#include "nobody.h"
#include "tools/tool_test.h"
#include "web_server.h"

namespace lkl::tool_test {
namespace {

class RunTest : public ToolTest {};

TEST_F(RunTest, TheStatusIsTheProgramsOwn) {
  EXPECT_EQ(lkl({"run", "true"}).status, 0);
  EXPECT_EQ(lkl({"run", "--", "sh", "-c", "exit 42"}).status, 42);
  EXPECT_EQ(lkl({"run", "--", "sh", "-c", "kill -TERM $$"}).status, 128 + SIGTERM);
  EXPECT_EQ(lkl({"run", "--", "sh", "-c", "kill -KILL $$"}).status, 128 + SIGKILL);
}

TEST_F(RunTest, WhatIsNotThereIsSaid) {
  expect_failure({"run", "--", "no-such-program"}, 1, "no-such-program: there is no such program");
  expect_failure({"run"}, 2, "no program given");
  expect_failure({"run", "--tier", "third", "true"}, 2, "--tier third");
  expect_failure({"run", "--net", "tab:x", "true"}, 1, "did you mean \"tap:\"?");
  expect_failure({"run", "--sysctl", "net.ipv4.ip_forward", "true"}, 2, "is to be KEY=VALUE");
  expect_failure({"run", "--server", path("none"), "true"}, 1, "no server is there");
  expect_failure({"run", "--server", path("none"), "--net", "slirp:", "true"}, 2,
                 "the network is the server's");
  write_file("empty", "");
  EXPECT_EQ(lkl({"run", path("empty")}).status, 126);
}

// One line says it, and the program is not started.
TEST_F(RunTest, ATapInterfaceThatIsNotOurs) {
  if (geteuid() != 0) GTEST_SKIP() << "rights are given up by root";
  const Result result = run({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env",
                             "-u", "LKL_KERNEL_LOG", LKL_TOOL_PATH, "run", "--net", "tap:lkl-none",
                             "--", "echo", "started"});
  if (result.status == 126 || result.status == 127)
    GTEST_SKIP() << "others than root may not read " << LKL_TOOL_PATH;
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
  EXPECT_NE(result.err.find("lkl-none"), std::string::npos) << result.err;
}

// The threads that serve sleep as long as nobody asks them for anything.
TEST_F(RunTest, NobodyIsWokenForAProgramThatWaits) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "TSan has a thread that looks around ten times a second";
#endif
  const auto sleeps = [](int process) {
    long sum = 0;
    for (const auto& task :
         std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
      std::ifstream file(task.path() / "status");
      const std::string name = "voluntary_ctxt_switches:";
      for (std::string line; std::getline(file, line);)
        if (line.starts_with(name)) sum += std::stol(line.substr(name.size()));
    }
    return sum;
  };
  Process process({LKL_TOOL_PATH, "run", "--", "/usr/bin/python3", "-c",
                   "import select, socket\n"
                   "s = socket.create_server(('0.0.0.0', 80))\n"
                   "a = socket.create_connection(('127.0.0.1', 80)); b = s.accept()[0]\n"
                   "print('ready', flush=True)\n"
                   "select.select([s, a, b], [], [])\n"},
                  false);
  ASSERT_EQ(process.first_line(), "ready");
  sleep(2);  // until the kernel has said all that it says when a network comes up
  const long before = sleeps(process.pid());
  sleep(4);
  const long after = sleeps(process.pid());
  RecordProperty("sleeps", static_cast<int>(after - before));
  // who looks now and then would do so hundreds of times
  EXPECT_LT(after - before, 60);
  process.signal(SIGTERM);
  process.finish();
}

TEST_F(RunTest, ProgramsForOtherProcessorsAreRefused) {
  // the head of one for 32-bit x86
  std::string head(
      "\x7f"
      "ELF\x01\x01\x01",
      7);
  head.resize(52);
  head[16] = 2, head[18] = 3;
  write_file("old", head);
  shell("chmod 755 " + path("old"));
  expect_failure({"run", path("old")}, 1, "is no program for 64-bit x86");
}

TEST_F(RunTest, NetworkFilesAreTheKernels) {
  EXPECT_EQ(lkl({"run", "cat", "/etc/resolv.conf"}).out, "nameserver 10.0.2.3\n");
  EXPECT_EQ(lkl({"run", "--nameserver", "192.0.2.9", "cat", "/etc/resolv.conf"}).out,
            "nameserver 192.0.2.9\n");
  EXPECT_NE(lkl({"run", "cat", "/proc/self/net/route"}).out.find("eth0\t00000000\t0202000A"),
            std::string::npos);
  EXPECT_EQ(lkl({"run", "--sysctl", "net.ipv4.tcp_fin_timeout=17", "cat",
                 "/proc/sys/net/ipv4/tcp_fin_timeout"})
                .out,
            "17\n");
  EXPECT_EQ(lkl({"run", "cat", "/sys/class/net/eth0/mtu"}).out, "1500\n");
  // others are the host's
  write_file("own", "mine\n");
  EXPECT_EQ(lkl({"run", "cat", path("own")}).out, "mine\n");
}

// Who asks for it does without; nobody waits for what does not come.
TEST_F(RunTest, OptionsThatCannotBeServedAreRefused) {
  const Result result =
      lkl({"run", "--", "/usr/bin/python3", "-c",
           "import errno, socket\n"
           "s = socket.create_server(('127.0.0.1', 7000))\n"
           "a = socket.create_connection(('127.0.0.1', 7000)); b = s.accept()[0]\n"
           "def refused(level, name, value):\n"
           "  try: a.setsockopt(level, name, value)\n"
           "  except OSError as error: print(errno.errorcode[error.errno])\n"
           "refused(socket.SOL_SOCKET, 60, 1)\n"        // SO_ZEROCOPY
           "refused(socket.IPPROTO_TCP, 31, b'tls')\n"  // TCP_ULP
           "refused(socket.SOL_SOCKET, 50, 0)\n"});     // SO_ATTACH_BPF
  EXPECT_EQ(result.out, "ENOPROTOOPT\nENOPROTOOPT\nENOPROTOOPT\n") << result.err;
}

TEST_F(RunTest, AConfigurationIsTaken) {
  write_file("net.json", R"({"interfaces": [{"uri": "slirp:", "ip": "10.0.2.77", "masklen": 24}],
    "gateway": "10.0.2.2", "nameserver": "10.0.2.3", "hostname": "named"})");
  const Result result =
      lkl({"run", "--config", path("net.json"), "cat", "/etc/hosts", "/proc/net/fib_trie"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.out.find("127.0.1.1\tnamed"), std::string::npos);
  EXPECT_NE(result.out.find("10.0.2.77"), std::string::npos);
}

TEST_F(RunTest, NoRightsAreNeeded) {
  if (geteuid() != 0) GTEST_SKIP() << "all the others are without rights already";
  const WebServer server("nobody\n");
  if (!nobody_has_lkl()) GTEST_SKIP() << "others than root may not read " << LKL_TOOL_PATH;
  const Result fetched = as_nobody({LKL_TOOL_PATH, "run", "--", "curl", "-sS", server.url()});
  EXPECT_EQ(fetched.out, "nobody\n") << fetched.err;
  EXPECT_EQ(fetched.err, "");
  EXPECT_EQ(as_nobody({LKL_TOOL_PATH, "run", "--", "id", "-u"}).out, "65534\n");
  // a port that is not for everybody on the host
  const Result low = as_nobody({LKL_TOOL_PATH, "run", "--", "/usr/bin/python3", "-c",
                                "import socket; socket.socket().bind(('0.0.0.0', 80))"});
  EXPECT_EQ(low.status, 0) << low.err;
  const Result setuid = as_nobody({LKL_TOOL_PATH, "run", "--", "passwd", "--help"});
  EXPECT_EQ(setuid.status, 1);
  EXPECT_NE(setuid.err.find("(setuid)"), std::string::npos) << setuid.err;
}

// What is wrong and what to do about it is said once.
TEST_F(RunTest, ATapWithoutRightsIsOneMessage) {
  if (access("/dev/net/tun", F_OK) != 0) GTEST_SKIP() << "there is no /dev/net/tun";
  if (!nobody_has_lkl()) GTEST_SKIP() << "others than root may not read " << LKL_TOOL_PATH;
  const Result started = as_nobody({LKL_TOOL_PATH, "run", "--net", "tap:lklnone0", "true"});
  EXPECT_EQ(started.status, 1);
  EXPECT_EQ(std::ranges::count(started.err, '\n'), 1) << started.err;
  EXPECT_NE(started.err.find("root makes it for you (\"ip tuntap add dev lklnone0"),
            std::string::npos)
      << started.err;
  const Result checked = as_nobody({LKL_TOOL_PATH, "net", "check", "tap:lklnone0"});
  EXPECT_EQ(checked.status, 1);
  EXPECT_EQ(checked.out.find("fails  wire      tap: lklnone0: "), 0u) << checked.out;
  EXPECT_EQ(checked.err, "");
}

TEST_F(RunTest, SignalsAreForwarded) {
  Process process({LKL_TOOL_PATH, "run", "--", "sh", "-c",
                   "trap 'echo caught; exit 3' USR1; echo ready; while :; do sleep 0.05; done"},
                  false);
  EXPECT_EQ(process.first_line(), "ready");
  process.signal(SIGUSR1);
  const Result result = process.finish();
  EXPECT_EQ(result.out, "caught\n");
  EXPECT_EQ(result.status, 3);
}

TEST_F(RunTest, ASignalEndsTheWaitForANetwork) {
  // nobody answers there
  Process process({LKL_TOOL_PATH, "run", "--net", "switch:nobody-" + std::to_string(getpid()), "--",
                   "echo", "started"},
                  false);
  usleep(500'000);
  EXPECT_FALSE(process.ended());
  process.signal(SIGTERM);
  const Result result = process.finish();
  EXPECT_EQ(result.status, 128 + SIGTERM);
  EXPECT_EQ(result.out, "");
}

TEST_F(RunTest, DaemonsAreServedAfterTheirStarter) {
  const WebServer server("late\n");
  const Result result =
      lkl({"run", "--", "sh", "-c", "(sleep 0.5; curl -s " + server.url() + ") & exit 5"});
  EXPECT_EQ(result.out, "late\n");
  EXPECT_EQ(result.status, 5);
}

TEST_F(RunTest, WithoutItsKernelAProgramHasNoNetwork) {
  const WebServer server("never\n");
  // where the host would find it
  std::string url = server.url();
  url.replace(url.find("10.0.2.2"), 8, "127.0.0.1");
  ASSERT_EQ(run({"curl", "-s", url}).out, "never\n");
  Process process(
      {LKL_TOOL_PATH, "run", "--", "sh", "-c",
       "echo ready; " + std::string(kWaitForTheEndOfLkl) + "; curl -s " + url + " || echo refused"},
      false);
  ASSERT_EQ(process.first_line(), "ready");
  process.signal(SIGKILL);
  EXPECT_EQ(process.finish().out, "refused\n");
  EXPECT_EQ(server.requests(), 1);
}

// A server of the host's that reads when a file is there; what it says in the end is how much has
// come.
std::vector<std::string> late_reader(const std::string& go) {
  return {"/usr/bin/python3", "-c",
          "import os, socket, sys, time\n"
          "s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)\n"
          "c, _ = s.accept(); all = 0\n"
          "while not os.path.exists(sys.argv[1]): time.sleep(0.01)\n"
          "while data := c.recv(65536): all += len(data)\n"
          "print(all)\n",
          go};
}
// Writes until there is no room anywhere, says how much that was, and ends.
std::vector<std::string> writer(const std::string& port) {
  return {"/usr/bin/python3", "-c",
          "import socket, time\n"
          "s = socket.create_connection(('10.0.2.2', " +
              port +
              ")); s.setblocking(False); all = full = 0\n"
              "while full < 10:\n"
              "  try: all += s.send(b'x' * 65536); full = 0\n"
              "  except BlockingIOError: full += 1; time.sleep(0.03)\n"
              "print(all, flush=True)\n"};
}
// Waits until the command has no program any more; it has not ended itself.
void wait_for_program(const Process& command) {
  const std::string id = std::to_string(command.pid());
  const auto has_program = [&id] {
    std::ifstream file("/proc/" + id + "/task/" + id + "/children");
    int child = 0;
    return static_cast<bool>(file >> child);
  };
  while (has_program()) usleep(10'000);
  EXPECT_FALSE(command.ended());
}

TEST_F(RunTest, WhatIsWrittenLastArrives) {
  Process reader(late_reader(path("go")), false);
  std::vector<std::string> words = writer(reader.first_line());
  words.insert(words.begin(), {LKL_TOOL_PATH, "run", "--"});
  Process process(words, false);
  const std::string size = process.first_line();
  EXPECT_GT(std::stol(size), 100'000);
  wait_for_program(process);
  write_file("go", "");
  EXPECT_EQ(process.finish().status, 0);
  EXPECT_EQ(reader.finish().out, size + "\n");
}

TEST_F(RunTest, ASignalEndsTheWaitForWhoDoesNotRead) {
  Process reader(late_reader(path("go")), false);
  std::vector<std::string> words = writer(reader.first_line());
  words.insert(words.begin(), {LKL_TOOL_PATH, "run", "--"});
  Process process(words, false);
  process.first_line();
  wait_for_program(process);
  process.signal(SIGTERM);
  EXPECT_EQ(process.finish().status, 0);
  reader.signal(SIGTERM);
  reader.finish();
}

class SharedTest : public ToolTest {
 protected:
  void SetUp() override {
    ToolTest::SetUp();
    std::ifstream file("/proc/sys/kernel/yama/ptrace_scope");
    int scope = 0;
    if (file >> scope && scope != 0 && geteuid() != 0)
      GTEST_SKIP() << "kernel.yama.ptrace_scope is " << scope;
    server_ = std::make_unique<Process>(
        std::vector<std::string>{LKL_TOOL_PATH, "server", "--socket", path("socket")}, false);
    for (int i = 0; i < 500 && access(path("socket").c_str(), F_OK) != 0; i++) usleep(20'000);
  }
  void TearDown() override {
    if (server_) {
      server_->signal(SIGTERM);
      const Result result = server_->finish();
      EXPECT_EQ(result.status, 0) << result.err;
      EXPECT_EQ(result.err, "");
      EXPECT_NE(access(path("socket").c_str(), F_OK), 0);
    }
    ToolTest::TearDown();
  }
  std::vector<std::string> served(const std::vector<std::string>& words) const {
    std::vector<std::string> all = {LKL_TOOL_PATH, "run", "--server", path("socket"), "--"};
    all.insert(all.end(), words.begin(), words.end());
    return all;
  }

  std::unique_ptr<Process> server_;
};

constexpr char kEcho[] =
    "import socket\n"
    "s = socket.socket()\n"
    "s.bind(('127.0.0.1', 7777)); s.listen()\n"
    "print('ready', flush=True)\n"
    "while True:\n"
    "  c, _ = s.accept(); c.sendall(c.recv(100)); c.close()\n";
constexpr char kAsk[] =
    "import socket\n"
    "s = socket.create_connection(('127.0.0.1', 7777))\n"
    "s.sendall(b'shared'); print(s.recv(100).decode())\n";

TEST_F(SharedTest, ProgramsMeetOnTheServersLoopback) {
  Process echo(served({"/usr/bin/python3", "-c", kEcho}), false);
  ASSERT_EQ(echo.first_line(), "ready");
  EXPECT_EQ(run(served({"/usr/bin/python3", "-c", kAsk})).out, "shared\n");
  // who is not served does not meet them
  EXPECT_NE(run({"/usr/bin/python3", "-c", kAsk}).status, 0);
  echo.signal(SIGTERM);
  EXPECT_EQ(echo.finish().status, 128 + SIGTERM);
}

TEST_F(SharedTest, KilledProgramsLeaveTheServerAndTheOthersAlone) {
  Process echo(served({"/usr/bin/python3", "-c", kEcho}), false);
  ASSERT_EQ(echo.first_line(), "ready");
  // at different places of what they do
  for (int i = 0; i < 12; i++) {
    Process victim(served({"/usr/bin/python3", "-c",
                           "import os, socket\n"
                           "print(os.getpid(), flush=True)\n"
                           "while True:\n"
                           "  s = socket.create_connection(('127.0.0.1', 7777))\n"
                           "  u = socket.socket(type=socket.SOCK_DGRAM); u.bind(('127.0.0.1', 0))\n"
                           "  u.sendto(b'x', u.getsockname()); u.recvfrom(10)\n"
                           "  s.sendall(b'x'); s.recv(10); s.close(); u.close()\n"}),
                   false);
    const int pid = std::stoi(victim.first_line());
    usleep(static_cast<unsigned>(7'000 * i));
    kill(pid, SIGKILL);
    EXPECT_EQ(victim.finish().status, 128 + SIGKILL);
  }
  EXPECT_EQ(run(served({"/usr/bin/python3", "-c", kAsk})).out, "shared\n");
  echo.signal(SIGTERM);
  echo.finish();
}

TEST_F(SharedTest, TwentyFourProgramsAtOnce) {
  Process echo(served({"/usr/bin/python3", "-c", kEcho}), false);
  ASSERT_EQ(echo.first_line(), "ready");
  std::vector<std::unique_ptr<Process>> all;
  for (int i = 0; i < 24; i++)
    all.push_back(std::make_unique<Process>(
        served({"/usr/bin/python3", "-c",
                "import socket, sys\n"
                "for i in range(20):\n"
                "  s = socket.create_connection(('127.0.0.1', 7777))\n"
                "  text = b'%s of %d' % (sys.argv[1].encode(), i)\n"
                "  s.sendall(text); assert s.recv(100) == text; s.close()\n"
                "print('good')\n",
                std::to_string(i)}),
        false));
  for (const auto& one : all) {
    const Result result = one->finish();
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out, "good\n");
  }
  echo.signal(SIGTERM);
  echo.finish();
}

TEST_F(SharedTest, WhatIsWrittenLastArrives) {
  Process reader(late_reader(path("go")), false);
  const Result written = run(served(writer(reader.first_line())));
  EXPECT_EQ(written.status, 0) << written.err;
  sleep(1);  // so that the server knows: before that nothing could be lost
  write_file("go", "");
  EXPECT_EQ(reader.finish().out, written.out);
}

TEST_F(SharedTest, ASecondServerIsRefused) {
  expect_failure({"server", "--socket", path("socket")}, 1, "another server has it");
}

// Who connects may say anything, and send any descriptor.
TEST_F(SharedTest, StrangeWordsAreRefused) {
  const std::string say =
      "import array, os, socket, sys\n"
      "def ask(words, fd):\n"
      "  s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect(sys.argv[1])\n"
      "  with_it = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [fd]))] if fd >= 0 "
      "else []\n"
      "  s.sendmsg([words], with_it); s.settimeout(20)\n"
      "  return s.recv(1000) if fd >= 0 else b''\n"
      "pipe = os.pipe()[0]\n"
      "print(ask(b'\\x06', pipe), ask(b'\\x06a/b', pipe), ask(b'\\x06' + b'n' * 5000, pipe), "
      "ask(b'x', -1))\n";
  const std::string answers = run({"/usr/bin/python3", "-c", say, path("socket")}).out;
  EXPECT_EQ(answers,
            "b'what was sent is no listener of seccomp' b'has a slash, a space or a control "
            "character' b'is too long for an interface: 15 characters at most' b''\n");
  // it is there still
  EXPECT_EQ(lkl({"run", "--server", path("socket"), "true"}).status, 0);
}

TEST_F(SharedTest, NetworksOfTheirOwn) {
  if (!have("ip") || !have("ping")) GTEST_SKIP() << "iproute2 or iputils-ping is not installed";
  const auto in = [&](const std::string& network, std::vector<std::string> words) {
    words.insert(words.begin(), "--");
    if (!network.empty()) words.insert(words.begin(), {"--netns", network});
    words.insert(words.begin(), {"run", "--server", path("socket")});
    return lkl(words);
  };
  // each port is there in each of them
  const std::string serve =
      "import socket, sys; s = socket.create_server(('', 80)); print('ready', flush=True); "
      "c, _ = s.accept(); c.sendall(sys.argv[1].encode()); c.close()";
  std::vector<std::unique_ptr<Process>> servers;
  for (const std::string network : {"", "a", "b"}) {
    std::vector<std::string> words = {LKL_TOOL_PATH, "run", "--server", path("socket")};
    if (!network.empty()) words.insert(words.end(), {"--netns", network});
    words.insert(words.end(), {"--", "/usr/bin/python3", "-c", serve, "in " + network});
    servers.push_back(std::make_unique<Process>(words, false));
    ASSERT_EQ(servers.back()->first_line(), "ready");
  }
  const std::string ask =
      "import socket; print(socket.create_connection(('127.0.0.1', 80)).recv(9))";
  for (const std::string network : {"b", "", "a"})
    EXPECT_EQ(in(network, {"/usr/bin/python3", "-c", ask}).out, "b'in " + network + "'\n");
  for (const auto& server : servers) EXPECT_EQ(server->finish().status, 0);
  // and its files are
  EXPECT_NE(in("", {"cat", "/proc/net/dev"}).out.find(" b:"), std::string::npos);
  const std::string there = in("a", {"cat", "/proc/net/dev"}).out;
  EXPECT_EQ(there.find(" b:"), std::string::npos) << there;
  EXPECT_NE(there.find("eth0:"), std::string::npos) << there;
  // by a request of a socket of AF_UNIX, as the C library makes it
  const std::string find =
      "import socket; print([n for _, n in socket.if_nameindex()]); socket.if_nametoindex('b')";
  EXPECT_EQ(in("", {"/usr/bin/python3", "-c", find}).status, 0);
  EXPECT_NE(in("a", {"/usr/bin/python3", "-c", find}).status, 0);
  EXPECT_EQ(in("a", {"ip", "addr", "add", "10.7.0.2/24", "dev", "eth0"}).status, 0);
  EXPECT_EQ(in("", {"ip", "addr", "add", "10.7.0.1/24", "dev", "a"}).status, 0);
  EXPECT_EQ(in("a", {"ping", "-c", "1", "-W", "5", "10.7.0.1"}).status, 0);
  EXPECT_NE(in("b", {"ping", "-c", "1", "-W", "1", "10.7.0.1"}).status, 0);

  expect_failure({"run", "--netns", "a", "true"}, 2, "give --server as well");
  expect_failure({"run", "--server", path("socket"), "--netns", "a/b", "true"}, 2, "has a slash");
  expect_failure({"run", "--server", path("socket"), "--netns", "a-name-of-many-letters", "true"},
                 2, "15 characters at most");
  expect_failure({"run", "--server", path("socket"), "--netns", "lo", "true"}, 1, "exists");
}

}  // namespace
}  // namespace lkl::tool_test
