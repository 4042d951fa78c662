// SPDX-License-Identifier: GPL-2.0
// Which of some known words was meant by one that is not known.
#pragma once

#include <span>
#include <string_view>

namespace lkl::host {

// The one with the fewest changes of a letter; empty if none is near enough to be meant.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

}  // namespace lkl::host
