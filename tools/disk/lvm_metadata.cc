// SPDX-License-Identifier: GPL-2.0
//
// The grammar: NAME { ... } is a section, NAME = VALUE a setting; a value is a number, a "string"
// or a [list] of these; # begins a comment.
#include "disk/lvm_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <variant>

#include "base/error.h"

namespace lkl::tool {

namespace {

constexpr unsigned kMostLevels = 16;
constexpr std::uint64_t kSectorsBelow = std::uint64_t{1} << 54;  // 2^63 bytes

using Scalar = std::variant<std::int64_t, std::string>;

struct Section {
  std::map<std::string, std::vector<Scalar>> settings;
  std::vector<std::pair<std::string, std::unique_ptr<Section>>> sections;

  const Section* find(const std::string& name) const {
    for (const auto& [key, section] : sections)
      if (key == name) return section.get();
    return nullptr;
  }
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::unique_ptr<Section> parse() {
    auto top = parse_section(0);
    if (at_ < text_.size()) fail("a } too many");
    return top;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    const auto lines = 1 + std::count(text_.begin(), text_.begin() + static_cast<long>(at_), '\n');
    throw Failure(fmt::format("the LVM metadata is damaged in line {}: {}", lines, what));
  }

  void skip_blanks() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#')
        at_ = std::min(text_.find('\n', at_), text_.size());
      else if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
        at_++;
      else
        return;
    }
  }
  bool take(char wanted) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    at_++;
    return true;
  }

  static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("+_.-").find(c) != std::string_view::npos;
  }
  std::string parse_word() {
    const std::size_t start = at_;
    while (at_ < text_.size() && is_word(text_[at_])) at_++;
    if (at_ == start) fail("a name is missing");
    return std::string(text_.substr(start, at_ - start));
  }

  std::unique_ptr<Section> parse_section(unsigned level) {
    if (level > kMostLevels) fail("sections are nested too deep");
    auto section = std::make_unique<Section>();
    for (;;) {
      skip_blanks();
      if (at_ >= text_.size() || text_[at_] == '}') return section;
      std::string name = parse_word();
      if (take('{')) {
        auto inner = parse_section(level + 1);
        if (!take('}')) fail("the section " + name + " has no end");
        section->sections.emplace_back(std::move(name), std::move(inner));
      } else if (take('=')) {
        section->settings[name] = parse_value();
      } else {
        fail("neither { nor = after " + name);
      }
    }
  }

  std::vector<Scalar> parse_value() {
    if (!take('[')) return {parse_scalar()};
    std::vector<Scalar> list;
    while (!take(']')) {
      list.push_back(parse_scalar());
      if (take(',')) continue;
      if (!take(']')) fail("a list has no end");
      break;
    }
    return list;
  }

  Scalar parse_scalar() {
    skip_blanks();
    if (take('"')) {
      std::string value;
      while (at_ < text_.size() && text_[at_] != '"') {
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) at_++;
        value += text_[at_++];
      }
      if (!take('"')) fail("a string has no end");
      return value;
    }
    const std::string word = parse_word();
    std::int64_t value = 0;
    const char* end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data(), end, value);
    // Numbers with a fraction are of no interest here.
    if (error != std::errc() || (stop != end && *stop != '.')) fail(word + " is no number");
    return value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

[[noreturn]] void fail(const std::string& where, const std::string& what) {
  throw Failure(fmt::format("the LVM metadata is damaged: {}: {}", where, what));
}

const Scalar* scalar(const Section& section, const std::string& name) {
  const auto found = section.settings.find(name);
  return found == section.settings.end() || found->second.size() != 1 ? nullptr
                                                                      : &found->second.front();
}

std::uint64_t number(const std::string& where, const Section& section, const std::string& name) {
  const Scalar* value = scalar(section, name);
  const auto* found = value == nullptr ? nullptr : std::get_if<std::int64_t>(value);
  if (found == nullptr || *found < 0) fail(where, name + " is missing or no number");
  return static_cast<std::uint64_t>(*found);
}

std::string text(const std::string& where, const Section& section, const std::string& name) {
  const Scalar* value = scalar(section, name);
  const auto* found = value == nullptr ? nullptr : std::get_if<std::string>(value);
  if (found == nullptr) fail(where, name + " is missing or no text");
  return *found;
}

bool has_word(const Section& section, const std::string& list, std::string_view word) {
  const auto found = section.settings.find(list);
  if (found == section.settings.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(), [&](const Scalar& value) {
    const auto* text = std::get_if<std::string>(&value);
    return text != nullptr && *text == word;
  });
}

// ["pv0", 0, "pv1", 0], or names only.
std::vector<LvmArea> parse_areas(const std::string& where, const std::vector<Scalar>& list) {
  std::vector<LvmArea> areas;
  for (const Scalar& value : list) {
    if (const auto* name = std::get_if<std::string>(&value)) {
      areas.push_back({*name, 0});
    } else {
      const std::int64_t extent = std::get<std::int64_t>(value);
      if (areas.empty() || extent < 0) fail(where, "a list of areas is wrong");
      areas.back().extent = static_cast<std::uint64_t>(extent);
    }
  }
  return areas;
}

LvmSegment parse_segment(const std::string& where, const Section& section) {
  LvmSegment segment;
  segment.start = number(where, section, "start_extent");
  segment.count = number(where, section, "extent_count");
  segment.type = text(where, section, "type");
  for (const auto& [name, value] : section.settings) {
    if (name == "stripes" || name == "mirrors" || name == "raids" || name == "raid0_lvs")
      segment.areas = parse_areas(where, value);
    else if (value.size() != 1)
      continue;
    else if (const auto* value_text = std::get_if<std::string>(&value.front()))
      segment.names[name] = *value_text;
    else if (const std::int64_t found = std::get<std::int64_t>(value.front()); found >= 0)
      segment.numbers[name] = static_cast<std::uint64_t>(found);
  }
  return segment;
}

bool fits(std::uint64_t extents, std::uint64_t extent_size) {
  return extents < kSectorsBelow / extent_size;
}

LvmVolume parse_volume(const std::string& name, const Section& section, std::uint64_t extent_size) {
  LvmVolume volume;
  volume.name = name;
  volume.uuid = text(name, section, "id");
  volume.visible = has_word(section, "status", "VISIBLE");
  volume.writable = has_word(section, "status", "WRITE");
  for (const auto& [key, part] : section.sections)
    if (key.starts_with("segment")) volume.segments.push_back(parse_segment(name, *part));
  std::sort(volume.segments.begin(), volume.segments.end(),
            [](const LvmSegment& a, const LvmSegment& b) { return a.start < b.start; });
  if (volume.segments.size() != number(name, section, "segment_count") || volume.segments.empty())
    fail(name, "segments are missing");
  std::uint64_t next = 0;
  for (const LvmSegment& segment : volume.segments) {
    if (segment.start != next || segment.count == 0 || !fits(segment.count, extent_size) ||
        !fits(next + segment.count, extent_size))
      fail(name, "the segments do not fit to each other");
    for (const LvmArea& area : segment.areas)
      if (!fits(area.extent, extent_size) || !fits(area.extent + segment.count, extent_size))
        fail(name, "an area lies too far");
    next += segment.count;
  }
  return volume;
}

LvmPhysicalVolume parse_physical(const std::string& name, const Section& section,
                                 std::uint64_t extent_size) {
  LvmPhysicalVolume physical;
  physical.name = name;
  physical.uuid = text(name, section, "id");
  const Scalar* device = scalar(section, "device");
  if (device != nullptr && std::holds_alternative<std::string>(*device))
    physical.device = std::get<std::string>(*device);
  physical.start = number(name, section, "pe_start");
  physical.extents = number(name, section, "pe_count");
  if (physical.start >= kSectorsBelow || !fits(physical.extents, extent_size))
    fail(name, "it is too large");
  return physical;
}

}  // namespace

std::uint64_t LvmSegment::number(const std::string& word, std::uint64_t otherwise) const {
  const auto found = numbers.find(word);
  return found == numbers.end() ? otherwise : found->second;
}

std::string LvmSegment::name(const std::string& word) const {
  const auto found = names.find(word);
  return found == names.end() ? std::string() : found->second;
}

std::uint64_t LvmVolume::extents() const {
  return segments.back().start + segments.back().count;
}

const LvmPhysicalVolume* LvmGroup::find_physical(const std::string& wanted) const {
  const auto found = std::find_if(physical.begin(), physical.end(),
                                  [&](const LvmPhysicalVolume& p) { return p.name == wanted; });
  return found == physical.end() ? nullptr : &*found;
}

const LvmVolume* LvmGroup::find_volume(const std::string& wanted) const {
  const auto found = std::find_if(volumes.begin(), volumes.end(),
                                  [&](const LvmVolume& v) { return v.name == wanted; });
  return found == volumes.end() ? nullptr : &*found;
}

LvmGroup parse_lvm_metadata(std::string_view metadata) {
  const auto top = Parser(metadata.substr(0, metadata.find('\0'))).parse();
  if (top->sections.size() != 1) fail("the text", "it does not describe one volume group");
  const auto& [name, section] = top->sections.front();
  LvmGroup group;
  group.name = name;
  group.uuid = text(name, *section, "id");
  group.sequence = number(name, *section, "seqno");
  group.extent_size = number(name, *section, "extent_size");
  if (group.extent_size == 0 || group.extent_size >= kSectorsBelow)
    fail(name, "extent_size makes no sense");
  if (const Section* list = section->find("physical_volumes"))
    for (const auto& [key, part] : list->sections)
      group.physical.push_back(parse_physical(key, *part, group.extent_size));
  if (const Section* list = section->find("logical_volumes"))
    for (const auto& [key, part] : list->sections)
      group.volumes.push_back(parse_volume(key, *part, group.extent_size));
  return group;
}

}  // namespace lkl::tool
