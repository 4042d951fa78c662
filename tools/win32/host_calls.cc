// SPDX-License-Identifier: GPL-2.0
#include "base/host_calls.h"

#include <windows.h>

#include <fcntl.h>
#include <io.h>
#include <winioctl.h>

#include <algorithm>
#include <cerrno>
#include <lkl_error.hpp>

#include "host/win32/handle.h"
#include "host/win32/path.h"
#include "host/win32/windows_error.h"
#include "win32/stored_name.h"

namespace lkl::tool {

std::error_code host_error(int number) {
  return lkl::error_from(-number);
}

namespace on_host {

namespace {

using lkl::host::Handle;
using lkl::host::handle_of;
using lkl::host::last_errno;
using lkl::host::wide_path;

constexpr DWORD kShareAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

int failed() {
  errno = -last_errno();
  return -1;
}

OVERLAPPED place_of(std::uint64_t offset) {
  OVERLAPPED place = {};
  place.Offset = static_cast<DWORD>(offset);
  place.OffsetHigh = static_cast<DWORD>(offset >> 32);
  return place;
}

DWORD most(std::size_t size) {
  return static_cast<DWORD>(std::min<std::size_t>(size, 1 << 30));
}

}  // namespace

bool look_at(const std::string& path, Status& status) {
  const Handle file(CreateFileW(wide_path(path).c_str(), FILE_READ_ATTRIBUTES, kShareAll, nullptr,
                                OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr));
  if (!file) return failed() == 0;
  BY_HANDLE_FILE_INFORMATION info;
  if (GetFileInformationByHandle(file.get(), &info)) {
    const bool directory = (info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
    status.kind = directory                                   ? Kind::kDirectory
                  : GetFileType(file.get()) == FILE_TYPE_DISK ? Kind::kRegular
                                                              : Kind::kOther;
    status.device = info.dwVolumeSerialNumber;
    status.inode = std::uint64_t{info.nFileIndexHigh} << 32 | info.nFileIndexLow;
    return true;
  }
  // A disk or a volume, "\\.\PhysicalDrive1".
  DISK_GEOMETRY geometry;
  DWORD count = 0;
  const bool disk = GetFileType(file.get()) == FILE_TYPE_DISK &&
                    (DeviceIoControl(file.get(), IOCTL_DISK_GET_DRIVE_GEOMETRY, nullptr, 0,
                                     &geometry, sizeof geometry, &count, nullptr) ||
                     path.starts_with("\\\\.\\") || path.starts_with("//./"));
  status.kind = disk ? Kind::kBlockDevice : Kind::kOther;
  return true;
}

int open(const std::string& path, int flags, unsigned) {
  const int mode = flags & (O_RDONLY | O_WRONLY | O_RDWR);
  const DWORD access = mode == O_RDONLY   ? GENERIC_READ
                       : mode == O_WRONLY ? GENERIC_WRITE
                                          : GENERIC_READ | GENERIC_WRITE;
  const bool exclusive = (flags & O_CREAT) != 0 && (flags & O_EXCL) != 0;
  const DWORD how = exclusive           ? CREATE_NEW
                    : (flags & O_CREAT) ? ((flags & O_TRUNC) ? CREATE_ALWAYS : OPEN_ALWAYS)
                    : (flags & O_TRUNC) ? TRUNCATE_EXISTING
                                        : OPEN_EXISTING;
  Handle file(CreateFileW(wide_path(path).c_str(), access, kShareAll, nullptr, how,
                          FILE_ATTRIBUTE_NORMAL, nullptr));
  if (!file) return failed();
  const int fd = _open_osfhandle(reinterpret_cast<intptr_t>(file.get()),
                                 O_BINARY | O_NOINHERIT | (flags & (O_APPEND | O_RDONLY)));
  if (fd >= 0) (void)file.release();
  return fd;
}

ssize_t pread(int fd, std::span<std::byte> into, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < into.size()) {
    OVERLAPPED place = place_of(offset + done);
    DWORD count = 0;
    if (!ReadFile(handle_of(fd), into.data() + done, most(into.size() - done), &count, &place) &&
        GetLastError() != ERROR_HANDLE_EOF)
      return failed();
    if (count == 0) break;
    done += count;
  }
  return static_cast<ssize_t>(done);
}

ssize_t pwrite(int fd, std::span<const std::byte> from, std::uint64_t offset) {
  OVERLAPPED place = place_of(offset);
  DWORD count = 0;
  if (!WriteFile(handle_of(fd), from.data(), most(from.size()), &count, &place)) return failed();
  return static_cast<ssize_t>(count);
}

int resize(int fd, std::uint64_t size) {
  FILE_END_OF_FILE_INFO end;
  end.EndOfFile.QuadPart = static_cast<std::int64_t>(size);
  if (!SetFileInformationByHandle(handle_of(fd), FileEndOfFileInfo, &end, sizeof end))
    return failed();
  return 0;
}

int sync(int fd) {
  return FlushFileBuffers(handle_of(fd)) ? 0 : failed();
}

std::uint64_t size_of(int fd) {
  LARGE_INTEGER size;
  if (GetFileSizeEx(handle_of(fd), &size)) return static_cast<std::uint64_t>(size.QuadPart);
  GET_LENGTH_INFORMATION length;
  DWORD count = 0;
  if (!DeviceIoControl(handle_of(fd), IOCTL_DISK_GET_LENGTH_INFO, nullptr, 0, &length,
                       sizeof length, &count, nullptr))
    return 0;
  return static_cast<std::uint64_t>(length.Length.QuadPart);
}

void remove(const std::string& path) {
  DeleteFileW(wide_path(path).c_str());
}

std::string real_directory(const std::string& path) {
  const Handle file(CreateFileW(wide_path(path).c_str(), FILE_READ_ATTRIBUTES, kShareAll, nullptr,
                                OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr));
  if (!file) return "/";
  std::wstring name(32768, L'\0');
  name.resize(
      GetFinalPathNameByHandleW(file.get(), name.data(), static_cast<DWORD>(name.size()), 0));
  const std::string text = with_slashes(lkl::host::narrow(name));
  return text.ends_with('/') ? text : text + "/";
}

std::size_t drive_length(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return text.size() >= 2 && is_letter(text[0]) && text[1] == ':' ? 2 : 0;
}

std::string with_slashes(std::string path) {
  std::replace(path.begin(), path.end(), '\\', '/');
  // As names are called in what was copied: they are stored as the host takes them.
  return name_of_stored(lkl::host::wide(path));
}

bool is_terminal(int fd) {
  DWORD mode = 0;
  return GetConsoleMode(handle_of(fd), &mode) != 0;
}

std::optional<unsigned> terminal_width(int fd) {
  CONSOLE_SCREEN_BUFFER_INFO info;
  if (!GetConsoleScreenBufferInfo(handle_of(fd), &info)) return std::nullopt;
  return static_cast<unsigned>(info.srWindow.Right - info.srWindow.Left + 1);
}

bool local_date(std::int64_t seconds, std::tm& date) {
  const __time64_t time = seconds;
  return ::_localtime64_s(&date, &time) == 0;
}

bool utc_date(std::int64_t seconds, std::tm& date) {
  const __time64_t time = seconds;
  return ::_gmtime64_s(&date, &time) == 0;
}

std::int64_t seconds_of_utc(std::tm& date) {
  return ::_mkgmtime64(&date);
}

const std::byte* map_zeroes(std::size_t& size) {
  // All of it would count as used.
  size = std::min<std::size_t>(size, 1 << 20);
  return static_cast<const std::byte*>(
      VirtualAlloc(nullptr, size, MEM_RESERVE | MEM_COMMIT, PAGE_READONLY));
}

void unmap_zeroes(const std::byte* zeroes, std::size_t) {
  VirtualFree(const_cast<std::byte*>(zeroes), 0, MEM_RELEASE);
}

void lock_memory(void* memory, std::size_t size) {
  VirtualLock(memory, size);
}

void unlock_memory(void* memory, std::size_t size) {
  VirtualUnlock(memory, size);
}

void wipe(void* memory, std::size_t size) {
  SecureZeroMemory(memory, size);
}

}  // namespace on_host
}  // namespace lkl::tool
