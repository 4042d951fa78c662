// SPDX-License-Identifier: GPL-2.0
// Configurations by JSON and by the environment, as a kernel has them then.
#include <lkl_config.h>

#include <cstdlib>
#include <string>

#include "net/conversation.h"
#include "support/lan.h"
#include "support/temporary_file.h"

using namespace lkl_test;

namespace {

// Boots as a program does that is written for LKL.
class ConfigTest : public ::testing::Test {
 protected:
  void SetUp() override {
    kernel_log().clear();
    ops_.print = keep_log;
    ASSERT_EQ(lkl_init(&ops_), 0);
  }
  void TearDown() override {
    EXPECT_EQ(lkl_unload_config(&config_), 0);
    EXPECT_EQ(ops_.print, keep_log);  // it prints again
    if (lkl_is_running()) {
      EXPECT_EQ(lkl_sys_halt(), 0);
    }
    lkl_cleanup();
  }
  void load(const std::string& json) {
    ASSERT_EQ(lkl_load_config_json(&config_, json.c_str()), 0) << kernel_log();
  }
  // What lkl_load_config_post() has said.
  int boot() {
    if (const int error = lkl_load_config_pre(&config_)) return error;
    EXPECT_EQ(lkl_start_kernel("mem=64M %s", config_.boot_cmdline ? config_.boot_cmdline : ""), 0);
    return lkl_load_config_post(&config_);
  }
  std::string wire() const { return "\"" + fd_uri(wire_.end(0)) + "\""; }
  static bool log_has(const std::string& words) {
    return kernel_log().find(words) != std::string::npos;
  }

  const Wire wire_;
  lkl_config config_ = {};
  lkl_host_operations ops_ = {};
};

}  // namespace

TEST_F(ConfigTest, AllOfItIsInTheKernel) {
  load(R"({"debug": 1, "boot_cmdline": "loglevel=4", "mount": "proc,sysfs", "hostname": "me.lan",
           "gateway": "10.7.0.1", "gateway6": "fd07::1", "nameserver": "10.7.0.1",
           "search": ["lan"], "sysctl": "net.core.somaxconn|77", "dump": "/proc/sys/kernel/hostname",
           "delay_main": 1000,
           "interfaces": [{"type": )" +
       wire() + R"(, "mtu": 1400, "mac": "02:00:00:00:00:99",
           "ip": "10.7.0.5", "masklen": 24, "ifgateway": "10.7.0.1",
           "ipv6": "fd07::5", "masklen6": 64, "ifgateway6": "fd07::1",
           "neigh": "10.7.0.9|02:00:00:00:00:09;fd07::9|02:00:00:00:00:0a", "qdisc": "root|fq",
           "offload": "0xc803", "addresses": ["10.8.0.5/16", "fd08::5/64"],
           "routes": ["10.9.1.1/16 via 10.8.0.1", "fd09::/64 via fd08::1", "10.10.0.0/16"]}]})");
  ASSERT_EQ(boot(), 0) << kernel_log();
  if (!kernel_has_ip()) GTEST_SKIP() << "the kernel has no network";
  EXPECT_EQ(read_kernel_file("/sysfs/class/net/eth0/mtu"), "1400\n");
  EXPECT_EQ(read_kernel_file("/sysfs/class/net/eth0/address"), "02:00:00:00:00:99\n");
  EXPECT_EQ(read_kernel_file("/proc/sys/kernel/hostname"), "me.lan\n");
  EXPECT_EQ(read_kernel_file("/proc/sys/net/core/somaxconn"), "77\n");
  EXPECT_EQ(read_kernel_file("/etc/resolv.conf"), "search lan\nnameserver 10.7.0.1\n");
  const std::string routes = read_kernel_file("/proc/net/route");
  for (const char* route : {"eth0\t00000000\t0100070A",  // gateway
                            "eth0\t0000090A\t0100080A",  // routes: bits behind the prefix are none
                            "eth0\t00000A0A\t00000000"})
    EXPECT_NE(routes.find(route), std::string::npos) << route << "\n" << routes;
  const std::string inet6 = read_kernel_file("/proc/net/if_inet6");
  for (const char* own : {"fd070000000000000000000000000005", "fd080000000000000000000000000005"})
    EXPECT_NE(inet6.find(own), std::string::npos) << inet6;
  const std::string neighbors = read_kernel_file("/proc/net/arp");
  EXPECT_NE(neighbors.find("10.7.0.9         0x1         0x6         02:00:00:00:00:09"),
            std::string::npos)
      << neighbors;
  kernel_log().clear();
  EXPECT_EQ(lkl_unload_config(&config_), 0);
  EXPECT_TRUE(log_has("Reading from /proc/sys/kernel/hostname:\n==========\nme.lan\n==========\n"))
      << kernel_log();
  EXPECT_EQ(config_.ifaces, nullptr);
  EXPECT_EQ(read_kernel_file("/sysfs/class/net/eth0/mtu"), "");  // the card is gone
}

TEST_F(ConfigTest, AServerAndARouterGiveTheRest) {
  const Lan lan(wire_.end(1), {});
  load(R"({"debug": 1, "boot_cmdline": "loglevel=4",
           "interfaces": [{"dhcp": true, "slaac": true, "uri": )" +
       wire() + "}]}");
  ASSERT_EQ(boot(), 0) << kernel_log();
  EXPECT_EQ(read_kernel_file("/etc/resolv.conf"),
            "search lan de lan\nnameserver 10.7.0.1\nnameserver fd07::1\n");
}

TEST_F(ConfigTest, TheEnvironmentIsOneInterface) {
  setenv("LKL_HIJACK_NET_IFTYPE", "fd", 1);
  setenv("LKL_HIJACK_NET_IFPARAMS", std::to_string(wire_.end(0)).c_str(), 1);
  setenv("LKL_HIJACK_NET_IP", "10.7.0.6", 1);
  setenv("LKL_HIJACK_NET_NETMASK_LEN", "24", 1);
  setenv("LKL_HIJACK_BOOT_CMDLINE", "loglevel=3", 1);
  setenv("LKL_HIJACK_DEBUG", "1", 1);
  setenv("LKL_HIJACK_NET_QDISK", "root|fq", 1);
  EXPECT_EQ(lkl_load_config_env(&config_), -LKL_EINVAL);
  EXPECT_TRUE(
      log_has("lkl: LKL_HIJACK_NET_QDISK is not known; did you mean LKL_HIJACK_NET_QDISC?\n"))
      << kernel_log();
  unsetenv("LKL_HIJACK_NET_QDISK");
  const int error = lkl_load_config_env(&config_);
  for (const char* name :
       {"NET_IFTYPE", "NET_IFPARAMS", "NET_IP", "NET_NETMASK_LEN", "BOOT_CMDLINE", "DEBUG"})
    unsetenv(("LKL_HIJACK_" + std::string(name)).c_str());
  ASSERT_EQ(error, 0) << kernel_log();
  EXPECT_STREQ(config_.boot_cmdline, "loglevel=3");
  kernel_log().clear();
  lkl_show_config(&config_);
  EXPECT_EQ(kernel_log(), "debug: 1\ncmdline: loglevel=3\niftype[0] = fd\nifparam[0] = " +
                              std::to_string(wire_.end(0)) +
                              "\nifip[0] = 10.7.0.6\nifmasklen[0] = 24\n");
  ASSERT_EQ(boot(), 0);
  EXPECT_GT(config_.ifaces->ifindex, 1);
  lkl_mount_fs("proc");
  EXPECT_NE(read_kernel_file("/proc/net/route").find("eth0\t0000070A"), std::string::npos);
}

// Nothing is printed but what is wrong.
TEST_F(ConfigTest, WithoutDebugTheKernelIsSilent) {
  load(R"({"sysctl": "no.such.setting|1", "hostname": "host", "mount": "nosuch"})");
  EXPECT_EQ(boot(), -LKL_ENODEV);  // of the mount
  EXPECT_EQ(ops_.print, nullptr);
  EXPECT_TRUE(log_has("lkl: mount nosuch: No such device\n")) << kernel_log();
  EXPECT_TRUE(log_has("lkl: sysctl no.such.setting|1: No such file or directory\n"))
      << kernel_log();
  EXPECT_FALSE(log_has("Linux version")) << kernel_log();
  // the rest went on
  EXPECT_EQ(read_kernel_file("/proc/sys/kernel/hostname"), "host\n");
}

TEST_F(ConfigTest, AWireThatIsNotThereIsAnError) {
  load(R"({"interfaces": [{"uri": "fd:999"}]})");
  EXPECT_EQ(boot(), -LKL_EBADF);
  EXPECT_TRUE(log_has("lkl: fd: 999: Bad file descriptor\n")) << kernel_log();
  EXPECT_EQ(lkl_unload_config(&config_), 0);
  load(R"({"interfaces": [{"type": "tab", "param": "x"}]})");
  EXPECT_EQ(boot(), -LKL_EPROTONOSUPPORT);
  EXPECT_TRUE(log_has("lkl: tab: no such kind of wire; did you mean \"tap:\"?\n")) << kernel_log();
}

TEST_F(ConfigTest, DisksAreMounted) {
  const TemporaryFile image(16 << 20);
  if (std::system(("mkfs.ext4 -q -F " + image.path()).c_str()) != 0)
    GTEST_SKIP() << "needs mkfs.ext4";
  load(R"({"debug": 1, "boot_cmdline": "loglevel=4",
           "disks": [{"uri": ")" +
       image.path() + R"(", "mount": "/srv/data", "type": "ext4", "options": "errors=continue"},
                     {"uri": "mem:1M"}]})");
  ASSERT_EQ(boot(), 0) << kernel_log();
  EXPECT_EQ(write_kernel_file("/srv/data/file", "text"), -LKL_ENOENT);  // nobody has made it
  const long fd = lkl_sys_open("/srv/data/file", LKL_O_CREAT | LKL_O_WRONLY, 0644);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(lkl_sys_write(static_cast<int>(fd), "text", 4), 4);
  EXPECT_EQ(lkl_sys_close(static_cast<int>(fd)), 0);
  EXPECT_EQ(lkl_unload_config(&config_), 0);
  EXPECT_EQ(read_kernel_file("/srv/data/file"), "");
  EXPECT_EQ(lkl_sys_halt(), 0);
  lkl_cleanup();
  ASSERT_EQ(lkl_init(&ops_), 0);
  // it was written, and may be read only
  load(R"({"debug": 1, "boot_cmdline": "loglevel=4",
           "disks": [{"uri": ")" +
       image.path() + R"(", "mount": "/srv", "read_only": true}]})");
  ASSERT_EQ(boot(), 0) << kernel_log();
  EXPECT_EQ(read_kernel_file("/srv/file"), "text");
  EXPECT_EQ(lkl_sys_open("/srv/other", LKL_O_CREAT | LKL_O_WRONLY, 0644), -LKL_EROFS);
}

TEST_F(ConfigTest, NothingIsNoConfiguration) {
  EXPECT_EQ(lkl_load_config_json(nullptr, "{}"), -LKL_EINVAL);
  EXPECT_EQ(lkl_load_config_json(&config_, nullptr), -LKL_EINVAL);
  EXPECT_EQ(lkl_load_config_env(nullptr), -LKL_EINVAL);
  EXPECT_EQ(lkl_load_config_pre(nullptr), 0);
  EXPECT_EQ(lkl_load_config_post(nullptr), 0);
  EXPECT_EQ(lkl_unload_config(nullptr), 0);
  lkl_show_config(nullptr);
}
