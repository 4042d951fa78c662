// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_TOOL_QUIET_TERMINAL_H
#define LKL_TOOL_QUIET_TERMINAL_H

#include <memory>

namespace lkl::tool {

// While it lives nothing that is typed is shown, and Ctrl-C is a character: it gives the terminal
// back first.
class QuietTerminal {
 public:
  QuietTerminal();
  QuietTerminal(const QuietTerminal&) = delete;
  QuietTerminal& operator=(const QuietTerminal&) = delete;
  ~QuietTerminal();

  enum Special { kInterrupt, kEnd, kKill, kErase };
  // Whether the character is what the terminal has for this.
  bool is(char c, Special special) const;

 private:
  struct Before;
  std::unique_ptr<Before> before_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_QUIET_TERMINAL_H
