// SPDX-License-Identifier: GPL-2.0
#include "base/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace lkl::tool {

namespace {

constexpr std::string_view kLayout("\n\t\0", 3);

// Length of the UTF-8 character that begins with this byte, 0 if none does.
std::size_t length_by_first(char byte) {
  const auto first = static_cast<unsigned char>(byte);
  return first < 0x80   ? 1
         : first < 0xc2 ? 0
         : first < 0xe0 ? 2
         : first < 0xf0 ? 3
         : first < 0xf5 ? 4
                        : 0;
}

bool goes_on(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

// Length of the UTF-8 character at the beginning, 0 if it is none.
std::size_t utf8_length(std::string_view text) {
  const std::size_t length = length_by_first(text[0]);
  if (length == 0 || length > text.size()) return 0;
  return std::all_of(text.begin() + 1, text.begin() + static_cast<std::ptrdiff_t>(length), goes_on)
             ? length
             : 0;
}

bool is_control(std::string_view character) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(character[at]); };
  if (character.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7f;
  return byte(0) == 0xc2 && byte(1) < 0xa0;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

// What a stream of text writes to: a descriptor. stdio cuts the text where its buffer ends.
class MaskedOutput {
 public:
  explicit MaskedOutput(int fd) : fd_(fd) {}

  bool write(std::string_view text) {
    char piece[512];
    while (!text.empty()) {
      const std::size_t taken = std::min(text.size(), sizeof(piece) - held_size_);
      std::copy_n(held_, held_size_, piece);
      std::copy_n(text.data(), taken, piece + held_size_);
      text.remove_prefix(taken);
      std::size_t length = held_size_ + taken;
      held_size_ = unfinished_character({piece, length});
      length -= held_size_;
      std::copy_n(piece + length, held_size_, held_);
      if (!write_out(piece, length)) return false;
    }
    return true;
  }

  // Nothing follows any more.
  void end() { write_out(held_, std::exchange(held_size_, 0)); }

 private:
  bool write_out(char* text, std::size_t size) const {
    mask_controls(text, size, kLayout);
    return write_all(fd_, {text, size});
  }

  const int fd_;
  char held_[3];  // the beginning of a character
  std::size_t held_size_ = 0;
};

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

void write_masked(int fd, std::string_view text) {
  MaskedOutput output(fd);
  if (output.write(text)) output.end();
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

std::size_t unfinished_character(std::string_view text) {
  for (std::size_t size = 1; size <= std::min<std::size_t>(text.size(), 3); size++) {
    const char byte = text[text.size() - size];
    if (!goes_on(byte)) return length_by_first(byte) > size ? size : 0;
  }
  return 0;
}

void write_to_terminal(std::string_view text) {
  ::fflush(stderr);
  write_all(STDERR_FILENO, text);
}

}  // namespace lkl::tool
