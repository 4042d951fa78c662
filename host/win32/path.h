// SPDX-License-Identifier: GPL-2.0
// Names of Windows are UTF-16; ours are UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace lkl::host {

std::wstring wide(std::string_view text);
std::string narrow(std::wstring_view text);
// A path as CreateFileW() takes it: one that is too long for the old functions is made absolute,
// and goes by \\?\, which knows no limit.
std::wstring wide_path(std::string_view path);
std::wstring long_path(std::wstring name);

}  // namespace lkl::host
