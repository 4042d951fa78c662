// SPDX-License-Identifier: GPL-2.0
#include "tree/registry.h"

#include <strings.h>

#include <algorithm>

#include "base/text.h"

namespace lkl::tool {

namespace {

constexpr std::uint64_t kFirstBin = 4096;  // cells are counted from here
// Names and texts that are longer are none that is asked for.
constexpr std::size_t kLongestName = 256, kLongestText = 1024;
constexpr std::uint32_t kMostEntries = 32768;

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// What is asked for has no letters beyond ASCII: bytes are compared, or UTF-16.
std::string name_at(const BlockReader& file, std::uint64_t at, std::size_t length, bool bytes) {
  if (length > kLongestName) return {};
  const Block<kLongestName> name(file, at);
  return bytes ? std::string(name.text(0, length)) : utf16_text(name.part(0, length));
}

}  // namespace

RegistryHive::RegistryHive(const BlockReader& file) : file_(file) {
  const Block<64> head(file, 0);
  if (head.has(0, "regf")) root_ = head.le32(36);
}

std::uint64_t RegistryHive::cell(std::uint32_t offset) const {
  constexpr std::uint64_t kSize = 4;
  const std::uint64_t at = kFirstBin + offset;
  return offset == 0 || offset % 8 != 0 || at + kSize >= file_.size ? 0 : at + kSize;
}

bool RegistryHive::is_named(std::uint64_t key, std::string_view name) const {
  constexpr std::uint16_t kBytes = 0x20;
  const Block<76> node(file_, key);
  return node.has(0, "nk") &&
         same(name_at(file_, key + 76, node.le16(72), (node.le16(2) & kBytes) != 0), name);
}

// Lists of keys, which may lie in lists.
std::uint64_t RegistryHive::find_in_list(std::uint32_t list, std::string_view name,
                                         unsigned depth) const {
  constexpr unsigned kMostLevels = 2;
  const std::uint64_t at = cell(list);
  if (at == 0 || depth > kMostLevels) return 0;
  const Block<4> head(file_, at);
  const bool of_lists = head.has(0, "ri"), hashed = head.has(0, "lf") || head.has(0, "lh");
  if (!of_lists && !hashed && !head.has(0, "li")) return 0;
  for (std::uint32_t i = 0; i < std::min<std::uint32_t>(head.le16(2), kMostEntries); i++) {
    const Block<4> entry(file_, at + 4 + std::uint64_t{i} * (hashed ? 8 : 4));
    if (of_lists) {
      if (const std::uint64_t found = find_in_list(entry.le32(0), name, depth + 1)) return found;
    } else if (const std::uint64_t key = cell(entry.le32(0)); key != 0 && is_named(key, name)) {
      return key;
    }
  }
  return 0;
}

std::uint64_t RegistryHive::find_below(std::uint64_t key, std::string_view name) const {
  const Block<76> node(file_, key);
  return node.has(0, "nk") ? find_in_list(node.le32(28), name, 0) : 0;
}

std::uint64_t RegistryHive::find_key(std::string_view path) const {
  std::uint64_t key = cell(root_);
  while (key != 0 && !path.empty()) {
    const std::string_view name = path.substr(0, path.find('\\'));
    path.remove_prefix(std::min(name.size() + 1, path.size()));
    key = find_below(key, name);
  }
  return key;
}

std::optional<RegistryHive::Value> RegistryHive::find_value(std::string_view path,
                                                            std::string_view name) const {
  constexpr std::uint16_t kBytes = 1;
  constexpr std::uint32_t kInline = 1U << 31;
  const std::uint64_t key = find_key(path);
  if (key == 0) return std::nullopt;
  const Block<76> node(file_, key);
  const std::uint64_t list = cell(node.le32(40));
  if (list == 0) return std::nullopt;
  for (std::uint32_t i = 0; i < std::min(node.le32(36), kMostEntries); i++) {
    const std::uint64_t at = cell(Block<4>(file_, list + std::uint64_t{i} * 4).le32(0));
    if (at == 0) continue;
    const Block<20> value(file_, at);
    if (!value.has(0, "vk") ||
        !same(name_at(file_, at + 20, value.le16(2), (value.le16(16) & kBytes) != 0), name))
      continue;
    const std::uint32_t size = value.le32(4);
    // Up to four bytes stand where others have the place of their cell.
    const std::uint64_t data = size & kInline ? at + 8 : cell(value.le32(8));
    if (data == 0) return std::nullopt;
    return Value{value.le32(12), size & ~kInline, data};
  }
  return std::nullopt;
}

std::optional<std::string> RegistryHive::text(std::string_view key, std::string_view name) const {
  constexpr std::uint32_t kText = 1, kTextWithVariables = 2;
  const auto value = find_value(key, name);
  if (!value || (value->type != kText && value->type != kTextWithVariables)) return std::nullopt;
  const Block<kLongestText> data(file_, value->at);
  return utf16_text(data.part(0, std::min<std::size_t>(value->size & ~1U, kLongestText)));
}

std::optional<std::uint32_t> RegistryHive::number(std::string_view key,
                                                  std::string_view name) const {
  constexpr std::uint32_t kNumber = 4;
  const auto value = find_value(key, name);
  if (!value || value->type != kNumber || value->size != 4) return std::nullopt;
  return Block<4>(file_, value->at).le32(0);
}

}  // namespace lkl::tool
