// SPDX-License-Identifier: GPL-2.0
//
// Programs as Debian has them, by lkl run.
#include <signal.h>

#include <algorithm>

#include "tools/tool_test.h"
#include "web_server.h"

namespace lkl::tool_test {
namespace {

class ProgramTest : public ToolTest {
 protected:
  // A program that fetches the server's file and prints it.
  void fetches(const std::string& program, std::vector<std::string> words) {
    if (!have(program)) GTEST_SKIP() << program << " is not installed";
    std::string body(3'000'000, 'x');
    for (std::size_t i = 0; i < body.size(); i++) body[i] = static_cast<char>('a' + i * i % 23);
    const WebServer server(body);
    words.insert(words.begin(), {"run", "--"});
    words.push_back(server.url());
    const Result result = lkl(words);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(result.out == body) << result.out.size() << " bytes; " << result.err;
    EXPECT_EQ(server.requests(), 1);
  }

  // A server at the kernel's port 80, that the host reaches.
  struct Served {
    Served(const std::vector<std::string>& words)
        : port(free_port()), process(line(words), false) {}
    std::vector<std::string> line(const std::vector<std::string>& words) const {
      std::vector<std::string> all = {
          LKL_TOOL_PATH, "run", "--net",
          "slirp:,hostfwd=tcp:127.0.0.1:" + std::to_string(port) + "-:80", "--"};
      all.insert(all.end(), words.begin(), words.end());
      return all;
    }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port) + "/"; }
    // The status of curl, which tries until somebody is there.
    Result get(const std::string& name) const {
      return run({"curl", "-sS", "--retry", "40", "--retry-all-errors", "--retry-delay", "0",
                  "--retry-max-time", "30", url() + name});
    }
    int port;
    Process process;
  };
};

TEST_F(ProgramTest, Curl) {
  fetches("curl", {"curl", "-sS"});
}
TEST_F(ProgramTest, Wget) {
  fetches("wget", {"wget", "-qO-"});
}
TEST_F(ProgramTest, BusyboxThatIsStatic) {
  fetches("busybox", {"busybox", "wget", "-qO-"});
}
TEST_F(ProgramTest, Python) {
  fetches("/usr/bin/python3",
          {"/usr/bin/python3", "-c",
           "import sys, urllib.request; "
           "sys.stdout.write(urllib.request.urlopen(sys.argv[1]).read().decode())"});
}

TEST_F(ProgramTest, GoThatMakesSystemCallsItself) {
  if (!have("go")) GTEST_SKIP() << "go is not installed (golang-go)";
  write_file("get.go", R"(package main
import ("io"; "net/http"; "os")
func main() {
	answer, err := http.Get(os.Args[1])
	if err != nil { panic(err) }
	io.Copy(os.Stdout, answer.Body)
}
)");
  shell("cd " + path("") + " && CGO_ENABLED=0 GO111MODULE=off GOCACHE=" + path("cache") +
        " go build -o get get.go && chmod -R u+w .");
  fetches(path("get"), {path("get")});
}

TEST_F(ProgramTest, PingAndIp) {
  if (!have("ping") || !have("ip")) GTEST_SKIP() << "iputils-ping or iproute2 is not installed";
  const Result ping = lkl({"run", "--", "ping", "-c", "2", "-i", "0.2", "10.0.2.2"});
  EXPECT_EQ(ping.status, 0) << ping.err;
  EXPECT_NE(ping.out.find("2 packets transmitted, 2 received, 0% packet loss"), std::string::npos)
      << ping.out;
  // the times of packets and of the program are of one clock
  EXPECT_EQ(ping.err, "");
  const Result ip = lkl({"run", "--", "ip", "-brief", "-4", "address"});
  EXPECT_EQ(ip.status, 0);
  EXPECT_NE(ip.out.find("10.0.2.15/24"), std::string::npos) << ip.out;
  // It is root there, whoever it is here.
  const Result route = lkl({"run", "--", "sh", "-c",
                            "ip route add 192.0.2.0/24 via 10.0.2.2 && ip route get 192.0.2.1"});
  EXPECT_EQ(route.status, 0) << route.err;
  EXPECT_EQ(route.out.find("192.0.2.1 via 10.0.2.2 dev eth0 src 10.0.2.15"), 0u) << route.out;
}

TEST_F(ProgramTest, AServerOfPython) {
  write_file("a.txt", "by python\n");
  Served served({"/usr/bin/python3", "-m", "http.server", "80", "--directory", path("")});
  EXPECT_EQ(served.get("a.txt").out, "by python\n");
  served.process.signal(SIGTERM);
  EXPECT_EQ(served.process.finish().status, 128 + SIGTERM);
}

TEST_F(ProgramTest, NginxWithWorkers) {
  if (!have("nginx")) GTEST_SKIP() << "nginx is not installed (nginx-light)";
  write_file("a.txt", "by nginx\n");
  write_noise("noise", 5'000'000, 7);
  write_file("nginx.conf", "daemon off; worker_processes 3; pid " + path("pid") +
                               "; error_log stderr; user root;\n"
                               "events { worker_connections 256; }\n"
                               "http { access_log off; sendfile on; server { listen 80; root " +
                               path("") + "; } }\n");
  Served served({"nginx", "-p", path(""), "-c", path("nginx.conf")});
  EXPECT_EQ(served.get("a.txt").out, "by nginx\n");
  const Result noise = served.get("noise");
  EXPECT_TRUE(noise.out == shell("cat " + path("noise")));
  const std::string many =
      shell("seq 200 | xargs -P 20 -I{} curl -sS -o /dev/null -w '%{http_code}\\n' " +
            served.url() + "a.txt | sort | uniq -c");
  EXPECT_NE(many.find("200 200\n"), std::string::npos) << many;
  served.process.signal(SIGQUIT);
  EXPECT_EQ(served.process.finish().status, 0);
}

TEST_F(ProgramTest, Redis) {
  if (!have("redis-server")) GTEST_SKIP() << "redis-server is not installed";
  const Result result = lkl(
      {"run", "--", "sh", "-c",
       "redis-server --port 6379 --save '' --daemonize no >/dev/null & "
       "until redis-cli ping 2>/dev/null; do sleep 0.1; done; redis-cli set key value; "
       "redis-cli get key; redis-benchmark -q -t set,get -n 2000 -c 20 >/dev/null && echo done; "
       "redis-cli shutdown; wait"});
  EXPECT_EQ(result.out, "PONG\nOK\nvalue\ndone\n") << result.err;
  EXPECT_EQ(result.status, 0);
}

// A tunnel of WireGuard between two kernels on a switch, set up as docs/network.md has it.
TEST_F(ProgramTest, WireGuardByItsTools) {
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
TEST_F(ProgramTest, TheHostsPingAndIperf) {
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

TEST_F(ProgramTest, ByItsOldName) {
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
