// SPDX-License-Identifier: GPL-2.0
// What is said of a wire whose library is not there, or was not when ours was built.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "net/open.h"
#include "support/host_tools.h"

namespace {

struct Missing {
  const char* uri;
  const char* library;   // the file
  const char* package;   // that it is in
  const char* to_build;  // the package of its header
};
constexpr auto kMissing = std::to_array<Missing>({
    {"dpdk:net_ring0", "librte_ethdev.so.23", "librte-ethdev23", "libdpdk-dev"},
    {"slirp:", "libslirp.so.0", "libslirp0", "libslirp-dev"},
    {"vde:/tmp/none", "libvdeplug.so.2", "libvdeplug2", "libvdeplug-dev"},
    {"xdp:lo", "libxdp.so.1", "libxdp1", "libxdp-dev"},
});
constexpr char kWhich[] = "LKL_TEST_MISSING", kPath[] = "LD_LIBRARY_PATH";

// This test alone in a program of its own, which finds a file of that name that is no library.
int run_without(const Missing& missing, size_t number) {
  const lkl_test::TempDir folder;
  close(open((folder / missing.library).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0755));
  const std::string path = folder / "";
  const pid_t pid = fork();
  if (pid == 0) {
    setenv(kPath, path.c_str(), 1);
    setenv(kWhich, std::to_string(number).c_str(), 1);
    execl("/proc/self/exe", "missing", "--gtest_also_run_disabled_tests",
          "--gtest_filter=MissingLibrary.DISABLED_IsSaid", nullptr);
    _exit(127);
  }
  int status = -1;
  waitpid(pid, &status, 0);
  return status;
}

}  // namespace

TEST(MissingLibrary, DISABLED_IsSaid) {
  const char* const which = getenv(kWhich);
  ASSERT_NE(which, nullptr) << "for MissingLibrary.NamesItsPackage only";
  const Missing& missing = kMissing[static_cast<size_t>(std::atoi(which))];
  std::string said;
  std::unique_ptr<lkl::host::NetBackend> wire;
  EXPECT_EQ(
      lkl::host::open_net(
          missing.uri, [&](std::string_view line) { said += std::string(line) + "\n"; }, wire),
      -EPROTONOSUPPORT);
  const std::string uri = missing.uri, scheme = uri.substr(0, uri.find(':'));
  const std::string without = scheme +
                              ": this library was built without it: build it again with Debian's "
                              "package " +
                              missing.to_build + "\n";
  if (said == without) return;
  EXPECT_TRUE(said.starts_with(scheme + ": " + missing.library)) << said;
  EXPECT_TRUE(said.ends_with(std::string(" is missing: install Debian's package ") +
                             missing.package + "\n"))
      << said;
}

TEST(MissingLibrary, NamesItsPackage) {
  for (size_t i = 0; i < kMissing.size(); ++i)
    EXPECT_EQ(run_without(kMissing[i], i), 0) << kMissing[i].uri;
}
