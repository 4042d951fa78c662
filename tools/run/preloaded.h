// SPDX-License-Identifier: GPL-2.0
//
// A program that has the kernel in its own process: liblkl-hijack.so is loaded in front of it.
#ifndef LKL_TOOL_RUN_PRELOADED_H
#define LKL_TOOL_RUN_PRELOADED_H

#include <string>
#include <vector>

#include "run/guest_network.h"
#include "session/session_options.h"

namespace lkl::tool::served {

// This process becomes the program. Returns the exit status of who could not, having said why.
// Throws Failure: what is wrong with the options, or that it is a program whose calls nobody sees
// so.
int become_preloaded(const std::vector<std::string>& words, const NetworkOptions& network,
                     const SessionOptions& session);

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_PRELOADED_H
