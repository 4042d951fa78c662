// SPDX-License-Identifier: GPL-2.0
#include "wire_test.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

namespace lkl::tool_test {

namespace {

constexpr char kInterface[] = "lkl0";

}  // namespace

void WireTest::SetUp() {
  if (is_tap() && geteuid() != 0) GTEST_SKIP() << "TAP interfaces are made by root";
  if (is_tap() && access("/dev/net/tun", R_OK | W_OK) != 0) GTEST_SKIP() << "no /dev/net/tun";
  ToolTest::SetUp();
  if (geteuid() != 0) return;
  const int before = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (unshare(CLONE_NEWNET) == 0)
    before_ = before;
  else
    close(before);
  if (is_tap() && !is_alone()) GTEST_SKIP() << "no network of the test's own: " << strerror(errno);
  if (is_alone()) shell("ip link set lo up");
  if (!is_tap()) return;
  const std::string name = kInterface;
  shell("ip tuntap add " + name + " mode tap && ip address add " + host() + "/24 dev " + name +
        " && ip address add " + host6() + "/64 dev " + name + " nodad && ip link set " + name +
        " up");
}

void WireTest::TearDown() {
  for (const auto& process : of_host_) end_in_peace(*process);
  of_host_.clear();
  if (is_alone()) {
    EXPECT_EQ(setns(before_, CLONE_NEWNET), 0);
    close(before_);
  }
  ToolTest::TearDown();
}

std::vector<std::string> WireTest::line(const std::vector<std::string>& words,
                                        const std::vector<std::string>& options,
                                        const std::string& more_of_slirp) const {
  std::vector<std::string> all = {LKL_TOOL_PATH, "run", "--tier",
                                  is_preloaded() ? "preload" : "auto", "--net"};
  if (is_tap()) {
    for (const char* word : {"tap:lkl0", "--address", "10.97.0.2/24", "--gateway", "10.97.0.1"})
      all.push_back(word);
    if (with_ipv6_) all.insert(all.end(), {"--address", "fd97::2/64"});
  } else {
    all.push_back("slirp:" + more_of_slirp);
  }
  all.insert(all.end(), options.begin(), options.end());
  all.push_back("--");
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

void WireTest::expect_refused(const std::string& program, const std::string& why) const {
  const Result result = served({program});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "lkl: " + program + ": " + why + "; --tier server serves it\n");
}

std::string WireTest::served_shell(const std::string& command) const {
  const Result result = served({"/bin/sh", "-c", command});
  EXPECT_EQ(result.status, 0) << command << "\n" << result.out << result.err;
  return result.out;
}

WireTest::Server::Server(const WireTest& test, int own_port, const std::vector<std::string>& words,
                         const std::vector<std::string>& options)
    : address(test.is_tap() ? "10.97.0.2" : "127.0.0.1"),
      port(test.is_tap() ? own_port : free_port()),
      process(test.line(words, options,
                        ",hostfwd=tcp:127.0.0.1:" + std::to_string(port) +
                            "-:" + std::to_string(own_port) + ",hostfwd=udp:127.0.0.1:" +
                            std::to_string(port) + "-:" + std::to_string(own_port)),
              false) {}

Result WireTest::Server::get(const std::string& name) const {
  return run({"curl", "-sS", "--retry", "40", "--retry-all-errors", "--retry-delay", "0",
              "--retry-max-time", "30", url() + name});
}

void WireTest::Server::ends_by(int signal, int status) {
  process.signal(signal);
  const Result result = process.finish();
  EXPECT_EQ(result.status, status) << result.out << result.err;
}

void WireTest::end_in_peace(Process& process) {
  if (process.pid() <= 0) return;
  process.signal(SIGTERM);
  for (int i = 0; i < 500 && !process.ended(); i++) usleep(10'000);
}

std::string WireTest::shell_when_there(const std::string& command) {
  return shell("for try in $(seq 300); do if out=$(" + command +
               "); then printf '%s\\n' \"$out\"; exit 0; fi; sleep 0.1; done; exit 1");
}

std::string long_text(std::size_t size) {
  std::string text(size, 'x');
  for (std::size_t i = 0; i < size; i++) text[i] = static_cast<char>('a' + i * i % 23);
  return text;
}

}  // namespace lkl::tool_test
