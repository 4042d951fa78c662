// SPDX-License-Identifier: GPL-2.0
// What a switch may be called: hosts make names of their own of it.
#pragma once

#include <algorithm>
#include <cerrno>
#include <functional>
#include <string>
#include <string_view>

namespace lkl::host {

// 0 or -EINVAL, and said.
inline int check_switch_name(std::string_view name,
                             const std::function<void(std::string_view)>& say) {
  constexpr size_t kLongest = 32;
  const auto usual = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  if (!name.empty() && name.size() <= kLongest && name.front() != '.' &&
      std::ranges::all_of(name, usual))
    return 0;
  say("\"" + std::string(name) + "\" is no name of a switch: 1 to " + std::to_string(kLongest) +
      " letters, digits, \"-\", \"_\" and \".\", not \".\" first");
  return -EINVAL;
}

}  // namespace lkl::host
