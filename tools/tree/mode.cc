// SPDX-License-Identifier: GPL-2.0
#include "tree/mode.h"

#include <fmt/format.h>
#include <lkl_file.hpp>

#include <charconv>

#include "base/error.h"

namespace lkl::tool {

namespace {

constexpr std::uint32_t kUser = 04700, kGroup = 02070, kOther = 01007;
// An image has no umask of its own; this one is usual.
constexpr std::uint32_t kUmask = 022;

std::uint32_t who_bits(char letter) {
  switch (letter) {
    case 'u':
      return kUser;
    case 'g':
      return kGroup;
    case 'o':
      return kOther;
    default:
      return 07777;
  }
}

std::uint32_t permission_bits(char letter) {
  switch (letter) {
    case 'r':
      return 0444;
    case 'w':
      return 0222;
    case 'x':
      return 0111;
    case 's':
      return 06000;
    case 't':
      return 01000;
    default:
      return 0;
  }
}

// The three bits one class has, given to all three.
std::uint32_t copied(std::uint32_t mode, unsigned from) {
  const std::uint32_t bits = from == 'u' ? mode >> 6 : from == 'g' ? mode >> 3 : mode;
  return (bits & 7) * 0111;
}

}  // namespace

ModeChange::ModeChange(std::string_view text) {
  const auto wrong = [&] {
    return UsageFailure(fmt::format("'{}' is not a mode; write 755, or u+rwx,go-w", text));
  };
  if (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    std::uint32_t mode = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
    if (error != std::errc() || end != text.data() + text.size() || mode > 07777) throw wrong();
    steps_.push_back({07777, '=', mode, false, 0});
    return;
  }
  for (std::size_t at = 0;;) {
    std::uint32_t who = 0;
    for (; at < text.size() && std::string_view("ugoa").find(text[at]) != text.npos; at++)
      who |= who_bits(text[at]);
    const std::size_t first_operation = at;
    while (at < text.size() && std::string_view("+-=").find(text[at]) != text.npos) {
      Step step;
      step.operation = text[at++];
      step.who = who != 0 ? who : 07777 & ~kUmask;
      if (at < text.size() && std::string_view("ugo").find(text[at]) != text.npos) {
        step.copy_from = static_cast<unsigned char>(text[at++]);
      } else {
        for (; at < text.size() && std::string_view("rwxXst").find(text[at]) != text.npos; at++) {
          step.bits |= permission_bits(text[at]);
          step.execute_if_any |= text[at] == 'X';
        }
      }
      // "=" takes away from all, whatever the umask leaves to be given.
      if (who == 0 && step.operation == '=') steps_.push_back({07777, '=', 0, false, 0});
      steps_.push_back(step);
    }
    if (at == first_operation) throw wrong();
    if (at == text.size()) return;
    if (text[at++] != ',') throw wrong();
  }
}

std::uint32_t ModeChange::apply(std::uint32_t mode) const {
  const bool directory = (mode & LKL_S_IFMT) == LKL_S_IFDIR;
  mode &= 07777;
  for (const Step& step : steps_) {
    std::uint32_t bits = step.bits;
    if (step.copy_from != 0) bits |= copied(mode, step.copy_from);
    if (step.execute_if_any && (directory || (mode & 0111) != 0)) bits |= 0111;
    bits &= step.who;
    if (step.operation == '+')
      mode |= bits;
    else if (step.operation == '-')
      mode &= ~bits;
    else
      mode = (mode & ~step.who) | bits;
  }
  return mode;
}

}  // namespace lkl::tool
