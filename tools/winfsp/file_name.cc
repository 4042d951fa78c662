// SPDX-License-Identifier: GPL-2.0
#include "winfsp/file_name.h"

#include <algorithm>

#include "win32/stored_name.h"
#include "winfsp/nt_status.h"

namespace lkl::winfsp {

namespace {

bool is_separator(wchar_t c) {
  return c == L'\\' || c == L'/';
}

wchar_t folded(wchar_t c) {
  if (c == L'/') return L'\\';
  return c >= L'A' && c <= L'Z' ? static_cast<wchar_t>(c + (L'a' - L'A')) : c;
}

// Whether `path` is that place, or below it.
bool is_within(std::wstring_view path, std::wstring_view place) {
  if (place.empty() || path.size() < place.size()) return false;
  return std::equal(place.begin(), place.end(), path.begin(),
                    [](wchar_t a, wchar_t b) { return folded(a) == folded(b); }) &&
         (path.size() == place.size() || is_separator(path[place.size()]));
}

}  // namespace

std::string component_of(std::wstring_view component) {
  std::string name = tool::name_of_stored(component);
  // Characters of the private area mean any byte, which must not become a way around; and a file
  // that had two names would be two to Windows.
  if (name.empty() || name == "." || name == ".." ||
      name.find_first_of(std::string_view("/\0", 2)) != std::string::npos ||
      tool::stored_name(name) != component)
    throw StatusError{STATUS_OBJECT_NAME_INVALID};
  return name;
}

std::string path_of(std::wstring_view name) {
  std::string path;
  while (!name.empty()) {
    if (name.front() == L'\\') {
      name.remove_prefix(1);
      continue;
    }
    const std::wstring_view one = name.substr(0, name.find(L'\\'));
    if (!path.empty()) path += '/';
    path += component_of(one);
    name.remove_prefix(one.size());
  }
  return path;
}

SplitPath split(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

std::wstring target_for_windows(const std::string& path, std::string_view text) {
  std::wstring target;
  if (text.starts_with('/'))
    for (const char c : path)
      if (c == '/') target += L"..\\";
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find('/'));
    if (!one.empty()) {
      if (!target.empty() && target.back() != L'\\') target += L'\\';
      target +=
          one == "." || one == ".." ? std::wstring(one.begin(), one.end()) : tool::stored_name(one);
    }
    text.remove_prefix(std::min(one.size() + 1, text.size()));
  }
  if (target.empty()) return L".";
  if (target.size() > 1 && target.back() == L'\\') target.pop_back();
  return target;
}

std::string target_for_linux(std::wstring_view target, bool relative,
                             std::wstring_view mount_point) {
  std::string text;
  if (relative) {
    // "\x" is relative to Windows, too: to the drive.
    if (!target.empty() && is_separator(target.front())) text = "/";
  } else {
    for (const std::wstring_view prefix : {L"\\??\\", L"\\\\?\\"})
      if (target.starts_with(prefix)) target.remove_prefix(prefix.size());
    if (!is_within(target, mount_point)) throw StatusError{STATUS_NOT_SUPPORTED};
    target.remove_prefix(mount_point.size());
    text = "/";
  }
  while (!target.empty()) {
    std::size_t length = 0;
    while (length < target.size() && !is_separator(target[length])) length++;
    const std::wstring_view one = target.substr(0, length);
    if (!one.empty()) {
      if (!text.empty() && text.back() != '/') text += '/';
      text += one == L"." || one == L".." ? std::string(one.begin(), one.end()) : component_of(one);
    }
    target.remove_prefix(std::min(length + 1, target.size()));
  }
  if (text.empty()) throw StatusError{STATUS_IO_REPARSE_DATA_INVALID};
  return text;
}

}  // namespace lkl::winfsp
