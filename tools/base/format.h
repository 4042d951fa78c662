// SPDX-License-Identifier: GPL-2.0
//
// How sizes, modes, times and names are written for people.
#ifndef LKL_TOOL_FORMAT_H
#define LKL_TOOL_FORMAT_H

#include <lkl_file.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace lkl::tool {

// "1.5G": at most four characters before the unit, powers of 1024, as ls -h and df -h do.
std::string human_size(std::uint64_t bytes);

// Reads "64M", "1G", "65536K", "1048576". Throws UsageFailure, `what` says which option it was.
std::uint64_t parse_size(std::string_view text, std::string_view what);

// "drwxr-sr-t"
std::string mode_string(std::uint32_t mode);

// "regular file", "directory" ...
std::string_view type_name(std::uint32_t mode);

// Local time, "2024-05-01 13:45" or with seconds, nanoseconds and zone.
std::string short_time(const Timestamp& time);
std::string full_time(const Timestamp& time);

// Reads "2024-05-01", "2024-05-01T13:45:30.5+02:00" (local time without a zone), "@1714567530".
// Throws UsageFailure, `what` says which option it was.
Timestamp parse_time(const std::string& text, std::string_view what);

// The name as it may be sent to a terminal: control characters, ends of lines too, become '?'.
// Unchanged otherwise.
std::string printable(std::string_view name, bool to_terminal);

}  // namespace lkl::tool

#endif  // LKL_TOOL_FORMAT_H
