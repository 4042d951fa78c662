// SPDX-License-Identifier: GPL-2.0
// What a network costs that is not in use: memory of connections, and wake-ups.
#include <arpa/inet.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "net/conversation.h"
#include "support/host_tools.h"

using namespace lkl_test;

namespace {

// A line of /proc/self/status or of a thread's, as a number.
long status_line(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name + ":")) return std::stol(line.substr(name.size() + 1));
  return 0;
}

// How often the threads of this process have gone to sleep.
long sleeps() {
  long sum = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task"))
    sum += status_line(task.path() / "status", "voluntary_ctxt_switches");
  return sum;
}

constexpr int kConnections = 10000;

void allow_descriptors() {
  lkl_rlimit limit = {.rlim_cur = 2 * kConnections, .rlim_max = 2 * kConnections};
  ASSERT_EQ(lkl_sys_setrlimit(LKL_RLIMIT_NOFILE, &limit), 0);
}

// Accepts them all, and then waits to be killed.
pid_t start_accepting_peer(const std::string& uri, const char* own) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  alarm(100);
  static lkl_host_operations silent = {};
  silent.print = keep_log;
  lkl_netdev* nd = nullptr;
  if (lkl_init(&silent) || lkl_start_kernel("mem=256M loglevel=4")) _exit(1);
  if (connect_card(uri.c_str(), own, 0, nd)) _exit(2);
  allow_descriptors();
  lkl_sockaddr_in here = address("0.0.0.0");
  const int tcp = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_STREAM, 0));
  if (lkl_sys_bind(tcp, generic(here), sizeof here) || lkl_sys_listen(tcp, 1000)) _exit(3);
  while (lkl_sys_accept(tcp, nullptr, nullptr) >= 0) continue;
  _exit(4);
}

}  // namespace

TEST(Idle, TenThousandConnectionsTakeLessThan100MiB) {
  const Wire wire;
  const pid_t peer = start_accepting_peer(fd_uri(wire.end(1)), "10.0.0.2");
  static lkl_host_operations silent = {};
  silent.print = keep_log;
  ASSERT_EQ(lkl_init(&silent), 0);
  ASSERT_EQ(lkl_start_kernel("mem=256M loglevel=4"), 0);
  lkl_netdev* nd = nullptr;
  ASSERT_EQ(connect_card(fd_uri(wire.end(0)).c_str(), "10.0.0.1", 0, nd), 0);
  allow_descriptors();
  lkl_sockaddr_in there = address("10.0.0.2");
  const auto connect = [&] {
    const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_STREAM, 0));
    const long result = lkl_sys_connect(fd, generic(there), sizeof there);
    if (result < 0) lkl_sys_close(fd);
    return result;
  };
  while (connect() == -LKL_ECONNREFUSED) usleep(10'000);
  const long before = resident_kib();
  int connections = 0;
  for (; connections < kConnections && connect() == 0; ++connections) continue;
  EXPECT_EQ(connections, kConnections);
  const long taken = resident_kib() - before;
  EXPECT_LT(taken, 100 << 10) << "KiB";
  RecordProperty("KiB", static_cast<int>(taken));
  std::printf("%ld KiB for each\n", taken / kConnections);
  kill(peer, SIGKILL);
  end_of(peer);
  EXPECT_EQ(lkl_sys_halt(), 0);
  lkl_cleanup();
  lkl_netdev_free(nd);
}

class IdleTest : public NicTest {
 protected:
  // Sleeps of all threads within so many seconds, beside the test's own.
  static long sleeps_within(unsigned seconds) {
    const long before = sleeps();
    sleep(seconds);
    return sleeps() - before - 1;
  }
};

// The kernel's own timers only, some of which an interface that is up has too (what they are:
// docs/performance.md): the card itself interrupts nobody, and nobody looks at the wire.
TEST_F(IdleTest, SlowACardWakesNobody) {
  lkl_sysctl("net.ipv6.conf.default.router_solicitations", "0");
  const Wire wire;
  lkl_netdev* nd = nullptr;
  ASSERT_EQ(connect_card(fd_uri(wire.end(0)).c_str(), "10.0.0.1", 0, nd), 0);
  ASSERT_GE(lkl_mount_fs("proc"), 0);
  sleep(15);  // until groups have been joined, and duplicates looked for
  const std::string interrupts = read_kernel_file("/proc/interrupts");
  ASSERT_NE(interrupts.find("virtio"), std::string::npos);
  const long with = sleeps_within(40);
  EXPECT_EQ(read_kernel_file("/proc/interrupts"), interrupts);
  ASSERT_EQ(lkl_if_down(lkl_ifname_to_ifindex("eth0")), 0);
  const long without = sleeps_within(40);
  std::printf("in 40 s: %ld with the card up, %ld without\n", with, without);
  EXPECT_LT(with, 40);  // one a second
  lkl_netdev_free(nd);
}
