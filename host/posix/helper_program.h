// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <string>
#include <vector>

namespace lkl::host {

// Runs a program of the host's, found by PATH, until its end: for one that goes into the background
// when it is ready. It has `descriptor` as number kHelperDescriptor, no input and no other files of
// ours. The program that we are part of hears nothing of it: neither SIGCHLD, nor by wait(2) of any
// child, nor do fork(2) handlers run.
//
// The exit status (128 and the signal's number for one that was ended), or -errno if it can't be
// started. `said`: the beginning of what it has written to its standard error, to which nobody
// listens afterwards.
int run_helper(const std::vector<std::string>& words, int descriptor, std::string& said);

inline constexpr int kHelperDescriptor = 3;

}  // namespace lkl::host
