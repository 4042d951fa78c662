// SPDX-License-Identifier: GPL-2.0
#include "base/quiet_terminal.h"

#include <termios.h>
#include <unistd.h>

namespace lkl::tool {

struct QuietTerminal::Before {
  termios mode = {};
  bool changed = false;
};

QuietTerminal::QuietTerminal() : before_(std::make_unique<Before>()) {
  if (tcgetattr(STDIN_FILENO, &before_->mode) != 0) return;
  termios quiet = before_->mode;
  quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG | ICANON);
  quiet.c_cc[VMIN] = 1;
  quiet.c_cc[VTIME] = 0;
  before_->changed = tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
}

QuietTerminal::~QuietTerminal() {
  if (before_->changed) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_->mode);
}

bool QuietTerminal::is(char c, Special special) const {
  constexpr int kPlaces[] = {VINTR, VEOF, VKILL, VERASE};
  return static_cast<cc_t>(c) == before_->mode.c_cc[kPlaces[special]];
}

}  // namespace lkl::tool
