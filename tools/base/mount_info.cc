// SPDX-License-Identifier: GPL-2.0
#include "base/mount_info.h"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace lkl::tool {

namespace {

std::string_view take_until(std::string_view& text, char end) {
  const std::string_view taken = text.substr(0, text.find(end));
  text.remove_prefix(std::min(taken.size() + 1, text.size()));
  return taken;
}

// Spaces, ends of lines, '#' and backslashes of names are written in octal: "\040".
std::string unescaped(std::string_view text) {
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  constexpr std::size_t kDigits = 3;
  std::string plain;
  while (!text.empty()) {
    const std::string_view digits = text.substr(1, kDigits);
    if (text[0] == '\\' && digits.size() == kDigits &&
        std::all_of(digits.begin(), digits.end(), is_octal)) {
      plain +=
          static_cast<char>((digits[0] - '0') * 64 + (digits[1] - '0') * 8 + (digits[2] - '0'));
      text.remove_prefix(1 + kDigits);
    } else {
      plain += text[0];
      text.remove_prefix(1);
    }
  }
  return plain;
}

}  // namespace

// A line, see proc_pid_mountinfo(5): "ID PARENT DEVICE ROOT POINT OPTIONS [TAG...] - TYPE SOURCE
// OPTIONS". A source may be empty, so each space counts.
std::vector<MountInfo> parse_mount_info(std::string_view text) {
  std::vector<MountInfo> mounts;
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    const std::size_t bar = line.find(" - ");
    if (bar == std::string_view::npos) continue;
    std::string_view rest = line.substr(bar + 3);
    line = line.substr(0, bar);
    take_until(line, ' ');
    take_until(line, ' ');
    MountInfo& mount = mounts.emplace_back();
    mount.device = take_until(line, ' ');
    mount.root = unescaped(take_until(line, ' '));
    mount.point = unescaped(take_until(line, ' '));
    mount.type = unescaped(take_until(rest, ' '));
    mount.source = unescaped(take_until(rest, ' '));
    mount.options = rest;
  }
  return mounts;
}

std::vector<MountInfo> host_mounts() {
  std::ifstream file("/proc/self/mountinfo");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return parse_mount_info(text);
}

}  // namespace lkl::tool
