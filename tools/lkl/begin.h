// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_TOOL_BEGIN_H
#define LKL_TOOL_BEGIN_H

namespace lkl::tool {

// What a program does first of all: its standard descriptors are open, its words are UTF-8 (where
// they are text), what it prints does not reach the terminal as it is, and there is some stack.
void begin_program(int& argc, char**& argv);

}  // namespace lkl::tool

#endif  // LKL_TOOL_BEGIN_H
