// SPDX-License-Identifier: GPL-2.0
// What a checker of the kernel says, and where in the source that is.
#pragma once

#include <string>

namespace lkl_test {

// The checkers this kernel was built with have this one among them.
bool has_checker(const std::string& name);

// "FILE:LINE" of the first entry of a backtrace in `log`, after `mark`, that is in
// `function`, by addr2line from the library's debug information; "" if there is none.
std::string source_of(const std::string& log, const std::string& mark, const std::string& function);

// "planted.c:LINE" of the only line of that file which has `text`.
std::string planted_line(const std::string& text);

// What kmemleak finds of objects that are there now. Takes 5 s: younger ones may be about to be
// stored. Wants debugfs mounted at /debugfs.
std::string find_leaks();

}  // namespace lkl_test
