// SPDX-License-Identifier: GPL-2.0
//
// Names of files as Windows takes them. It allows fewer than Linux: none that has a control
// character or one of " * : < > ? | \, none with a blank or a point at its end, none that it takes
// for a device (CON, nul.txt). Such characters, and bytes that are no UTF-8, become characters of
// Unicode's private area, U+F000 and the byte, as Cygwin and WSL have it; so do the bytes of
// characters from there. So each name has a place, no two have the same, and it is read back as it
// was.
#ifndef LKL_TOOL_WIN32_STORED_NAME_H
#define LKL_TOOL_WIN32_STORED_NAME_H

#include <string>
#include <string_view>

namespace lkl::tool {

// One name, without '/'.
std::wstring stored_name(std::string_view name);
std::string name_of_stored(std::wstring_view stored);

// Names with '/' between them, as a path below a directory: with '\'.
std::wstring stored_path(std::string_view path);
// A path of the host's, as CreateFileW() takes it: the names in it by stored_name(), a drive or a
// server's name at its beginning as they are.
std::wstring stored_host_path(std::string_view path);

}  // namespace lkl::tool

#endif  // LKL_TOOL_WIN32_STORED_NAME_H
