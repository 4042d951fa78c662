// SPDX-License-Identifier: GPL-2.0
//
// Patterns of names, as POSIX has them: * ? [a-z] [!a-z] [[:alpha:]] and \ before what is meant as
// it is. Letters without case are those of ASCII.
#include <cctype>
#include <cstring>
#include <string_view>

#include "base/host_calls.h"

namespace lkl::tool::on_host {

namespace {

// Bytes of a character of UTF-8; 1 for what is none.
std::size_t length_of(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t length = first < 0xc2   ? 1
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf5 ? 4
                                            : 1;
  if (length > text.size()) return 1;
  for (std::size_t i = 1; i < length; i++)
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 1;
  return length;
}

std::string folded(std::string_view character, bool fold_case) {
  std::string text(character);
  if (fold_case && text.size() == 1 && text[0] >= 'A' && text[0] <= 'Z') text[0] += 'a' - 'A';
  return text;
}

bool is_in_class(std::string_view name, char c) {
  struct Class {
    std::string_view name;
    int (*has)(int);
  };
  constexpr Class kClasses[] = {{"alnum", isalnum}, {"alpha", isalpha}, {"blank", isblank},
                                {"cntrl", iscntrl}, {"digit", isdigit}, {"graph", isgraph},
                                {"lower", islower}, {"print", isprint}, {"punct", ispunct},
                                {"space", isspace}, {"upper", isupper}, {"xdigit", isxdigit}};
  for (const Class& one : kClasses)
    if (one.name == name) return one.has(static_cast<unsigned char>(c)) != 0;
  return false;
}

class Matcher {
 public:
  explicit Matcher(bool fold_case) : fold_case_(fold_case) {}

  bool matches(std::string_view pattern, std::string_view name) const {
    while (!pattern.empty()) {
      if (pattern[0] == '*') {
        while (pattern.starts_with('*')) pattern.remove_prefix(1);
        if (pattern.empty()) return true;
        for (;; name.remove_prefix(length_of(name))) {
          if (matches(pattern, name)) return true;
          if (name.empty()) return false;
        }
      }
      if (name.empty()) return false;
      const std::string_view character = name.substr(0, length_of(name));
      if (!takes(pattern, character)) return false;
      name.remove_prefix(character.size());
    }
    return name.empty();
  }

 private:
  // Takes what stands for one character off the pattern; whether it is this one.
  bool takes(std::string_view& pattern, std::string_view character) const {
    if (pattern[0] == '?') {
      pattern.remove_prefix(1);
      return true;
    }
    if (pattern[0] == '[') {
      std::string_view rest = pattern.substr(1);
      bool inside = false;
      if (takes_bracket(rest, character, inside)) {
        pattern = rest;
        return inside;
      }
    }
    if (pattern[0] == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
    const std::string_view own = pattern.substr(0, length_of(pattern));
    pattern.remove_prefix(own.size());
    return folded(own, fold_case_) == folded(character, fold_case_);
  }

  // `rest` is behind the bracket. False if there is none that closes it.
  bool takes_bracket(std::string_view& rest, std::string_view character, bool& inside) const {
    std::string_view at = rest;
    const bool negated = at.starts_with('!') || at.starts_with('^');
    if (negated) at.remove_prefix(1);
    const std::string wanted = folded(character, fold_case_);
    bool found = false;
    for (bool first = true; !at.empty(); first = false) {
      if (at[0] == ']' && !first) {
        rest = at.substr(1);
        inside = found != negated;
        return true;
      }
      if (at.starts_with("[:") && at.find(":]") != std::string_view::npos) {
        const std::size_t end = at.find(":]");
        if (character.size() == 1 && is_in_class(at.substr(2, end - 2), character[0])) found = true;
        at.remove_prefix(end + 2);
        continue;
      }
      const std::string low = take(at);
      std::string high = low;
      if (at.size() > 1 && at[0] == '-' && at[1] != ']') {
        at.remove_prefix(1);
        high = take(at);
      }
      // UTF-8 sorts as its characters do.
      if (low <= wanted && wanted <= high) found = true;
    }
    return false;
  }

  std::string take(std::string_view& at) const {
    if (at[0] == '\\' && at.size() > 1) at.remove_prefix(1);
    const std::string_view character = at.substr(0, length_of(at));
    at.remove_prefix(character.size());
    return folded(character, fold_case_);
  }

  const bool fold_case_;
};

}  // namespace

bool matches(const std::string& pattern, const std::string& name, bool fold_case, bool period) {
  if (period && name.starts_with('.') && !pattern.starts_with('.') && !pattern.starts_with("\\."))
    return false;
  return Matcher(fold_case).matches(pattern, name);
}

}  // namespace lkl::tool::on_host
