// SPDX-License-Identifier: GPL-2.0
#include "lkl/cmd/line_reader.h"

#include <errno.h>
#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/host_calls.h"
#include "base/signals.h"

#ifdef LKL_TOOL_HAVE_LIBEDIT
#include <histedit.h>
#endif

namespace lkl::tool {

#ifdef LKL_TOOL_HAVE_LIBEDIT

class LineReader::Editor {
 public:
  // The editor moves the cursor: it has a stream of its own, which leaves control characters alone.
  Editor()
      : screen_(fdopen(dup(STDERR_FILENO), "w")),
        history_(history_init()),
        editor_(screen_ ? el_init("lkl", stdin, screen_, screen_) : nullptr) {
    constexpr int kRemembered = 1000;
    HistEvent event = {};
    if (editor_ == nullptr || history_ == nullptr) throw std::bad_alloc();
    history(history_, &event, H_SETSIZE, kRemembered);
    history(history_, &event, H_SETUNIQUE, 1);
    el_set(editor_, EL_CLIENTDATA, this);
    el_set(editor_, EL_PROMPT, show_prompt);
    el_set(editor_, EL_GETCFN, read_character);
    el_set(editor_, EL_HIST, history, history_);
    el_set(editor_, EL_EDITOR, "emacs");
  }
  Editor(const Editor&) = delete;
  Editor& operator=(const Editor&) = delete;
  ~Editor() {
    if (editor_ != nullptr) el_end(editor_);
    if (history_ != nullptr) history_end(history_);
    if (screen_ != nullptr) fclose(screen_);
  }

  std::optional<std::string> next(const std::string& prompt) {
    prompt_ = printable(prompt, true);
    int length = 0;
    const char* text = el_gets(editor_, &length);
    if (text == nullptr || length <= 0) return std::nullopt;
    std::string line(text, static_cast<std::size_t>(length));
    HistEvent event = {};
    if (line.find_first_not_of(" \t\n") != line.npos)
      history(history_, &event, H_ENTER, line.c_str());
    if (line.ends_with('\n')) line.pop_back();
    return line;
  }

 private:
  static char* show_prompt(EditLine* editor) {
    void* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return static_cast<Editor*>(self)->prompt_.data();
  }

  // Byte by byte: names in an image are bytes, whatever the locale.
  static int read_character(EditLine*, wchar_t* into) {
    char byte = 0;
    const ssize_t n = read_or_signal(STDIN_FILENO, std::as_writable_bytes(std::span(&byte, 1)));
    if (n == 1) *into = static_cast<unsigned char>(byte);
    return static_cast<int>(n);
  }

  FILE* const screen_;
  History* const history_;
  EditLine* const editor_;
  std::string prompt_;
};

#else

// Without the library, the terminal's own editing is all there is.
class LineReader::Editor {};

#endif

LineReader::LineReader()
    : interactive_(on_host::is_terminal(STDIN_FILENO) && on_host::is_terminal(STDERR_FILENO)) {
#ifdef LKL_TOOL_HAVE_LIBEDIT
  if (interactive_) editor_ = std::make_unique<Editor>();
#endif
}

LineReader::~LineReader() = default;

std::optional<std::string> LineReader::next(const std::string& prompt) {
#ifdef LKL_TOOL_HAVE_LIBEDIT
  if (editor_) return editor_->next(prompt);
#endif
  if (interactive_) print_error(prompt);
  for (;;) {
    const std::size_t end = pending_.find('\n');
    if (end != std::string::npos) {
      std::string line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      return line;
    }
    char buffer[4096];
    const ssize_t n = read_or_signal(STDIN_FILENO, std::as_writable_bytes(std::span(buffer)));
    if (n < 0 && pending_signal() == 0)
      throw Failure(fmt::format("standard input: {}", describe(host_error(errno))));
    if (n > 0) {
      pending_.append(buffer, static_cast<std::size_t>(n));
      continue;
    }
    // A last line may lack its end.
    if (n < 0 || pending_.empty()) return std::nullopt;
    return std::exchange(pending_, {});
  }
}

}  // namespace lkl::tool
