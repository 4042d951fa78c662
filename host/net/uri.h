// SPDX-License-Identifier: GPL-2.0
// "SCHEME[:TARGET][,WORD[=VALUE]]...", taken apart. A comma within the target or a value is written
// twice, as qemu has it.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lkl::host {

class NetUri final {
 public:
  // A line for who has asked; why something can't be opened, and the cure.
  using Say = std::function<void(std::string_view line)>;

  NetUri(std::string_view text, Say say);

  const std::string& scheme() const { return scheme_; }
  const std::string& target() const { return target_; }

  // The words, each taken once; what is left when an opener is through is not known to it.
  bool take_flag(std::string_view word);  // without a value
  std::optional<std::string> take(std::string_view word);
  std::vector<std::string> take_all(std::string_view word);
  // The same as a number of this range; false, and said, if it is none. `number` stays if it is
  // not there.
  bool take_number(std::string_view word, uint64_t least, uint64_t most, uint64_t& number);
  // All that are left, as they were, for who knows them better.
  std::vector<std::string> take_rest();
  // 0, or -EINVAL if there are words that nobody has taken: said, with the nearest of those that
  // were asked for.
  int end();

  // "SCHEME: " and this.
  void say(std::string_view line) const;
  // -EINVAL, and says so.
  int refuse(std::string_view line) const;

 private:
  struct Word {
    std::string name;
    std::optional<std::string> value;
  };
  // The first of this name, with or without a value, taken out.
  std::optional<Word> take_word(std::string_view name);

  const Say say_;
  std::string scheme_, target_;
  std::vector<Word> words_;
  std::vector<std::string> known_;
};

}  // namespace lkl::host
