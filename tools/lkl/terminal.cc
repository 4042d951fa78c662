// SPDX-License-Identifier: GPL-2.0
#include "terminal.h"

#include <errno.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>

namespace lkl::tool {

namespace {

constexpr std::string_view kLayout("\n\t\0", 3);

// Length of the UTF-8 character at the beginning, 0 if it is none.
std::size_t utf8_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xc2 ? 0
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf5 ? 4
                                            : 0;
  if (length > text.size()) return 0;
  const auto goes_on = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
  return std::all_of(text.begin() + 1, text.begin() + std::max<std::size_t>(length, 1), goes_on)
             ? length
             : 0;
}

bool is_control(std::string_view character) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(character[at]); };
  if (character.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7f;
  return byte(0) == 0xc2 && byte(1) < 0xa0;
}

// A stream whose text goes on to the descriptor.
ssize_t write_masked(void* cookie, const char* text, std::size_t size) {
  const int fd = *static_cast<const int*>(cookie);
  char piece[1024];
  for (std::size_t done = 0; done < size;) {
    std::size_t length = std::min(size - done, sizeof(piece));
    // No character is cut, if there is one.
    const std::size_t whole = length;
    while (done + length < size && length > 0 && (text[done + length] & 0xc0) == 0x80) length--;
    if (length == 0) length = whole;
    std::copy_n(text + done, length, piece);
    mask_controls(piece, length, kLayout);
    for (std::size_t written = 0; written < length;) {
      const ssize_t n = ::write(fd, piece + written, length - written);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return 0;  // an error, as fopencookie(3) wants it
      written += static_cast<std::size_t>(n);
    }
    done += length;
  }
  return static_cast<ssize_t>(size);
}

void protect(FILE*& stream, int& fd, int buffering) {
  if (::isatty(fd) == 0) return;
  FILE* const masked = ::fopencookie(&fd, "w", {nullptr, write_masked, nullptr, nullptr});
  if (masked == nullptr) return;
  ::setvbuf(masked, nullptr, buffering, BUFSIZ);
  // glibc lets them be replaced.
  stream = masked;
}

}  // namespace

void protect_terminal() {
  static int out = STDOUT_FILENO, error = STDERR_FILENO;
  protect(stdout, out, _IOLBF);
  protect(stderr, error, _IOLBF);
}

void mask_controls(char* text, std::size_t size, std::string_view keep) {
  for (std::size_t at = 0; at < size;) {
    const std::size_t length = utf8_length({text + at, size - at});
    const std::string_view character(text + at, std::max<std::size_t>(length, 1));
    const bool kept = length == 1 && keep.find(character[0]) != std::string_view::npos;
    // A byte that belongs to no character is one of Latin-1, perhaps, whose lower half is controls.
    const bool stray = length == 0 && static_cast<unsigned char>(character[0]) < 0xa0;
    if (!kept && (stray || (length > 0 && is_control(character))))
      std::fill_n(text + at, character.size(), '?');
    at += character.size();
  }
}

std::string without_controls(std::string_view text, std::string_view keep) {
  std::string result(text);
  mask_controls(result.data(), result.size(), keep);
  return result;
}

void write_to_terminal(std::string_view text) {
  ::fflush(stderr);
  while (!text.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace lkl::tool
