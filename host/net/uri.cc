// SPDX-License-Identifier: GPL-2.0
#include "net/uri.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include "nearest.h"

namespace lkl::host {
namespace {

// Up to the next single comma, which goes with it.
std::string next_part(std::string_view& text) {
  std::string part;
  while (!text.empty()) {
    const bool comma = text.front() == ',';
    if (comma && !text.starts_with(",,")) {
      text.remove_prefix(1);
      break;
    }
    part += text.front();
    text.remove_prefix(comma ? 2 : 1);
  }
  return part;
}

}  // namespace

NetUri::NetUri(std::string_view text, Say say) : say_(std::move(say)) {
  const std::string place = next_part(text);
  const size_t colon = place.find(':');
  scheme_ = place.substr(0, colon);
  if (colon != std::string::npos) target_ = place.substr(colon + 1);
  while (!text.empty()) {
    std::string part = next_part(text);
    const size_t equals = part.find('=');
    if (equals == std::string::npos)
      words_.push_back({.name = std::move(part), .value = {}});
    else
      words_.push_back({.name = part.substr(0, equals), .value = part.substr(equals + 1)});
  }
}

std::optional<NetUri::Word> NetUri::take_word(std::string_view name) {
  if (std::ranges::find(known_, name) == known_.end()) known_.emplace_back(name);
  const auto found = std::ranges::find(words_, name, &Word::name);
  if (found == words_.end()) return std::nullopt;
  Word word = std::move(*found);
  words_.erase(found);
  return word;
}

// One with a value stays, for end() to find it.
bool NetUri::take_flag(std::string_view word) {
  std::optional<Word> taken = take_word(word);
  if (taken && taken->value) words_.push_back(*std::exchange(taken, std::nullopt));
  return taken.has_value();
}

std::optional<std::string> NetUri::take(std::string_view word) {
  std::optional<Word> taken = take_word(word);
  if (!taken) return std::nullopt;
  if (!taken->value) words_.push_back(*taken);
  return taken->value;
}

std::vector<std::string> NetUri::take_all(std::string_view word) {
  std::vector<std::string> values;
  while (std::optional<std::string> value = take(word)) values.push_back(std::move(*value));
  return values;
}

bool NetUri::take_number(std::string_view word, uint64_t least, uint64_t most, uint64_t& number) {
  const std::optional<std::string> value = take(word);
  if (!value) return true;
  const char* const last = value->data() + value->size();
  uint64_t result = 0;
  const auto [end, error] = std::from_chars(value->data(), last, result);
  if (error == std::errc() && end == last && result >= least && result <= most) {
    number = result;
    return true;
  }
  refuse(std::string(word) + "=" + *value + " is not a number from " + std::to_string(least) +
         " to " + std::to_string(most));
  return false;
}

std::vector<std::string> NetUri::take_rest() {
  std::vector<std::string> rest;
  for (const Word& word : std::exchange(words_, {}))
    rest.push_back(word.value ? word.name + "=" + *word.value : word.name);
  return rest;
}

int NetUri::end() {
  if (words_.empty()) return 0;
  const Word& left = words_.front();
  const std::vector<std::string_view> known(known_.begin(), known_.end());
  const std::string_view meant = nearest(left.name, known);
  if (meant == left.name)
    return refuse("\"" + left.name + "\" " +
                  (left.value ? "has no value, or may be there once" : "wants a value"));
  std::string line = "\"" + left.name + "\" is not known";
  if (!meant.empty()) line += "; did you mean \"" + std::string(meant) + "\"?";
  return refuse(line);
}

void NetUri::say(std::string_view line) const {
  if (say_) say_(scheme_ + ": " + std::string(line));
}

int NetUri::refuse(std::string_view line) const {
  say(line);
  return -EINVAL;
}

}  // namespace lkl::host
