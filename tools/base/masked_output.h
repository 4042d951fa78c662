// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_TOOL_MASKED_OUTPUT_H
#define LKL_TOOL_MASKED_OUTPUT_H

#include <errno.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "base/terminal.h"

namespace lkl::tool {

inline bool write_all(int fd, std::string_view text) {
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
  static constexpr std::string_view kLayout{"\n\t\0", 3};

  bool write_out(char* text, std::size_t size) const {
    mask_controls(text, size, kLayout);
    return write_all(fd_, {text, size});
  }

  const int fd_;
  char held_[3];  // the beginning of a character
  std::size_t held_size_ = 0;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_MASKED_OUTPUT_H
