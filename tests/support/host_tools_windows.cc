// SPDX-License-Identifier: GPL-2.0
// What tests ask of Windows. Programs of Linux are not run from here: images are judged by the test
// that runs both (tests/win64/).
#include <windows.h>

#include <psapi.h>
#include <tlhelp32.h>

#include <cstdlib>
#include <string>

#include "support/host_tools.h"

namespace lkl_test {

TempDir::TempDir() : TempDir(std::filesystem::temp_directory_path()) {}

TempDir::TempDir(const std::filesystem::path& parent) {
  for (unsigned number = GetCurrentProcessId();; ++number) {
    path_ = parent / ("lkl-test-" + std::to_string(number));
    std::error_code error;
    if (std::filesystem::create_directory(path_, error)) return;
    if (error) std::abort();
  }
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

unsigned host_threads() {
  const HANDLE all = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
  THREADENTRY32 entry = {};
  entry.dwSize = sizeof entry;
  unsigned count = 0;
  for (BOOL more = Thread32First(all, &entry); more; more = Thread32Next(all, &entry))
    count += entry.th32OwnerProcessID == GetCurrentProcessId();
  CloseHandle(all);
  return count;
}

long resident_kib() {
  PROCESS_MEMORY_COUNTERS counters = {};
  GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters);
  return static_cast<long>(counters.WorkingSetSize / 1024);
}

long written_kib() {
  PROCESS_MEMORY_COUNTERS counters = {};
  GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters);
  return static_cast<long>(counters.PagefileUsage / 1024);
}

}  // namespace lkl_test
