// SPDX-License-Identifier: GPL-2.0
//
// Programs by lkl run, that show and change the kernel's network.
#include <signal.h>

#include <algorithm>

#include "wire_test.h"

namespace lkl::tool_test {
namespace {

constexpr char kHasRights[] =
    "it has rights of its own (setuid, setgid, capabilities), and nothing is loaded in front of "
    "such "
    "programs";

class PingTest : public WireTest {};
OVER_ALL_WIRES(PingTest);

class NetworkTest : public WireTest {};
OVER_ALL_WIRES(NetworkTest);

TEST_P(PingTest, ByIpv4) {
  NEEDS("ping", "iputils-ping");
  if (is_preloaded()) expect_refused("ping", kHasRights);
  const Result ping = served(by_another({"ping", "-c", "2", "-i", "0.2", host()}));
  EXPECT_EQ(ping.status, 0) << ping.err;
  EXPECT_NE(ping.out.find("2 packets transmitted, 2 received, 0% packet loss"), std::string::npos)
      << ping.out;
  // the times of packets and of the program are of one clock
  EXPECT_EQ(ping.err, "");
}

TEST_P(PingTest, ByIpv6) {
  with_ipv6_ = true;
  NEEDS("ping", "iputils-ping");
  if (is_preloaded()) expect_refused("ping", kHasRights);
  const Result ping = served(by_another({"ping", "-6", "-c", "2", "-i", "0.2", host6()}));
  EXPECT_EQ(ping.status, 0) << ping.err;
  EXPECT_NE(ping.out.find("2 packets transmitted, 2 received, 0% packet loss"), std::string::npos)
      << ping.out;
  EXPECT_EQ(ping.err, "");
}

TEST_P(NetworkTest, Ip) {
  NEEDS("ip", "iproute2");
  // as they are, whether somebody has the interface open or not
  const std::string all = "ip route show | sed 's/ linkdown//'", routes = shell(all);
  const std::string own = is_tap() ? "10.97.0.2" : "10.0.2.15";
  EXPECT_NE(served_shell("ip -brief -4 address").find(own + "/24"), std::string::npos);
  // It has all rights there, whoever it is here.
  EXPECT_EQ(served_shell("ip route add 192.0.2.0/24 via " + host() +
                         " && ip route get 192.0.2.1 | head -n 1")
                .find("192.0.2.1 via " + host() + " dev eth0 src " + own),
            0u);
  EXPECT_EQ(
      served_shell("ip link add name one type dummy && ip address add 192.0.2.1/24 dev one && "
                   "ip link set one up && ip -o -4 address show one | cut -d' ' -f7 && "
                   "ip link delete one && ip -o link show one 2>&1"
                   " | grep -c 'does not exist'"),
      "192.0.2.1/24\n1\n");
  // The C library asks for numbers of interfaces by a socket of AF_UNIX.
  EXPECT_EQ(served_shell("ip link add name one type dummy && /usr/bin/python3 -c 'import socket; "
                         "print(socket.if_nametoindex(\"one\") == "
                         "int(open(\"/sys/class/net/one/ifindex\").read()))'"),
            "True\n");
  // None of it is the host's.
  EXPECT_EQ(shell(all), routes);
}

TEST_P(NetworkTest, Ss) {
  NEEDS("ss", "iproute2");
  const std::string said = served_shell(
      "/usr/bin/python3 -c 'import socket; a = socket.create_server((\"127.0.0.1\", 7000)); "
      "b = socket.create_connection((\"127.0.0.1\", 7000)); c = a.accept(); "
      "u = socket.socket(type=socket.SOCK_DGRAM); u.bind((\"0.0.0.0\", 7001)); "
      "print(\"ready\", flush=True); import time; time.sleep(60)' > said & "
      "until grep -q ready said; do sleep 0.05; done; "
      "ss -Htln; ss -Hulnp 'sport = 7001'; ss -Htni 'dport = 7000'; ss -K dport = 7000 >/dev/null; "
      "echo left: $(ss -Htn state established | wc -l); kill $!");
  EXPECT_NE(said.find("127.0.0.1:7000"), said.npos) << said;
  EXPECT_NE(said.find("0.0.0.0:7001"), said.npos) << said;
  EXPECT_NE(said.find("cubic"), said.npos) << said;
  EXPECT_NE(said.find("left: 0\n"), said.npos) << said;
  // the host has none of them
  EXPECT_EQ(shell("ss -Htln 'sport = 7000'"), "");
}

// Delays what goes out: an echo takes that long at least.
TEST_P(NetworkTest, Tc) {
  NEEDS("tc", "iproute2");
  NEEDS("ping", "iputils-ping");
  const std::string said = served_shell(
      "tc qdisc add dev eth0 root handle 1: htb default 10 && "
      "tc class add dev eth0 parent 1: classid 1:10 htb rate 100mbit && "
      "tc qdisc add dev eth0 parent 1:10 netem delay 60ms && tc qdisc show dev eth0 && "
      "tc class show dev eth0 && ping -q -c 3 -i 0.2 " +
      host() + " && tc -s qdisc show dev eth0");
  EXPECT_NE(said.find("qdisc htb 1: root"), said.npos) << said;
  EXPECT_NE(said.find("netem"), said.npos) << said;
  EXPECT_NE(said.find("class htb 1:10 root"), said.npos) << said;
  const std::size_t at = said.find("rtt min/avg/max/mdev = ");
  ASSERT_NE(at, said.npos) << said;
  EXPECT_GE(std::stod(said.substr(said.find("= ", at) + 2)), 59.0) << said;
  EXPECT_EQ(said.find("Sent 0 bytes", at), said.npos) << said;
}

// Refuses one port and counts another.
TEST_P(NetworkTest, Nft) {
  NEEDS("nft", "nftables");
  const WebServer open("open\n", listening()), shut("shut\n", listening());
  write_file("rules.nft",
             "table inet mine {\n  counter asked { }\n  chain out {\n"
             "    type filter hook output priority filter; policy accept;\n"
             "    tcp dport " +
                 std::to_string(shut.port()) + " reject with tcp reset\n    tcp dport " +
                 std::to_string(open.port()) + " counter name asked\n  }\n}\n");
  const std::string said =
      served_shell("nft -f " + path("rules.nft") + " && curl -sS " + open.url(host()) +
                   "; curl -sS " + shut.url(host()) +
                   " 2>/dev/null || echo refused; nft list counter inet mine asked; "
                   "nft list ruleset | grep -c reject; nft delete table inet mine; curl -sS " +
                   shut.url(host()));
  EXPECT_EQ(said.find("open\nrefused\n"), 0u) << said;
  EXPECT_NE(said.find("packets "), said.npos) << said;
  EXPECT_EQ(said.find("packets 0 "), said.npos) << said;
  EXPECT_NE(said.find("\n1\nshut\n"), said.npos) << said;
  EXPECT_EQ(shut.requests(), 1);
}

// A ring of packets cannot be had, and libpcap does nothing without; it takes what rules of a
// filter log from a socket of netlink.
TEST_P(NetworkTest, Tcpdump) {
  NEEDS("tcpdump", "tcpdump");
  NEEDS("nft", "nftables");
  NEEDS("ping", "iputils-ping");
  // in the process with the kernel it can
  const Result ring = served({"/bin/sh", "-c", "tcpdump -i eth0 -c 1; exit $?"});
  EXPECT_NE(ring.status, 0);
  EXPECT_NE(ring.err.find("packet socket: Protocol not available"), std::string::npos) << ring.err;
  write_file(
      "rules.nft",
      "table inet seen {\n"
      "  chain in { type filter hook input priority 0; icmp type echo-reply log group 5; }\n"
      "  chain out { type filter hook output priority 0; icmp type echo-request log group 5; "
      "}\n}\n");
  const std::string user = geteuid() == 0 ? " -Z root" : "";
  served_shell("nft -f " + path("rules.nft") + " && { ping -i 0.2 " + host() +
               " >/dev/null & tcpdump -i nflog:5 -c 2 -w " + path("seen.pcap") + user +
               " 2>&1; status=$?; kill $!; exit $status; }");
  const std::string seen = shell("tcpdump -n -r " + path("seen.pcap") + user + " 2>&1");
  EXPECT_NE(seen.find("ICMP echo request"), std::string::npos) << seen;
  EXPECT_NE(seen.find("ICMP echo reply"), std::string::npos) << seen;
}

// With the kernel in its process it has one; who asks is the host.
class RingTest : public WireTest {};
INSTANTIATE_TEST_SUITE_P(Wires, RingTest, testing::Values("tap_preload"),
                         [](const auto& info) { return info.param; });

TEST_P(RingTest, TcpdumpOfAnInterface) {
  NEEDS("tcpdump", "tcpdump");
  NEEDS("ping", "iputils-ping");
  start_on_host({"ping", "-q", "-i", "0.2", "10.97.0.2"});
  const Result seen =
      served({"tcpdump", "-n", "-l", "-i", "eth0", "-c", "2", "-Z", "root", "icmp"});
  EXPECT_EQ(seen.status, 0) << seen.err;
  EXPECT_NE(seen.out.find("ICMP echo request"), std::string::npos) << seen.out;
  EXPECT_NE(seen.out.find("ICMP echo reply"), std::string::npos) << seen.out;
}

TEST_P(NetworkTest, LargeAndSmallPackets) {
  NEEDS("curl", "curl");
  const std::string body = long_text(8 << 20);
  const WebServer server(body, listening());
  for (const std::string mtu : {"1500", "65520"}) {
    if (is_tap()) shell("ip link set lkl0 mtu " + mtu);
    const Result result =
        run(line({"/bin/sh", "-c",
                  "ip link set eth0 mtu " + mtu +
                      " && cat /sys/class/net/eth0/mtu >&2 && curl -sS " + server.url(host())},
                 {}, ",mtu=" + mtu));
    EXPECT_EQ(result.err, mtu + "\n");
    EXPECT_TRUE(result.out == body) << mtu << ": " << result.out.size();
  }
}

}  // namespace
}  // namespace lkl::tool_test
