// SPDX-License-Identifier: GPL-2.0
#include <windows.h>

#include "host.h"
#include "win32/path.h"

namespace lkl::host {

// Not from the current folder, where anybody may have put one.
void* open_library(const char* name) {
  return LoadLibraryExW(wide(name).c_str(), nullptr, LOAD_LIBRARY_SEARCH_DEFAULT_DIRS);
}

void* find_symbol(void* library, const char* name) {
  return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(library), name));
}

}  // namespace lkl::host
