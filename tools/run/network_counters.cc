// SPDX-License-Identifier: GPL-2.0
#include "run/network_counters.h"

#include <lkl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace lkl::tool::served {

namespace {

std::optional<std::uint64_t> number(const std::string& word) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

std::string read_file(const std::string& path) {
  std::string text;
  const auto fd = static_cast<int>(lkl_sys_open(path.c_str(), LKL_O_RDONLY | LKL_O_CLOEXEC, 0));
  if (fd < 0) return text;
  std::array<char, 4096> part;
  lkl_long count;
  while ((count = lkl_sys_read(static_cast<unsigned>(fd), part.data(), part.size())) > 0)
    text.append(part.data(), static_cast<std::size_t>(count));
  lkl_sys_close(static_cast<unsigned>(fd));
  return text;
}

}  // namespace

std::uint64_t number_in(std::string_view text, std::string_view line, std::string_view name) {
  std::istringstream lines{std::string(text)};
  std::optional<std::size_t> place;
  for (std::string one; std::getline(lines, one);) {
    std::istringstream words(one);
    const std::vector<std::string> all{std::istream_iterator<std::string>(words), {}};
    if (all.empty() || all.front() != line) continue;
    if (place && *place < all.size()) return number(all[*place]).value_or(0);
    const auto found = std::ranges::find(all, name);
    if (found == all.end()) continue;
    if (found + 1 != all.end())
      if (const auto value = number(found[1])) return *value;
    place = static_cast<std::size_t>(found - all.begin());
  }
  return 0;
}

std::uint64_t number_of_network(std::string_view file, std::string_view line,
                                std::string_view name) {
  return number_in(read_file("/proc/thread-self/net/" + std::string(file)), line, name);
}

}  // namespace lkl::tool::served
