// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_TOOL_PLUGIN_H
#define LKL_TOOL_PLUGIN_H

#include <string>

namespace lkl::tool {

// The path of a library of ours that others load: beside the program, as in a build, or where it
// is installed. Throws Failure.
std::string find_plugin(const std::string& name);

}  // namespace lkl::tool

#endif  // LKL_TOOL_PLUGIN_H
