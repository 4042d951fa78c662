// SPDX-License-Identifier: GPL-2.0
#include "base/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/format.h"
#include "base/host_calls.h"
#include "base/terminal.h"

namespace lkl::tool {

namespace {

using Clock = std::chrono::steady_clock;

// Often enough to look alive, rarely enough to cost nothing. Short copies show no line at all.
constexpr auto kInterval = std::chrono::milliseconds(100);
constexpr auto kPatience = std::chrono::milliseconds(300);

std::size_t terminal_width() {
  return on_host::terminal_width(STDERR_FILENO).value_or(80);
}

}  // namespace

Progress::Progress(bool quiet)
    : shown_(!quiet && on_host::is_terminal(STDERR_FILENO)),
      start_(Clock::now()),
      next_draw_(start_ + kPatience) {}

void Progress::add_bytes(std::uint64_t bytes) {
  bytes_ += bytes;
  if (!shown_) return;
  const auto now = Clock::now();
  if (now < next_draw_) return;
  next_draw_ = now + kInterval;
  draw();
}

void Progress::draw() {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const auto rate = static_cast<std::uint64_t>(static_cast<double>(bytes_) / seconds);
  std::string line;
  if (total_ && *total_ > 0) {
    constexpr std::size_t kBar = 20;
    const double part = std::min(1.0, static_cast<double>(bytes_) / static_cast<double>(*total_));
    const auto filled = static_cast<std::size_t>(part * kBar);
    line = fmt::format("[{}{}] {:3.0f}% {}/{}", std::string(filled, '#'),
                       std::string(kBar - filled, ' '), part * 100, human_size(bytes_),
                       human_size(*total_));
  } else {
    line = fmt::format("{} files, {}", files_, human_size(bytes_));
  }
  line += fmt::format("  {}/s  {}", human_size(rate), printable(subject_, true));
  const std::size_t width = terminal_width() - 1;
  if (line.size() > width) line.resize(width);
  write_to_terminal("\r\x1b[K" + line);
  on_screen_ = true;
}

void Progress::clear() {
  if (!std::exchange(on_screen_, false)) return;
  write_to_terminal("\r\x1b[K");
}

}  // namespace lkl::tool
