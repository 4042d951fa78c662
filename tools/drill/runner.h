// SPDX-License-Identifier: GPL-2.0
//
// Runs a script on the kernel of this process, which is to be new: the interface, the addresses and
// the sysctls stay.
#ifndef LKL_TOOL_DRILL_RUNNER_H
#define LKL_TOOL_DRILL_RUNNER_H

#include <string>
#include <vector>

#include "drill/script.h"
#include "drill/settings.h"

namespace lkl::tool::drill {

struct RunReport {
  // What differs, each with its line; the last one ended the run if `passed` is false.
  std::vector<std::string> messages;
  bool passed = false;
  // It has not passed, but the host has kept this process from running for so long meanwhile that
  // this says little of the kernel: of the times that the script wants, or of what the kernel sends
  // once more when it hears nothing.
  enum class Doubt { kNone, kOfTimes, kOfPackets };
  Doubt doubt = Doubt::kNone;
};

RunReport run_script(const Script& script, const Settings& settings);

}  // namespace lkl::tool::drill

#endif  // LKL_TOOL_DRILL_RUNNER_H
