// SPDX-License-Identifier: GPL-2.0
//
// Networks of programs by lkl run: what else they are made of than a wire, and who judges them.
#include <unistd.h>

#include "tools/tool_test.h"

namespace lkl::tool_test {
namespace {

class MadeNetworkTest : public ToolTest {};

// A tunnel of WireGuard between two kernels on a switch, set up as docs/network.md has it.
TEST_F(MadeNetworkTest, WireGuardByItsTools) {
  if (!have("wg") || !have("ip")) GTEST_SKIP() << "wireguard-tools or iproute2 is not installed";
  shell("cd " + path("") +
        " && for side in a b; do wg genkey >$side.key; wg pubkey <$side.key >$side.pub; done");
  const std::string secret = "this is for nobody else";
  write_file("secret", secret);
  const std::string wire = "switch:wg-" + std::to_string(getpid());
  // What both sides do, up to the interface that is up.
  const auto tunnel = [&](const std::string& own, const std::string& address,
                          const std::string& peer, const std::string& words) {
    return "set -e; cd " + path("") + "; ip link add wg0 type wireguard; wg set wg0 private-key " +
           own + ".key " + words + "; ip address add " + address +
           "/24 dev wg0; ip link set wg0 up; " + "test \"$(wg show wg0 peers)\" = \"$(cat " + peer +
           ".pub)\"; ";
  };
  Process server(
      {LKL_TOOL_PATH, "run", "--net", wire, "--address", "10.0.0.1/24", "--", "sh", "-c",
       tunnel("a", "10.9.0.1", "b", "listen-port 51820 peer $(cat b.pub) allowed-ips 10.9.0.2/32") +
           "exec /usr/bin/python3 -c \"import socket\n"
           "s = socket.create_server(('10.9.0.1', 80))\nprint('ready', flush=True)\n"
           "c = s.accept()[0]; c.sendall(open('secret', 'rb').read())\""},
      false);
  ASSERT_EQ(server.first_line(), "ready");
  const Result client =
      lkl({"run", "--net", wire, "--address", "10.0.0.2/24", "--pcap", path("wire.pcapng"), "--",
           "sh", "-c",
           tunnel("b", "10.9.0.2", "a",
                  "peer $(cat a.pub) endpoint 10.0.0.1:51820 allowed-ips 10.9.0.1/32") +
               "/usr/bin/python3 -c \"import socket\n"
               "print(socket.create_connection(('10.9.0.1', 80)).makefile().read())\"; "
               "test $(wg show wg0 latest-handshakes | cut -f2) -gt 0"});
  EXPECT_EQ(client.status, 0) << client.err;
  EXPECT_EQ(client.out, secret + "\n");
  EXPECT_EQ(server.finish().status, 0);
  if (!have("tshark"))
    GTEST_SKIP() << "what was on the wire is not looked at: tshark is not installed";
  const auto frames = [&](const std::string& filter) {
    return shell("tshark -n -r " + path("wire.pcapng") + " -Y '" + filter + "' | wc -l");
  };
  // a handshake and what it is for, nothing in clear
  for (const char* type : {"1", "2", "4"})
    EXPECT_NE(frames(std::string("wg.type == ") + type), "0\n") << type;
  EXPECT_EQ(frames("ip && !wg"), "0\n");
  EXPECT_EQ(frames("frame contains \"nobody else\""), "0\n");
}

// The host's own programs judge the kernel behind a TAP interface, in a network of their own.
TEST_F(MadeNetworkTest, TheHostsPingAndIperf) {
  if (!have("iperf3") || !have("ping") || !have("ip"))
    GTEST_SKIP() << "iperf3, iputils-ping or iproute2 is not installed";
  const std::string network = "unshare -rn sh -c 'set -e; ip tuntap add tap0 mode tap; ";
  if (shell_status(network + "'").status != 0)
    GTEST_SKIP() << "needs network name spaces and /dev/net/tun";
  const std::string judged = shell(
      network +
      "ip address add 10.9.0.1/24 dev tap0; ip address add fd09::1/64 dev tap0 nodad; "
      "ip link set tap0 up; "
      "timeout 90 " LKL_TOOL_PATH
      " run --net tap:tap0 --address 10.9.0.2/24 --address fd09::2/64 "
      "-- sh -c \"iperf3 -s -1; iperf3 -s -1; iperf3 -s -1\" >server 2>&1 & "
      "for i in $(seq 300); do ping -q -c 1 -W 1 10.9.0.2 >/dev/null 2>&1 && "
      "ping -q -c 1 -W 1 fd09::2 >/dev/null 2>&1 && break; sleep 0.1; done; "
      "ping -q -c 3 -i 0.2 10.9.0.2; ping -q -c 3 -i 0.2 fd09::2; "
      "meet() { for i in $(seq 100); do iperf3 \"$@\" >client 2>&1 && break; sleep 0.1; done; "
      "grep -E \"receiver|error\" client; }; "
      "meet -c 10.9.0.2 -n 64M; meet -c 10.9.0.2 -n 64M -R; meet -c fd09::2 -u -b 20M -n 2M; "
      "wait'");
  // what was asked for has come, in each direction
  const auto count = [&](const std::string& words) {
    int found = 0;
    for (std::size_t at = 0; (at = judged.find(words, at)) != judged.npos; at += words.size())
      found++;
    return found;
  };
  EXPECT_EQ(count(" 0% packet loss"), 2) << judged;
  EXPECT_EQ(count(" receiver"), 3) << judged << shell("cat server");
}

TEST_F(MadeNetworkTest, ByItsOldName) {
  const std::string script =
      std::string(LKL_TOOL_PATH).substr(0, std::string(LKL_TOOL_PATH).rfind('/')) +
      "/lkl-hijack.sh";
  EXPECT_EQ(run({script}).status, 2);
  EXPECT_EQ(run({script, "sh", "-c", "exit 7"}).status, 7);
  if (!have("ip")) GTEST_SKIP() << "iproute2 is not installed";
  const Result ip = run(
      {"env", "LKL_HIJACK_NET_IFTYPE=slirp", "LKL_HIJACK_NET_IP=10.0.2.77",
       "LKL_HIJACK_NET_NETMASK_LEN=24", "LKL_HIJACK_SYSCTL=net.ipv4.ip_default_ttl|77", script,
       "sh", "-c", "ip -brief -4 address show dev eth0; cat /proc/sys/net/ipv4/ip_default_ttl"});
  EXPECT_NE(ip.out.find("10.0.2.77/24"), std::string::npos) << ip.out << ip.err;
  EXPECT_NE(ip.out.find("\n77\n"), std::string::npos) << ip.out << ip.err;
}

}  // namespace
}  // namespace lkl::tool_test
