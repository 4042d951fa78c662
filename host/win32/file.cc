// SPDX-License-Identifier: GPL-2.0
#include <windows.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "host.h"
#include "win32/handle.h"
#include "win32/path.h"
#include "win32/windows_error.h"

namespace lkl::host {
namespace {

int read_all(HANDLE file, std::string& content) {
  char chunk[16384];
  for (;;) {
    DWORD count = 0;
    if (!ReadFile(file, chunk, sizeof chunk, &count, nullptr)) return last_errno();
    if (count == 0) return 0;
    content.append(chunk, count);
  }
}

int write_all(HANDLE file, const std::string& content) {
  if (SetFilePointer(file, 0, nullptr, FILE_BEGIN) == INVALID_SET_FILE_POINTER ||
      !SetEndOfFile(file))
    return last_errno();
  size_t done = 0;
  while (done < content.size()) {
    DWORD count = 0;
    if (!WriteFile(file, content.data() + done, static_cast<DWORD>(content.size() - done), &count,
                   nullptr))
      return last_errno();
    done += count;
  }
  return 0;
}

}  // namespace

// Those of the C library cannot be waited for, sockets are none.
int check_watchable(int) {
  return -EOPNOTSUPP;
}

int update_file(const char* path, void (*change)(std::string& content, const void* argument),
                const void* argument) {
  constexpr uint64_t kPollNs = 1'000'000;
  Handle file;
  for (;;) {
    // nobody else has it meanwhile
    file = Handle(CreateFileW(wide_path(path).c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr,
                              OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr));
    if (file) break;
    if (GetLastError() != ERROR_SHARING_VIOLATION) return last_errno();
    sleep_ns(kPollNs);
  }
  std::string content;
  if (const int error = read_all(file.get(), content)) return error;
  change(content, argument);
  return write_all(file.get(), content);
}

const char* environment(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? value : nullptr;
}

void environment_names(std::string_view prefix,
                       void (*take)(const char* name, size_t length, void* argument),
                       void* argument) {
  for (char** entry = _environ; entry && *entry; ++entry) {
    const std::string_view name = std::string_view(*entry).substr(0, std::strcspn(*entry, "="));
    if (name.starts_with(prefix)) take(name.data(), name.size(), argument);
  }
}

}  // namespace lkl::host
