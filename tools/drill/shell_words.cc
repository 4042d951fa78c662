// SPDX-License-Identifier: GPL-2.0
//
// From the text of commands to their words.
#include <ctype.h>
#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <optional>

#include "base/error.h"
#include "drill/shell.h"

namespace lkl::tool::drill {

namespace {

// Sums and products of whole numbers.
class Arithmetic {
 public:
  explicit Arithmetic(std::string_view text) : text_(text) {}

  std::int64_t run() {
    const std::int64_t value = sum();
    if (next() != '\0') fail();
    return value;
  }

 private:
  [[noreturn]] void fail() const {
    throw Failure(fmt::format("$(({})): only sums and products of numbers are known", text_));
  }
  char next() {
    while (at_ < text_.size() && isspace(static_cast<unsigned char>(text_[at_])) != 0) at_++;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  std::int64_t sum() {
    std::int64_t value = product();
    while (next() == '+' || next() == '-')
      value = text_[at_++] == '+' ? value + product() : value - product();
    return value;
  }
  std::int64_t product() {
    std::int64_t value = term();
    while (next() == '*') {
      at_++;
      value *= term();
    }
    return value;
  }
  std::int64_t term() {
    if (next() == '(') {
      at_++;
      const std::int64_t value = sum();
      if (next() != ')') fail();
      at_++;
      return value;
    }
    std::int64_t value = 0;
    const char* const end = text_.data() + text_.size();
    const auto [stop, error] = std::from_chars(text_.data() + at_, end, value);
    if (error != std::errc()) fail();
    at_ = static_cast<std::size_t>(stop - text_.data());
    return value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

class WordSplitter {
 public:
  explicit WordSplitter(std::string_view text) : text_(text) {}

  std::vector<ShellCommand> run() {
    begin(ShellCommand::Link::kAlways);
    while (at_ < text_.size()) step();
    end_command();
    return std::move(commands_);
  }

 private:
  using Link = ShellCommand::Link;

  bool take_if(std::string_view what) {
    if (!text_.substr(at_).starts_with(what)) return false;
    at_ += what.size();
    return true;
  }

  void end_word() {
    if (word_) command_.words.push_back(*word_);
    word_.reset();
  }
  void begin(Link link) { command_ = ShellCommand{link, {}}; }
  void end_command() {
    end_word();
    if (!command_.words.empty()) commands_.push_back(std::move(command_));
  }
  void separate(Link link) {
    end_command();
    begin(link);
  }
  std::string& word() {
    if (!word_) word_.emplace();
    return *word_;
  }

  void step() {
    const char c = text_[at_];
    if (take_if("\\\n")) {
      end_word();
    } else if (take_if("\n") || take_if(";")) {
      separate(Link::kAlways);
    } else if (take_if("&&")) {
      separate(Link::kAnd);
    } else if (take_if("||")) {
      separate(Link::kOr);
    } else if (take_if("|")) {
      separate(Link::kPipe);
    } else if (!word_ && (take_if("2>&1") || take_if(">/dev/null") || take_if("> /dev/null") ||
                          take_if("2>/dev/null") || take_if("2> /dev/null"))) {
      // nobody sees it
    } else if (c == ' ' || c == '\t') {
      end_word();
      at_++;
    } else if (c == '#' && !word_) {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (c == '\'') {
      const std::size_t end = find_end('\'', at_ + 1);
      word() += text_.substr(at_ + 1, end - at_ - 1);
      at_ = end + 1;
    } else if (c == '"') {
      at_++;
      word();
      while (at_ < text_.size() && text_[at_] != '"') take_character();
      if (at_ == text_.size()) throw Failure("a quote has no end");
      at_++;
    } else if (std::string_view("<>&()`").find(c) != std::string_view::npos) {
      throw Failure(fmt::format("'{}' in a command: the kernel under test has no shell", c));
    } else {
      take_character();
    }
  }

  std::size_t find_end(char quote, std::size_t from) const {
    const std::size_t end = text_.find(quote, from);
    if (end == std::string_view::npos) throw Failure("a quote has no end");
    return end;
  }

  // One of a word, or what stands for some.
  void take_character() {
    if (take_if("$((")) {
      const std::size_t end = text_.find("))", at_);
      if (end == std::string_view::npos) throw Failure("$(( has no end");
      word() += std::to_string(Arithmetic(text_.substr(at_, end - at_)).run());
      at_ = end + 2;
    } else if (take_if("${PPID}") || take_if("${PACKETDRILL_PID}")) {
      // in the name of a file that is not looked for
      word() += '0';
    } else if (text_[at_] == '$') {
      throw Failure(fmt::format("'{}': the kernel under test has no shell",
                                text_.substr(at_, text_.find_first_of(" \t\n", at_) - at_)));
    } else {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) at_++;
      word() += text_[at_++];
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<ShellCommand> commands_;
  ShellCommand command_;
  std::optional<std::string> word_;
};

}  // namespace

std::vector<ShellCommand> split_commands(std::string_view text) {
  return WordSplitter(text).run();
}

}  // namespace lkl::tool::drill
