// SPDX-License-Identifier: GPL-2.0
// A text of JSON as a tree that knows the lines, for messages that name them.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lkl::host {

// A line for who has asked: what is wrong, and where.
using SayWrong = std::function<void(std::string_view line)>;

struct JsonNode {
  enum class Kind { kNull, kTruth, kNumber, kText, kList, kObject };
  struct Member;

  Kind kind = Kind::kNull;
  size_t line = 0;
  // "true", "false", a number as it is written, or a text.
  std::string text;
  std::vector<JsonNode> items;  // of a list
  std::vector<Member> members;  // of an object, in their order
};

struct JsonNode::Member {
  std::string name;
  JsonNode value;
};

// "a text", "a list" ...
const char* kind_name(JsonNode::Kind kind);

inline constexpr size_t kLongestJson = 256 << 10;
inline constexpr size_t kDeepestJson = 16;

// 0; -EINVAL for what is none, has a key twice in an object, or a 0 in a text, or is deeper; -E2BIG
// if it is longer. std::bad_alloc.
int read_json(std::string_view text, JsonNode& root, const SayWrong& say);

}  // namespace lkl::host
