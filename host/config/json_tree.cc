// SPDX-License-Identifier: GPL-2.0
#include "config/json_tree.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <nlohmann/json.hpp>

namespace lkl::host {
namespace {

using Json = nlohmann::json;
using Kind = JsonNode::Kind;

// The text, counting its lines as they are read.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, size_t* line) : at_(at), line_(line) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    if (*at_ == '\n') ++*line_;
    ++at_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  size_t* line_;
};

// What the parser tells becomes the tree. Each function says whether to go on.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  Builder(JsonNode& root, const size_t& line, const SayWrong& say)
      : line_(line), say_(say), root_(root) {}

  bool null() override { return put(Kind::kNull, "null"); }
  bool boolean(bool value) override { return put(Kind::kTruth, value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override {
    return put(Kind::kNumber, std::to_string(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return put(Kind::kNumber, std::to_string(value));
  }
  bool number_float(number_float_t, const string_t& text) override {
    return put(Kind::kNumber, text);
  }
  bool string(string_t& text) override {
    if (text.find('\0') != std::string::npos) return refuse("a text has a character 0 in it");
    return put(Kind::kText, text);
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return open(Kind::kObject); }
  bool start_array(size_t) override { return open(Kind::kList); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    if (name.find('\0') != std::string::npos) return refuse("a key has a character 0 in it");
    const auto& members = open_.back()->members;
    // more than anybody needs; each is compared with all
    if (members.size() == kMostKeys) return refuse("there are too many keys");
    if (std::ranges::find(members, name, &JsonNode::Member::name) != members.end())
      return refuse("\"" + name + "\" is there twice");
    key_ = name;
    return true;
  }
  bool parse_error(size_t, const std::string& token, const Json::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: what"
    std::string_view what = error.what();
    if (const size_t colon = what.find(": "); colon != std::string_view::npos)
      what.remove_prefix(colon + 2);
    (void)token;
    return refuse(what);
  }

 private:
  bool refuse(std::string_view what) {
    say_("line " + std::to_string(line_) + ": " + std::string(what));
    return false;
  }
  JsonNode& place() {
    if (open_.empty()) return root_;
    JsonNode& in = *open_.back();
    if (in.kind == Kind::kList) return in.items.emplace_back();
    in.members.push_back({std::move(key_), JsonNode()});
    return in.members.back().value;
  }
  bool put(Kind kind, std::string text) {
    JsonNode& node = place();
    node.kind = kind;
    node.line = line_;
    node.text = std::move(text);
    return true;
  }
  bool open(Kind kind) {
    if (open_.size() == kDeepestJson) return refuse("lists and objects are too deep in each other");
    JsonNode& node = place();
    node.kind = kind;
    node.line = line_;
    // stays where it is: what it is in grows when it is closed, and not before
    open_.push_back(&node);
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  static constexpr size_t kMostKeys = 1000;

  const size_t& line_;
  const SayWrong& say_;
  JsonNode& root_;
  std::vector<JsonNode*> open_;
  std::string key_;
};

}  // namespace

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::kNull:
      return "null";
    case Kind::kTruth:
      return "true or false";
    case Kind::kNumber:
      return "a number";
    case Kind::kText:
      return "a text";
    case Kind::kList:
      return "a list";
    case Kind::kObject:
      return "an object";
  }
  return "";
}

int read_json(std::string_view text, JsonNode& root, const SayWrong& say) {
  if (text.size() > kLongestJson) {
    say("longer than " + std::to_string(kLongestJson) + " bytes");
    return -E2BIG;
  }
  size_t line = 1;
  Builder builder(root, line, say);
  const CountingIterator begin(text.data(), &line), end(text.data() + text.size(), &line);
  return Json::sax_parse(begin, end, &builder) ? 0 : -EINVAL;
}

}  // namespace lkl::host
