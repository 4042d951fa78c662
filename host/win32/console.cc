// SPDX-License-Identifier: GPL-2.0
#include <windows.h>

#include <io.h>

#include "host.h"

namespace lkl::host {
namespace {

void write_all(HANDLE file, const char* text, size_t length) {
  const Unnoticed scope;
  while (length > 0) {
    DWORD written = 0;
    if (!WriteFile(file, text, static_cast<DWORD>(length), &written, nullptr) || written == 0)
      return;
    text += written;
    length -= written;
  }
}

}  // namespace

void print(const char* text, size_t length) {
  write_all(GetStdHandle(STD_ERROR_HANDLE), text, length);
}

void append(int fd, const char* text, size_t length) {
  write_all(reinterpret_cast<HANDLE>(_get_osfhandle(fd)), text, length);
}

}  // namespace lkl::host
