// SPDX-License-Identifier: GPL-2.0
#include "win32/nt_file.h"

#include <winioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <vector>

#include "host/win32/windows_error.h"

#ifndef IO_REPARSE_TAG_SYMLINK
#define IO_REPARSE_TAG_SYMLINK 0xA000000CL
#endif

namespace lkl::tool {

namespace {

constexpr ULONG kShareAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
constexpr auto kRenameInformation = static_cast<FILE_INFORMATION_CLASS>(10);
constexpr auto kLinkInformation = static_cast<FILE_INFORMATION_CLASS>(11);
constexpr auto kDispositionInformation = static_cast<FILE_INFORMATION_CLASS>(13);

int error_of(NTSTATUS status) {
  switch (static_cast<ULONG>(status)) {
    case 0:
      return 0;
    case 0xc00000ba:  // STATUS_FILE_IS_A_DIRECTORY
      return -EISDIR;
    case 0xc0000101:  // STATUS_DIRECTORY_NOT_EMPTY
      return -ENOTEMPTY;
    case 0xc00000d4:  // STATUS_NOT_SAME_DEVICE
      return -EXDEV;
    case 0xc0000265:  // STATUS_TOO_MANY_LINKS
      return -EMLINK;
    case 0xc0000033:  // STATUS_OBJECT_NAME_INVALID
      return -EINVAL;
    default:
      return lkl::host::errno_of(RtlNtStatusToDosError(status));
  }
}

// What FileRenameInformation and FileLinkInformation want.
struct NewName {
  BOOLEAN replace;
  HANDLE directory;
  ULONG bytes;
  wchar_t name[1];
};

int name_anew(HANDLE file, HANDLE directory, const std::wstring& name, bool replace,
              FILE_INFORMATION_CLASS what) {
  const std::size_t bytes = name.size() * sizeof(wchar_t);
  std::vector<std::byte> buffer(sizeof(NewName) + bytes);
  auto* const to = reinterpret_cast<NewName*>(buffer.data());
  to->replace = replace;
  to->directory = directory;
  to->bytes = static_cast<ULONG>(bytes);
  std::memcpy(to->name, name.data(), bytes);
  IO_STATUS_BLOCK block;
  return error_of(NtSetInformationFile(file, &block, to, static_cast<ULONG>(buffer.size()), what));
}

}  // namespace

int nt_open(HANDLE directory, const std::wstring& name, const NtOpen& request, NtHandle& file) {
  constexpr std::size_t kLongest = 32767;  // a length in bytes has 16 bits
  if (name.size() > kLongest) return -ENAMETOOLONG;
  UNICODE_STRING text;
  text.Buffer = const_cast<wchar_t*>(name.c_str());
  text.Length = text.MaximumLength = static_cast<USHORT>(name.size() * sizeof(wchar_t));
  OBJECT_ATTRIBUTES attributes;
  InitializeObjectAttributes(&attributes, &text, OBJ_CASE_INSENSITIVE, directory, nullptr);
  IO_STATUS_BLOCK block;
  HANDLE opened = nullptr;
  const NTSTATUS status = NtCreateFile(
      &opened, request.access | SYNCHRONIZE, &attributes, &block, nullptr, FILE_ATTRIBUTE_NORMAL,
      kShareAll, request.how,
      request.options | FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT, nullptr, 0);
  if (status < 0) return error_of(status);
  file = NtHandle(opened);
  return 0;
}

int nt_open_path(const std::wstring& path, const NtOpen& request, NtHandle& file) {
  UNICODE_STRING name;
  if (!RtlDosPathNameToNtPathName_U(path.c_str(), &name, nullptr, nullptr)) return -ENOENT;
  const std::wstring text(name.Buffer, name.Length / sizeof(wchar_t));
  RtlFreeUnicodeString(&name);
  return nt_open(nullptr, text, request, file);
}

int nt_link(HANDLE file, HANDLE directory, const std::wstring& name) {
  return name_anew(file, directory, name, false, kLinkInformation);
}

int nt_rename(HANDLE file, HANDLE directory, const std::wstring& name) {
  return name_anew(file, directory, name, true, kRenameInformation);
}

int nt_delete(HANDLE file) {
  BOOLEAN yes = TRUE;
  IO_STATUS_BLOCK block;
  return error_of(NtSetInformationFile(file, &block, &yes, sizeof yes, kDispositionInformation));
}

std::wstring path_of(HANDLE file) {
  std::wstring path(32768, L'\0');
  path.resize(GetFinalPathNameByHandleW(file, path.data(), static_cast<DWORD>(path.size()), 0));
  return path;
}

bool read_link_text(HANDLE link, std::wstring& text) {
  // REPARSE_DATA_BUFFER, which only drivers' headers have.
  struct Header {
    ULONG tag;
    USHORT length, reserved;
    USHORT target_at, target_bytes, shown_at, shown_bytes;
  };
  alignas(Header) std::byte buffer[16 << 10];
  DWORD count = 0;
  if (!DeviceIoControl(link, FSCTL_GET_REPARSE_POINT, nullptr, 0, buffer, sizeof buffer, &count,
                       nullptr) ||
      count < sizeof(Header))
    return false;
  const auto* const header = reinterpret_cast<const Header*>(buffer);
  const bool symbolic = header->tag == static_cast<ULONG>(IO_REPARSE_TAG_SYMLINK);
  if (!symbolic && header->tag != static_cast<ULONG>(IO_REPARSE_TAG_MOUNT_POINT)) return false;
  // A symbolic link has flags before the names.
  const std::size_t begin = sizeof(Header) + (symbolic ? sizeof(ULONG) : 0) + header->shown_at;
  if (begin + header->shown_bytes > count) return false;
  text.resize(header->shown_bytes / sizeof(wchar_t));
  std::memcpy(text.data(), buffer + begin, text.size() * sizeof(wchar_t));
  std::replace(text.begin(), text.end(), L'\\', L'/');
  return true;
}

}  // namespace lkl::tool
