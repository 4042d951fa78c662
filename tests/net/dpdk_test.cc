// SPDX-License-Identifier: GPL-2.0
// Wires that are devices of DPDK's. Each test has the library in a child of its own: it is one for
// a process, and can't be stopped.
#include <dirent.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "net/conversation.h"
#include "support/child.h"
#include "support/kernel_test.h"
#include "support/sanitizers.h"

using namespace lkl_test;

namespace {

constexpr int kNotHere = 77;
constexpr unsigned short kOwnType = 0x88b5;  // for experiments
constexpr size_t kHeader = 14;

#define CHECK(condition)                                                            \
  if (!(condition)) {                                                               \
    std::fprintf(stderr, "%d: %s\n%s", __LINE__, #condition, kernel_log().c_str()); \
    return 1;                                                                       \
  }

int boot() {
  static lkl_host_operations silent = {};
  silent.print = keep_log;
  CHECK(lkl_init(&silent) == 0);
  CHECK(lkl_start_kernel("mem=64M loglevel=4") == 0);
  return kernel_has_ip() ? 0 : kNotHere;
}

int end(lkl_netdev* nd) {
  CHECK(lkl_sys_halt() == 0);
  lkl_cleanup();
  lkl_netdev_free(nd);
  CHECK(!::testing::Test::HasFailure());
  CHECK(complaint_in_log().empty());
  return 0;
}

bool said(const char* words) {
  return kernel_log().find(words) != std::string::npos;
}

// What is sent on a ring comes back on it.
class Loop final {
 public:
  Loop() : fd_(static_cast<int>(lkl_sys_socket(LKL_AF_PACKET, LKL_SOCK_RAW, htons(kOwnType)))) {
    const int on = 1;
    lkl_sys_setsockopt(fd_, LKL_SOL_PACKET, LKL_PACKET_IGNORE_OUTGOING,
                       reinterpret_cast<const char*>(&on), sizeof on);
    const int room = 8 << 20;
    lkl_sys_setsockopt(fd_, LKL_SOL_SOCKET, LKL_SO_RCVBUFFORCE,
                       reinterpret_cast<const char*>(&room), sizeof room);
    lkl_sockaddr_ll here = {};
    here.sll_family = LKL_AF_PACKET;
    here.sll_protocol = htons(kOwnType);
    here.sll_ifindex = lkl_ifname_to_ifindex("eth0");
    EXPECT_EQ(lkl_sys_bind(fd_, generic(here), sizeof here), 0);
  }
  ~Loop() { lkl_sys_close(fd_); }

  bool send(const std::vector<char>& frame) {
    return lkl_sys_write(fd_, frame.data(), frame.size()) == static_cast<long>(frame.size());
  }
  // Whether this one is the next that comes.
  bool returns(const std::vector<char>& frame) {
    lkl_pollfd wait = {.fd = fd_, .events = LKL_POLLIN, .revents = 0};
    __lkl__kernel_timespec long_time = {.tv_sec = 20, .tv_nsec = 0};
    if (lkl_sys_ppoll(&wait, 1, &long_time, nullptr, 0) != 1) return false;
    std::vector<char> back(frame.size() + 1);
    return lkl_sys_read(fd_, back.data(), back.size()) == static_cast<long>(frame.size()) &&
           std::memcmp(back.data(), frame.data(), frame.size()) == 0;
  }

 private:
  const int fd_;
};

std::vector<char> frame_of(size_t size, unsigned number) {
  std::vector<char> frame = content(size);
  std::memset(frame.data(), 2, 12);
  frame[12] = static_cast<char>(kOwnType >> 8);
  frame[13] = static_cast<char>(kOwnType & 0xff);
  if (size >= kHeader + sizeof number) std::memcpy(&frame[kHeader], &number, sizeof number);
  return frame;
}

// With these words behind "dpdk:net_ring0".
int goes_round(const char* words, size_t longest) {
  if (const int result = boot()) return result;
  lkl_netdev* nd = nullptr;
  const std::string uri = std::string("dpdk:net_ring0") + words;
  const int error =
      connect_card(uri.c_str(), "10.0.0.1", static_cast<unsigned short>(longest - kHeader), nd);
  if (error == -LKL_EPROTONOSUPPORT) return kNotHere;
  CHECK(error == 0);
  Loop loop;
  for (const size_t size : {kHeader + 1, size_t{60}, size_t{1000}, longest - 1, longest}) {
    const std::vector<char> frame = frame_of(size, 0);
    CHECK(loop.send(frame));
    CHECK(loop.returns(frame));
  }
  // more than a driver gives at once, more than a ring has room for, and in order
  for (const unsigned burst : {1u, 31u, 32u, 33u, 200u, 3000u}) {
    std::thread sender([&] {
      for (unsigned i = 0; i < burst; ++i) EXPECT_TRUE(loop.send(frame_of(100 + i % 900, i)));
    });
    for (unsigned i = 0; i < burst; ++i)
      if (!loop.returns(frame_of(100 + i % 900, i))) {
        ADD_FAILURE() << i << " of " << burst;
        break;
      }
    sender.join();
  }
  CHECK(read_kernel_file("/sysfs/class/net/eth0/carrier") == "1\n");
  return end(nd);
}

template <typename Body>
void expect(const Body& body) {
  if (kThreadSanitizer)
    GTEST_SKIP() << "ThreadSanitizer does not see how DPDK hands frames from thread to thread";
  const int result = in_child(body);
  if (result == kNotHere) GTEST_SKIP() << "needs DPDK (packages librte-ethdev23, librte-meta-net)";
  EXPECT_EQ(result, 0);
}

// Threads of this process, by the names of those that are not ours.
unsigned threads_named(const char* name) {
  unsigned count = 0;
  DIR* const tasks = opendir("/proc/self/task");
  while (const dirent* const each = readdir(tasks)) {
    const std::string path = std::string("/proc/self/task/") + each->d_name + "/comm";
    char text[64] = {};
    FILE* const file = std::fopen(path.c_str(), "re");
    if (!file) continue;
    if (std::fgets(text, sizeof text, file) && std::strstr(text, name)) ++count;
    std::fclose(file);
  }
  closedir(tasks);
  return count;
}

}  // namespace

TEST(Dpdk, WhatIsSentOnARingComesBack) {
  expect([] { return goes_round("", 1514); });
}

TEST(Dpdk, LongFramesAndWordsOfBoth) {
  char path[] = "/tmp/lkl-dpdk-XXXXXX";
  const int file = mkstemp(path);
  const std::string words = std::string(",nodeaction=r0:0:CREATE,mtu=9000,poll=100,pcap=") + path;
  expect([&] { return goes_round(words.c_str(), 9014); });
  if (!IsSkipped()) {
    // what the wire has around it was not taken for the device's
    EXPECT_GT(lseek(file, 0, SEEK_END), 2 * 9014);
  }
  close(file);
  unlink(path);
}

// All the words that one would give to DPDK itself.
TEST(Dpdk, StartsByItsOwnWords) {
  expect([] {
    return goes_round(",eal=--no-huge  -m 64 --no-pci --no-shconf --no-telemetry -l 0", 1514);
  });
}

TEST(Dpdk, IsAsTheApplicationWasBefore) {
  expect([] {
    cpu_set_t before, after;
    sched_getaffinity(0, sizeof before, &before);
    lkl_init(nullptr);
    unsigned char mac[6] = {};
    lkl_netdev* const nd = lkl_netdev_dpdk_create("net_ring0", 0, mac);
    if (!nd) return kNotHere;
    CHECK(mac[0] == 2 || (mac[0] & 3) == 2);
    sched_getaffinity(0, sizeof after, &after);
    CHECK(CPU_EQUAL(&before, &after));
    CHECK(threads_named("lkl-dpdk") == 0);
    for (const int number : {SIGBUS, SIGSEGV, SIGTERM, SIGINT, SIGUSR1}) {
      struct sigaction action;
      CHECK(sigaction(number, nullptr, &action) == 0);
      if (number != SIGBUS && number != SIGSEGV) CHECK(action.sa_handler == SIG_DFL);
    }
    // it has one owner, and is there again when that has gone
    CHECK(lkl_netdev_dpdk_create("net_ring0", 0, nullptr) == nullptr);
    lkl_netdev_free(nd);
    lkl_netdev* const again = lkl_netdev_dpdk_create("net_ring0", 0, nullptr);
    CHECK(again != nullptr);
    lkl_netdev* const number = lkl_netdev_dpdk_create("dpdk0", 0, nullptr);
    CHECK(number == nullptr);
    lkl_netdev_free(again);
    return 0;
  });
}

TEST(Dpdk, WhatIsWrong) {
  expect([] {
    static lkl_host_operations silent = {};
    silent.print = keep_log;
    CHECK(lkl_init(&silent) == 0);
    lkl_netdev* nd = nullptr;
    CHECK(lkl_netdev_dpdk_create(nullptr, 0, nullptr) == nullptr);
    CHECK(lkl_netdev_open("dpdk:", nullptr, &nd) == -LKL_EINVAL);
    CHECK(said("dpdk: which device?"));
    CHECK(lkl_netdev_open("dpdk:net_ring0,poll=0", nullptr, &nd) == -LKL_EINVAL);
    CHECK(lkl_netdev_open("dpdk:net_ring0,mtu=67", nullptr, &nd) == -LKL_EINVAL);
    const int error = lkl_netdev_open("dpdk:net_nosuch0,iface=x", nullptr, &nd);
    if (error == -LKL_EPROTONOSUPPORT) return kNotHere;
    CHECK(error == -LKL_ENODEV);
    CHECK(
        said("dpdk: net_nosuch0: no driver of DPDK makes it; Debian's package of one is "
             "librte-net-nosuch2"));
    CHECK(lkl_netdev_open("dpdk:0000:ff:1f.0", nullptr, &nd) == -LKL_ENODEV);
    CHECK(said("dpdk: 0000:ff:1f.0: DPDK has no such device"));
    CHECK(lkl_netdev_open("dpdk:dpdk7", nullptr, &nd) == -LKL_ENODEV);
    // a word that the device does not know is the device's to refuse, and its words are passed on
    CHECK(lkl_netdev_open("dpdk:net_af_packet0,ifaze=x", nullptr, &nd) < 0);
    CHECK(said("dpdk: DPDK says: "));
    CHECK(lkl_netdev_open("dpdk:net_ring0,eal=-l 0", nullptr, &nd) == -LKL_EINVAL);
    CHECK(said("DPDK runs already"));
    CHECK(lkl_netdev_open("dpdk:net_ring0,,nodeaction=a:0:CREATE", nullptr, &nd) == 0);
    // it is the parent's
    lkl_netdev* other = nullptr;
    CHECK(in_child([&] {
            if (lkl_netdev_open("dpdk:net_ring1", nullptr, &other) != -LKL_EOPNOTSUPP) return 1;
            lkl_netdev_free(nd);
            return 0;
          }) == 0);
    lkl_netdev_free(nd);
    return 0;
  });
}

TEST(Dpdk, WordsOfItsOwnThatAreWrong) {
  expect([] {
    static lkl_host_operations silent = {};
    silent.print = keep_log;
    CHECK(lkl_init(&silent) == 0);
    if (!std::freopen("/dev/null", "w", stdout)) return 1;  // it explains all its words
    lkl_netdev* nd = nullptr;
    const int error = lkl_netdev_open("dpdk:net_ring0,eal=--no-huge --lcores=x", nullptr, &nd);
    if (error == -LKL_EPROTONOSUPPORT) return kNotHere;
    CHECK(error == -LKL_EIO);
    CHECK(said("dpdk: DPDK can't be started\n"));
    return 0;
  });
}

namespace {

int talk_to_host() {
  if (!enter_own_network()) return kNotHere;
  if (const int result = boot()) return result;
  lkl_netdev* nd = nullptr;
  const int error = connect_card("dpdk:net_tap0,iface=lkltap0", "10.9.0.2", 0, nd);
  if (error == -LKL_EPROTONOSUPPORT || said("/dev/net/tun")) return kNotHere;
  CHECK(error == 0);
  CHECK(host_up("lkltap0", "10.9.0.1"));
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in here = {};
  here.sin_family = AF_INET;
  here.sin_port = htons(kPort);
  CHECK(bind(listener, reinterpret_cast<sockaddr*>(&here), sizeof here) == 0);
  CHECK(listen(listener, 1) == 0);
  std::thread host([&] {
    const int fd = accept(listener, nullptr, nullptr);
    EXPECT_TRUE(echo(kHosts, fd));
    close(fd);
  });
  talk_by_tcp("10.9.0.1", 4 << 20);
  host.join();
  close(listener);
  return end(nd);
}

}  // namespace

TEST(Dpdk, TalksToTheHostByTap) {
  expect(talk_to_host);
}
