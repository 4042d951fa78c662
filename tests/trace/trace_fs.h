// SPDX-License-Identifier: GPL-2.0
// A kernel with tracefs, and what it has recorded.
#pragma once

#include <string>
#include <vector>

#include "support/kernel_test.h"

namespace lkl_test {

class TraceTest : public KernelTest {
 protected:
  void SetUp() override;

  // A file of tracefs.
  static std::string get(const std::string& file);
  static void set(const std::string& file, const std::string& text);
  static void enable(const std::string& event) { set("events/" + event + "/enable", "1"); }
  static void disable(const std::string& event) { set("events/" + event + "/enable", "0"); }

  // The lines of the trace, without its head. Switch off what is traced before: reading is a
  // system call as well.
  static std::vector<std::string> recorded();
  // The first of `lines` from number `from` on that has `text`; their number if none has.
  static size_t find(const std::vector<std::string>& lines, const std::string& text,
                     size_t from = 0);
  // For the message of a test that fails.
  static std::string joined(const std::vector<std::string>& lines);
};

}  // namespace lkl_test
