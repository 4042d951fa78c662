// SPDX-License-Identifier: GPL-2.0
//
// Programs of several users under one server: who they are in the kernel, and what they may do.
#include <signal.h>

#include <memory>

#include "nobody.h"
#include "tools/tool_test.h"

namespace lkl::tool_test {
namespace {

class UsersTest : public ToolTest {
 protected:
  void SetUp() override {
    ToolTest::SetUp();
    if (geteuid() != 0) GTEST_SKIP() << "takes root, whose server serves other users";
    if (!nobody_has_lkl()) GTEST_SKIP() << "others than root may not read " << LKL_TOOL_PATH;
    shell("chmod 755 " + path("."));
    start({"--all-users"});
  }
  void TearDown() override {
    stop();
    ToolTest::TearDown();
  }

  void start(std::vector<std::string> options) {
    options.insert(options.begin(), {LKL_TOOL_PATH, "server", "--socket", path("socket")});
    server_ = std::make_unique<Process>(options, false);
    for (int i = 0; i < 500 && access(path("socket").c_str(), F_OK) != 0; i++) usleep(20'000);
  }
  void stop() {
    if (!server_) return;
    server_->signal(SIGTERM);
    const Result result = server_->finish();
    server_.reset();
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.err, "");
  }
  std::vector<std::string> served(const std::vector<std::string>& words) const {
    std::vector<std::string> all = {LKL_TOOL_PATH, "run", "--server", path("socket"), "--"};
    all.insert(all.end(), words.begin(), words.end());
    return all;
  }
  std::vector<std::string> python(const std::string& text) const {
    return served({"/usr/bin/python3", "-c", text});
  }

  std::unique_ptr<Process> server_;
};

// What there is to be said of sockets, and what takes rights.
constexpr char kTry[] =
    "import errno, os, socket, struct\n"
    "def may(what, *words):\n"
    "  try: what(*words); return 'may'\n"
    "  except OSError as error: return errno.errorcode[error.errno]\n"
    "def owner(port):\n"
    "  lines = [l.split() for l in open('/proc/net/tcp').readlines()[1:]]\n"
    "  return [l[7] for l in lines if l[1].endswith(':%04X' % port) and l[3] in ('01', '0A')]\n"
    "s = socket.create_server(('127.0.0.1', 0)); c = socket.create_connection(s.getsockname())\n"
    "a, _ = s.accept(); c.send(b'x'); assert a.recv(9) == b'x'\n"
    "print('owner', *owner(s.getsockname()[1]))\n"
    "print('low port', may(socket.socket().bind, ('127.0.0.1', 81)))\n"
    "print('raw', may(socket.socket, socket.AF_INET, socket.SOCK_RAW, 1))\n"
    "print('packet', may(socket.socket, socket.AF_PACKET, socket.SOCK_RAW, 3))\n"
    "print('ping', may(socket.socket, socket.AF_INET, socket.SOCK_DGRAM, 1))\n"
    "print('mark', may(s.setsockopt, socket.SOL_SOCKET, 36, 5))\n"
    "print('sysctl', may(os.open, '/proc/sys/net/ipv4/ip_forward', os.O_WRONLY))\n"
    "print('hosts', may(os.open, '/etc/hosts', os.O_WRONLY))\n"
    "import fcntl\n"
    "tun = os.open('/dev/net/tun', os.O_RDWR)\n"
    "wish = struct.pack('16sH22x', b'tun9', 0x1001)\n"
    "print('tun', may(fcntl.ioctl, tun, 0x400454ca, wish))\n"
    "wish = struct.pack('16si20x', b'lo', 65000)\n"
    "print('mtu', may(fcntl.ioctl, s, 0x8922, wish))\n";

std::string all_of(const std::string& owner, const std::string& port, const std::string& files,
                   const std::string& rest) {
  return "owner " + owner + " " + owner + "\nlow port " + port + "\nraw " + rest + "\npacket " +
         rest + "\nping may\nmark " + rest + "\nsysctl " + files + "\nhosts " + files + "\ntun " +
         rest + "\nmtu " + rest + "\n";
}

TEST_F(UsersTest, EachIsHimselfAndHasNoOthersRights) {
  for (int i = 0; i < 2; i++) {
    const Result root = run(python(kTry));
    EXPECT_EQ(root.out, all_of("0", "may", "may", "may")) << root.err;
    const Result nobody = as_nobody(python(kTry));
    EXPECT_EQ(nobody.out, all_of("65534", "EACCES", "EACCES", "EPERM")) << nobody.err;
  }
}

// Who has a kernel of his own may do all there, and is himself.
TEST_F(UsersTest, TheOwnerOfAKernelIsHimselfAndMayDoAll) {
  const Result alone = as_nobody({LKL_TOOL_PATH, "run", "--", "/usr/bin/python3", "-c", kTry});
  EXPECT_EQ(alone.out, all_of("65534", "may", "may", "may")) << alone.err;
}

TEST_F(UsersTest, FiltersAndListsKnowThem) {
  if (!have("nft") || !have("ss")) GTEST_SKIP() << "nft or ss is not installed";
  const Result set =
      run(served({"sh", "-c",
                  "nft add table inet t && nft 'add chain inet t o { type filter hook output "
                  "priority 0; }' && nft add rule inet t o meta skuid 65534 udp dport 9 counter "
                  "reject"}));
  ASSERT_EQ(set.status, 0) << set.err;
  const std::string say =
      "import socket; u = socket.socket(type=socket.SOCK_DGRAM)\n"
      "try: print(u.sendto(b'x', ('127.0.0.1', 9)))\n"
      "except OSError as error: print(error.strerror)\n";
  EXPECT_EQ(run(python(say)).out, "1\n");
  const Result refused = as_nobody(python(say));
  const std::string rules = run(served({"nft", "list", "table", "inet", "t"})).out;
  EXPECT_NE(rules.find("meta skuid 65534 udp dport 9 counter packets 1"), std::string::npos)
      << rules << refused.out;

  Process listener(
      nobodys(python("import socket, time; s = socket.create_server(('127.0.0.1', 7999)); "
                     "print('ready', flush=True); time.sleep(100)")),
      false);
  ASSERT_EQ(listener.first_line(), "ready");
  const std::string listed = run(served({"ss", "-Htlne", "sport = 7999"})).out;
  EXPECT_NE(listed.find("uid:65534"), std::string::npos) << listed;
  listener.signal(SIGTERM);
  listener.finish();
}

// One thread does what all of them ask for: it never does it as the one before. What is written to
// a socket of netlink without an address is done when it comes, not by a call.
TEST_F(UsersTest, AtTheSameTime) {
  const std::string ask =
      "import socket, struct, sys\n"
      "n = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)\n"
      "message = struct.pack('=IHHIIBBHiII', 32, 16, 5, 1, 0, 0, 0, 0, 1, 0, 0)\n"
      "seen = set()\n"
      "def may(what, *words):\n"
      "  try: what(*words); return 'may'\n"
      "  except OSError as error: return error.errno\n"
      "for i in range(1500):\n"
      "  for many in range(4): n.send(message)\n"
      "  s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
      "  seen.add(may(s.bind, ('127.0.0.1', 81))); s.close()\n"
      "  for many in range(4): seen.add(struct.unpack_from('=i', n.recv(1000), 16)[0])\n"
      "  seen.add(may(socket.socket, socket.AF_INET, socket.SOCK_RAW, 1))\n"
      "print(*sorted(map(str, seen)))\n";
  std::vector<std::unique_ptr<Process>> roots, nobodies;
  for (int i = 0; i < 2; i++) {
    roots.push_back(std::make_unique<Process>(python(ask), false));
    nobodies.push_back(std::make_unique<Process>(nobodys(python(ask)), false));
  }
  for (int i = 0; i < 2; i++) {
    const Result root = roots[static_cast<std::size_t>(i)]->finish();
    EXPECT_EQ(root.out, "0 may\n") << root.err;
    const Result nobody = nobodies[static_cast<std::size_t>(i)]->finish();
    EXPECT_EQ(nobody.out, "-1 1 13\n") << nobody.err;
  }
}

TEST_F(UsersTest, WhatOnlyTheServersUserMayAskForIsRefused) {
  const Result network = as_nobody(
      {LKL_TOOL_PATH, "run", "--server", path("socket"), "--netns", "a", "--", "echo", "started"});
  EXPECT_EQ(network.status, 1);
  EXPECT_EQ(network.out, "");
  EXPECT_NE(network.err.find("--netns: is for who has started the server"), std::string::npos)
      << network.err;
  const Result server =
      as_nobody({LKL_TOOL_PATH, "server", "--socket", "/tmp/lkl-none", "--all-users"});
  EXPECT_EQ(server.status, 2);
  EXPECT_NE(server.err.find("--all-users: takes root"), std::string::npos) << server.err;

  stop();
  start({});
  const Result closed = as_nobody(served({"echo", "started"}));
  EXPECT_EQ(closed.status, 1);
  EXPECT_EQ(closed.out, "");
  // whose socket he may connect to, if somebody has changed its mode
  shell("chmod 666 " + path("socket"));
  const Result refused = as_nobody(served({"echo", "started"}));
  EXPECT_EQ(refused.status, 1);
  EXPECT_EQ(refused.out, "");
  EXPECT_NE(refused.err.find("another user's"), std::string::npos) << refused.err;
}

}  // namespace
}  // namespace lkl::tool_test
