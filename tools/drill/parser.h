// SPDX-License-Identifier: GPL-2.0
//
// Reads a script.
#ifndef LKL_TOOL_DRILL_PARSER_H
#define LKL_TOOL_DRILL_PARSER_H

#include <string>
#include <string_view>

#include "drill/script.h"

namespace lkl::tool::drill {

// `name` is for messages. Throws ScriptError.
Script parse_script(const std::string& name, std::string_view text);

// Reads the file. Throws Failure if it can't be, or ScriptError.
Script read_script(const std::string& path);

}  // namespace lkl::tool::drill

#endif  // LKL_TOOL_DRILL_PARSER_H
