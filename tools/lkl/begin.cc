// SPDX-License-Identifier: GPL-2.0
#include "lkl/begin.h"

#include "base/descriptors.h"
#include "base/limits.h"
#include "base/terminal.h"

namespace lkl::tool {

void begin_program(int&, char**&) {
  occupy_standard_descriptors();
  protect_terminal();
  allow_deep_trees();
}

}  // namespace lkl::tool
