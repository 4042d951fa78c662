// SPDX-License-Identifier: GPL-2.0
#include "disk/disk_scan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/format.h"
#include "disk/kernel_device.h"
#include "disk/partition_table.h"

namespace lkl::tool {

namespace {

std::uint32_t read_device_number(const std::string& path) {
  const std::string text = read_small_file(path);
  unsigned major = 0, minor = 0;
  return std::sscanf(text.c_str(), "%u:%u", &major, &minor) == 2 ? device_number(major, minor) : 0;
}

Device partition_of(const Device& whole, unsigned number) {
  Device partition;
  partition.kind = Device::Kind::kPartition;
  partition.image = whole.image;
  partition.number = number;
  partition.writable = whole.writable;
  partition.id = fmt::format("{}", number);
  if (!whole.assembled()) return partition;
  partition.on = {&whole};
  // Arrays have partitions of the kernel's, which have names.
  const bool array = whole.kind == Device::Kind::kArray;
  const std::string id = fmt::format("{}:{}", whole.id, number);
  partition.id = array ? fmt::format("{}p{}", whole.id, number) : id;
  if (array) partition.alias = id;
  return partition;
}

// Those the kernel has found.
std::vector<Device> find_partitions(const Device& whole) {
  constexpr std::uint64_t kSector = 512;  // sysfs counts in these, whatever the disk's blocks are
  const std::string sysfs = sysfs_directory(whole.device);
  std::vector<Device> partitions;
  for (const DirEntry& entry : Dir(sysfs)) {
    const std::string here = sysfs + "/" + entry.name;
    const auto number = static_cast<unsigned>(read_number(here + "/partition"));
    if (number == 0) continue;
    Device partition = partition_of(whole, number);
    partition.device = read_device_number(here + "/dev");
    partition.start = read_number(here + "/start") * kSector;
    partition.size = read_number(here + "/size") * kSector;
    partition.contents = probe(open_device(partition.device, partition.size));
    partitions.push_back(std::move(partition));
  }
  return partitions;
}

// What the table says of a partition that the kernel did not find. Its device is made if the table
// can be believed without the kernel.
Device missing_partition(const Device& whole, const TableEntry& entry, bool make,
                         HeldDevices& held) {
  Device partition = partition_of(whole, entry.number);
  partition.start = entry.start;
  partition.size = entry.size;
  partition.present = make && !entry.container && entry.start < whole.size;
  if (!partition.present) return partition;
  const std::uint64_t length = std::min(entry.size, whole.size - entry.start);
  try {
    partition.device =
        held.add_piece(partition.display(), whole, entry.start, length, partition.writable);
    partition.contents = probe(open_device(partition.device, length));
  } catch (const Failure& failure) {
    partition.present = false;
    partition.problem = failure.what();
  }
  return partition;
}

}  // namespace

DiskLayout scan_disk(Device& whole, HeldDevices& held) {
  const BlockReader disk = open_device(whole.device, whole.size);
  whole.contents = probe(disk);
  DiskLayout layout{{}, find_partitions(whole), {}};
  std::vector<Device>& partitions = layout.partitions;
  if (whole.contents.type == kRaidMember) {
    // The superblock at its end may be that of the last partition. If not, the table that is
    // seen here is the array's.
    const auto holds_it = [&](const Device& partition) {
      return partition.contents.type == kRaidMember &&
             partition.contents.details == whole.contents.details &&
             partition.contents.uuid == whole.contents.uuid;
    };
    if (std::none_of(partitions.begin(), partitions.end(), holds_it)) return {};
    whole.contents = {};
  }

  const PartitionTable table = read_partition_table(disk);
  // A boot sector that only looks like a table: the kernel found nothing in it.
  const bool believe = !partitions.empty() || whole.contents.kind == Contents::Kind::kUnknown;
  // The kernel's word counts where it can read the table.
  const bool make = partitions.empty() && table.good && (table.kind == "gpt" || whole.assembled());
  for (const TableEntry& entry : table.entries) {
    auto known = std::find_if(partitions.begin(), partitions.end(),
                              [&](const Device& p) { return p.number == entry.number; });
    if (known == partitions.end()) {
      if (!believe) continue;
      known = partitions.insert(known, missing_partition(whole, entry, make, held));
    }
    // The kernel cuts what reaches beyond the end; the table says how large it should be.
    if (!entry.container) known->size = entry.size;
    known->type = entry.type;
    known->name = entry.name;
    known->part_uuid = entry.uuid;
    known->container = entry.container;
  }
  if (!partitions.empty()) layout.table = table.kind.empty() ? "other" : table.kind;
  if (believe && make) layout.damage = table.damage;
  std::sort(partitions.begin(), partitions.end(),
            [](const Device& a, const Device& b) { return a.number < b.number; });
  return layout;
}

std::string why_absent(const Device& whole, const std::vector<Device>& partitions,
                       const Device& partition) {
  const auto beyond = [size = whole.size](const Device& p) {
    return p.size > size || p.start > size - p.size;
  };
  if (beyond(partition))
    return fmt::format(
        "reaches to {} but the image is only {} long; the image is truncated, get it anew",
        human_size(partition.start + partition.size), human_size(whole.size));
  if (std::any_of(partitions.begin(), partitions.end(), beyond))
    return "the kernel does not accept the partition table, because the image is truncated; get "
           "it anew";
  return "the kernel does not accept the partition table; it may be damaged";
}

}  // namespace lkl::tool
