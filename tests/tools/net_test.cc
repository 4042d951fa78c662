// SPDX-License-Identifier: GPL-2.0
//
// lkl net: what works on a wire, whose other end is the test's.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <thread>

#include <nlohmann/json.hpp>

#include "support/lan.h"
#include "tool_test.h"

namespace lkl::tool_test {
namespace {

using lkl_test::Lan;
using lkl_test::LanOptions;
using Json = nlohmann::json;

class NetTest : public ToolTest {
 protected:
  void SetUp() override {
    ToolTest::SetUp();
    // the command has the first one from us
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends_), 0);
  }
  void TearDown() override {
    for (const int end : ends_) close(end);
    ToolTest::TearDown();
  }
  std::string uri() const { return "fd:" + std::to_string(ends_[0]); }

  // The step of this name: "STATE WHAT".
  static std::string step(const Json& json, const std::string& name) {
    for (const Json& each : json["steps"])
      if (each["step"] == name)
        return each["state"].get<std::string>() + " " + each["what"].get<std::string>();
    return "";
  }

  int ends_[2];
};

TEST_F(NetTest, AllThatIsThereWorks) {
  const Lan lan(ends_[1], {});
  const Result result = lkl({"net", "check", uri(), "--name", "host.lan", "--json"});
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  const Json json = Json::parse(result.out);
  EXPECT_EQ(json["works"], true);
  EXPECT_EQ(json["wire"], uri());
  EXPECT_EQ(step(json, "wire"), "ok " + uri());
  EXPECT_EQ(step(json, "link").find("ok "), 0u) << json;
  EXPECT_EQ(step(json, "ipv4"), "ok 10.7.0.15/24 by DHCP from 10.7.0.1, 3600 s");
  EXPECT_EQ(step(json, "ipv6").find("ok fd07::"), 0u) << json;
  EXPECT_NE(step(json, "ipv6").find("/64 from a router, fe80::1"), std::string::npos) << json;
  EXPECT_EQ(step(json, "gateway").find("ok 10.7.0.1 answers in "), 0u) << json;
  EXPECT_EQ(step(json, "gateway6").find("ok fe80::1 answers in "), 0u) << json;
  EXPECT_EQ(step(json, "name"), "ok host.lan is 10.7.0.1, fd07::1, by 10.7.0.1");
  EXPECT_EQ(lan.pings(), 2u);
}

TEST_F(NetTest, AGatewayThatDoesNotAnswerIsAFailureWithACure) {
  LanOptions options;
  options.ping = false;
  const Lan lan(ends_[1], options);
  const Result result = lkl({"net", "check", uri(), "-4"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.out.find("ok     ipv4      10.7.0.15/24"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("fails  gateway   10.7.0.1 does not answer"), std::string::npos)
      << result.out;
  EXPECT_NE(result.out.find("cure: look whether"), std::string::npos) << result.out;
  // nobody has asked for a name
  EXPECT_NE(result.out.find("none   name      example.com: there is no such name, by 10.7.0.1"),
            std::string::npos)
      << result.out;
  EXPECT_EQ(result.out.find("ipv6"), std::string::npos) << result.out;
}

TEST_F(NetTest, AddressesMayBeGiven) {
  LanOptions options;
  options.dhcp = options.router = options.dns = false;
  const Lan lan(ends_[1], options);
  const Result result =
      lkl({"net", "check", uri(), "--address", "10.7.0.20/24", "--gateway", "10.7.0.1", "--json"});
  EXPECT_EQ(result.status, 0) << result.out;
  const Json json = Json::parse(result.out);
  EXPECT_EQ(step(json, "ipv4"), "ok 10.7.0.20/24");
  EXPECT_EQ(step(json, "gateway").find("ok 10.7.0.1 answers"), 0u);
  EXPECT_EQ(step(json, "name"), "none nobody has named a name server");
  EXPECT_TRUE(lan.dhcp_types().empty());
  // and a name that was asked for is missed
  const Result name = lkl({"net", "check", uri(), "--address", "10.7.0.20/24", "--gateway",
                           "10.7.0.1", "--name", "host.lan", "--nameserver", "10.7.0.1"});
  EXPECT_EQ(name.status, 1);
  EXPECT_NE(name.out.find("fails  name      host.lan: no name server answers"), std::string::npos)
      << name.out;
}

TEST_F(NetTest, WithoutAServerItIsSaid) {
  LanOptions options;
  options.dhcp = options.router = false;
  const Lan lan(ends_[1], options);
  const Result result = lkl({"net", "check", uri(), "--timeout", "1"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.out.find("fails  ipv4      no DHCP server answers"), std::string::npos)
      << result.out;
  EXPECT_NE(result.out.find("fails  ipv6      no router gives addresses"), std::string::npos)
      << result.out;
  EXPECT_NE(result.out.find("cure: --address ADDRESS/BITS"), std::string::npos) << result.out;
  EXPECT_EQ(result.out.find("gateway  "), std::string::npos) << result.out;
}

// One family is enough if nobody says which.
TEST_F(NetTest, ARouterOfIpv6IsNotMissed) {
  LanOptions options;
  options.router = false;
  const Lan lan(ends_[1], options);
  const Result result = lkl({"net", "check", uri(), "--timeout", "2"});
  EXPECT_EQ(result.status, 0) << result.out;
  EXPECT_NE(result.out.find("none   ipv6      no router gives addresses\n"), std::string::npos)
      << result.out;
  const Result wanted = lkl({"net", "check", uri(), "--timeout", "1", "-6"});
  EXPECT_EQ(wanted.status, 1) << wanted.out;
}

TEST_F(NetTest, AWireThatCannotBeOpenedSaysWhy) {
  Result result = lkl({"net", "check", "tab:x"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.out.find("fails  wire      tab: no such kind of wire; did you mean \"tap:\"?"),
            std::string::npos)
      << result.out;
  EXPECT_NE(result.out.find("cure: man lkl-net"), std::string::npos) << result.out;
  result = lkl({"net", "check", "fd:999"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.out.find("fd: 999: Bad file descriptor"), std::string::npos) << result.out;
}

TEST_F(NetTest, NobodyAtTheOtherEndIsAFailure) {
  close(ends_[1]);
  const Result result = lkl({"net", "check", uri(), "--timeout", "1"});
  ends_[1] = dup(ends_[0]);
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.out.find("nobody is at the other end"), std::string::npos) << result.out;
}

// Frames of a kind that nobody answers, and what the kernel sends by itself.
TEST_F(NetTest, WhatGoesOverAWireIsCaptured) {
  const std::string file = path("a,b.pcapng");
  std::thread sends([this] {
    const std::string frame =
        std::string("\xff\xff\xff\xff\xff\xff\x02\x01\x01\x01\x01\x01\x88\xb5", 14) +
        std::string(100, 'x');
    // from when the card listens, at last
    for (int i = 0; i < 20; ++i) {
      usleep(200'000);
      (void)!send(ends_[1], frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
  });
  const Result result =
      lkl({"net", "capture", uri(), file, "--duration", "3", "--snaplen", "64", "--json"});
  sends.join();
  ASSERT_EQ(result.status, 0) << result.err;
  const Json counts = Json::parse(result.out);
  EXPECT_GE(counts["in"].get<int>(), 5);
  if (run({"tshark", "--version"}).status != 0) GTEST_SKIP() << "tshark is not installed";
  const Result shown = run({"tshark", "-r", file, "-T", "fields", "-e", "frame.cap_len", "-e",
                            "frame.len", "-Y", "eth.type == 0x88b5"});
  EXPECT_EQ(shown.status, 0) << shown.err;
  EXPECT_EQ(shown.out.substr(0, 7), "64\t114\n");
  EXPECT_EQ(std::ranges::count(shown.out, '\n'), counts["in"].get<int>());
}

TEST_F(NetTest, ACaptureThatCannotBeIsSaid) {
  expect_failure({"net", "capture", uri()}, 2, "needs the URI of a wire, and a file");
  expect_failure({"net", "capture", uri(), "/nowhere/x.pcapng"}, 1, "/nowhere/x.pcapng");
  expect_failure({"net", "capture", "slurp:", path("x")}, 1, "did you mean");
}

TEST_F(NetTest, WrongWordsAreRefused) {
  expect_failure({"net", "check"}, 2, "needs one URI");
  expect_failure({"net", "check", uri(), "x"}, 2, "needs one URI");
  expect_failure({"net", "chek", uri()}, 2, "there are \"net check URI\"");
  expect_failure({"net", "check", uri(), "--address", "10.0.0.1"}, 2, "bits of its network");
  expect_failure({"net", "check", uri(), "--address", "10.0.0.1/33"}, 2, "bits of its network");
  expect_failure({"net", "check", uri(), "--gateway", "x"}, 2, "is not an address");
  expect_failure({"net", "check", uri(), "--mtu", "67"}, 2, "from 68 to 65535");
  expect_failure({"net", "check", uri(), "-4", "-6"}, 2, "one too many");
}

}  // namespace
}  // namespace lkl::tool_test
