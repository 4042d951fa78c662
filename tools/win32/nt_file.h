// SPDX-License-Identifier: GPL-2.0
//
// Files by a directory that is open and a name in it, as ntdll.dll opens them: so no path is ever
// too long, and what is below a directory stays there. Results are as system calls have them:
// negative numbers of the kernel's are errors.
#ifndef LKL_TOOL_WIN32_NT_FILE_H
#define LKL_TOOL_WIN32_NT_FILE_H

#include <windows.h>

#include <winternl.h>

#include <string>
#include <string_view>

#include "host/win32/handle.h"

namespace lkl::tool {

using NtHandle = lkl::host::Handle;

struct NtOpen {
  ACCESS_MASK access = FILE_READ_ATTRIBUTES;
  ULONG how = FILE_OPEN;
  ULONG options = 0;
};

// `name`: with '\' between several; empty: the directory itself.
int nt_open(HANDLE directory, const std::wstring& name, const NtOpen& request, NtHandle& file);
// By a path as CreateFileW() takes it.
int nt_open_path(const std::wstring& path, const NtOpen& request, NtHandle& file);

// The file gets this name too, or instead.
int nt_link(HANDLE file, HANDLE directory, const std::wstring& name);
int nt_rename(HANDLE file, HANDLE directory, const std::wstring& name);
// At the last close. `file` is open for DELETE.
int nt_delete(HANDLE file);

// The path of what is open.
std::wstring path_of(HANDLE file);

// What the link's text is; nothing if it is none. With '/' between names.
bool read_link_text(HANDLE link, std::wstring& text);

}  // namespace lkl::tool

#endif  // LKL_TOOL_WIN32_NT_FILE_H
