// SPDX-License-Identifier: GPL-2.0
#include "session/disk_choice.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/format.h"

namespace lkl::tool {

namespace {

bool is_candidate(const AttachedImage& disk, std::optional<unsigned> number) {
  if (number == 0U || (!number && disk.partitions.empty())) return disk.whole.holds_files();
  return std::any_of(disk.partitions.begin(), disk.partitions.end(), [&](const Device& p) {
    return (!number || p.number == *number) && p.holds_files();
  });
}

// Of logical volumes, arrays or LUKS containers.
bool holds_parts(const AttachedImage* disk) {
  const auto part = [](const Device& device) {
    const std::string& type = device.contents.type;
    return type == kLuks || type == kPhysicalVolume || type == kRaidMember;
  };
  return part(disk->whole) || std::any_of(disk->partitions.begin(), disk->partitions.end(), part);
}

std::string list_disks(const std::vector<AttachedImage*>& disks, const SessionOptions& options) {
  std::string list;
  for (const AttachedImage* disk : disks) {
    std::string found;
    const auto add = [&](const std::string& number, const Device& partition) {
      if (!partition.holds_files()) return;
      found += fmt::format("{}{}{}", found.empty() ? "" : ", ", number, partition.contents.type);
      if (!partition.contents.label.empty())
        found += fmt::format(" '{}'", printable(partition.contents.label, true));
    };
    add("", disk->whole);
    for (const Device& partition : disk->partitions)
      add(fmt::format("{}: ", partition.number), partition);
    const auto known = options.domain_images.find(disk->name);
    list += fmt::format("\n  {}  {:>6}  {}",
                        known == options.domain_images.end() ? disk->name : known->second.target,
                        human_size(disk->file.size()), found.empty() ? "no file system" : found);
  }
  return list;
}

}  // namespace

AttachedImage& choose_disk(const std::vector<AttachedImage*>& disks,
                           const std::optional<VolumeChoice>& volume,
                           const SessionOptions& options) {
  const std::optional<unsigned> number = volume ? std::optional(volume->number) : std::nullopt;
  const auto candidate = [&](const AttachedImage* disk) { return is_candidate(*disk, number); };
  const auto count = std::count_if(disks.begin(), disks.end(), candidate);
  if (count == 1) return **std::find_if(disks.begin(), disks.end(), candidate);
  // What is to be assembled may have one, wherever it lies.
  if (const auto part = std::find_if(disks.begin(), disks.end(), holds_parts);
      count == 0 && !number && part != disks.end())
    return **part;
  throw Failure(
      fmt::format("{}: {} of the domain's disks have a known file system{}; choose one with {}:{}",
                  options.domain, count == 0 ? "none" : fmt::format("{}", count),
                  number && *number != 0 ? fmt::format(" in partition {}", *number) : "",
                  options.disk_option, list_disks(disks, options)));
}

}  // namespace lkl::tool
