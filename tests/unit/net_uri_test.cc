// SPDX-License-Identifier: GPL-2.0
// How wires are named.
#include "net/uri.h"

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "nearest.h"
#include "net/open.h"

namespace {

using lkl::host::nearest;
using lkl::host::NetUri;

class NetUriTest : public ::testing::Test {
 protected:
  NetUri::Say say() {
    return [this](std::string_view line) { said_ += std::string(line) + "\n"; };
  }
  std::string said_;
};

}  // namespace

TEST_F(NetUriTest, HasASchemeATargetAndWords) {
  NetUri uri("slirp:x:y,mtu=9000,restrict,hostfwd=a,hostfwd=b", say());
  EXPECT_EQ(uri.scheme(), "slirp");
  EXPECT_EQ(uri.target(), "x:y");
  EXPECT_TRUE(uri.take_flag("restrict"));
  EXPECT_FALSE(uri.take_flag("restrict"));
  EXPECT_EQ(uri.take_all("hostfwd"), (std::vector<std::string>{"a", "b"}));
  uint64_t mtu = 0;
  EXPECT_TRUE(uri.take_number("mtu", 68, 65535, mtu));
  EXPECT_EQ(mtu, 9000u);
  EXPECT_EQ(uri.take("dns"), std::nullopt);
  EXPECT_EQ(uri.end(), 0);
  EXPECT_EQ(said_, "");
}

TEST_F(NetUriTest, NeedsNoTargetAndNoWords) {
  NetUri uri("slirp", say());
  EXPECT_EQ(uri.scheme(), "slirp");
  EXPECT_EQ(uri.target(), "");
  EXPECT_EQ(uri.end(), 0);
}

TEST_F(NetUriTest, ACommaWithinIsWrittenTwice) {
  NetUri uri("unix:/tmp/a,,b,pcap=c,,,x", say());
  EXPECT_EQ(uri.target(), "/tmp/a,b");
  EXPECT_EQ(uri.take("pcap"), "c,");
  EXPECT_TRUE(uri.take_flag("x"));
}

TEST_F(NetUriTest, AWordThatIsNotKnownIsAnErrorThatNamesTheNearest) {
  NetUri uri("slirp:,hostfw=tcp:80-:80", say());
  uri.take_all("hostfwd");
  uri.take("restrict");
  EXPECT_EQ(uri.end(), -EINVAL);
  EXPECT_EQ(said_, "slirp: \"hostfw\" is not known; did you mean \"hostfwd\"?\n");
}

TEST_F(NetUriTest, AValueThatIsNoneOrMissingIsSaid) {
  NetUri uri("tap:a,mtu=1500x", say());
  uint64_t mtu = 7;
  EXPECT_FALSE(uri.take_number("mtu", 68, 65535, mtu));
  EXPECT_EQ(mtu, 7u);
  EXPECT_EQ(said_, "tap: mtu=1500x is not a number from 68 to 65535\n");
  said_.clear();
  NetUri without("tap:a,mtu", say());
  EXPECT_TRUE(without.take_number("mtu", 68, 65535, mtu));
  EXPECT_EQ(without.end(), -EINVAL);
  EXPECT_EQ(said_, "tap: \"mtu\" wants a value\n");
  said_.clear();
  NetUri with("tap:a,header=1", say());
  EXPECT_FALSE(with.take_flag("header"));
  EXPECT_EQ(with.end(), -EINVAL);
  EXPECT_EQ(said_, "tap: \"header\" has no value, or may be there once\n");
}

TEST_F(NetUriTest, ASchemeThatIsNotKnownNamesTheNearest) {
  std::unique_ptr<lkl::host::NetBackend> backend;
  EXPECT_EQ(open_net("tab:eth0", say(), backend), -EPROTONOSUPPORT);
  EXPECT_EQ(said_, "tab: no such kind of wire; did you mean \"tap:\"?\n");
  said_.clear();
  EXPECT_EQ(open_net("fd:3:x", say(), backend), -EINVAL);
  EXPECT_EQ(said_, "fd: \"3:x\" is not N or IN:OUT, numbers of descriptors\n");
}

TEST(Nearest, IsNearEnoughOrNone) {
  constexpr std::string_view known[] = {"interfaces", "gateway", "gateway6", "sysctl"};
  EXPECT_EQ(nearest("gatway", known), "gateway");
  EXPECT_EQ(nearest("interface", known), "interfaces");
  EXPECT_EQ(nearest("xyzzy", known), "");
  EXPECT_EQ(nearest("", known), "");
}
