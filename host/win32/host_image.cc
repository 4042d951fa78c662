// SPDX-License-Identifier: GPL-2.0
#include "win32/host_image.h"

#include <fcntl.h>
#include <winioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "host.h"
#include "win32/path.h"
#include "win32/windows_error.h"

namespace lkl::host {
namespace {

constexpr unsigned kSector = 512, kLargestBlock = 4096;
constexpr DWORD kShareAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

// One writer or any number of readers: a byte far behind the end of each file. (Windows lets nobody
// else read what is locked: so it is none of the image's.) The lock goes with the handle.
int lock_image(HANDLE file, bool exclusive) {
  OVERLAPPED place = {};
  place.Offset = 0xffff'fffe;
  place.OffsetHigh = 0x7fff'ffff;
  const DWORD flags = LOCKFILE_FAIL_IMMEDIATELY | (exclusive ? LOCKFILE_EXCLUSIVE_LOCK : 0);
  return LockFileEx(file, flags, 0, 1, 0, &place) ? 0 : last_errno();
}

std::string name_of(HANDLE file, int fd) {
  std::array<wchar_t, 1024> name;
  const DWORD length =
      GetFinalPathNameByHandleW(file, name.data(), static_cast<DWORD>(name.size()), 0);
  if (length == 0 || length >= name.size()) return "image of descriptor " + std::to_string(fd);
  std::wstring_view text(name.data(), length);
  if (text.starts_with(L"\\\\?\\") && !text.starts_with(L"\\\\?\\UNC\\")) text.remove_prefix(4);
  return narrow(text);
}

template <typename Result>
bool ask(HANDLE device, DWORD code, Result& result) {
  DWORD count = 0;
  return DeviceIoControl(device, code, nullptr, 0, &result, sizeof result, &count, nullptr);
}

// ERROR_ACCESS_DENIED: the descriptor is not open for that.
Handle open_again(HANDLE file, bool for_writing) {
  return Handle(ReOpenFile(file, GENERIC_READ | (for_writing ? GENERIC_WRITE : 0), kShareAll, 0));
}

// What the descriptor itself allows: to read nothing, to write nothing.
bool may_read(HANDLE file) {
  char nothing;
  DWORD count;
  OVERLAPPED start = {};
  return ReadFile(file, &nothing, 0, &count, &start) || GetLastError() != ERROR_ACCESS_DENIED;
}
bool may_write(HANDLE file) {
  char nothing = 0;
  DWORD count;
  OVERLAPPED start = {};
  return WriteFile(file, &nothing, 0, &count, &start) || GetLastError() != ERROR_ACCESS_DENIED;
}

}  // namespace

int HostImage::open(int fd, const Options& options, std::unique_ptr<HostImage>& result) {
  const HANDLE theirs = handle_of(fd);
  if (theirs == INVALID_HANDLE_VALUE) return -EBADF;
  if (GetFileType(theirs) != FILE_TYPE_DISK) return -EINVAL;
  if (!may_read(theirs)) return -EBADF;
  const bool read_only = options.read_only || !may_write(theirs);
  Handle again = open_again(theirs, !read_only);
  if (!again) return last_errno();
  if (options.lock)
    if (const int error = lock_image(again.get(), !read_only)) return error;
  Descriptor file(_open_osfhandle(reinterpret_cast<intptr_t>(again.get()), _O_BINARY));
  if (!file) return -EMFILE;
  (void)again.release();
  std::unique_ptr<HostImage> image(new HostImage(std::move(file), read_only));
  if (const int error = image->examine()) return error;
  result = std::move(image);
  return 0;
}

HostImage::HostImage(Descriptor file, bool read_only)
    : file_(std::move(file)),
      read_only_(read_only),
      overlapped_(file_.get(), GENERIC_READ | (read_only ? 0 : GENERIC_WRITE)) {}

int HostImage::examine() {
  name_ = name_of(handle(), fd());
  GET_LENGTH_INFORMATION length;
  LARGE_INTEGER size;
  if (GetFileSizeEx(handle(), &size)) {
    BY_HANDLE_FILE_INFORMATION info;
    if (!GetFileInformationByHandle(handle(), &info)) return last_errno();
    if (info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) return -EINVAL;
    size_ = static_cast<uint64_t>(size.QuadPart);
    can_punch_ = (info.dwFileAttributes & FILE_ATTRIBUTE_SPARSE_FILE) != 0;
  } else if (ask(handle(), IOCTL_DISK_GET_LENGTH_INFO, length)) {
    is_device_ = true;
    size_ = static_cast<uint64_t>(length.Length.QuadPart);
    DISK_GEOMETRY geometry;
    if (ask(handle(), IOCTL_DISK_GET_DRIVE_GEOMETRY, geometry))
      block_size_ = std::clamp<unsigned>(geometry.BytesPerSector, kSector, kLargestBlock);
  } else {
    return -EINVAL;
  }
  size_ -= size_ % block_size_;
  return 0;
}

bool HostImage::ends_before(uint64_t end) const {
  LARGE_INTEGER size;
  return !is_device_ && GetFileSizeEx(handle(), &size) &&
         static_cast<uint64_t>(size.QuadPart) < end;
}

int HostImage::punch(uint64_t offset, uint64_t length) const {
  if (!can_punch_) return -EOPNOTSUPP;
  FILE_ZERO_DATA_INFORMATION range;
  range.FileOffset.QuadPart = static_cast<int64_t>(offset);
  range.BeyondFinalZero.QuadPart = static_cast<int64_t>(offset + length);
  DWORD count = 0;
  return DeviceIoControl(handle(), FSCTL_SET_ZERO_DATA, &range, sizeof range, nullptr, 0, &count,
                         nullptr)
             ? 0
             : last_errno();
}

}  // namespace lkl::host
