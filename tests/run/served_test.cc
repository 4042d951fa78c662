// SPDX-License-Identifier: GPL-2.0
//
// Which files are the kernel's, and what is found in them.
#include "run/served_files.h"

#include <gtest/gtest.h>

#include "run/network_counters.h"

namespace lkl::tool::served {
namespace {

TEST(ServedPath, TellsOfTheNetwork) {
  EXPECT_EQ(served_path("/etc/resolv.conf", "/sysfs"), "/etc/resolv.conf");
  EXPECT_EQ(served_path("//etc/./hosts", "/sysfs"), "/etc/hosts");
  EXPECT_EQ(served_path("/proc/net/tcp", "/sysfs"), "/proc/thread-self/net/tcp");
  EXPECT_EQ(served_path("/proc/self/net/dev", "/sysfs"), "/proc/thread-self/net/dev");
  EXPECT_EQ(served_path("/proc/17/net/dev", "/sysfs"), "/proc/thread-self/net/dev");
  EXPECT_EQ(served_path("/proc/17/task/18/net/dev", "/sysfs"), "/proc/thread-self/net/dev");
  EXPECT_EQ(served_path("/proc/thread-self/net/udp6", "/sysfs"), "/proc/thread-self/net/udp6");
  EXPECT_EQ(served_path("/proc/sys/net/core/somaxconn", "/sysfs"), "/proc/sys/net/core/somaxconn");
  EXPECT_EQ(served_path("/sys/class/net/eth0/address", "/sysfs"), "/sysfs/class/net/eth0/address");
}

TEST(ServedPath, LeavesOthersToTheHost) {
  for (const char* path : {"", "etc/hosts", "/etc/hosts.allow", "/etc", "/proc/self/network",
                           "/proc/network", "/proc/self/maps", "/proc/17", "/proc/net2/tcp",
                           "/sys/class/network", "/proc/sys/kernel/pid_max"})
    EXPECT_EQ(served_path(path, "/sysfs"), std::nullopt) << path;
}

TEST(ServedPath, KnowsWhatMakesTunnels) {
  EXPECT_TRUE(is_tunnel_device("/dev/net/tun"));
  EXPECT_TRUE(is_tunnel_device("/dev//net/./tun"));
  EXPECT_FALSE(is_tunnel_device("dev/net/tun"));
  EXPECT_FALSE(is_tunnel_device("/dev/net/tun0"));
}

TEST(ServedPath, KnowsWhoWouldResolveForTheHost) {
  EXPECT_TRUE(is_host_resolver("/run/systemd/resolve/io.systemd.Resolve"));
  EXPECT_TRUE(is_host_resolver("/var/run/nscd/socket"));
  EXPECT_FALSE(is_host_resolver("/run/user/1000/bus"));
}

TEST(NetworkCounters, AreFoundByTheirNames) {
  const char sockstat[] =
      "sockets: used 7\nTCP: inuse 1 orphan 12 tw 0 alloc 3 mem 1\nUDP: inuse 2 mem 5\n";
  EXPECT_EQ(number_in(sockstat, "TCP:", "orphan"), 12u);
  EXPECT_EQ(number_in(sockstat, "UDP:", "mem"), 5u);
  EXPECT_EQ(number_in(sockstat, "UDP:", "orphan"), 0u);
  const char snmp[] =
      "Icmp: InMsgs InErrors\nIcmp: 1 2\nTcp: RtoMin MaxConn InSegs OutSegs\nTcp: 200 -1 345 67\n"
      "Udp: InDatagrams InSegs\nUdp: 8 9\n";
  EXPECT_EQ(number_in(snmp, "Tcp:", "InSegs"), 345u);
  EXPECT_EQ(number_in(snmp, "Udp:", "InSegs"), 9u);
  EXPECT_EQ(number_in(snmp, "Tcp:", "MaxConn"), 0u);
  EXPECT_EQ(number_in("", "Tcp:", "InSegs"), 0u);
}

}  // namespace
}  // namespace lkl::tool::served
