// SPDX-License-Identifier: GPL-2.0
#include "block/scratch_file.h"

#include <windows.h>

#include <fcntl.h>
#include <winioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "host.h"
#include "win32/handle.h"
#include "win32/windows_error.h"

namespace lkl::host {

// In %TMP%, with a name as long as it is there.
int ScratchFile::make(uint64_t size, ScratchFile& result) {
  std::array<wchar_t, MAX_PATH + 1> folder, name;
  if (GetTempPathW(static_cast<DWORD>(folder.size()), folder.data()) == 0 ||
      GetTempFileNameW(folder.data(), L"lkl", 0, name.data()) == 0)
    return last_errno();
  const HANDLE file =
      CreateFileW(name.data(), GENERIC_READ | GENERIC_WRITE | DELETE, 0, nullptr, CREATE_ALWAYS,
                  FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE, nullptr);
  if (file == INVALID_HANDLE_VALUE) {
    const int error = last_errno();
    DeleteFileW(name.data());
    return error;
  }
  Descriptor descriptor(_open_osfhandle(reinterpret_cast<intptr_t>(file), _O_BINARY));
  if (!descriptor) {
    CloseHandle(file);
    return -EMFILE;
  }
  DWORD count = 0;
  DeviceIoControl(file, FSCTL_SET_SPARSE, nullptr, 0, nullptr, 0, &count, nullptr);  // if it can be
  FILE_END_OF_FILE_INFO end = {};
  end.EndOfFile.QuadPart = static_cast<int64_t>(size);
  if (!SetFileInformationByHandle(file, FileEndOfFileInfo, &end, sizeof end)) return last_errno();
  result.file_ = std::move(descriptor);
  return 0;
}

int ScratchFile::read(std::byte* to, uint64_t length, uint64_t offset) const {
  const IoVec all[] = {{to, length}};
  const int64_t count = read_now(file_.get(), all, offset, true);
  if (count < 0) return static_cast<int>(count);
  return static_cast<uint64_t>(count) == length ? 0 : -EIO;
}

int ScratchFile::write(const std::byte* from, uint64_t length, uint64_t offset) const {
  const IoVec all[] = {{const_cast<std::byte*>(from), length}};
  const int64_t count = write_now(file_.get(), all, offset, true);
  if (count < 0) return static_cast<int>(count);
  return static_cast<uint64_t>(count) == length ? 0 : -ENOSPC;
}

int ScratchFile::punch(uint64_t length, uint64_t offset) const {
  FILE_ZERO_DATA_INFORMATION range;
  range.FileOffset.QuadPart = static_cast<int64_t>(offset);
  range.BeyondFinalZero.QuadPart = static_cast<int64_t>(offset + length);
  DWORD count = 0;
  if (DeviceIoControl(handle_of(file_.get()), FSCTL_SET_ZERO_DATA, &range, sizeof range, nullptr, 0,
                      &count, nullptr))
    return 0;
  // Not everywhere: then it takes room.
  static const std::array<std::byte, 64 << 10> zeroes = {};
  while (length > 0) {
    const uint64_t part = std::min<uint64_t>(length, zeroes.size());
    if (const int error = write(zeroes.data(), part, offset)) return error;
    offset += part;
    length -= part;
  }
  return 0;
}

}  // namespace lkl::host
