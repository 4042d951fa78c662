// SPDX-License-Identifier: GPL-2.0
//
// What --json prints, the same in all commands.
#ifndef LKL_TOOL_JSON_H
#define LKL_TOOL_JSON_H

#include <lkl_file.hpp>

#include <nlohmann/json.hpp>
#include <string>

namespace lkl::tool {

using Json = nlohmann::ordered_json;

// Path, type, mode, owner, size and times of a file; times in UTC.
Json json_of(const std::string& path, const Stat& stat);

// To standard output. Bytes that are not UTF-8 are replaced: JSON cannot say them.
void print_json(const Json& json);

}  // namespace lkl::tool

#endif  // LKL_TOOL_JSON_H
