// SPDX-License-Identifier: GPL-2.0
// A descriptor is one of the C library's: what a program has from open(). Or a signal's number.
#include "descriptor.h"

#include <windows.h>

#include <fcntl.h>
#include <io.h>

#include <cerrno>
#include <memory>

#include "win32/path.h"
#include "win32/signal.h"
#include "win32/windows_error.h"

namespace lkl::host {

void Descriptor::reset() {
  if (Signal* const signal = Signal::of(fd_))
    std::default_delete<Signal>()(signal);
  else if (fd_ >= 0)
    _close(fd_);
  fd_ = -1;
}

int open_file(const std::string& path, Access access, Descriptor& file) {
  const bool append = access == Access::kAppend;
  const DWORD rights = access == Access::kRead ? GENERIC_READ
                       : append                ? FILE_APPEND_DATA | SYNCHRONIZE
                                               : GENERIC_READ | GENERIC_WRITE;
  // Who may have it besides is for the lock to say.
  const HANDLE handle = CreateFileW(
      wide_path(path).c_str(), rights, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
      nullptr, append ? CREATE_ALWAYS : OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (handle == INVALID_HANDLE_VALUE) return last_errno();
  const int flags = _O_BINARY | (access == Access::kRead ? _O_RDONLY
                                 : append                ? _O_APPEND
                                                         : _O_RDWR);
  file = Descriptor(_open_osfhandle(reinterpret_cast<intptr_t>(handle), flags));
  if (file) return 0;
  CloseHandle(handle);
  return -EMFILE;
}

}  // namespace lkl::host
