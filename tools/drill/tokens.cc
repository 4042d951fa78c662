// SPDX-License-Identifier: GPL-2.0
#include "drill/tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace lkl::tool::drill {

const Token& Tokens::peek(std::size_t ahead) const {
  return tokens_[std::min(next_ + ahead, tokens_.size() - 1)];
}

Token Tokens::take() {
  Token token = peek();
  if (next_ + 1 < tokens_.size()) next_++;
  return token;
}

bool Tokens::take_if(char sign) {
  if (!peek().is(sign)) return false;
  take();
  return true;
}

bool Tokens::take_if_word(std::string_view word) {
  if (!peek().is_word(word)) return false;
  take();
  return true;
}

void Tokens::expect(char sign, std::string_view after) {
  if (!take_if(sign)) fail_expected(fmt::format("'{}' after {}", sign, after));
}

Token Tokens::expect_word(std::string_view what) {
  if (peek().kind != Token::Kind::kWord) fail_expected(what);
  return take();
}

std::uint64_t Tokens::number(std::string_view what, std::uint64_t most) {
  if (peek().kind != Token::Kind::kNumber) fail_expected(what);
  const std::string& text = peek().text;
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  const char* const begin = text.data() + (hex ? 2 : 0);
  const char* const end = text.data() + text.size();
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(begin, end, value, hex ? 16 : 10);
  if (error != std::errc() || stop != end) fail_expected(what);
  if (value > most) fail(fmt::format("{}: {} is above {}", what, text, most));
  take();
  return value;
}

std::uint32_t Tokens::number32(std::string_view what) {
  return static_cast<std::uint32_t>(number(what, UINT32_MAX));
}

void Tokens::fail(int line, const std::string& message) const {
  throw ScriptError(fmt::format("{}:{}: {}", name_, line, message));
}

void Tokens::fail_expected(std::string_view expected) const {
  const Token& token = peek();
  fail(fmt::format(
      "{} is needed here, not {}", expected,
      token.kind == Token::Kind::kEnd ? "the end of the script" : "'" + token.text + "'"));
}

}  // namespace lkl::tool::drill
