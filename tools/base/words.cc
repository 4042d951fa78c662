// SPDX-License-Identifier: GPL-2.0
#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "base/process.h"

namespace lkl::tool {

std::vector<std::string> split_words(std::string_view text, std::string_view what) {
  std::vector<std::string> words;
  bool inside = false;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); i++) {
    const char c = text[i];
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      inside = false;
      continue;
    }
    if (!std::exchange(inside, true)) words.emplace_back();
    if (c == quote)
      quote = 0;
    else if (quote == 0 && (c == '\'' || c == '"'))
      quote = c;
    else if (c == '\\' && quote != '\'' && i + 1 < text.size())
      words.back() += text[++i];
    else
      words.back() += c;
  }
  if (quote != 0) throw UsageFailure(fmt::format("{}: a {} is not closed", what, quote));
  return words;
}

std::string as_said(std::string output) {
  while (output.ends_with('\n')) output.pop_back();
  for (std::size_t at = 0; (at = output.find('\n', at)) != std::string::npos; at += 3)
    output.insert(at + 1, "  ");
  return output;
}

}  // namespace lkl::tool
