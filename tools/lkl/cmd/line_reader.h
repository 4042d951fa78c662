// SPDX-License-Identifier: GPL-2.0
//
// Lines typed by a user, with editing and history, or lines of a script.
#ifndef LKL_TOOL_LINE_READER_H
#define LKL_TOOL_LINE_READER_H

#include <memory>
#include <optional>
#include <string>

namespace lkl::tool {

class LineReader {
 public:
  LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  ~LineReader();

  // Whether a user types.
  bool interactive() const { return interactive_; }
  // The next line, without its end; none when there are no more, or when a signal came.
  std::optional<std::string> next(const std::string& prompt);

 private:
  class Editor;

  bool interactive_;
  std::unique_ptr<Editor> editor_;
  std::string pending_;  // read, but not handed out yet
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_LINE_READER_H
