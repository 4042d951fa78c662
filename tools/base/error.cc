// SPDX-License-Identifier: GPL-2.0
#include "base/error.h"

#include <fmt/format.h>
#include <stdio.h>

#include "base/terminal.h"

namespace lkl::tool {

void print_error(std::string_view text) {
  // Where nobody can be told, the exit code tells it.
  const std::string clean = without_controls(text, "\n");
  (void)!fwrite(clean.data(), 1, clean.size(), stderr);
  fflush(stderr);
}

std::string describe(const std::error_code& error) {
  // What file systems mean by it; the general text speaks of messages.
  if (error == std::errc::bad_message) return "a checksum on the disk does not match";
  return error.message();
}

void Diagnostics::error(std::string_view message) {
  if (!failed_) first_error_ = message;
  failed_ = true;
  print(message);
}

void Diagnostics::error(std::string_view subject, const std::error_code& code) {
  error(fmt::format("{}: {}", subject, describe(code)));
}

void Diagnostics::warning(std::string_view message) {
  if (!quiet_) print(fmt::format("warning: {}", message));
}

void Diagnostics::print(std::string_view message) {
  if (before_print_) before_print_();
  // Whatever was written to standard output so far belongs before the message.
  fflush(stdout);
  print_error(fmt::format("{}: {}\n", name_, message));
}

}  // namespace lkl::tool
