// SPDX-License-Identifier: GPL-2.0
//
// Which names a program may open without asking.
#include "run/open_pass.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "run/served_files.h"

namespace lkl::tool::served {
namespace {

bool is_asked_about(const std::string& name) {
  return may_be_served(name.c_str(), [](const char*) { return true; });
}

bool is_guests(const std::string& name) {
  return served_path(name, "/sysfs") || is_tunnel_device(name);
}

const std::vector<std::string> kParts = {
    "",        ".",           "..",    "etc",         "proc",        "sys",          "dev",
    "self",    "thread-self", "17",    "task",        "net",         "tun",          "class",
    "core",    "tcp",         "hosts", "hosts.allow", "resolv.conf", "resolv.conf2", "resolv.con",
    "network", "..."};

TEST(OpenPass, WhatIsTheGuestsIsAskedAbout) {
  for (const char* const name : {"/etc/hosts",
                                 "//etc//hosts",
                                 "/./etc/./hosts",
                                 "/etc/resolv.conf",
                                 "/etc/resolv.conf/",
                                 "/etc/resolv.conf/.",
                                 "////.//./etc/.///hosts//",
                                 "/proc/net",
                                 "/proc/net/",
                                 "/proc/net/dev",
                                 "/proc/self/net/x",
                                 "/proc/thread-self/net/tcp6",
                                 "/proc/17/net",
                                 "/proc/17/task/18/net",
                                 "/proc/self/task/18/net/route",
                                 "/proc//17/./task//18/net/../x",
                                 "/proc/net/../../etc/passwd",
                                 "/proc/sys/net",
                                 "/proc/sys/net/",
                                 "/proc/sys/net/ipv4/ip_forward",
                                 "/proc/./sys//net/core",
                                 "/sys/class/net",
                                 "/sys/class/net/eth0/address",
                                 "/sys/./class/net/../net/lo",
                                 "/dev/net/tun",
                                 "/dev//net/./tun",
                                 "//dev/net/tun/"}) {
    EXPECT_TRUE(is_guests(name)) << name;
    EXPECT_TRUE(is_asked_about(name)) << name;
  }
  // what is left of such names when parts are left out, doubled, or others
  std::mt19937 random(1);
  int guests = 0;
  for (int i = 0; i < 2'000'000; i++) {
    std::string name;
    for (unsigned count = random() % 8 + 1; count > 0; count--)
      name += "/" + kParts[random() % kParts.size()];
    if (random() % 8 == 0) name.erase(0, 1);
    if (!is_guests(name)) continue;
    guests++;
    ASSERT_TRUE(is_asked_about(name)) << name;
  }
  EXPECT_GT(guests, 1000);
}

TEST(OpenPass, OtherNamesAreNot) {
  for (const char* const name : {"",
                                 ".",
                                 "..",
                                 "x",
                                 "etc/hosts",
                                 "./etc/hosts",
                                 "proc/net/dev",
                                 "../../proc/net/dev",
                                 "/",
                                 "//",
                                 "/.",
                                 "/etc",
                                 "/etc/",
                                 "/etc/passwd",
                                 "/etc/hosts.allow",
                                 "/etc/resolv.con",
                                 "/etc/resolv.conf2",
                                 "/etc/nginx/resolv.conf.d/x",
                                 "/proc",
                                 "/proc/self/maps",
                                 "/proc/cpuinfo",
                                 "/proc/self/network",
                                 "/proc/sys/kernel/pid_max",
                                 "/dev/null",
                                 "/dev/shm/nett",
                                 "/sys/fs/cgroup/cpu.max",
                                 "/sys/devices/system/cpu/online",
                                 "/usr/share/net/x",
                                 "/home/etc/hosts",
                                 "/var/www/hosts",
                                 "/etcetera/hosts",
                                 "/.etc/hosts",
                                 "/lib/x86_64-linux-gnu/libc.so.6",
                                 "/usr/../etc/hosts"}) {
    EXPECT_FALSE(is_guests(name)) << name;
    EXPECT_FALSE(is_asked_about(name)) << name;
  }
}

// A byte of one that cannot be read would be the end of the program.
TEST(OpenPass, NothingIsReadWhereNothingIs) {
  constexpr std::size_t kPage = 4096;
  auto* const memory = static_cast<char*>(
      mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(memory, MAP_FAILED);
  ASSERT_EQ(mprotect(memory + kPage, kPage, PROT_NONE), 0);
  const auto is_readable = [=](const char* at) { return at >= memory && at < memory + kPage; };
  for (const std::string name : {"/", "/e", "/etc", "/etc/", "/etc/passwd", "/proc/x/", "/usr",
                                 "/.", "/./", "/dev//", "/usr-that-is-longer-than-all-others"}) {
    SCOPED_TRACE(name);
    char* const at = memory + kPage - name.size();
    std::memcpy(at, name.data(), name.size());
    EXPECT_TRUE(may_be_served(at, is_readable));
    // with its end
    std::memmove(at - 1, at, name.size());
    memory[kPage - 1] = '\0';
    EXPECT_FALSE(may_be_served(at - 1, is_readable));
  }
  EXPECT_TRUE(may_be_served(memory + kPage, is_readable));
  EXPECT_TRUE(may_be_served(nullptr, is_readable));
  munmap(memory, 2 * kPage);
}

TEST(OpenPass, IsOfOneName) {
  const char names[] = "two";
  EXPECT_NE(pass_of(names), pass_of(names + 1));
  EXPECT_NE(pass_of(nullptr), 0U);
}

}  // namespace
}  // namespace lkl::tool::served
