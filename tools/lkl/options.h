// SPDX-License-Identifier: GPL-2.0
//
// The options all commands share, and the context handed to each of them.
#ifndef LKL_TOOL_OPTIONS_H
#define LKL_TOOL_OPTIONS_H

#include "base/error.h"
#include "session/session_options.h"

namespace lkl::tool {

struct ShellState;

struct Context {
  SessionOptions options;
  Diagnostics diagnostics;
  int exit = kExitOk;             // if nothing failed
  int failed_exit = kExitFailed;  // if something did
  // The shell that a command was typed in: it works on the shell's image then.
  const ShellState* shell = nullptr;

  int exit_code() const { return diagnostics.failed() ? failed_exit : exit; }
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_OPTIONS_H
