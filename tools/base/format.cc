// SPDX-License-Identifier: GPL-2.0
#include "base/format.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

#include "base/error.h"
#include "base/host_calls.h"
#include "base/terminal.h"

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
  struct tm local = {};
  if (!on_host::local_date(time.seconds, local)) return fmt::format("@{}", time.seconds);
  char text[64];
  const std::size_t length = strftime(text, sizeof(text), pattern, &local);
  return std::string(text, length);
}

// "+0200". The C library of some hosts would give the name.
std::string zone_of(const Timestamp& time) {
  struct tm local = {};
  if (!on_host::local_date(time.seconds, local)) return {};
  const std::int64_t minutes = (on_host::seconds_of_utc(local) - time.seconds) / 60;
  const std::int64_t distance = minutes < 0 ? -minutes : minutes;
  return fmt::format("{}{:02}{:02}", minutes < 0 ? '-' : '+', distance / 60, distance % 60);
}

}  // namespace

std::string short_time(const Timestamp& time) {
  return format_time(time, "%Y-%m-%d %H:%M");
}

std::string full_time(const Timestamp& time) {
  return fmt::format("{}.{:09} {}", format_time(time, "%Y-%m-%d %H:%M:%S"), time.nanoseconds,
                     zone_of(time));
}

namespace {

// Takes what it reads off the front of a text; what does not fit makes it bad.
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : text_(text) {}

  bool good() const { return good_; }
  bool done() const { return text_.empty(); }
  bool take(std::string_view any_of) {
    if (text_.empty() || any_of.find(text_[0]) == any_of.npos) return false;
    text_.remove_prefix(1);
    return true;
  }
  void want(std::string_view any_of) { good_ = take(any_of) && good_; }
  int digits(std::size_t count) {
    int value = 0;
    for (std::size_t i = 0; i < count; i++) {
      if (text_.empty() || text_[0] < '0' || text_[0] > '9') {
        good_ = false;
        return 0;
      }
      value = value * 10 + (text_[0] - '0');
      text_.remove_prefix(1);
    }
    return value;
  }
  std::int64_t number() {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
    if (error != std::errc()) good_ = false;
    text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    return value;
  }
  // ".5"; digits beyond nanoseconds are dropped.
  std::uint32_t fraction() {
    if (!take(".,")) return 0;
    std::uint32_t value = 0, unit = 100'000'000;
    if (done()) good_ = false;
    while (!done() && text_[0] >= '0' && text_[0] <= '9') {
      value += unit * static_cast<std::uint32_t>(digits(1));
      unit /= 10;
    }
    return value;
  }

 private:
  std::string_view text_;
  bool good_ = true;
};

// The rest of a time behind its seconds: the zone.
std::int64_t with_zone(TimeReader& reader, struct tm broken_down) {
  struct tm local = broken_down;
  if (reader.done()) return mktime(&local);
  const std::int64_t utc = on_host::seconds_of_utc(broken_down);
  if (reader.take("Zz")) return utc;
  const bool west = reader.take("-");
  if (!west) reader.want("+");
  const int hours = reader.digits(2);
  reader.take(":");
  const int offset = hours * 3600 + (reader.done() ? 0 : reader.digits(2) * 60);
  return utc - (west ? -offset : offset);
}

}  // namespace

Timestamp parse_time(const std::string& text, std::string_view what) {
  TimeReader reader(text);
  Timestamp time;
  bool valid = true;
  if (reader.take("@")) {
    time.seconds = reader.number();
    time.nanoseconds = reader.fraction();
    // "-1.5" is half a second before -1.
    if (text.starts_with("@-") && time.nanoseconds != 0) {
      time.seconds--;
      time.nanoseconds = 1'000'000'000 - time.nanoseconds;
    }
  } else {
    struct tm broken_down = {};
    broken_down.tm_isdst = -1;
    const int year = reader.digits(4);
    reader.want("-");
    const int month = reader.digits(2);
    reader.want("-");
    const int day = reader.digits(2);
    broken_down.tm_year = year - 1900;
    broken_down.tm_mon = month - 1;
    broken_down.tm_mday = day;
    if (!reader.done()) {
      reader.want("T ");
      broken_down.tm_hour = reader.digits(2);
      reader.want(":");
      broken_down.tm_min = reader.digits(2);
      if (reader.take(":")) {
        broken_down.tm_sec = reader.digits(2);
        time.nanoseconds = reader.fraction();
      }
      reader.take(" ");
    }
    const std::chrono::year_month_day date(std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day)));
    valid = date.ok() && broken_down.tm_hour < 24 && broken_down.tm_min < 60 &&
            broken_down.tm_sec <= 60;
    time.seconds = with_zone(reader, broken_down);
  }
  if (!reader.good() || !reader.done() || !valid)
    throw UsageFailure(fmt::format(
        "{}: '{}' is not a time; write 2024-05-01, 2024-05-01T13:45:30Z or @SECONDS", what, text));
  return time;
}

std::string printable(std::string_view name, bool to_terminal) {
  return to_terminal ? without_controls(name) : std::string(name);
}

}  // namespace lkl::tool
