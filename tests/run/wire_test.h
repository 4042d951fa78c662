// SPDX-License-Identifier: GPL-2.0
//
// Programs that are served, and the host at the other end of their wire.
#ifndef LKL_TESTS_RUN_WIRE_TEST_H
#define LKL_TESTS_RUN_WIRE_TEST_H

#include <memory>
#include <string>
#include <vector>

#include "tools/tool_test.h"
#include "web_server.h"

namespace lkl::tool_test {

// Each test over slirp: and over tap:, served and with the kernel in the program. As root the
// host's side is a network of the test's own, where all ports are free.
class WireTest : public ToolTest, public testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override;
  void TearDown() override;

  bool is_tap() const { return GetParam().starts_with("tap"); }
  bool is_preloaded() const { return GetParam().ends_with("preload"); }
  // Whether the host's side is the test's own: then it may have any port.
  bool is_alone() const { return before_ >= 0; }

  // The host, as programs that are served name it; where its servers are to listen for that.
  std::string host() const { return is_tap() ? "10.97.0.1" : "10.0.2.2"; }
  std::string host6() const { return is_tap() ? "fd97::1" : "fec0::2"; }
  std::string listening() const { return is_tap() ? host() : "127.0.0.1"; }
  std::string listening6() const { return is_tap() ? host6() : "::1"; }

  // The command that serves a program; `options` are of lkl run.
  std::vector<std::string> line(const std::vector<std::string>& words,
                                const std::vector<std::string>& options = {},
                                const std::string& more_of_slirp = "") const;
  // Both have an address of IPv6 over tap:, too: that takes a second, until it is found that nobody
  // else has it.
  bool with_ipv6_ = false;

  // A program to its end.
  Result served(const std::vector<std::string>& words,
                const std::vector<std::string>& options = {}) const {
    return run(line(words, options));
  }
  // --tier preload does not start it, and says why and what to do.
  void expect_refused(const std::string& program, const std::string& why) const;
  // It is served there all the same, if another program starts it.
  std::vector<std::string> by_another(std::vector<std::string> words) const {
    if (is_preloaded()) words.insert(words.begin(), {"/usr/bin/env", "--"});
    return words;
  }
  // A shell's line, which must succeed; its output.
  std::string served_shell(const std::string& command) const;

  // A program that is served and has one port, of TCP and UDP.
  struct Server {
    Server(const WireTest& test, int own_port, const std::vector<std::string>& words,
           const std::vector<std::string>& options = {});
    ~Server() { end_in_peace(process); }
    std::string url() const { return "http://" + address + ":" + std::to_string(port) + "/"; }
    // ADDRESS PORT
    std::string place() const { return address + " " + std::to_string(port); }
    // What curl says, which tries until somebody is there.
    Result get(const std::string& name) const;
    // Waits for its end.
    void ends_by(int signal, int status);

    std::string address;  // where the host finds it
    int port;
    Process process;
  };
  // A command of the host's that is tried until it succeeds: whom it asks may not be there yet. Its
  // output.
  static std::string shell_when_there(const std::string& command);

  // A server of the host's, until the end of the test.
  void start_on_host(const std::vector<std::string>& words) {
    of_host_.push_back(std::make_unique<Process>(words, false));
  }
  // With what it has started itself, if it is somebody who ends that.
  static void end_in_peace(Process& process);

 private:
  int before_ = -1;  // the network that the test has come from
  std::vector<std::unique_ptr<Process>> of_host_;
};

// A text that shows where something of it is missing.
std::string long_text(std::size_t size);

// Of what iperf3 -J says: how many bytes have come; how many of 32 MiB have to, as it may end
// before it has counted the last ones.
inline constexpr char kIperfBytes[] =
    "/usr/bin/python3 -c 'import json, sys; end = json.load(sys.stdin)[\"end\"]; "
    "print((end.get(\"sum_received\") or end[\"sum\"])[\"bytes\"])'";
inline constexpr long kIperfLeast = 24L << 20;

// The programs that a test needs, and their packages.
#define NEEDS(program, package) \
  if (!have(program)) GTEST_SKIP() << program << " is not installed (" package ")"

#define OVER_ALL_WIRES(test)                                                                \
  INSTANTIATE_TEST_SUITE_P(Wires, test,                                                     \
                           testing::Values("slirp", "tap", "slirp_preload", "tap_preload"), \
                           [](const auto& info) { return info.param; })

}  // namespace lkl::tool_test

#endif  // LKL_TESTS_RUN_WIRE_TEST_H
