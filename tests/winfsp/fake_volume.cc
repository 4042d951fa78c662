// SPDX-License-Identifier: GPL-2.0
#include "winfsp/fake_volume.h"

#include <algorithm>
#include <cstring>

namespace lkl_fake_winfsp {

namespace {

// Of NtCreateFile().
enum : ULONG { kSupersede, kOpen, kCreate, kOpenIf, kOverwrite, kOverwriteIf };
enum : ULONG { kSuperseded, kOpened, kCreated, kOverwritten };
constexpr ULONG kDirectoryFile = 0x1, kNonDirectoryFile = 0x40, kDeleteOnClose = 0x1000,
                kOpenReparsePoint = 0x200000;
constexpr ULONG kWriting = FILE_WRITE_DATA | FILE_APPEND_DATA;

// Windows hands over names that end with 0 and may be written to.
wchar_t* text(std::wstring& name) {
  return name.data();
}

std::wstring parent_of(const std::wstring& name) {
  const std::size_t slash = name.rfind(L'\\');
  return slash == 0 || slash == std::wstring::npos ? L"\\" : name.substr(0, slash);
}

struct Link {
  ULONG tag;
  USHORT bytes, reserved, target_at, target_bytes, shown_at, shown_bytes;
  ULONG flags;
};

// "\a\..\b" is "\b".
std::wstring without_dots(const std::wstring& name) {
  std::vector<std::wstring> parts;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t end = std::min(name.find(L'\\', at), name.size());
    const std::wstring part = name.substr(at, end - at);
    if (part == L"..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != L".") {
      parts.push_back(part);
    }
    at = end + 1;
  }
  std::wstring path;
  for (const std::wstring& part : parts) path += L"\\" + part;
  return path.empty() ? L"\\" : path;
}

}  // namespace

NtStatus resolve(Volume* volume, lkl::winfsp::GetReparsePointByName get, void* context,
                 const wchar_t* name, bool last, IO_STATUS_BLOCK* status, void* buffer,
                 std::size_t* size) {
  std::wstring path = name;
  constexpr int kMost = 32;
  for (int links = 0;;) {
    bool found = false;
    for (std::size_t at = 1; at <= path.size() && !found;) {
      const std::size_t end = std::min(path.find(L'\\', at), path.size());
      const bool is_last = end == path.size();
      at = end + 1;
      if (is_last && !last) break;
      std::wstring prefix = path.substr(0, end);
      alignas(Link) std::byte data[16 << 10];
      std::size_t length = sizeof data;
      const NtStatus result = get(volume, context, text(prefix), !is_last, data, &length);
      if (result == STATUS_NOT_A_REPARSE_POINT) continue;
      if (result == STATUS_OBJECT_NAME_NOT_FOUND) {
        if (is_last) break;
        return STATUS_OBJECT_PATH_NOT_FOUND;
      }
      if (result < 0) return result;
      if (++links > kMost) return STATUS_REPARSE_POINT_NOT_RESOLVED;
      const auto link = reinterpret_cast<const Link*>(data);
      if (link->tag != static_cast<ULONG>(IO_REPARSE_TAG_SYMLINK) || !(link->flags & 1))
        return STATUS_REPARSE_POINT_NOT_RESOLVED;
      const std::wstring target(
          reinterpret_cast<const wchar_t*>(data + sizeof(Link) + link->target_at),
          link->target_bytes / sizeof(wchar_t));
      path = without_dots(parent_of(prefix) + L"\\" + target + path.substr(end));
      found = true;
    }
    if (!found) break;
  }
  const std::size_t bytes = path.size() * sizeof(wchar_t);
  if (bytes > *size) return STATUS_BUFFER_OVERFLOW;
  std::memcpy(buffer, path.data(), bytes);
  *size = bytes;
  status->Status = STATUS_REPARSE;
  status->Information = 0;  // IO_REPARSE
  return STATUS_REPARSE;
}

NtStatus Driver::look_up(const std::wstring& name, std::uint32_t& attributes,
                         std::vector<std::byte>& descriptor) {
  std::wstring copy = name;
  attributes = 0;
  for (descriptor.resize(16);;) {
    std::size_t size = descriptor.size();
    const NtStatus status = operations().get_security_by_name(&volume_, text(copy), &attributes,
                                                              descriptor.data(), &size);
    if (status != STATUS_BUFFER_OVERFLOW) return status;
    descriptor.resize(size);
  }
}

NtStatus Driver::create(const Request& request, void** context, FileInfo& info) {
  std::uint32_t attributes = 0;
  std::vector<std::byte> descriptor;
  const NtStatus parent = look_up(parent_of(request.name), attributes, descriptor);
  if (parent == STATUS_REPARSE) return parent;
  if (parent == STATUS_OBJECT_NAME_NOT_FOUND) return STATUS_OBJECT_PATH_NOT_FOUND;
  if (parent < 0) return parent;
  if (attributes & FILE_ATTRIBUTE_REPARSE_POINT) return STATUS_REPARSE;
  if (!(attributes & FILE_ATTRIBUTE_DIRECTORY)) return STATUS_NOT_A_DIRECTORY;
  if (volume_.parameters.flags & lkl::winfsp::kReadOnlyVolume) return STATUS_MEDIA_WRITE_PROTECTED;
  std::wstring name = request.name;
  return operations().create(&volume_, text(name), request.options, request.access,
                             request.attributes, descriptor.data(), request.allocation, context,
                             &info);
}

NtStatus Driver::open_once(const Request& request, void** context, ULONG& information,
                           FileInfo& info) {
  information = kCreated;
  if (request.disposition == kCreate) return create(request, context, info);
  std::uint32_t attributes = 0;
  std::vector<std::byte> descriptor;
  const NtStatus there = look_up(request.name, attributes, descriptor);
  const bool makes = request.disposition != kOpen && request.disposition != kOverwrite;
  if (there == STATUS_OBJECT_NAME_NOT_FOUND && makes) return create(request, context, info);
  if (there < 0 || there == STATUS_REPARSE) return there;
  const bool link = attributes & FILE_ATTRIBUTE_REPARSE_POINT;
  if (link && !(request.options & kOpenReparsePoint)) return STATUS_REPARSE;
  const bool directory = attributes & FILE_ATTRIBUTE_DIRECTORY;
  if (!link && request.options & kDirectoryFile && !directory) return STATUS_NOT_A_DIRECTORY;
  if (!link && request.options & kNonDirectoryFile && directory) return STATUS_FILE_IS_A_DIRECTORY;
  const bool overwrites = request.disposition != kOpen && request.disposition != kOpenIf;
  const ULONG access = request.access | (overwrites ? ULONG{FILE_WRITE_DATA} : 0);
  if (access & (kWriting | DELETE)) {
    if (volume_.parameters.flags & lkl::winfsp::kReadOnlyVolume)
      return STATUS_MEDIA_WRITE_PROTECTED;
    if (access & kWriting && attributes & FILE_ATTRIBUTE_READONLY) return STATUS_ACCESS_DENIED;
  }
  std::wstring name = request.name;
  NtStatus status =
      operations().open(&volume_, text(name), request.options, request.access, context, &info);
  information = kOpened;
  if (status < 0 || !overwrites) return status;
  const bool replaces = request.disposition == kSupersede;
  status = operations().overwrite(&volume_, *context, request.attributes, replaces,
                                  request.allocation, &info);
  information = replaces ? kSuperseded : kOverwritten;
  if (status >= 0) return status;
  operations().cleanup(&volume_, *context, nullptr, 0);
  operations().close(&volume_, *context);
  return status;
}

NtStatus Driver::open(Request request, unsigned& handle, ULONG& information, FileInfo& info) {
  constexpr int kMost = 32;
  for (int i = 0; i < kMost; i++) {
    void* context = nullptr;
    const NtStatus status = open_once(request, &context, information, info);
    if (status < 0) return status;
    if (status == STATUS_REPARSE) {
      std::vector<wchar_t> resolved(16 << 10);
      std::size_t size = resolved.size() * sizeof(wchar_t);
      IO_STATUS_BLOCK block = {};
      std::wstring name = request.name;
      const NtStatus end = operations().resolve_reparse_points(
          &volume_, text(name), 0, !(request.options & kOpenReparsePoint), &block, resolved.data(),
          &size);
      if (end != STATUS_REPARSE) return end < 0 ? end : STATUS_REPARSE_POINT_NOT_RESOLVED;
      request.name.assign(resolved.data(), size / sizeof(wchar_t));
      continue;
    }
    const std::lock_guard lock(volume_.mutex);
    handle = volume_.next++;
    volume_.handles[handle] = {context, request.name, (request.options & kDeleteOnClose) != 0};
    return status;
  }
  return STATUS_REPARSE_POINT_NOT_RESOLVED;
}

Handle Driver::get(unsigned handle) {
  const std::lock_guard lock(volume_.mutex);
  return volume_.handles.at(handle);
}

void Driver::cleanup(unsigned handle) {
  Handle one = get(handle);
  if (one.cleaned) return;
  operations().cleanup(&volume_, one.context, one.remove ? text(one.name) : nullptr,
                       one.remove ? ULONG{lkl::winfsp::kCleanupDelete} : 0);
  const std::lock_guard lock(volume_.mutex);
  volume_.handles[handle].cleaned = true;
}

void Driver::close(unsigned handle) {
  cleanup(handle);
  operations().close(&volume_, get(handle).context);
  const std::lock_guard lock(volume_.mutex);
  volume_.handles.erase(handle);
}

NtStatus Driver::set_delete(unsigned handle, bool yes) {
  Handle one = get(handle);
  const NtStatus status = operations().set_delete(&volume_, one.context, text(one.name), yes);
  const std::lock_guard lock(volume_.mutex);
  if (status >= 0) volume_.handles[handle].remove = yes;
  return status;
}

NtStatus Driver::rename(unsigned handle, const std::wstring& name, bool replace) {
  Handle one = get(handle);
  std::wstring to = name;
  const NtStatus status =
      operations().rename(&volume_, one.context, text(one.name), text(to), replace);
  if (status < 0) return status;
  const std::lock_guard lock(volume_.mutex);
  for (auto& [number, other] : volume_.handles) {
    if (other.name == one.name)
      other.name = name;
    else if (other.name.starts_with(one.name + L"\\"))
      other.name = name + other.name.substr(one.name.size());
  }
  return status;
}

}  // namespace lkl_fake_winfsp
