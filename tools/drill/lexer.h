// SPDX-License-Identifier: GPL-2.0
//
// The words of a script.
#ifndef LKL_TOOL_DRILL_LEXER_H
#define LKL_TOOL_DRILL_LEXER_H

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lkl::tool::drill {

struct Token {
  enum class Kind { kWord, kNumber, kText, kCommand, kCode, kOption, kEllipsis, kSign, kEnd };
  Kind kind = Kind::kEnd;
  // As it stands there, without quotes; a sign is one character.
  std::string text;
  int line = 0;
  bool after_blank = false;
  std::size_t begin = 0, end = 0;  // where it stands, with its quotes

  bool is(char sign) const { return kind == Kind::kSign && text[0] == sign; }
  bool is_word(std::string_view word) const { return kind == Kind::kWord && text == word; }
};

// All of a script, kEnd last. Comments are left out. Words and numbers are not told apart by more
// than their first character: 1000, 0x1f, .5 are numbers, abc1 is a word, and so is 0a1b. Throws
// ScriptError.
std::vector<Token> split_script(const std::string& name, std::string_view text);

}  // namespace lkl::tool::drill

#endif  // LKL_TOOL_DRILL_LEXER_H
