// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lkl_test {

// The first line of a kernel's log by which it complains of itself and that has none of the
// expected words; "" if there is none.
inline std::string find_complaint(std::string_view log, const std::vector<std::string>& expected) {
  static constexpr std::string_view kWords[] = {
      "WARNING: ",      "BUG: ",        "UBSAN: ",      "ODEBUG: ",
      "INFO: task",     "INFO: rcu",    "INFO: trying", "possible recursive locking",
      "suspicious RCU", "Call trace of"};
  const auto has = [](std::string_view line, std::string_view words) {
    return line.find(words) != std::string_view::npos;
  };
  while (!log.empty()) {
    const std::string_view line = log.substr(0, log.find('\n'));
    log.remove_prefix(line.size() + (line.size() < log.size() ? 1 : 0));
    bool bad = false;
    for (const std::string_view words : kWords) bad = bad || has(line, words);
    for (const std::string& words : expected) bad = bad && !has(line, words);
    if (bad) return std::string(line);
  }
  return "";
}

}  // namespace lkl_test
