// SPDX-License-Identifier: GPL-2.0
//
// One line on the terminal that says how far a copy is. Nothing where there is no terminal.
#ifndef LKL_TOOL_PROGRESS_H
#define LKL_TOOL_PROGRESS_H

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace lkl::tool {

class Progress {
 public:
  // Shows nothing if `quiet` or if standard error is no terminal.
  explicit Progress(bool quiet);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  // How much there will be; a bar is drawn when it is known.
  void set_total(std::optional<std::uint64_t> bytes) { total_ = bytes; }
  void add_bytes(std::uint64_t bytes);
  void add_file() { files_++; }
  // What is being copied now.
  void set_subject(std::string subject) { subject_ = std::move(subject); }
  // Takes the line away, for other output; it comes back with the next bytes.
  void clear();

 private:
  void draw();

  bool shown_;
  bool on_screen_ = false;
  std::uint64_t bytes_ = 0;
  std::uint64_t files_ = 0;
  std::optional<std::uint64_t> total_;
  std::string subject_;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point next_draw_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_PROGRESS_H
