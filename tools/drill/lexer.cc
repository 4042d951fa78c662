// SPDX-License-Identifier: GPL-2.0
#include "drill/lexer.h"

#include <ctype.h>
#include <fmt/format.h>

#include <algorithm>

#include "drill/script.h"

namespace lkl::tool::drill {

namespace {

bool is_letter(char c) {
  return isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
}

bool is_digit(char c) {
  return isdigit(static_cast<unsigned char>(c)) != 0;
}

class Splitter {
 public:
  Splitter(const std::string& name, std::string_view text) : name_(name), text_(text) {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    do {
      blank_ = skip_blanks();
      const std::size_t begin = at_;
      tokens.push_back(next());
      tokens.back().begin = begin;
      tokens.back().end = at_;
    } while (tokens.back().kind != Token::Kind::kEnd);
    return tokens;
  }

 private:
  bool starts_with(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  char here(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  void go_to(std::size_t end) {
    const auto begin = text_.begin();
    line_ += static_cast<int>(std::count(begin + static_cast<std::ptrdiff_t>(at_),
                                         begin + static_cast<std::ptrdiff_t>(end), '\n'));
    at_ = end;
  }

  [[noreturn]] void fail(int line, const std::string& message) const {
    throw ScriptError(fmt::format("{}:{}: {}", name_, line, message));
  }

  bool skip_blanks() {
    const std::size_t begin = at_;
    for (;;) {
      if (isspace(static_cast<unsigned char>(here())) != 0) {
        go_to(at_ + 1);
      } else if (starts_with("//")) {
        go_to(std::min(text_.find('\n', at_), text_.size()));
      } else if (starts_with("/*")) {
        const std::size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) fail(line_, "this comment has no end");
        go_to(end + 2);
      } else {
        return at_ != begin;
      }
    }
  }

  Token take(Token::Kind kind, std::size_t size) {
    Token token{kind, std::string(text_.substr(at_, size)), line_, blank_, 0, 0};
    go_to(at_ + size);
    return token;
  }

  // Up to `close`; a backslash before it takes its meaning.
  Token take_quoted(Token::Kind kind, char close, const char* what) {
    for (std::size_t end = at_ + 1; end < text_.size(); end++) {
      if (text_[end] == '\\') {
        end++;
      } else if (text_[end] == close) {
        Token token{kind, std::string(text_.substr(at_ + 1, end - at_ - 1)), line_, blank_, 0, 0};
        go_to(end + 1);
        return token;
      }
    }
    fail(line_, fmt::format("this {} has no end", what));
  }

  Token take_code() {
    const std::size_t end = text_.find("}%", at_ + 2);
    if (end == std::string_view::npos) fail(line_, "this code (%{) has no end");
    Token token{
        Token::Kind::kCode, std::string(text_.substr(at_ + 2, end - at_ - 2)), line_, blank_, 0, 0};
    go_to(end + 2);
    return token;
  }

  // "0x1f", "12", ".5", "1.5", but "0...5" are three; with letters it is a word.
  Token take_number() {
    std::size_t size = 0;
    bool word = false;
    bool point = false;
    for (;; size++) {
      const char c = here(size);
      if (c == '.' && !point && is_digit(here(size + 1)) && !word)
        point = true;
      else if (is_letter(c))
        word = true;
      else if (!is_digit(c))
        break;
    }
    const bool hex = starts_with("0x") || starts_with("0X");
    return take(word && !hex ? Token::Kind::kWord : Token::Kind::kNumber, size);
  }

  Token next() {
    const char c = here();
    if (at_ >= text_.size()) return Token{Token::Kind::kEnd, "", line_, blank_, 0, 0};
    if (starts_with("...")) return take(Token::Kind::kEllipsis, 3);
    if (starts_with("%{")) return take_code();
    if (c == '`') return take_quoted(Token::Kind::kCommand, '`', "command (`)");
    if (c == '"') return take_quoted(Token::Kind::kText, '"', "text");
    if (is_digit(c) || (c == '.' && is_digit(here(1)))) return take_number();
    if (starts_with("--") && is_letter(here(2))) {
      std::size_t size = 3;
      while (is_letter(here(size)) || is_digit(here(size))) size++;
      return take(Token::Kind::kOption, size);
    }
    if (is_letter(c)) {
      std::size_t size = 1;
      while (is_letter(here(size)) || is_digit(here(size))) size++;
      return take(Token::Kind::kWord, size);
    }
    return take(Token::Kind::kSign, 1);
  }

  const std::string& name_;
  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool blank_ = false;
};

}  // namespace

std::vector<Token> split_script(const std::string& name, std::string_view text) {
  return Splitter(name, text).run();
}

}  // namespace lkl::tool::drill
