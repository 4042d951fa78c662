// SPDX-License-Identifier: GPL-2.0
//
// Names of numbers in scripts.
#ifndef LKL_TOOL_DRILL_SYMBOLS_H
#define LKL_TOOL_DRILL_SYMBOLS_H

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace lkl::tool::drill {

// Of the kernel's headers: O_RDWR, SO_REUSEADDR, EAGAIN ...
std::optional<std::int64_t> find_symbol(const std::string& name);

// The name of an error number: "EAGAIN"; its digits if it has none here.
std::string error_name(long error);

// What -D gives a name: another name or a number.
using Definitions = std::map<std::string, std::string>;

}  // namespace lkl::tool::drill

#endif  // LKL_TOOL_DRILL_SYMBOLS_H
