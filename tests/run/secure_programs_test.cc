// SPDX-License-Identifier: GPL-2.0
//
// ssh, what goes over it, and a network by openvpn.
#include <signal.h>

#include "wire_test.h"

namespace lkl::tool_test {
namespace {

constexpr char kSshd[] = "/usr/sbin/sshd";

class SshTest : public WireTest {
 protected:
  void SetUp() override {
    WireTest::SetUp();
    if (IsSkipped()) return;
    NEEDS("ssh", "openssh-client");
    NEEDS(kSshd, "openssh-server");
    if (shell_status("getent passwd $(id -u) | grep -E '(nologin|false)$'").status == 0)
      GTEST_SKIP() << user() << " has no shell";
    shell("ssh-keygen -q -t ed25519 -N '' -f own && ssh-keygen -q -t ed25519 -N '' -f key");
    write_file("config", "HostKey " + path("own") + "\nPidFile none\nUsePAM no\nStrictModes no\n" +
                             "AuthorizedKeysFile " + path("key.pub") +
                             "\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n"
                             "Subsystem sftp internal-sftp\n");
    // The system makes it when it starts its own sshd. It stays, as another test may rely on it.
    if (geteuid() == 0) shell("mkdir -p -m 755 /run/sshd");
  }
  std::vector<std::string> sshd(const std::string& address, int port) const {
    return {kSshd,
            "-D",
            "-e",
            "-f",
            path("config"),
            "-o",
            "ListenAddress=" + address,
            "-p",
            std::to_string(port)};
  }
  std::string ssh(const std::string& program, int port) const {
    return program + " -F none -i " + path("key") +
           " -o BatchMode=yes -o StrictHostKeyChecking=no" +
           " -o LogLevel=ERROR -o UserKnownHostsFile=" + path("known") +
           (program == "ssh" ? " -p " : " -P ") + std::to_string(port) + " ";
  }
  static std::string user() {
    std::string name = shell("id -un");
    name.pop_back();
    return name;
  }
};
OVER_ALL_WIRES(SshTest);

class SshProcessesTest : public SshTest {};
OVER_ALL_WIRES(SshProcessesTest);

TEST_P(SshTest, Client) {
  const int port = free_port();
  write_noise("noise", 5'000'000, 11);
  start_on_host(sshd(listening(), port));
  const std::string there = user() + "@" + host() + " ";
  shell_when_there(ssh("ssh", port) + user() + "@" + listening() + " true");
  served_shell(ssh("ssh", port) + there + "cat <noise >back && cmp noise back");
  EXPECT_EQ(served_shell(ssh("ssh", port) + there + "'echo by ssh; exit 5' || echo $?"),
            "by ssh\n5\n");
  served_shell(ssh("scp", port) + "noise " + user() + "@" + host() + ":" + path("copied") +
               " && cmp noise copied");
}

// A port of the host's, through the connection.
TEST_P(SshProcessesTest, ForwardPorts) {
  const int port = free_port();
  const std::string body = long_text(1'000'000);
  const WebServer web(body, listening());
  start_on_host(sshd(listening(), port));
  shell_when_there(ssh("ssh", port) + user() + "@" + listening() + " true");
  const std::string said =
      served_shell(ssh("ssh", port) + "-N -o ExitOnForwardFailure=yes -L 8080:" + listening() +
                   ":" + std::to_string(web.port()) + " " + user() + "@" + host() +
                   " & curl -sS --retry 40 --retry-all-errors --retry-delay 0 --retry-max-time 30 "
                   "http://127.0.0.1:8080/file; kill $!; wait");
  EXPECT_TRUE(said == body) << said.size();
}

TEST_P(SshProcessesTest, Serve) {
  write_noise("noise", 5'000'000, 12);
  Server server(*this, 22, sshd("0.0.0.0", 22));
  const std::string there = user() + "@" + server.address + " ";
  shell_when_there(ssh("ssh", server.port) + there + " true 2>/dev/null");
  shell(ssh("ssh", server.port) + there + "cat <noise >back && cmp noise back");
  EXPECT_EQ(shell("seq 6 | xargs -P 6 -I{} " + ssh("ssh", server.port) + there +
                  "echo {} | sort | tr '\\n' ' '"),
            "1 2 3 4 5 6 ");
  // What is started there has the kernel's network.
  EXPECT_NE(shell(ssh("ssh", server.port) + there + "cat /proc/net/fib_trie")
                .find(is_tap() ? "10.97.0.2" : "10.0.2.15"),
            std::string::npos);
  shell(ssh("scp", server.port) + "noise " + user() + "@" + server.address + ":" + path("copied") +
        " && cmp noise copied");
  server.ends_by(SIGTERM, 0);
}

TEST_P(SshTest, GitClones) {
  NEEDS("git", "git");
  const int port = free_port();
  write_noise("noise", 2'000'000, 13);
  const std::string git = "GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null git ";
  shell(git + "init -q -b main repo && cp noise repo && cd repo && " + git + "add noise && " + git +
        "-c user.name=me -c user.email=me@localhost commit -q -m one");
  start_on_host(sshd(listening(), port));
  shell_when_there(ssh("ssh", port) + user() + "@" + listening() + " true");
  const std::string remote = "GIT_SSH_COMMAND='" + ssh("ssh", port) + "' " + git;
  served_shell(remote + "clone -q ssh://" + user() + "@" + host() + path("repo") +
               " copy && cmp noise copy/noise");
  // and back
  served_shell("cd copy && echo two >two && " + git + "add two && " + git +
               "-c user.name=me -c user.email=me@localhost commit -q -m two && " + remote +
               "push -q origin HEAD:refs/heads/other");
  EXPECT_EQ(shell("cd repo && " + git + "show other:two"), "two\n");
}

class TunnelTest : public WireTest {};
OVER_ALL_WIRES(TunnelTest);

// A network through UDP: the interface is the kernel's on this side, and the host's on the other.
TEST_P(TunnelTest, Openvpn) {
  NEEDS("openvpn", "openvpn");
  NEEDS("ping", "iputils-ping");
  if (!is_alone()) GTEST_SKIP() << "interfaces are made by root";
  const int port = free_port();
  shell("openvpn --genkey secret key");
  const std::string both =
      " --dev-type tun --secret key --cipher AES-256-CBC --auth SHA256 "
      "--ping 1 --script-security 1 --verb 3 ";
  start_on_host({"/bin/sh", "-c",
                 "exec openvpn --dev tun5 --ifconfig 10.99.0.1 10.99.0.2 --local " + listening() +
                     " --lport " + std::to_string(port) + both + ">host.log"});
  shell_when_there("ip address show tun5 | grep 10.99.0.1");
  const std::string body = long_text(1'000'000);
  const WebServer web(body, "10.99.0.1");
  const std::string said =
      served_shell("openvpn --dev tun0 --ifconfig 10.99.0.2 10.99.0.1 --remote " + host() + " " +
                   std::to_string(port) + " --nobind" + both +
                   ">guest.log 2>&1 & until ip route get 10.99.0.1 | grep -q 'dev tun0' && "
                   "ping -q -c 1 -W 1 10.99.0.1 >/dev/null 2>&1; do "
                   "kill -0 $! || { cat guest.log; exit 1; }; sleep 0.1; done; curl -sS " +
                   web.url("10.99.0.1") + "; kill $!; wait $!");
  EXPECT_TRUE(said == body) << said.substr(0, 5000);
  // The tunnel was not the host's.
  EXPECT_EQ(shell_status("ip link show tun0").status, 1);
}

}  // namespace
}  // namespace lkl::tool_test
