// SPDX-License-Identifier: GPL-2.0
#include "win32/stored_name.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/host_calls.h"
#include "host/win32/path.h"

namespace lkl::tool {

namespace {

constexpr wchar_t kArea = 0xf000;
constexpr std::string_view kForbidden = "\"*:<>?|\\";

wchar_t hidden(char byte) {
  return static_cast<wchar_t>(kArea + static_cast<unsigned char>(byte));
}

bool is_hidden(wchar_t unit) {
  return unit > kArea && unit <= kArea + 0xff;
}

// The character that begins here, and its length; 0 if none does. Halves of pairs of UTF-16 count
// as characters: names of Windows may have some.
std::size_t decode(std::string_view text, std::uint32_t& code) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xc2 ? 0
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf5 ? 4
                                            : 0;
  if (length == 0 || length > text.size()) return 0;
  code = length == 1 ? first : first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; i++) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  return code < kLeast[length] || code > 0x10ffff ? 0 : length;
}

void append_utf8(std::string& to, std::uint32_t code) {
  const auto more = [&](unsigned shift) { to += static_cast<char>(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) {
    to += static_cast<char>(code);
  } else if (code < 0x800) {
    to += static_cast<char>(0xc0 | code >> 6);
    more(0);
  } else if (code < 0x10000) {
    to += static_cast<char>(0xe0 | code >> 12);
    more(6), more(0);
  } else {
    to += static_cast<char>(0xf0 | code >> 18);
    more(12), more(6), more(0);
  }
}

// What comes before the first point decides: "aux.c" is a device, too.
bool is_device(std::string_view name) {
  std::string_view stem = name.substr(0, name.find('.'));
  while (stem.ends_with(' ')) stem.remove_suffix(1);
  std::string upper(stem);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  constexpr std::string_view kNames[] = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"};
  if (std::find(std::begin(kNames), std::end(kNames), upper) != std::end(kNames)) return true;
  if (!upper.starts_with("COM") && !upper.starts_with("LPT")) return false;
  const std::string_view number = std::string_view(upper).substr(3);
  return (number.size() == 1 && number[0] >= '0' && number[0] <= '9') || number == "\xc2\xb9" ||
         number == "\xc2\xb2" || number == "\xc2\xb3";
}

bool is_drive(std::string_view text) {
  return on_host::drive_length(text) == text.size() && !text.empty();
}

}  // namespace

std::wstring stored_name(std::string_view name) {
  std::wstring stored;
  const bool device = is_device(name);
  for (std::size_t at = 0; at < name.size();) {
    std::uint32_t code = 0;
    const std::size_t length = decode(name.substr(at), code);
    const bool last = at + length == name.size();
    const bool private_area = length == 3 && is_hidden(static_cast<wchar_t>(code));
    // Two halves that are written as two characters must not become one.
    const bool second_half = code >= 0xdc00 && code < 0xe000 && !stored.empty() &&
                             stored.back() >= 0xd800 && stored.back() < 0xdc00;
    if (length == 0 || private_area || second_half) {
      for (std::size_t i = 0; i < std::max<std::size_t>(length, 1); i++)
        stored += hidden(name[at + i]);
      at += std::max<std::size_t>(length, 1);
      continue;
    }
    const char c = name[at];
    if (length == 1 && (code < 0x20 || kForbidden.find(c) != std::string_view::npos ||
                        (device && at == 0) || (last && (c == '.' || c == ' ')))) {
      stored += hidden(c);
    } else if (code < 0x10000) {
      stored += static_cast<wchar_t>(code);
    } else {
      stored += static_cast<wchar_t>(0xd800 + ((code - 0x10000) >> 10));
      stored += static_cast<wchar_t>(0xdc00 + ((code - 0x10000) & 0x3ff));
    }
    at += length;
  }
  return stored;
}

std::string name_of_stored(std::wstring_view stored) {
  std::string name;
  for (std::size_t i = 0; i < stored.size(); i++) {
    const std::uint32_t unit = stored[i];
    if (is_hidden(stored[i])) {
      name += static_cast<char>(unit & 0xff);
    } else if (unit >= 0xd800 && unit < 0xdc00 && i + 1 < stored.size() &&
               stored[i + 1] >= 0xdc00 && stored[i + 1] < 0xe000) {
      append_utf8(name, 0x10000 + ((unit - 0xd800) << 10) + (stored[i + 1] - 0xdc00U));
      i++;
    } else {
      append_utf8(name, unit);
    }
  }
  return name;
}

std::wstring stored_path(std::string_view path) {
  std::wstring stored;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    const std::string_view name = path.substr(at, slash - at);
    if (at > 0) stored += L'\\';
    stored +=
        name == "." || name == ".." ? std::wstring(name.begin(), name.end()) : stored_name(name);
    at = slash + 1;
  }
  return stored;
}

std::wstring stored_host_path(std::string_view path) {
  std::size_t prefix = 0;
  // "//?/C:/x", "//./pipe", "//server/share/x"
  if (path.starts_with("//")) {
    prefix = std::min(path.find('/', 2), path.size());
    if (prefix < path.size()) prefix++;
  }
  const std::string_view drive = path.substr(prefix, path.find('/', prefix) - prefix);
  if (drive.size() >= 2 && is_drive(drive.substr(0, 2))) prefix += 2;
  std::wstring begin = lkl::host::wide(path.substr(0, prefix));
  std::replace(begin.begin(), begin.end(), L'/', L'\\');
  begin += stored_path(path.substr(prefix));
  return lkl::host::long_path(std::move(begin));
}

}  // namespace lkl::tool
