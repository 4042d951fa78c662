// SPDX-License-Identifier: GPL-2.0
// Where a configuration's own lines go, while "debug" lets the kernel print nothing.
#pragma once

#include <string_view>

namespace lkl::host {

// A line about a configuration: printed also when silence() has been asked for.
void say_of_config(std::string_view line);

// The same of any text.
void print_of_config(std::string_view text);

// As LKL has it, the print operation that lkl_init() was given becomes NULL; it is kept for what is
// wrong. For the thread that loads the configuration.
void silence();
void end_silence();

}  // namespace lkl::host
