// SPDX-License-Identifier: GPL-2.0
//
// The words of a script one after the other, with the errors that name the line.
#ifndef LKL_TOOL_DRILL_TOKENS_H
#define LKL_TOOL_DRILL_TOKENS_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "drill/lexer.h"
#include "drill/script.h"

namespace lkl::tool::drill {

class Tokens {
 public:
  Tokens(std::string name, std::string_view text)
      : name_(std::move(name)), tokens_(split_script(name_, text)) {}

  const Token& peek(std::size_t ahead = 0) const;
  Token take();
  bool at_end() const { return peek().kind == Token::Kind::kEnd; }

  // Takes it if it is the next.
  bool take_if(char sign);
  bool take_if_word(std::string_view word);
  // Throws unless it is the next. `after`: what came before, for the message.
  void expect(char sign, std::string_view after);
  Token expect_word(std::string_view what);

  // Decimal or with 0x; not above `most`.
  std::uint64_t number(std::string_view what, std::uint64_t most);
  std::uint32_t number32(std::string_view what);

  [[noreturn]] void fail(const std::string& message) const { fail(peek().line, message); }
  [[noreturn]] void fail(int line, const std::string& message) const;
  // "EXPECTED is needed here, not 'what there is'".
  [[noreturn]] void fail_expected(std::string_view expected) const;

 private:
  std::string name_;
  std::vector<Token> tokens_;
  std::size_t next_ = 0;
};

}  // namespace lkl::tool::drill

#endif  // LKL_TOOL_DRILL_TOKENS_H
