// SPDX-License-Identifier: GPL-2.0
#include "net/capture_file.h"

#include <fcntl.h>
#include <cerrno>

#include "net/vector.h"
#include "win32/handle.h"
#include "win32/path.h"
#include "win32/windows_error.h"

namespace lkl::host {

int CaptureFile::open(const std::string& path) {
  const HANDLE file = CreateFileW(wide_path(path).c_str(), GENERIC_READ | GENERIC_WRITE,
                                  FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr, CREATE_ALWAYS,
                                  FILE_ATTRIBUTE_NORMAL, nullptr);
  if (file == INVALID_HANDLE_VALUE) return last_errno();
  Descriptor descriptor(_open_osfhandle(reinterpret_cast<intptr_t>(file), _O_BINARY));
  if (!descriptor) {
    CloseHandle(file);
    return -EMFILE;
  }
  if (GetFileType(file) != FILE_TYPE_DISK) return -EINVAL;
  file_ = std::move(descriptor);
  return 0;
}

int CaptureFile::append(std::span<const IoVec> record) {
  const size_t size = size_of(record);
  const int64_t count = write_now(file_.get(), record, size_, true);
  if (count == static_cast<int64_t>(size)) {
    size_ += size;
    return 0;
  }
  // a part of it would be taken for a damaged file
  FILE_END_OF_FILE_INFO end = {};
  end.EndOfFile.QuadPart = static_cast<int64_t>(size_);
  SetFileInformationByHandle(handle_of(file_.get()), FileEndOfFileInfo, &end, sizeof end);
  return count < 0 ? static_cast<int>(count) : -ENOSPC;
}

}  // namespace lkl::host
