// SPDX-License-Identifier: GPL-2.0
#include "disk/choose.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "base/format.h"

namespace lkl::tool {

namespace {

using Devices = std::vector<const Device*>;

std::string contents_name(const Device& device) {
  if (!device.present) return "not accessible";
  if (device.container) return "extended partition";
  return device.contents.kind == Contents::Kind::kUnknown ? "not recognised" : device.contents.type;
}

std::string line_of(const Device& device) {
  const Contents& contents = device.contents;
  return fmt::format("\n  {:>3}  {:>6}  {}{}{}{}", device.id.empty() ? "0" : device.id,
                     human_size(device.size), contents_name(device),
                     contents.label.empty() ? "" : "  ", contents.label,
                     device.problem.empty() ? "" : "\n       " + device.problem);
}

std::string list_of(const Choosable& all) {
  std::string list;
  if (all.own.empty() && !all.assembled.empty()) list += line_of(*all.whole);
  for (const Device* device : all.own) list += line_of(*device);
  for (const Device* device : all.assembled) list += line_of(*device);
  return list;
}

Devices select(const Devices& devices, const VolumeChoice& choice) {
  Devices found;
  std::copy_if(devices.begin(), devices.end(), std::back_inserter(found),
               [&](const Device* device) { return matches(*device, choice); });
  return found;
}

Devices with_files(const Choosable& all) {
  Devices found;
  for (const Devices* list : {&all.own, &all.assembled})
    for (const Device* device : *list)
      if (device->holds_files()) found.push_back(device);
  return found;
}

// Containers that are closed may hold what is meant.
bool any_locked(const Choosable& all) {
  const auto locked = [](const Device* device) {
    return device->contents.type == kLuks && !device->problem.empty();
  };
  return locked(all.whole) || std::any_of(all.own.begin(), all.own.end(), locked) ||
         std::any_of(all.assembled.begin(), all.assembled.end(), locked);
}

// What keeps devices from being there; empty if nothing is known.
std::string problems(const Choosable& all) {
  std::string text;
  Devices devices = all.own;
  devices.insert(devices.begin(), all.whole);
  devices.insert(devices.end(), all.assembled.begin(), all.assembled.end());
  devices.insert(devices.end(), all.others.begin(), all.others.end());
  for (const Device* device : devices)
    // The devices of one group have the same.
    if (!device->problem.empty() && text.find(device->problem) == std::string::npos)
      text += (text.empty() ? "" : "; ") + device->problem + other_marks(*device);
  return text;
}

}  // namespace

const Device* find_chosen(const Choosable& all, const VolumeChoice& choice) {
  if (choice.by == VolumeChoice::By::kNumber) {
    if (choice.number == 0) return all.whole;
    const Devices found = select(all.own, choice);
    return found.empty() ? nullptr : found.front();
  }
  // An optical image's partition may begin where the image does; the whole comes first.
  if (matches(*all.whole, choice)) return all.whole;
  Devices here = select(all.own, choice), elsewhere = select(all.others, choice);
  for (const Device* device : select(all.assembled, choice))
    (device->image == all.whole->image ? here : elsewhere).push_back(device);
  const Devices& found = here.empty() ? elsewhere : here;
  if (found.empty()) return nullptr;
  if (found.size() == 1) return found.front();
  std::string list;
  for (const Device* device : found) list += line_of(*device);
  throw Failure(fmt::format("{}: {} devices are {}; choose one of them by its name:{}",
                            all.whole->image, found.size(), to_text(choice), list));
}

const Device* find_only(const Choosable& all, const std::string& type) {
  const Contents& whole = all.whole->contents;
  if (whole.kind == Contents::Kind::kDiskFormat) throw Failure(not_raw(*all.whole));
  // Optical images often carry a partition table for the boot of USB sticks besides.
  if (whole.type == "iso9660" || whole.type == "udf") return all.whole;
  if (all.own.empty() && whole.kind == Contents::Kind::kFileSystem) return all.whole;
  // Who says the type says which of several marks counts. But a member of an array has its file
  // system's, too.
  const bool meant = all.own.empty() && !type.empty() && whole.as(type) != nullptr;
  if (meant && whole.type != kRaidMember) return all.whole;
  const Devices found = with_files(all);
  if (any_locked(all)) return nullptr;
  if (found.size() == 1) return found.front();
  if (meant && found.empty()) return all.whole;
  const bool nothing_else = all.own.empty() && all.assembled.empty();
  return nothing_else && all.whole->problem.empty() ? all.whole : nullptr;
}

const Device& enter_partitions(const Choosable& all, const Device& chosen) {
  if (!chosen.assembled() || chosen.contents.kind == Contents::Kind::kFileSystem) return chosen;
  Devices inside;
  for (const Device* device : all.assembled)
    if (device->kind == Device::Kind::kPartition && device->on.front() == &chosen)
      inside.push_back(device);
  if (inside.empty()) return chosen;
  std::string list;
  for (const Device* device : inside) list += line_of(*device);
  std::erase_if(inside, [](const Device* device) { return !device->holds_files(); });
  if (inside.size() == 1) return *inside.front();
  throw Failure(
      fmt::format("{}: has a partition table; choose one of its partitions by its name "
                  "here:{}",
                  chosen.display(), list));
}

std::string not_raw(const Device& device) {
  const Contents& contents = device.contents;
  return fmt::format("{}: is not a raw image but {}; {}", device.display(), contents.type,
                     contents.cure.empty() ? "leave raw: (or --format) out" : contents.cure);
}

std::string other_marks(const Device& device) {
  std::string text;
  for (const Contents& other : device.contents.also)
    if (other.kind == Contents::Kind::kFileSystem)
      text += fmt::format(
          "; it also has the superblock of {}, one of the two is left over: -t {} takes it for "
          "that",
          other.type, other.type);
  return text;
}

void throw_not_found(const Choosable& all, const std::optional<VolumeChoice>& choice) {
  const std::string& path = all.whole->image;
  const std::string why = problems(all);
  const std::size_t count = all.own.size();
  if (choice && choice->by == VolumeChoice::By::kNumber)
    throw Failure(count == 0
                      ? fmt::format("{}: partition {}: no such partition (the image has no "
                                    "partition table); leave the number out",
                                    path, choice->number)
                      : fmt::format("{}: partition {}: no such partition (the image has {}):{}",
                                    path, choice->number, count, list_of(all)));
  if (choice) {
    using By = VolumeChoice::By;
    const std::string list = list_of(all);
    const bool by_table = choice->by == By::kPartUuid || choice->by == By::kPartLabel;
    const char* const kind = choice->by == By::kDevice ? "device"
                             : by_table                ? "partition"
                                                       : "file system";
    throw Failure(fmt::format("{}: {}: no such {}{}{}{}", path, to_text(*choice), kind,
                              why.empty() ? "" : " (" + why + ")",
                              list.empty() ? "" : "; there are:", list));
  }
  const std::size_t candidates = with_files(all).size();
  const std::string files =
      candidates == 0 ? "no known file system" : fmt::format("{} file systems", candidates);
  if (all.assembled.empty() && candidates == 0 && !why.empty()) throw Failure(why);
  if (all.assembled.empty())
    throw Failure(fmt::format("{}: has {} partitions with {}; choose one with -P N or {}:N:{}",
                              path, count, files, path, list_of(all)));
  throw Failure(fmt::format(
      "{0}: has {1} partitions and {2} assembled devices with {3}; choose one with -P or {0}:NAME, "
      "by its name here, UUID=... or LABEL=...:{4}",
      path, count, all.assembled.size(), files, list_of(all)));
}

}  // namespace lkl::tool
