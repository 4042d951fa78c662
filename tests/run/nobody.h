// SPDX-License-Identifier: GPL-2.0
//
// Programs of somebody without rights.
#ifndef LKL_TESTS_RUN_NOBODY_H
#define LKL_TESTS_RUN_NOBODY_H

#include <unistd.h>

#include <string>
#include <vector>

#include "tools/tool_test.h"

namespace lkl::tool_test {

// As such a one if we are root; else it is who we are.
inline std::vector<std::string> nobodys(std::vector<std::string> words) {
  const std::vector<std::string> nobody = {
      "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "-u", "LKL_KERNEL_LOG"};
  if (geteuid() == 0) words.insert(words.begin(), nobody.begin(), nobody.end());
  return words;
}
inline Result as_nobody(const std::vector<std::string>& words) {
  return run(nobodys(words));
}
// Whether the command can be read by everybody.
inline bool nobody_has_lkl() {
  return as_nobody({LKL_TOOL_PATH, "--version"}).status == 0;
}

}  // namespace lkl::tool_test

#endif  // LKL_TESTS_RUN_NOBODY_H
