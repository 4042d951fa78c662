// SPDX-License-Identifier: GPL-2.0
#include "lvm_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "error.h"
#include "kernel_device.h"

namespace lkl::tool {

namespace {

class Builder {
 public:
  Builder(const LvmGroup& group, const LvmVolume& volume, const FindLvmDevice& find, bool writable)
      : group_(group), volume_(volume), find_(find), writable_(writable) {}

  DmTarget target(const LvmSegment& segment) const {
    const std::string type = base_type(segment);
    if (type == "striped") return striped(segment, segment.areas);
    if (type == "raid0") return striped(segment, segment.areas);
    if (type == "raid0_meta") return striped(segment, data_areas(segment));
    if (type == "mirror") return mirror(segment);
    if (type.starts_with("raid")) return raid(segment, type);
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

  std::vector<LvmArea> data_areas(const LvmSegment& segment) const {
    std::vector<LvmArea> areas;
    for (std::size_t i = 1; i < segment.areas.size(); i += 2) areas.push_back(segment.areas[i]);
    return areas;
  }

  // Metadata and data of each member are volumes of their own.
  DmTarget raid(const LvmSegment& segment, const std::string& type) const {
    if (segment.areas.empty() || segment.areas.size() % 2 != 0) fail("members are missing");
    std::string options;
    unsigned count = 1;
    if (const std::uint64_t region = segment.number("region_size")) {
      options += fmt::format(" region_size {}", region);
      count += 2;
    }
    if (const std::uint64_t copies = segment.number("data_copies"); copies && type == "raid10") {
      options += fmt::format(" raid10_copies {}", copies);
      count += 2;
    }
    std::string parameters =
        fmt::format("{} {} {}{} {}", type, count, segment.number("stripe_size"), options,
                    segment.areas.size() / 2);
    for (const LvmArea& area : segment.areas) parameters += " " + major_minor(find_(area.name));
    return make(segment, "raid", std::move(parameters));
  }

  const LvmGroup& group_;
  const LvmVolume& volume_;
  const FindLvmDevice& find_;
  const bool writable_;
};

}  // namespace

DmTable lvm_table(const LvmGroup& group, const LvmVolume& volume, const FindLvmDevice& find,
                  bool writable) {
  const Builder builder(group, volume, find, writable);
  DmTable table;
  for (const LvmSegment& segment : volume.segments) table.push_back(builder.target(segment));
  return table;
}

std::string lvm_type_name(const LvmVolume& volume) {
  const LvmSegment& first = volume.segments.front();
  return first.type == "striped" && first.areas.size() == 1 ? "linear" : first.type;
}

}  // namespace lkl::tool
