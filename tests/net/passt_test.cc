// SPDX-License-Identifier: GPL-2.0
// A kernel whose network is passt's, the real one, and the host's own sockets at the other end.
// Needs no rights.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/conversation.h"
#include "net/echo_server.h"
#include "support/child.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

constexpr char kOwn[] = "10.0.2.15", kGateway[] = "10.0.2.2";
// Whatever the host's own network is.
constexpr char kNetwork[] = ",i=lo,M=52:55:0a:00:02:02,a=10.0.2.15,n=24,g=10.0.2.2,D=none";

// The processes of this name whose socket is one of ours: that have number 3 and this session's id.
std::vector<pid_t> passts() {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::string line;
    std::ifstream file(entry.path() / "cmdline");
    std::getline(file, line);
    if (line.find("passt") == 0 && line.find("10.0.2.15") != std::string::npos &&
        line.find(std::to_string(getpid())) != std::string::npos)
      found.push_back(std::stoi(name));
  }
  return found;
}

class PasstTest : public NicTest {
 protected:
  // The process can be told by a word that does nothing.
  static std::string uri(const std::string& words = "") {
    return "passt:" + std::string(kNetwork) + ",S=" + std::to_string(getpid()) + ".test" + words;
  }
  bool can_be_had() {
    lkl_netdev* nd = nullptr;
    const int error = lkl_netdev_open(uri().c_str(), nullptr, &nd);
    lkl_netdev_free(nd);
    return error == 0;
  }
  void SetUp() override {
    NicTest::SetUp();
    if (!IsSkipped() && !can_be_had()) GTEST_SKIP() << kernel_log();
  }
  void TearDown() override {
    NicTest::TearDown();
    lkl_netdev_free(nd_);
    for (int i = 0; i < 500 && !passts().empty(); ++i) usleep(10'000);
    EXPECT_EQ(passts().size(), 0u) << "it has outlived its wire";
  }

  lkl_netdev* nd_ = nullptr;
};

// So much one way and then so much the other way, again and again, and nobody closes his half
// first: passt of 2023 loses what its socket has no room for, and its count of it.
bool write_all(const Calls& calls, int fd, const std::vector<char>& data) {
  for (size_t done = 0; done < data.size();) {
    const long put = calls.write(fd, data.data() + done, data.size() - done);
    if (put <= 0) return false;
    done += static_cast<size_t>(put);
  }
  return true;
}
bool read_all(const Calls& calls, int fd, const std::vector<char>& data) {
  std::vector<char> got(data.size());
  for (size_t done = 0; done < got.size();) {
    const long count = calls.read(fd, got.data() + done, got.size() - done);
    if (count <= 0) return false;
    done += static_cast<size_t>(count);
  }
  return got == data;
}

void talk_in_turn(int ours, int hosts) {
  ASSERT_GE(ours, 0);
  ASSERT_GE(hosts, 0);
  const std::vector<char> data = content(128 << 10);
  constexpr int kTurns = 32;
  std::thread host([&] {
    for (int i = 0; i < kTurns; ++i)
      if (!read_all(kHosts, hosts, data) || !write_all(kHosts, hosts, data)) ADD_FAILURE();
  });
  for (int i = 0; i < kTurns; ++i)
    if (!write_all(kOurs, ours, data) || !read_all(kOurs, ours, data)) ADD_FAILURE();
  host.join();
  EXPECT_EQ(lkl_sys_close(ours), 0);
  close(hosts);
}

// The host's side of a connection that the kernel makes.
class Listener final {
 public:
  Listener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in own = {};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&own), sizeof own), 0);
    EXPECT_EQ(listen(fd_, 5), 0);
    socklen_t size = sizeof own;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &size);
    port_ = ntohs(own.sin_port);
  }
  ~Listener() { close(fd_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  unsigned short port() const { return port_; }
  int take() const { return accept(fd_, nullptr, nullptr); }

 private:
  const int fd_;
  unsigned short port_ = 0;
};

}  // namespace

class PasstMtuTest : public PasstTest, public ::testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(Mtu, PasstMtuTest, ::testing::Values(1500, 65520));

TEST_P(PasstMtuTest, TalksByTcp) {
  const Listener host;
  const std::string mtu = std::to_string(GetParam());
  ASSERT_EQ(connect_card(uri(",mtu=" + mtu).c_str(), kOwn, 0, nd_), 0) << kernel_log();
  EXPECT_EQ(passts().size(), 1u);
  EXPECT_EQ(read_kernel_file("/sysfs/class/net/eth0/mtu"), mtu + "\n");
  lkl_sockaddr_in there = address(kGateway, host.port());
  const int ours = open_and_connect(there);
  talk_in_turn(ours, host.take());
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a program is left that we have to wait for";
}

TEST_F(PasstTest, PortsOfTheHostLeadToTheKernel) {
  const unsigned short port = free_port();
  ASSERT_EQ(
      connect_card(uri(",t=127.0.0.1/" + std::to_string(port) + ":5001").c_str(), kOwn, 0, nd_), 0)
      << kernel_log();
  // it learns the card's address from what the card sends
  const Listener host;
  lkl_sockaddr_in there = address(kGateway, host.port());
  EXPECT_EQ(lkl_sys_close(open_and_connect(there)), 0);
  lkl_sockaddr_in here = address("0.0.0.0");
  const int listener = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_STREAM, 0));
  ASSERT_EQ(lkl_sys_bind(listener, generic(here), sizeof here), 0);
  ASSERT_EQ(lkl_sys_listen(listener, 5), 0);
  const int hosts = host_connect(port);
  // the kernel hears that there is a connection when there is something on it
  ASSERT_EQ(write(hosts, "x", 1), 1);
  const int ours = static_cast<int>(lkl_sys_accept(listener, nullptr, nullptr));
  char first = 0;
  EXPECT_EQ(lkl_sys_read(ours, &first, 1), 1);
  EXPECT_EQ(first, 'x');
  talk_in_turn(ours, hosts);
  lkl_sys_close(listener);
}

// A child of a fork has the socket too.
TEST_F(PasstTest, EndsWithItsWire) {
  ASSERT_EQ(connect_card(uri().c_str(), kOwn, 0, nd_), 0);
  EXPECT_EQ(passts().size(), 1u);
  int gate[2];
  ASSERT_EQ(pipe(gate), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(gate[1]);
    char byte;
    _exit(static_cast<int>(read(gate[0], &byte, 1)));
  }
  close(gate[0]);
  EXPECT_EQ(lkl_netdev_remove(0), 0);
  lkl_netdev_free(std::exchange(nd_, nullptr));
  for (int i = 0; i < 500 && !passts().empty(); ++i) usleep(10'000);
  EXPECT_EQ(passts().size(), 0u);
  close(gate[1]);
  EXPECT_EQ(end_of(child), 0);
}

TEST_F(PasstTest, EndsWithItsProcess) {
  const std::string mine = uri();
  const pid_t child = fork();
  if (child == 0) {
    lkl_netdev* nd = nullptr;
    const bool good = lkl_netdev_open(mine.c_str(), nullptr, &nd) == 0;
    kill(getpid(), good ? SIGKILL : SIGTERM);
  }
  EXPECT_EQ(end_of(child), 1000 + SIGKILL);
}

TEST_F(PasstTest, SaysWhatItDoesNotLike) {
  EXPECT_EQ(lkl_netdev_open("passt:x", nullptr, &nd_), -LKL_EINVAL);
  EXPECT_EQ(lkl_netdev_open("passt:,tcp-port=80", nullptr, &nd_), -LKL_EINVAL);
  EXPECT_EQ(lkl_netdev_open("passt:,mtu=100", nullptr, &nd_), -LKL_EINVAL);
  EXPECT_EQ(lkl_netdev_open(uri(",t=no-port").c_str(), nullptr, &nd_), -LKL_EINVAL);
  for (const char* said :
       {"lkl: passt: \"x\": it has no name", "did you mean \"tcp-ports\"?",
        "passt: mtu=100 is not a number from 576 to 65520", "lkl: passt: Invalid port specifier"})
    EXPECT_NE(kernel_log().find(said), std::string::npos) << said << "\n" << kernel_log();
}

TEST_F(PasstTest, IsNotThere) {
  const std::string path = getenv("PATH");
  setenv("PATH", "/nowhere", 1);
  EXPECT_EQ(lkl_netdev_open("passt", nullptr, &nd_), -LKL_ENOENT);
  setenv("PATH", path.c_str(), 1);
  EXPECT_NE(
      kernel_log().find("lkl: passt: there is no program \"passt\"; Debian's package is passt"),
      std::string::npos)
      << kernel_log();
}
