// SPDX-License-Identifier: GPL-2.0
//
// What has a shell complete command lines, made of the parsers that read them.
#ifndef LKL_TOOL_COMPLETION_H
#define LKL_TOOL_COMPLETION_H

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace lkl::tool {

// A script for bash. Each program is completed by its name; one with sub-commands by theirs, too.
// What the value of an option can be is told by its type name: FILE, DIR, TYPE ..., or the words
// themselves, as in "auto|always|never".
std::string bash_completion(const std::vector<const CLI::App*>& programs);

}  // namespace lkl::tool

#endif  // LKL_TOOL_COMPLETION_H
