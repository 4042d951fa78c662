// SPDX-License-Identifier: GPL-2.0
//
// Names as Windows has them ("\folder\file") and as the library's kernel has them ("folder/file",
// "" for the root). What Windows forbids is written as win32/stored_name.h says.
#ifndef LKL_WINFSP_FILE_NAME_H
#define LKL_WINFSP_FILE_NAME_H

#include <string>
#include <string_view>

namespace lkl::winfsp {

// Throws StatusError: no such name can be, or it is another spelling of what has a name already.
std::string path_of(std::wstring_view name);
std::string component_of(std::wstring_view component);

struct SplitPath {
  std::string parent, last;
};
SplitPath split(const std::string& path);

// What a symbolic link at `path` leads to, as Windows has it: relative to its folder, so that it
// stays on the drive, also if the text begins with "/", which is the image's root here.
std::wstring target_for_windows(const std::string& path, std::string_view text);
// The other way. `mount_point`: "X:", or a folder; empty if there is none. `relative`: as the link
// says itself. Throws StatusError: it leads out of the image.
std::string target_for_linux(std::wstring_view target, bool relative,
                             std::wstring_view mount_point);

}  // namespace lkl::winfsp

#endif  // LKL_WINFSP_FILE_NAME_H
