// SPDX-License-Identifier: GPL-2.0
#include "disk/lvm_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "disk/kernel_device.h"

namespace lkl::tool {

namespace {

class Builder {
 public:
  Builder(const LvmGroup& group, const LvmVolume& volume, const FindLvmDevice& find,
          const FindLvmPiece& piece, bool writable)
      : group_(group), volume_(volume), find_(find), piece_(piece), writable_(writable) {}

  DmTarget target(const LvmSegment& segment) const {
    const std::string type = base_type(segment);
    if (type == "striped") return striped(segment, segment.areas);
    if (type == "raid0") return striped(segment, segment.areas);
    if (type == "raid0_meta") return striped(segment, data_areas(segment));
    if (type == "mirror") return mirror(segment);
    if (type.starts_with("raid")) return raid(segment, type);
    if (type == "thin-pool") return thin_pool(segment);
    if (type == "thin") return thin(segment);
    if (type == "cache") return cache(segment);
    if (type == "writecache") return write_cache(segment);
    if (type == "zero" || type == "error") return make(segment, type, "");
    throw Failure(fmt::format("{}/{}: logical volumes of type {} are not supported", group_.name,
                              volume_.name, segment.type));
  }

 private:
  // Flags behind the type only tell old versions of LVM to keep off.
  static std::string base_type(const LvmSegment& segment) {
    return segment.type.substr(0, segment.type.find('+'));
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Failure(
        fmt::format("{}/{}: the LVM metadata makes no sense: {}", group_.name, volume_.name, what));
  }

  DmTarget make(const LvmSegment& segment, std::string type, std::string parameters) const {
    return {segment.start * group_.extent_size, segment.count * group_.extent_size, std::move(type),
            std::move(parameters)};
  }

  // "254:0 2048"; `count` extents have to be there.
  std::string place(const LvmArea& area, std::uint64_t count) const {
    std::uint64_t start = area.extent * group_.extent_size;
    std::uint64_t extents = 0;
    if (const LvmPhysicalVolume* physical = group_.find_physical(area.name)) {
      start += physical->start;
      extents = physical->extents;
    } else if (const LvmVolume* part = group_.find_volume(area.name)) {
      extents = part->extents();
    } else {
      fail(area.name + " is not in the group");
    }
    if (area.extent > extents || count > extents - area.extent)
      fail("it reaches beyond the end of " + area.name);
    return fmt::format("{} {}", major_minor(find_(area.name)), start);
  }

  DmTarget striped(const LvmSegment& segment, const std::vector<LvmArea>& areas) const {
    if (areas.empty() || segment.count % areas.size() != 0) fail("the stripes do not fit");
    const std::uint64_t each = segment.count / areas.size();
    if (areas.size() == 1) return make(segment, "linear", place(areas.front(), each));
    std::string parameters = fmt::format("{} {}", areas.size(), segment.number("stripe_size"));
    for (const LvmArea& area : areas) parameters += " " + place(area, each);
    return make(segment, "striped", std::move(parameters));
  }

  // The older kind. Its log is only needed to write; the first copy is always good.
  DmTarget mirror(const LvmSegment& segment) const {
    constexpr std::uint64_t kRegion = 1024;
    if (segment.areas.empty()) fail("a mirror has no copies");
    if (!writable_ || segment.areas.size() == 1)
      return make(segment, "linear", place(segment.areas.front(), segment.count));
    const std::uint64_t region = segment.number("region_size", kRegion);
    const std::string log = segment.name("mirror_log");
    std::string parameters = log.empty()
                                 ? fmt::format("core 1 {}", region)
                                 : fmt::format("disk 2 {} {}", major_minor(find_(log)), region);
    parameters += fmt::format(" {}", segment.areas.size());
    for (const LvmArea& area : segment.areas) parameters += " " + place(area, segment.count);
    return make(segment, "mirror", std::move(parameters));
  }

  // The volume that this one names, as the kernel's number.
  std::string part(const LvmSegment& segment, const char* word) const {
    const std::string name = segment.name(word);
    if (name.empty()) fail(std::string("it has no ") + word);
    return major_minor(find_(name));
  }

  [[noreturn]] void refuse_to_read(const std::string& type) const {
    throw Failure(fmt::format(
        "{}/{}: the kernel cannot read this volume of type {} without writing to it; use "
        "--snapshot with a command that writes, such as lkl sh or lkl mount",
        group_.name, volume_.name, type));
  }

  // Words that are counted: "2 read_only error_if_no_space".
  static std::string counted(const std::vector<std::string>& words) {
    std::string text = std::to_string(words.size());
    for (const std::string& word : words) text += " " + word;
    return text;
  }

  DmTarget thin_pool(const LvmSegment& segment) const {
    // When it is full nobody makes it larger: what is written then fails at once.
    std::vector<std::string> features = {"error_if_no_space"};
    if (!writable_) features.emplace_back("read_only");
    if (segment.number("zero_new_blocks") == 0) features.emplace_back("skip_block_zeroing");
    const std::string discards = segment.name("discards");
    if (discards == "ignore") features.emplace_back("ignore_discard");
    if (discards == "nopassdown") features.emplace_back("no_discard_passdown");
    return make(segment, "thin-pool",
                fmt::format("{} {} {} 0 {}", part(segment, "metadata"), part(segment, "pool"),
                            segment.number("chunk_size"), counted(features)));
  }

  DmTarget thin(const LvmSegment& segment) const {
    if (!segment.name("merge").empty())
      throw Failure(
          fmt::format("{}/{}: is being merged into what it is a snapshot of; finish that first",
                      group_.name, volume_.name));
    std::string parameters =
        fmt::format("{} {}", part(segment, "thin_pool"), segment.number("device_id"));
    // What it was made of, outside of the pool.
    if (!segment.name("external_origin").empty())
      parameters += " " + part(segment, "external_origin");
    return make(segment, "thin", std::move(parameters));
  }

  DmTarget cache(const LvmSegment& segment) const {
    const LvmVolume* pool = group_.find_volume(segment.name("cache_pool"));
    if (pool == nullptr) fail("there is no cache");
    // Of a pool the settings are there; a single volume has all in pieces of it.
    const bool whole = pool->segments.front().type == "cache-pool";
    const LvmSegment& settings = whole ? pool->segments.front() : segment;
    const std::string mode = settings.name("cache_mode");
    if (!writable_) {
      // The origin has everything then.
      if (mode == "writethrough" || mode == "passthrough")
        return make(segment, "linear", part(segment, "origin") + " 0");
      refuse_to_read("cache (writeback)");
    }
    std::vector<std::string> features = {mode.empty() ? "writethrough" : mode};
    if (settings.number("metadata_format") == 2) features.emplace_back("metadata2");
    const auto piece_of = [&](const std::string& word) {
      return major_minor(
          piece_(pool->name, segment.number(word + "_start"), segment.number(word + "_len")));
    };
    const std::string metadata = whole ? part(settings, "metadata") : piece_of("metadata");
    const std::string data = whole ? part(settings, "data") : piece_of("data");
    // The kernel that has the policy that was chosen may be another one than ours.
    return make(segment, "cache",
                fmt::format("{} {} {} {} {} smq 0", metadata, data, part(segment, "origin"),
                            settings.number("chunk_size"), counted(features)));
  }

  DmTarget write_cache(const LvmSegment& segment) const {
    if (!writable_) refuse_to_read("writecache");
    constexpr std::uint64_t kBlock = 4096;
    return make(segment, "writecache",
                fmt::format("s {} {} {} 0", part(segment, "origin"), part(segment, "writecache"),
                            segment.number("writecache_block_size", kBlock)));
  }

  std::vector<LvmArea> data_areas(const LvmSegment& segment) const {
    std::vector<LvmArea> areas;
    for (std::size_t i = 1; i < segment.areas.size(); i += 2) areas.push_back(segment.areas[i]);
    return areas;
  }

  // Metadata and data of each member are volumes of their own.
  DmTarget raid(const LvmSegment& segment, const std::string& type) const {
    if (segment.areas.empty() || segment.areas.size() % 2 != 0) fail("members are missing");
    if (!writable_) return raid_to_read(segment, type);
    std::string options;
    unsigned count = 1;
    const auto option = [&](const std::string& word, std::uint64_t value) {
      options += fmt::format(" {} {}", word, value);
      count += 2;
    };
    if (const std::uint64_t region = segment.number("region_size")) option("region_size", region);
    if (const std::uint64_t copies = segment.number("data_copies"); copies && type == "raid10")
      option("raid10_copies", copies);
    std::string members;
    for (const LvmArea& area : segment.areas) members += " " + major_minor(find_(area.name));
    return raid_target(segment, type, count, options, members);
  }

  DmTarget raid_target(const LvmSegment& segment, const std::string& type, unsigned count,
                       const std::string& options, const std::string& members) const {
    return make(segment, "raid",
                fmt::format("{} {} {}{} {}{}", type, count, segment.number("stripe_size"), options,
                            segment.areas.size() / 2, members));
  }

  // With its metadata the kernel would write to it, even to read. Without it the kernel takes all
  // members for good, hence those that are not have to be left out here.
  DmTarget raid_to_read(const LvmSegment& segment, const std::string& type) const {
    const std::vector<bool> good = good_members(segment);
    const std::vector<LvmArea> areas = data_areas(segment);
    constexpr std::size_t kCopies = 2;
    // Copies that were not synchronised after a crash differ: always the same one is read.
    if (type == "raid1") return striped(segment, copies_to_read(areas, good, areas.size()));
    if (type == "raid10" && areas.size() % kCopies == 0 &&
        segment.number("data_copies", kCopies) == kCopies)
      return striped(segment, copies_to_read(areas, good, kCopies));
    if (type != "raid4" && !type.starts_with("raid5")) refuse_to_read(type);
    std::string members;
    for (std::size_t i = 0; i < areas.size(); i++)
      members += good[i] ? " - " + major_minor(find_(areas[i].name)) : " - -";
    return raid_target(segment, type, 2, " nosync", members);
  }

  // Of each so many copies one that is good.
  std::vector<LvmArea> copies_to_read(const std::vector<LvmArea>& areas,
                                      const std::vector<bool>& good, std::size_t copies) const {
    std::vector<LvmArea> chosen;
    for (std::size_t i = 0; i < areas.size(); i += copies) {
      std::size_t at = i;
      while (at < i + copies && !good[at]) at++;
      if (at == i + copies) fail("no copy is in order");
      chosen.push_back(areas[at]);
    }
    return chosen;
  }

  // By the marks in the members' metadata.
  std::vector<bool> good_members(const LvmSegment& segment) const {
    constexpr std::uint32_t kMagic = 0x64526d44, kReshapes = 1;  // "DmRd"
    constexpr std::uint64_t kInSync = ~std::uint64_t{0};
    struct Member {
      bool marked = false;
      std::uint64_t events = 0, failed = 0, in_sync_to = 0;
    };
    std::vector<Member> members;
    Member newest;
    for (std::size_t i = 0; i < segment.areas.size(); i += 2) {
      const Block<512> header(open_device(find_(segment.areas[i].name), 512), 0);
      const Member member{header.le32(0) == kMagic, header.le64(16), header.le64(24),
                          header.le64(32)};
      if (member.marked && (header.le32(60) & kReshapes))
        throw Failure(fmt::format("{}/{}: is being reshaped; it can only be used for writing",
                                  group_.name, volume_.name));
      if (member.marked && (!newest.marked || member.events > newest.events)) newest = member;
      members.push_back(member);
    }
    std::vector<bool> good;
    for (std::size_t i = 0; i < members.size(); i++) {
      const Member& member = members[i];
      const bool failed = i < 64 && (newest.failed >> i & 1) != 0;
      // One that was never used has no marks at all.
      good.push_back(!newest.marked ||
                     (member.marked && !failed && member.events >= newest.events &&
                      member.in_sync_to == kInSync));
    }
    return good;
  }

  const LvmGroup& group_;
  const LvmVolume& volume_;
  const FindLvmDevice& find_;
  const FindLvmPiece& piece_;
  const bool writable_;
};

}  // namespace

DmTable lvm_table(const LvmGroup& group, const LvmVolume& volume, const FindLvmDevice& find,
                  const FindLvmPiece& piece, bool writable) {
  const Builder builder(group, volume, find, piece, writable);
  DmTable table;
  for (const LvmSegment& segment : volume.segments) table.push_back(builder.target(segment));
  return table;
}

bool is_lvm_pool(const LvmVolume& volume) {
  const std::string& type = volume.segments.front().type;
  return type.starts_with("thin-pool") || type.starts_with("cache-pool") ||
         type.starts_with("vdo-pool");
}

std::string lvm_type_name(const LvmVolume& volume) {
  const LvmSegment& first = volume.segments.front();
  if (first.type == "striped" && first.areas.size() == 1) return "linear";
  return first.type.substr(0, first.type.find('+'));
}

}  // namespace lkl::tool
