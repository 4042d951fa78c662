// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/masked_output.h"
#include "base/terminal.h"

namespace lkl::tool {

namespace {

// For fopencookie(3), where 0 is an error.
ssize_t write_to(void* output, const char* text, std::size_t size) {
  return static_cast<MaskedOutput*>(output)->write({text, size}) ? static_cast<ssize_t>(size) : 0;
}

void protect(FILE*& stream, MaskedOutput& output, int fd, int buffering) {
  if (::isatty(fd) == 0) return;
  FILE* const masked = ::fopencookie(&output, "w", {nullptr, write_to, nullptr, nullptr});
  if (masked == nullptr) return;
  ::setvbuf(masked, nullptr, buffering, BUFSIZ);
  // glibc lets them be replaced.
  stream = masked;
}

}  // namespace

void protect_terminal() {
  static MaskedOutput out(STDOUT_FILENO), error(STDERR_FILENO);
  protect(stdout, out, STDOUT_FILENO, _IOLBF);
  protect(stderr, error, STDERR_FILENO, _IOLBF);
  ::atexit([] {
    ::fflush(stdout);
    ::fflush(stderr);
    out.end();
    error.end();
  });
}

void write_to_terminal(std::string_view text) {
  ::fflush(stderr);
  write_all(STDERR_FILENO, text);
}

}  // namespace lkl::tool
