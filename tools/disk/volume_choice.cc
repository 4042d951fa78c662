// SPDX-License-Identifier: GPL-2.0
#include "disk/volume_choice.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/format.h"
#include "disk/device.h"

namespace lkl::tool {

namespace {

using By = VolumeChoice::By;

struct Tag {
  By by;
  std::string_view prefix;
};
constexpr Tag kTags[] = {{By::kUuid, "UUID="},
                         {By::kLabel, "LABEL="},
                         {By::kPartUuid, "PARTUUID="},
                         {By::kPartLabel, "PARTLABEL="}};

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<unsigned> parse_number(std::string_view text) {
  unsigned number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return number;
}

// What LVM allows in the names of volume groups and logical volumes.
bool is_lvm_name(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("+_.-").find(c) != std::string_view::npos;
  };
  return !text.empty() && text != "." && text != ".." && text.front() != '-' &&
         std::all_of(text.begin(), text.end(), allowed);
}

bool is_volume_name(std::string_view text) {
  const std::size_t slash = text.find('/');
  return slash != std::string_view::npos && is_lvm_name(text.substr(0, slash)) &&
         is_lvm_name(text.substr(slash + 1));
}

// "md0", "md127p1"
bool is_array_name(std::string_view text) {
  if (!take_prefix(text, "md")) return false;
  const std::size_t p = text.find('p');
  return parse_number(text.substr(0, p)) &&
         (p == std::string_view::npos || parse_number(text.substr(p + 1)));
}

// In the names of /dev/mapper "-" separates the two, and "--" is one within them.
std::string from_mapper_name(std::string_view text) {
  std::string name;
  for (std::size_t i = 0; i < text.size(); i++) {
    const bool dash = text[i] == '-';
    const bool twice = dash && i + 1 < text.size() && text[i + 1] == '-';
    name += dash && !twice ? '/' : text[i];
    if (twice) i++;
  }
  return name;
}

// "1048576", "0x100000", "1M", "2048s": bytes, or sectors of 512.
std::optional<std::uint64_t> parse_offset(std::string_view text) {
  if (text.starts_with("0x")) {
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + 2, end, value, 16);
    if (text.size() == 2 || error != std::errc() || stop != end) return std::nullopt;
    return value;
  }
  constexpr std::uint64_t kSector = 512;
  const bool sectors = text.ends_with('s');
  if (sectors) text.remove_suffix(1);
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  try {
    const std::uint64_t value = parse_size(std::string(text), "");
    if (sectors && value > UINT64_MAX / kSector) return std::nullopt;
    return sectors ? value * kSector : value;
  } catch (const UsageFailure&) {
    return std::nullopt;
  }
}

bool equal_ignoring_case(const std::string& a, const std::string& b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::optional<VolumeChoice> parse_volume_choice(std::string_view text) {
  if (const auto number = parse_number(text)) return VolumeChoice{By::kNumber, *number, {}};
  const auto named = [](By by, std::string value) -> std::optional<VolumeChoice> {
    if (value.empty()) return std::nullopt;
    return VolumeChoice{by, 0, std::move(value)};
  };
  for (const auto& [by, prefix] : kTags)
    if (take_prefix(text, prefix)) return named(by, std::string(text));
  // A partition of one of the others: "vg/lv:1", "luks:0:1".
  if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos) {
    const auto number = parse_number(text.substr(colon + 1));
    const auto outer = number ? parse_volume_choice(text.substr(0, colon)) : std::nullopt;
    if (outer && outer->by == By::kDevice)
      return named(By::kDevice, fmt::format("{}:{}", outer->value, *number));
  }
  if (take_prefix(text, "luks:")) {
    const auto inner = parse_volume_choice(text);
    if (!inner) return std::nullopt;
    return named(By::kDevice, "luks:" + to_text(*inner));
  }
  if (take_prefix(text, "/dev/mapper/")) {
    std::string name = from_mapper_name(text);
    return is_volume_name(name) ? named(By::kDevice, std::move(name)) : std::nullopt;
  }
  if (take_prefix(text, "@")) {
    const auto offset = parse_offset(text);
    return offset ? named(By::kDevice, fmt::format("@{}", *offset)) : std::nullopt;
  }
  take_prefix(text, "/dev/");
  if (is_array_name(text) || is_volume_name(text)) return named(By::kDevice, std::string(text));
  return std::nullopt;
}

std::optional<std::uint64_t> offset_of(const VolumeChoice& choice) {
  std::string_view text = choice.value;
  if (choice.by != VolumeChoice::By::kDevice) return std::nullopt;
  while (take_prefix(text, "luks:")) {
  }
  if (!take_prefix(text, "@")) return std::nullopt;
  std::uint64_t offset = 0;
  std::from_chars(text.data(), text.data() + text.size(), offset);
  return offset;
}

std::string to_text(const VolumeChoice& choice) {
  switch (choice.by) {
    case By::kNumber:
      return fmt::format("{}", choice.number);
    case By::kDevice:
      return choice.value;
    default:
      break;
  }
  const auto* tag = std::find_if(std::begin(kTags), std::end(kTags),
                                 [&](const Tag& t) { return t.by == choice.by; });
  return std::string(tag->prefix) + choice.value;
}

bool matches(const Device& device, const VolumeChoice& choice) {
  switch (choice.by) {
    case By::kNumber:
      return !device.assembled() && device.number == choice.number;
    case By::kUuid:
      return device.contents.kind == Contents::Kind::kFileSystem &&
             equal_ignoring_case(device.contents.uuid, choice.value);
    case By::kLabel:
      return device.contents.kind == Contents::Kind::kFileSystem &&
             device.contents.label == choice.value;
    case By::kPartUuid:
      return equal_ignoring_case(device.part_uuid, choice.value);
    case By::kPartLabel:
      return device.part_label() == choice.value;
    case By::kDevice:
      return device.assembled() && (device.id == choice.value || device.alias == choice.value);
  }
  return false;
}

}  // namespace lkl::tool
