// SPDX-License-Identifier: GPL-2.0
//
// Builds a library with tests from the user's own kernel tree, and goes on as that one's lkl.
#ifndef LKL_TOOL_TEST_BUILD_H
#define LKL_TOOL_TEST_BUILD_H

#include <filesystem>
#include <string>
#include <vector>

namespace lkl::tool {

struct TestBuild {
  std::vector<std::string> checkers;  // that the kernel is to have
  std::string tree;                   // a kernel source tree or tarball; empty: that of the default
  std::string config;                 // more options, a fragment or .kunitconfig; may be empty
  std::string folder;  // where to build; empty: one for each combination in the user's cache
  bool only = false;   // do not go on
};

// The checkers that --profile names: lockdep, kasan, ubsan, kmemleak, gcov, with commas between
// them. Throws UsageFailure for others.
std::vector<std::string> checkers_of(const std::string& profile);

// This program is not what is asked for: another is to be built.
bool needs_build(const TestBuild& build);

// Where the user's builds are kept. Throws Failure if there is no home.
std::filesystem::path cache_folder();

// Builds what is not up to date of this profile, telling how far it is on standard error, and
// replaces this program by the lkl that was built, with these arguments; returns if that is all
// there is to do. Throws Failure.
void build_and_run(const TestBuild& build, const std::string& profile,
                   const std::vector<std::string>& arguments);

}  // namespace lkl::tool

#endif  // LKL_TOOL_TEST_BUILD_H
