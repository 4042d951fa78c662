// SPDX-License-Identifier: GPL-2.0
// Two kernels of two processes on a wire, on Windows.
// (lkl.h has a member s_addr, of which the socket headers make a macro)
#include "net/conversation.h"

#include <winsock2.h>

#include <windows.h>

#include <filesystem>
#include <ostream>
#include <string>

#include "support/host_tools.h"
#include "win64/ask.h"

using namespace lkl_test;

namespace {

constexpr char kOwn[] = "10.0.0.1", kTheirs[] = "10.0.0.2";

// The other kernel, as long as the object is there. It is told to end: of a process that is
// terminated wine's server may keep the sockets, connected, for as long as others are there.
class Peer final {
 public:
  explicit Peer(const std::string& uri) {
    static int number = 0;
    const std::string name =
        "lkl-test-" + std::to_string(GetCurrentProcessId()) + "-" + std::to_string(number++);
    end_ = CreateEventA(nullptr, TRUE, FALSE, name.c_str());
    EXPECT_NE(end_, nullptr);
    const std::string command = "lkl_windows_net.exe serve " + uri + " " + kTheirs + " " + name;
    wchar_t own[MAX_PATH] = {};
    GetModuleFileNameW(nullptr, own, MAX_PATH);
    const auto program = std::filesystem::path(own).parent_path() / "lkl_windows_net.exe";
    std::wstring line(command.begin(), command.end());
    STARTUPINFOW start = {};
    start.cb = sizeof start;
    EXPECT_TRUE(CreateProcessW(program.c_str(), line.data(), nullptr, nullptr, FALSE, 0, nullptr,
                               nullptr, &start, &process_));
  }
  ~Peer() {
    // not if it has ended by itself
    constexpr DWORD kPatience = 30'000;
    EXPECT_TRUE(SetEvent(end_));
    EXPECT_EQ(WaitForSingleObject(process_.hProcess, kPatience), WAIT_OBJECT_0);
    DWORD status = 0;
    EXPECT_TRUE(GetExitCodeProcess(process_.hProcess, &status));
    EXPECT_EQ(status, 77u);
    CloseHandle(process_.hThread);
    CloseHandle(process_.hProcess);
    CloseHandle(end_);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

 private:
  HANDLE end_ = nullptr;
  PROCESS_INFORMATION process_ = {};
};

std::string free_port() {
  static WSADATA data;
  static const int started = WSAStartup(MAKEWORD(2, 2), &data);
  EXPECT_EQ(started, 0);
  const SOCKET probe = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in own = {};
  own.sin_family = AF_INET;
  own.sin_addr.S_un.S_addr = htonl(INADDR_LOOPBACK);
  int size = sizeof own;
  EXPECT_EQ(bind(probe, reinterpret_cast<sockaddr*>(&own), size), 0);
  EXPECT_EQ(getsockname(probe, reinterpret_cast<sockaddr*>(&own), &size), 0);
  closesocket(probe);
  return std::to_string(ntohs(own.sin_port));
}

std::string own_switch() {
  return "switch:test-" + std::to_string(GetCurrentProcessId());
}

struct Way {
  const char* name;
  size_t bytes;
  void (*uris)(std::string& own, std::string& theirs);
};
void PrintTo(const Way& way, std::ostream* to) {
  *to << way.name;
}

constexpr Way kWays[] = {
    {"switch", 8 << 20, [](std::string& own, std::string& theirs) { own = theirs = own_switch(); }},
    {"bad_switch", 100'000,
     [](std::string& own, std::string& theirs) {
       own = own_switch() + ",delay=2ms,jitter=1ms,loss=2%,seed=7";
       theirs = own_switch() + ",delay=1ms,loss=2%,duplicate=2%,reorder=5%,seed=8";
     }},
    {"tcp", 4 << 20,
     [](std::string& own, std::string& theirs) {
       const std::string name = "tcp:127.0.0.1:" + free_port();
       own = name + ",server";
       theirs = name + ",reconnect-ms=20";
     }},
    {"tcp_comes", 1 << 20,
     [](std::string& own, std::string& theirs) {
       const std::string name = "tcp:127.0.0.1:" + free_port();
       own = name + ",reconnect-ms=20";
       theirs = name + ",server";
     }},
    {"udp", 1 << 20,
     [](std::string& own, std::string& theirs) {
       const std::string one = "127.0.0.1:" + free_port(), other = "127.0.0.1:" + free_port();
       own = "udp:" + one + ",local=" + other;
       theirs = "udp:" + other + ",local=" + one;
     }},
};

class TwoKernelsByTest : public NicTest, public ::testing::WithParamInterface<Way> {
 protected:
  void TearDown() override {
    NicTest::TearDown();
    lkl_netdev_free(nd_);
  }
  lkl_netdev* nd_ = nullptr;
};

}  // namespace

TEST_P(TwoKernelsByTest, Talk) {
  std::string own, theirs;
  GetParam().uris(own, theirs);
  ASSERT_EQ(connect_card(own.c_str(), kOwn, 0, nd_), 0) << kernel_log();
  const Peer peer(theirs);
  for (const size_t size : {1, 500, 1472, 20'000}) EXPECT_GT(ask_by_udp(kTheirs, size), 0) << size;
  talk_by_tcp(kTheirs, GetParam().bytes);
}

INSTANTIATE_TEST_SUITE_P(Wires, TwoKernelsByTest, ::testing::ValuesIn(kWays),
                         [](const auto& each) { return std::string(each.param.name); });

// The wire is there as long as its port is: kernels come and go on both sides.
TEST_F(NicTest, APeerThatComesAgainIsAnotherOne) {
  lkl_netdev* nd = nullptr;
  const std::string port = free_port();
  ASSERT_EQ(connect_card(("tcp:127.0.0.1:" + port + ",server").c_str(), kOwn, 0, nd), 0);
  EXPECT_EQ(carrier(), '0');
  for (int i = 0; i < 2; ++i) {
    {
      const Peer peer("tcp:127.0.0.1:" + port + ",reconnect-ms=20");
      EXPECT_GT(ask_by_udp(kTheirs, 100), 0);
      EXPECT_EQ(carrier(), '1');
    }
    for (int tries = 0; tries < 1000 && carrier() != '0'; ++tries) Sleep(10);
    EXPECT_EQ(carrier(), '0');
  }
  EXPECT_EQ(lkl_sys_halt(), 0);
  lkl_cleanup();
  lkl_netdev_free(nd);
}

TEST_F(NicTest, TwoCardsOfOneKernelAreOnOneSwitch) {
  lkl_netdev *one = nullptr, *other = nullptr;
  ASSERT_EQ(connect_card(own_switch().c_str(), kOwn, 0, one), 0);
  ASSERT_EQ(connect_card(own_switch().c_str(), "10.0.1.1", 0, other), 0);
  {
    const Peer peer(own_switch());
    EXPECT_GT(ask_by_udp(kTheirs, 1000), 0);
  }
  EXPECT_EQ(lkl_sys_halt(), 0);
  lkl_cleanup();
  lkl_netdev_free(one);
  lkl_netdev_free(other);
}

// The wire outlives the kernel, and is the next one's: its handles stay where they are.
TEST_F(NicTest, AWireIsTheNextKernelsToo) {
  lkl_netdev* nd = nullptr;
  ASSERT_EQ(lkl_netdev_open(own_switch().c_str(), nullptr, &nd), 0);
  const Peer peer(own_switch());
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(add_card(nd, kOwn), 0);
    EXPECT_GT(ask_by_udp(kTheirs, 1000), 0);
    EXPECT_EQ(lkl_sys_halt(), 0);
    lkl_cleanup();
    if (i == 0) {
      ASSERT_EQ(lkl_init(&ops_), 0);
      ASSERT_EQ(lkl_start_kernel("mem=64M loglevel=4"), 0);
    }
  }
  lkl_netdev_free(nd);
}
