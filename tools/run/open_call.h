// SPDX-License-Identifier: GPL-2.0
//
// Calls that open files by their names: those of the network are our kernel's.
#ifndef LKL_TOOL_RUN_OPEN_CALL_H
#define LKL_TOOL_RUN_OPEN_CALL_H

#include <optional>

#include "run/guest_socket.h"
#include "run/written_files.h"

namespace lkl::tool::served {

bool opens_file(const Notification& call);
// As the program says it; nothing if it is in memory that is not there.
std::optional<std::string> path_of_open(const Notification& call);

// What comes of it; nothing if it opens what makes interfaces. Any thread.
std::optional<Outcome> open_file(const Client& client, const Notification& call,
                                 WrittenFiles& written);

// O_*, as the program says; nothing if it is in memory that is not there.
std::optional<int> flags_of_open(const Notification& call);

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_OPEN_CALL_H
