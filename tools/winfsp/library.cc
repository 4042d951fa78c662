// SPDX-License-Identifier: GPL-2.0
#include "winfsp/library.h"

#include <fmt/format.h>

#include <string>

#include "base/error.h"
#include "host/win32/path.h"

namespace lkl::winfsp {

namespace {

using lkl::host::narrow;

constexpr wchar_t kFile[] = L"winfsp-x64.dll";

std::wstring installed_folder() {
  wchar_t folder[4096];
  DWORD bytes = sizeof folder;
  // The part of the registry that 32-bit programs see.
  if (RegGetValueW(HKEY_LOCAL_MACHINE, L"SOFTWARE\\WinFsp", L"InstallDir",
                   RRF_RT_REG_SZ | RRF_SUBKEY_WOW6432KEY, nullptr, folder, &bytes) != ERROR_SUCCESS)
    return {};
  std::wstring path = folder;
  if (!path.empty() && path.back() != L'\\') path += L'\\';
  return path;
}

HMODULE load() {
  const std::wstring folder = installed_folder();
  std::wstring path = folder.empty() ? kFile : folder + L"bin\\" + kFile;
  const DWORD where = folder.empty()
                          ? LOAD_LIBRARY_SEARCH_APPLICATION_DIR
                          : LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_SYSTEM32;
  if (const HMODULE module = LoadLibraryExW(path.c_str(), nullptr, where)) return module;
  const DWORD error = GetLastError();
  throw tool::Failure(
      fmt::format("{}, which drive letters need, cannot be loaded (error {}): install WinFsp from "
                  "https://winfsp.dev, or by 'winget install WinFsp.WinFsp'",
                  narrow(path), error));
}

template <typename Function>
void find(HMODULE module, const char* name, Function& function) {
  const FARPROC found = GetProcAddress(module, name);
  if (found == nullptr)
    throw tool::Failure(
        fmt::format("{}: has no {}: WinFsp is too old; install the newest from https://winfsp.dev",
                    narrow(kFile), name));
  function = reinterpret_cast<Function>(reinterpret_cast<void*>(found));
}

Functions find_all(HMODULE module) {
  Functions all;
#define LKL_FIND(name) find(module, "Fsp" #name, all.name)
  LKL_FIND(Version);
  LKL_FIND(FileSystemCreate);
  LKL_FIND(FileSystemDelete);
  LKL_FIND(FileSystemSetMountPoint);
  LKL_FIND(FileSystemRemoveMountPoint);
  LKL_FIND(FileSystemMountPointF);
  LKL_FIND(FileSystemStartDispatcher);
  LKL_FIND(FileSystemStopDispatcher);
  LKL_FIND(FileSystemSetDebugLogF);
  LKL_FIND(DebugLogSetHandle);
  LKL_FIND(FileSystemAcquireDirectoryBuffer);
  LKL_FIND(FileSystemFillDirectoryBuffer);
  LKL_FIND(FileSystemReleaseDirectoryBuffer);
  LKL_FIND(FileSystemReadDirectoryBuffer);
  LKL_FIND(FileSystemDeleteDirectoryBuffer);
  LKL_FIND(FileSystemResolveReparsePoints);
#undef LKL_FIND
  return all;
}

}  // namespace

const Functions& functions() {
  static const Functions all = find_all(load());
  return all;
}

}  // namespace lkl::winfsp
