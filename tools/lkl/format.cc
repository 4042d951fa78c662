// SPDX-License-Identifier: GPL-2.0
#include "format.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "error.h"

namespace lkl::tool {

std::string human_size(std::uint64_t bytes) {
  static constexpr std::string_view kUnits = "KMGTPE";
  if (bytes < 1024) return fmt::format("{}", bytes);
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (value /= 1024; value >= 1023.5 && unit + 1 < kUnits.size(); unit++) value /= 1024;
  // Rounded up, as df does: a full disk must not look as if there were room.
  const double tenths = std::ceil(value * 10) / 10;
  return tenths < 10 ? fmt::format("{:.1f}{}", tenths, kUnits[unit])
                     : fmt::format("{:.0f}{}", std::ceil(value), kUnits[unit]);
}

std::uint64_t parse_size(std::string_view text, std::string_view what) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (suffix.ends_with("iB")) suffix.remove_suffix(2);
  unsigned shift = 0;
  if (!suffix.empty()) {
    static constexpr std::string_view kUnits = "KMGT";
    const std::size_t at = kUnits.find(static_cast<char>(suffix[0] & ~0x20));
    shift = at == std::string_view::npos ? 0 : static_cast<unsigned>(10 * (at + 1));
  }
  if (error != std::errc() || suffix.size() > 1 || (suffix.size() == 1 && shift == 0) ||
      value > (UINT64_MAX >> shift))
    throw UsageFailure(
        fmt::format("{}: '{}' is not a size; write a number with K, M or G: 256M", what, text));
  return value << shift;
}

std::string_view type_name(std::uint32_t mode) {
  switch (mode & LKL_S_IFMT) {
    case LKL_S_IFREG:
      return "regular file";
    case LKL_S_IFDIR:
      return "directory";
    case LKL_S_IFLNK:
      return "symbolic link";
    case LKL_S_IFCHR:
      return "character device";
    case LKL_S_IFBLK:
      return "block device";
    case LKL_S_IFIFO:
      return "fifo";
    case LKL_S_IFSOCK:
      return "socket";
    default:
      return "unknown";
  }
}

std::string mode_string(std::uint32_t mode) {
  std::string text(10, '-');
  switch (mode & LKL_S_IFMT) {
    case LKL_S_IFDIR:
      text[0] = 'd';
      break;
    case LKL_S_IFLNK:
      text[0] = 'l';
      break;
    case LKL_S_IFCHR:
      text[0] = 'c';
      break;
    case LKL_S_IFBLK:
      text[0] = 'b';
      break;
    case LKL_S_IFIFO:
      text[0] = 'p';
      break;
    case LKL_S_IFSOCK:
      text[0] = 's';
      break;
    default:
      break;
  }
  for (unsigned bit = 0; bit < 9; bit++)
    if (mode & (0400U >> bit)) text[1 + bit] = "rwx"[bit % 3];
  const auto special = [&](std::uint32_t flag, std::size_t at, char with_x, char without_x) {
    if (mode & flag) text[at] = text[at] == 'x' ? with_x : without_x;
  };
  special(04000, 3, 's', 'S');
  special(02000, 6, 's', 'S');
  special(01000, 9, 't', 'T');
  return text;
}

namespace {

std::string format_time(const Timestamp& time, const char* pattern) {
  const time_t seconds = time.seconds;
  struct tm local = {};
  if (localtime_r(&seconds, &local) == nullptr) return fmt::format("@{}", time.seconds);
  char text[64];
  const std::size_t length = strftime(text, sizeof(text), pattern, &local);
  return std::string(text, length);
}

}  // namespace

std::string short_time(const Timestamp& time) {
  return format_time(time, "%Y-%m-%d %H:%M");
}

std::string full_time(const Timestamp& time) {
  return fmt::format("{}.{:09} {}", format_time(time, "%Y-%m-%d %H:%M:%S"), time.nanoseconds,
                     format_time(time, "%z"));
}

std::string printable(std::string_view name, bool to_terminal) {
  std::string text(name);
  if (to_terminal)
    std::replace_if(
        text.begin(), text.end(),
        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return text;
}

}  // namespace lkl::tool
