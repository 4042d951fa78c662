// SPDX-License-Identifier: GPL-2.0
//
// The kernel's KUnit suites: which there are, and a kernel booted once in whose forks they run.
#ifndef LKL_TOOL_KUNIT_H
#define LKL_TOOL_KUNIT_H

#include <lkl.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ktest/ktap.h"

namespace lkl::tool {

struct KunitSuite {
  std::string name;
  std::vector<std::string> tests;
  bool slow = false;        // it, or a test of it, says so
  bool while_boot = false;  // runs only while a kernel boots
};

// What kunit.action=list_attr makes the kernel say. Empty if there is no KUnit.
std::vector<KunitSuite> read_suite_list(std::string_view log);

// SUITE or SUITE.TEST, both may have * ? [].
struct KunitFilter {
  std::string suite = "*";
  std::string test;  // empty: all of them

  explicit KunitFilter(std::string_view text);
  bool matches(const KunitSuite& suite) const;
};

// A filter that means exactly this name.
std::string escape_glob(std::string_view name);

class KunitKernel {
 public:
  // Boots. Throws Failure if it has no KUnit.
  explicit KunitKernel(std::uint64_t memory);

  const std::vector<KunitSuite>& suites() const { return suites_; }

  // In a fork of the process only: runs the suite to its end; the kernel's log goes to `output`.
  // The exit status for this process, 0 if KUnit has run, whatever its results.
  int run(const KunitSuite& suite, const KunitFilter& filter, bool skip_slow, int output);

 private:
  int run_while_boot(const std::string& filter, bool skip_slow);

  std::uint64_t memory_;
  Kernel kernel_;
  std::vector<KunitSuite> suites_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_KUNIT_H
