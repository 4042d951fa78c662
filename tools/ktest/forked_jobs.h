// SPDX-License-Identifier: GPL-2.0
//
// Work that may crash or hang, each piece in a fork of this process with a time limit.
#ifndef LKL_TOOL_FORKED_JOBS_H
#define LKL_TOOL_FORKED_JOBS_H

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace lkl::tool {

struct ForkedJob {
  // Runs in the child; its result is the exit status. What it has to say goes to the descriptor.
  std::function<int(int output)> body;
  std::chrono::milliseconds limit;
};

struct JobOutcome {
  std::string output;
  int exit_status = 0;  // if no signal ended it
  int signal = 0;
  bool timed_out = false;
  std::chrono::duration<double> duration{};
};

// Runs them, at most `parallel` at a time, in this order; `done` is told in this process, in the
// order they end. Throws Interrupted when a signal has come: none of them is left running then.
void run_forked(const std::vector<ForkedJob>& jobs, unsigned parallel,
                const std::function<void(std::size_t job, JobOutcome outcome)>& done);

}  // namespace lkl::tool

#endif  // LKL_TOOL_FORKED_JOBS_H
