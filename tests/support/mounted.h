// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <cstdio>
#include <functional>
#include <string>

#include "support/child.h"

namespace lkl_test {

// Calls `body` in a child that has a file system of this type at `point`, by a namespace of its
// own: also as an ordinary user, if the host has user namespaces for these. False if the host
// does not let us.
inline bool with_mount(const char* type, const char* options,
                       const std::function<void(const std::string& point)>& body) {
  constexpr int kNotMounted = 77;
  const int status = in_child([&] {
    if (unshare(CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) != 0 ||
        mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("none", "/mnt", type, 0, options) != 0)
      return kNotMounted;
    body("/mnt");
    std::fflush(stdout);
    return ::testing::Test::HasFailure() ? 1 : 0;
  });
  EXPECT_TRUE(status == 0 || status == kNotMounted) << "the child ended with " << status;
  return status != kNotMounted;
}

}  // namespace lkl_test
