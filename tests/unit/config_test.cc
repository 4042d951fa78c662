// SPDX-License-Identifier: GPL-2.0
// Configurations from JSON and from the environment: what they become, and what is wrong with them.
#include <cerrno>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "config/read_config.h"

using namespace lkl::host;

namespace {

class ConfigTest : public ::testing::Test {
 protected:
  ~ConfigTest() override { free_config(config_); }

  int json(const std::string& text) {
    said_.clear();
    return read_config_json(text, config_, say());
  }
  // Refused with this line, and nothing is changed.
  void expect_wrong(const std::string& text, const std::string& line) {
    EXPECT_EQ(json(text), -EINVAL) << text;
    EXPECT_EQ(said_, line + "\n") << text;
  }
  // Refused with these words.
  void expect_refused(const std::string& text, const std::string& words, int error = -EINVAL) {
    EXPECT_EQ(json(text), error) << text.substr(0, 200);
    EXPECT_NE(said_.find(words), std::string::npos) << said_;
  }
  int variables(const std::map<std::string, std::string>& all) {
    said_.clear();
    Environment environment;
    environment.value = [&](const char* name) {
      const auto found = all.find(name);
      return found == all.end() || found->second.empty() ? nullptr : found->second.c_str();
    };
    for (const auto& [name, value] : all) environment.names.push_back(name);
    return read_config_environment(environment, config_, say());
  }
  SayWrong say() {
    return [this](std::string_view line) { said_ += std::string(line) + "\n"; };
  }
  static std::string text(const char* member) { return member ? member : "(null)"; }

  lkl_config config_ = {};
  std::string said_;
};

}  // namespace

// As it is written for LKL: numbers as texts, the older names.
TEST_F(ConfigTest, TheEstablishedKeys) {
  ASSERT_EQ(json(R"({
    "gateway": "192.168.13.2", "gateway6": "fc03::1", "debug": "1", "mount": "proc,sysfs",
    "singlecpu": "1", "sysctl": "net.ipv4.tcp_wmem|4096 87380 2147483647;net.core.somaxconn|9",
    "boot_cmdline": "mem=64M", "dump": "/proc/net/dev", "delay_main": "500",
    "nameserver": "192.168.13.2",
    "interfaces": [
      {"type": "tap", "param": "lkl_test_tap0", "mtu": "1280", "mac": "12:34:56:78:9a:bc",
       "ip": "192.168.13.5", "masklen": "24", "ifgateway": "192.168.13.2",
       "ipv6": "fc03::2", "masklen6": "64", "ifgateway6": "fc03::1",
       "neigh": "192.168.13.100|12:34:56:78:9a:bc;fc03::100|12:34:56:78:9a:be",
       "qdisc": "root|fq", "offload": "0xc803"},
      {"type": "raw", "param": "eth0"}]})"),
            0)
      << said_;
  EXPECT_EQ(said_, "");
  EXPECT_EQ(text(config_.gateway), "192.168.13.2");
  EXPECT_EQ(text(config_.gateway6), "fc03::1");
  EXPECT_EQ(text(config_.debug), "1");
  EXPECT_EQ(text(config_.mount), "proc,sysfs");
  EXPECT_EQ(text(config_.single_cpu), "1");
  EXPECT_EQ(text(config_.sysctls), "net.ipv4.tcp_wmem|4096 87380 2147483647;net.core.somaxconn|9");
  EXPECT_EQ(text(config_.boot_cmdline), "mem=64M");
  EXPECT_EQ(text(config_.dump), "/proc/net/dev");
  EXPECT_EQ(text(config_.delay_main), "500");
  EXPECT_EQ(text(config_.nameserver), "192.168.13.2");
  ASSERT_EQ(config_.ifnum, 2);
  const lkl_config_iface& first = *config_.ifaces;
  EXPECT_EQ(text(first.iftype), "tap");
  EXPECT_EQ(text(first.ifparams), "lkl_test_tap0");
  EXPECT_EQ(text(first.ifmtu_str), "1280");
  EXPECT_EQ(text(first.ifmac_str), "12:34:56:78:9a:bc");
  EXPECT_EQ(text(first.ifip), "192.168.13.5");
  EXPECT_EQ(text(first.ifnetmask_len), "24");
  EXPECT_EQ(text(first.ifgateway), "192.168.13.2");
  EXPECT_EQ(text(first.ifipv6), "fc03::2");
  EXPECT_EQ(text(first.ifnetmask6_len), "64");
  EXPECT_EQ(text(first.ifgateway6), "fc03::1");
  EXPECT_EQ(text(first.ifneigh_entries),
            "192.168.13.100|12:34:56:78:9a:bc;fc03::100|12:34:56:78:9a:be");
  EXPECT_EQ(text(first.ifqdisc_entries), "root|fq");
  EXPECT_EQ(text(first.ifoffload_str), "0xc803");
  EXPECT_EQ(wire_of(first), "tap:lkl_test_tap0");
  ASSERT_NE(first.next, nullptr);
  EXPECT_EQ(wire_of(*first.next), "raw:eth0");
  EXPECT_EQ(first.next->next, nullptr);
}

TEST_F(ConfigTest, OurOwnKeys) {
  ASSERT_EQ(json(R"({
    "hostname": "host", "nameservers": ["10.0.0.1", "fd00::1"], "search": ["lan", "de"],
    "debug": 0, "mount": ["proc"],
    "interfaces": [{"uri": "slirp:,hostfwd=tcp:8080-:80", "dhcp": true, "slaac": true, "mtu": 9000,
                    "addresses": ["10.0.0.2/24", "fd00::2/64"],
                    "routes": ["10.1.0.0/16 via 10.0.0.1", "default via fd00::1", "10.9.0.0/16"]}],
    "disks": [{"uri": "disk.img", "mount": "/data", "type": "ext4", "part": 1, "read_only": true,
               "options": "noatime"},
              {"uri": "mem:16M", "snapshot": false}]})"),
            0)
      << said_;
  EXPECT_EQ(text(config_.hostname), "host");
  EXPECT_EQ(text(config_.nameserver), "10.0.0.1,fd00::1");
  EXPECT_EQ(text(config_.search), "lan,de");
  EXPECT_EQ(text(config_.debug), "0");
  EXPECT_EQ(text(config_.mount), "proc");
  const lkl_config_iface& iface = *config_.ifaces;
  EXPECT_EQ(wire_of(iface), "slirp:,hostfwd=tcp:8080-:80");
  EXPECT_EQ(iface.dhcp, 1);
  EXPECT_EQ(iface.slaac, 1);
  EXPECT_EQ(text(iface.ifmtu_str), "9000");
  EXPECT_EQ(text(iface.ifaddresses), "10.0.0.2/24,fd00::2/64");
  EXPECT_EQ(text(iface.ifroutes), "10.1.0.0/16 via 10.0.0.1,default via fd00::1,10.9.0.0/16");
  ASSERT_EQ(config_.disknum, 2);
  EXPECT_EQ(text(config_.disks->uri), "disk.img");
  EXPECT_EQ(text(config_.disks->mount), "/data");
  EXPECT_EQ(text(config_.disks->part), "1");
  EXPECT_EQ(config_.disks->read_only, 1);
  EXPECT_EQ(text(config_.disks->next->uri), "mem:16M");
  EXPECT_EQ(config_.disks->next->snapshot, 0);
}

TEST_F(ConfigTest, AKeyThatIsNotKnownNamesTheNearestAndThePlace) {
  expect_wrong("{\n  \"gatway\": \"10.0.0.1\"}",
               "line 2: \"gatway\" is not known; did you mean \"gateway\"?");
  expect_wrong("{\"interface\": []}",
               "line 1: \"interface\" is not known; did you mean \"interfaces\"?");
  expect_wrong("{\"interfaces\": [\n{\"type\": \"tap\"},\n{\"type\": \"tap\",\n\"adresses\": []}]}",
               "line 4: interfaces[1].\"adresses\" is not known; did you mean \"addresses\"?");
  expect_wrong("{\"disks\": [{\"url\": \"x\"}]}",
               "line 1: disks[0].\"url\" is not known; did you mean \"uri\"?");
  expect_wrong("{\"xyzzy12345\": 1}", "line 1: \"xyzzy12345\" is not known");
}

TEST_F(ConfigTest, AWrongTypeNamesTheKeyAndWhatIsWanted) {
  expect_wrong("[]", "line 1: the configuration: a list is not an object");
  expect_wrong("{\"gateway\": 7}", "line 1: gateway: 7 is not a text");
  expect_wrong("{\"gateway\": null}", "line 1: gateway: null is not a text");
  expect_wrong("{\"gateway\": [\"10.0.0.1\"]}", "line 1: gateway: a list is not a text");
  expect_wrong("{\"debug\": true}", "line 1: debug: true is not a number");
  expect_wrong("{\"mount\": {}}", "line 1: mount: an object is not a text or a list of texts");
  expect_wrong("{\"mount\": [1]}", "line 1: mount: 1 is not a text");
  expect_wrong("{\"interfaces\": {}}", "line 1: interfaces: an object is not a list of objects");
  expect_wrong("{\"interfaces\": [[]]}", "line 1: interfaces[0]: a list is not an object");
  expect_wrong("{\"interfaces\": [{\"dhcp\": \"yes\"}]}",
               "line 1: interfaces[0].dhcp: \"yes\" is not true or false");
}

TEST_F(ConfigTest, AValueThatMeansNothingIsSaid) {
  expect_wrong("{\"gateway\": \"10.0.0\"}", "line 1: gateway: \"10.0.0\" is not an IPv4 address");
  expect_wrong("{\"gateway\": \"::1\"}", "line 1: gateway: \"::1\" is not an IPv4 address");
  expect_wrong("{\"singlecpu\": 3}", "line 1: singlecpu: 3 is not 0, 1 or 2");
  expect_wrong("{\"delay_main\": -1}", "line 1: delay_main: -1 is not a number");
  expect_wrong("{\"delay_main\": 1.5}", "line 1: delay_main: 1.5 is not a number");
  expect_wrong("{\"sysctl\": \"a\"}", "line 1: sysctl: \"a\" is not KEY|VALUE;KEY|VALUE...");
  expect_wrong("{\"nameservers\": [\"1.1.1.1\", \"x\"]}",
               "line 1: nameservers: \"x\" is not the address of a name server");
  expect_refused("{\"hostname\": \"a b\"}", "a host's name");
  const auto iface = [](const std::string& members) {
    return "{\"interfaces\": [{\"type\": \"tap\", " + members + "}]}";
  };
  expect_wrong(iface("\"mtu\": 67"),
               "line 1: interfaces[0].mtu: 67 is not a number from 68 to 65535");
  expect_refused(iface("\"mac\": \"01:00:00:00:00:01\""), "an Ethernet address of one card");
  expect_refused(iface("\"mac\": \"12:34\""), "an Ethernet address of one card");
  expect_refused(iface("\"ip\": \"10.0.0.1\""), "wants a \"masklen\"");
  expect_refused(iface("\"ipv6\": \"fd00::1\""), "wants a \"masklen6\"");
  expect_refused(iface("\"ifgateway\": \"10.0.0.1\""), "wants an \"ip\"");
  expect_refused(iface("\"ip\": \"10.0.0.1\", \"masklen\": 32"), "from 1 to 31");
  expect_refused(iface("\"neigh\": \"10.0.0.1\""), "IP|MAC;IP|MAC...");
  expect_refused(iface("\"addresses\": [\"10.0.0.1\"]"), "like 10.0.0.2/24");
  expect_refused(iface("\"routes\": [\"10.0.0.0/8 by 10.0.0.1\"]"), "a route, like");
  expect_refused(iface("\"routes\": [\"default\"]"), "a route, like");
  expect_refused(iface("\"routes\": [\"10.0.0.0/8 via fd00::1\"]"), "a route, like");
  expect_refused(iface("\"offload\": \"0xg\""), "a number, like 0x100");
  expect_refused("{\"interfaces\": [{\"param\": \"x\"}]}", "wants a \"type\" or a \"uri\"");
  expect_refused("{\"interfaces\": [{\"type\": \"tap:x\", \"param\": \"x\"}]}", "a whole URI");
  expect_refused("{\"interfaces\": [{\"type\": \"tap\", \"uri\": \"tap:x\"}]}",
                 "the same is said by another key");
  expect_refused("{\"disks\": [{\"mount\": \"/x\"}]}", "wants a \"uri\"");
  expect_refused("{\"disks\": [{\"uri\": \"x\", \"mount\": \"x\"}]}", "begins with \"/\"");
  expect_refused("{\"disks\": [{\"uri\": \"x\", \"type\": \"ext4\"}]}", "wants a \"mount\"");
}

TEST_F(ConfigTest, WhatIsWrongChangesNothing) {
  ASSERT_EQ(json(R"({"gateway": "10.0.0.1", "interfaces": [{"type": "tap", "param": "a"}]})"), 0);
  expect_refused(R"({"gateway": "10.0.0.2", "interfaces": [{"type": "raw"}], "debug": "x"})",
                 "debug");
  EXPECT_EQ(text(config_.gateway), "10.0.0.1");
  EXPECT_EQ(wire_of(*config_.ifaces), "tap:a");
  // what a second text has replaces the first's, and the rest stays
  ASSERT_EQ(json(R"({"gateway6": "fd00::1", "gateway": "10.0.0.3"})"), 0);
  EXPECT_EQ(text(config_.gateway), "10.0.0.3");
  EXPECT_EQ(text(config_.gateway6), "fd00::1");
  EXPECT_EQ(config_.ifnum, 1);
  ASSERT_EQ(json(R"({"interfaces": []})"), 0);
  EXPECT_EQ(config_.ifnum, 0);
  EXPECT_EQ(config_.ifaces, nullptr);
}

TEST_F(ConfigTest, WhatIsNoJsonIsRefusedWithItsLine) {
  for (const char* bad : {"", "{", "{\"a\"", "{\"a\":}", "{\"gateway\": \"10.0.0.1\"} x", "nul",
                          "{'a': 1}", "{\"gateway\": \"\xff\"}", "\x01", "{\"debug\": 01}"})
    expect_refused(bad, "line 1: ");
  expect_refused("{\n\"gateway\": \"10.0.0.1\",\n}", "line 3: ");
  expect_refused("{\"gateway\": \"10.0.0.1\", \"gateway\": \"10.0.0.1\"}", "is there twice");
  expect_refused("{\"hostname\": \"a\\u0000b\"}", "a character 0");
  expect_refused("{\"host\\u0000name\": \"a\"}", "a character 0");
}

TEST_F(ConfigTest, WhatIsDeepOrHugeIsRefused) {
  expect_refused(std::string(100000, '['), "too deep");
  std::string objects;
  for (int i = 0; i < 20000; ++i) objects += "{\"a\":";
  expect_refused(objects, "too deep");
  expect_refused(std::string(300000, ' '), "longer than", -E2BIG);
  std::string keys = "{";
  for (int i = 0; i < 20000; ++i) keys += "\"k" + std::to_string(i) + "\":1,";
  expect_refused(keys + "\"a\":1}", "too many keys");
  std::string many = "{\"interfaces\": [{\"type\":\"tap\"}";
  for (int i = 0; i < 5000; ++i) many += ",{\"type\":\"tap\"}";
  expect_refused(many + "]}", "more than 64");
  expect_refused("{\"" + std::string(100000, 'k') + "\": 1}", "is not known");
  expect_refused("{\"gateway\": \"" + std::string(100000, 'k') + "\"}", "an IPv4 address");
  EXPECT_LT(said_.size(), 300u);
}

TEST_F(ConfigTest, TheEnvironment) {
  ASSERT_EQ(variables({{"LKL_HIJACK_NET_IFTYPE", "tap"},
                       {"LKL_HIJACK_NET_IFPARAMS", "tap0"},
                       {"LKL_HIJACK_NET_MTU", "1400"},
                       {"LKL_HIJACK_NET_MAC", "02:00:00:00:00:01"},
                       {"LKL_HIJACK_NET_IP", "10.0.0.2"},
                       {"LKL_HIJACK_NET_NETMASK_LEN", "24"},
                       {"LKL_HIJACK_NET_IFGATEWAY", "10.0.0.1"},
                       {"LKL_HIJACK_NET_IPV6", "fd00::2"},
                       {"LKL_HIJACK_NET_NETMASK6_LEN", "64"},
                       {"LKL_HIJACK_NET_IFGATEWAY6", "fd00::1"},
                       {"LKL_HIJACK_NET_GATEWAY", "10.0.0.1"},
                       {"LKL_HIJACK_NET_GATEWAY6", "fd00::1"},
                       {"LKL_HIJACK_NET_NEIGHBOR", "10.0.0.9|02:00:00:00:00:09"},
                       {"LKL_HIJACK_NET_QDISC", "root|fq"},
                       {"LKL_HIJACK_OFFLOAD", "0xc803"},
                       {"LKL_HIJACK_DEBUG", "0x100"},
                       {"LKL_HIJACK_MOUNT", "proc,sysfs"},
                       {"LKL_HIJACK_SINGLE_CPU", "1"},
                       {"LKL_HIJACK_SYSCTL", "net.ipv4.ip_forward|1"},
                       {"LKL_HIJACK_BOOT_CMDLINE", "mem=64M"},
                       {"LKL_HIJACK_DUMP", "/proc/uptime"},
                       {"LKL_HIJACK_ZPOLINE", "1"},
                       {"LKL_HIJACK_CONFIG_FILE", "x.json"}}),
            0)
      << said_;
  ASSERT_EQ(config_.ifnum, 1);
  const lkl_config_iface& iface = *config_.ifaces;
  EXPECT_EQ(wire_of(iface), "tap:tap0");
  EXPECT_EQ(text(iface.ifmtu_str), "1400");
  EXPECT_EQ(text(iface.ifmac_str), "02:00:00:00:00:01");
  EXPECT_EQ(text(iface.ifip), "10.0.0.2");
  EXPECT_EQ(text(iface.ifnetmask_len), "24");
  EXPECT_EQ(text(iface.ifgateway), "10.0.0.1");
  EXPECT_EQ(text(iface.ifipv6), "fd00::2");
  EXPECT_EQ(text(iface.ifnetmask6_len), "64");
  EXPECT_EQ(text(iface.ifgateway6), "fd00::1");
  EXPECT_EQ(text(iface.ifneigh_entries), "10.0.0.9|02:00:00:00:00:09");
  EXPECT_EQ(text(iface.ifqdisc_entries), "root|fq");
  EXPECT_EQ(text(iface.ifoffload_str), "0xc803");
  EXPECT_EQ(text(config_.gateway), "10.0.0.1");
  EXPECT_EQ(text(config_.gateway6), "fd00::1");
  EXPECT_EQ(text(config_.debug), "0x100");
  EXPECT_EQ(text(config_.mount), "proc,sysfs");
  EXPECT_EQ(text(config_.single_cpu), "1");
  EXPECT_EQ(text(config_.sysctls), "net.ipv4.ip_forward|1");
  EXPECT_EQ(text(config_.boot_cmdline), "mem=64M");
  EXPECT_EQ(text(config_.dump), "/proc/uptime");
}

TEST_F(ConfigTest, TheEnvironmentMayHaveNoInterface) {
  ASSERT_EQ(variables({{"LKL_HIJACK_NET_IP", "10.0.0.2"}}), 0);
  EXPECT_EQ(config_.ifnum, 0);
  EXPECT_EQ(config_.ifaces, nullptr);
  EXPECT_EQ(text(config_.boot_cmdline), "");
  ASSERT_EQ(variables({{"LKL_HIJACK_NET_TAP", "tap,7"}, {"LKL_HIJACK_NET_DHCP", "1"}}), 0);
  EXPECT_EQ(wire_of(*config_.ifaces), "tap:tap,,7");
  EXPECT_EQ(config_.ifaces->dhcp, 1);
}

TEST_F(ConfigTest, VariablesThatMeanNothingAreErrors) {
  EXPECT_EQ(variables({{"LKL_HIJACK_NET_IFTYP", "tap"}}), -EINVAL);
  EXPECT_EQ(said_, "LKL_HIJACK_NET_IFTYP is not known; did you mean LKL_HIJACK_NET_IFTYPE?\n");
  EXPECT_EQ(variables({{"LKL_HIJACK_NET_GATEWAY", "x"}}), -EINVAL);
  EXPECT_EQ(said_, "LKL_HIJACK_NET_GATEWAY=x is not an IPv4 address\n");
  EXPECT_EQ(variables({{"LKL_HIJACK_NET_IFTYPE", "tap"}, {"LKL_HIJACK_NET_IP", "10.0.0.2"}}),
            -EINVAL);
  EXPECT_EQ(said_, "LKL_HIJACK_NET_*: the interface has an \"ip\" and wants a \"masklen\"\n");
  EXPECT_EQ(variables({{"LKL_HIJACK_NET_DHCP", "yes"}}), -EINVAL);
  EXPECT_EQ(said_, "LKL_HIJACK_NET_DHCP=yes is not 0 or 1\n");
  EXPECT_EQ(config_.ifnum, 0);
  EXPECT_EQ(config_.boot_cmdline, nullptr);
}
