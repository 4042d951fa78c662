// SPDX-License-Identifier: GPL-2.0
#include "session/assembly.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "disk/array_set.h"
#include "disk/disk_scan.h"
#include "disk/group_set.h"
#include "disk/kernel_device.h"
#include "disk/luks.h"
#include "disk/lvm_label.h"
#include "disk/lvm_table.h"

namespace lkl::tool {

namespace {

std::string id_in_luks(const Device& container) {
  return "luks:" + (container.id.empty() ? "0" : container.id);
}

bool all_writable(const std::vector<const Device*>& devices) {
  return std::all_of(devices.begin(), devices.end(),
                     [](const Device* device) { return device->writable; });
}

BlockReader reader_of(const Device& device) {
  return open_device(device.device, device.size);
}

// "md0" if its superblocks say so, else from md127 downwards, as udev's rules have it.
std::string array_id(const MdMember& superblock, const std::string& short_name,
                     const std::vector<std::unique_ptr<Device>>& devices) {
  const auto taken = [&](const std::string& id) {
    return std::any_of(devices.begin(), devices.end(),
                       [&](const auto& device) { return device->id == id; });
  };
  unsigned number = superblock.preferred_minor.value_or(0);
  const char* end = short_name.data() + short_name.size();
  const auto [stop, error] = std::from_chars(short_name.data(), end, number);
  const bool numbered =
      superblock.preferred_minor || (!short_name.empty() && error == std::errc() && stop == end);
  if (std::string id = fmt::format("md{}", number); numbered && !taken(id)) return id;
  constexpr unsigned kFirst = 127;
  for (unsigned free = kFirst;; free--)
    if (std::string id = fmt::format("md{}", free); !taken(id)) return id;
}

}  // namespace

Assembly::Assembly(const std::string& key_file, Diagnostics& diagnostics)
    : diagnostics_(diagnostics), passphrases_(key_file) {}

Assembly::~Assembly() = default;

bool Assembly::prepare_opening() {
  return passphrases_.prepare() && warm_cryptsetup();
}

void Assembly::add(Device& device) {
  if (device.present && !device.container) new_.push_back(&device);
}

void Assembly::examine(Device& device) {
  const std::string& type = device.contents.type;
  if (device.contents.kind != Contents::Kind::kOther) return;
  if (type == kRaidMember) {
    auto member = read_md_superblock(reader_of(device));
    if (!member) return;
    const auto set = std::find_if(arrays_.begin(), arrays_.end(),
                                  [&](const auto& known) { return known->wants(*member); });
    if (set == arrays_.end())
      arrays_.push_back(std::make_unique<ArraySet>(device, std::move(*member)));
    else
      (*set)->add(device, std::move(*member));
  } else if (type == kPhysicalVolume) {
    examine_physical_volume(device);
  } else if (type == kLuks) {
    auto header = read_luks_header(reader_of(device));
    if (!header) return;
    device.problem =
        device.display() + ": is encrypted (LUKS); its passphrase is needed, by --key-file FILE";
    containers_.push_back(std::make_unique<Container>(Container{&device, std::move(*header)}));
  }
}

void Assembly::examine_physical_volume(Device& device) {
  const auto label = read_lvm_label(reader_of(device));
  if (!label) {
    device.problem = device.display() + ": the LVM label is damaged";
    return;
  }
  if (label->damaged)
    device.problem = device.display() +
                     ": the LVM metadata on it is damaged; restore it with "
                     "vgcfgrestore, or name another disk of its group with -a";
  if (!label->metadata.empty()) {
    try {
      LvmGroup group = parse_lvm_metadata(label->metadata);
      const auto same = std::find_if(groups_.begin(), groups_.end(), [&](const auto& known) {
        return known->group().uuid == group.uuid && known->wants(label->uuid);
      });
      if (same != groups_.end())
        (*same)->update(std::move(group));
      else
        groups_.push_back(std::make_unique<GroupSet>(std::move(group)));
    } catch (const Failure& failure) {
      device.problem = device.display() + ": " + failure.what();
    }
  }
  // Without a description of its own it belongs to a group that knows it, now or later.
  unclaimed_.push_back({label->uuid, &device});
}

void Assembly::claim_physical_volumes() {
  std::erase_if(unclaimed_, [&](const auto& entry) {
    const auto& [uuid, device] = entry;
    const auto group = std::find_if(groups_.begin(), groups_.end(),
                                    [&](const auto& known) { return known->wants(uuid); });
    if (group == groups_.end()) return false;
    (*group)->add(uuid, *device);
    return true;
  });
}

void Assembly::assemble() {
  for (bool progress = true; progress;) {
    while (!new_.empty()) {
      Device& device = *new_.front();
      new_.erase(new_.begin());
      examine(device);
      claim_physical_volumes();
    }
    progress = start_arrays(false);
    for (auto& group : groups_) progress = activate(*group) || progress;
    // What lacks members waits until nothing else can bring them.
    if (!progress) progress = start_arrays(true);
  }
}

bool Assembly::start_arrays(bool incomplete) {
  bool progress = false;
  for (auto& set : arrays_) {
    if (set->started || set->failed || (!incomplete && !set->missing().empty())) continue;
    std::string problem;
    if (set->enough()) {
      try {
        start(*set);
        progress = true;
      } catch (const Failure& failure) {
        problem = failure.what();
        set->failed = true;
      }
    } else {
      problem = fmt::format("{}: {} missing; name all its disks with -a", set->description(),
                            set->missing_names());
    }
    for (Device* member : set->all()) member->problem = problem;
  }
  return progress;
}

void Assembly::start(ArraySet& set) {
  const MdMember& superblock = set.superblock();
  Device array;
  array.kind = Device::Kind::kArray;
  std::vector<std::uint32_t> numbers;
  for (const Device* member : set.usable()) {
    array.on.push_back(member);
    numbers.push_back(member->device);
  }
  array.image = array.on.front()->image;
  const std::string short_name = superblock.name.substr(superblock.name.find(':') + 1);
  array.id = array_id(superblock, short_name, devices_);
  if (!short_name.empty()) array.alias = "md/" + short_name;
  array.type = md_level_name(superblock.level);
  // A member that was only not named would be outdated by what is written without it.
  array.writable = all_writable(array.on) && set.missing().empty();
  MdArray running(set.description(), superblock.major, superblock.minor, numbers, array.writable);
  set.started = true;
  array.device = running.device();
  array.size = device_size(array.device);
  held_.add(array.display(), std::move(running));
  if (!set.missing().empty()) {
    array.degraded = "without " + set.missing_names();
    diagnostics_.warning(
        fmt::format("{}: {} runs {}", array.display(), set.description(), array.degraded));
  }
  add_partitions(add_made(std::move(array)));
}

bool Assembly::activate(GroupSet& group) {
  if (!std::exchange(group.changed, false)) return false;
  bool progress = false;
  for (const LvmVolume& volume : group.group().volumes) {
    if (!volume.visible) continue;
    Device*& shown = group.shown[volume.name];
    if (shown != nullptr && shown->present) continue;
    if (shown == nullptr) {
      Device device;
      device.kind = Device::Kind::kLogicalVolume;
      device.id = group.group().name + "/" + volume.name;
      device.type = group.type_of(volume);
      device.present = false;
      shown = &add_made(std::move(device));
    }
    Device& device = *shown;
    device.on = group.lies_on(volume);
    if (device.on.empty()) continue;
    device.image = device.on.front()->image;
    device.size = volume.extents() * group.group().extent_size * 512;
    device.writable = volume.writable && all_writable(device.on) && !group.has_snapshots(volume);
    device.problem.clear();
    if (is_lvm_pool(volume)) {
      device.problem = device.display() + ": other volumes are in it; it has no files itself";
      continue;
    }
    try {
      device.device = group.activate(
          volume, device.writable,
          [&](const std::string& name, DmDevice made) { held_.add(name, std::move(made)); });
      device.present = true;
      device.size = device_size(device.device);
      new_.push_back(&device);
      add_partitions(device);
      progress = true;
    } catch (const Failure& failure) {
      device.problem = failure.what();
    }
  }
  return progress;
}

void Assembly::open(Container& container) {
  Device& outer = *container.device;
  const std::string name = outer.display();
  try {
    passphrases_.expect_some(name);
    LuksContainer luks(name, reader_of(outer), container.header);
    passphrases_.find(name, [&](std::string_view passphrase) { return luks.unlock(passphrase); });
    Device inner;
    inner.kind = Device::Kind::kOpenedLuks;
    inner.image = outer.image;
    inner.id = id_in_luks(outer);
    inner.type = fmt::format("LUKS{}", container.header.version);
    inner.on = {&outer};
    inner.writable = outer.writable;
    DmDevice opened(inner.display(), luks.table(outer.device, outer.size), inner.writable);
    inner.device = opened.device();
    inner.size = device_size(inner.device);
    held_.add(inner.display(), std::move(opened));
    container.open = true;
    outer.problem.clear();
    add_partitions(add_made(std::move(inner)));
  } catch (const Failure& failure) {
    outer.problem = failure.what();
    throw;
  }
}

void Assembly::open_all(bool ask) {
  assemble();
  for (std::size_t i = 0; i < containers_.size(); i++) {
    Container& container = *containers_[i];
    if (container.open || (!ask && !passphrases_.have_file())) continue;
    try {
      open(container);
      assemble();  // what is in it may hold more of them
    } catch (const Failure&) {
      // the device has the problem now
    }
  }
}

void Assembly::open_for(const std::string& id) {
  // "luks:2:1" is a partition in "luks:2".
  const auto named = [&](const auto& container) {
    const std::string inner = id_in_luks(*container->device);
    return id == inner || id.starts_with(inner + ":");
  };
  if (const auto found = std::find_if(containers_.begin(), containers_.end(), named);
      found != containers_.end()) {
    if (!(*found)->open) open(**found);
    assemble();
    return;
  }
  for (std::size_t i = 0; i < containers_.size(); i++) {
    if (!containers_[i]->open) open(*containers_[i]);
    assemble();
  }
}

Device& Assembly::add_made(Device device) {
  devices_.push_back(std::make_unique<Device>(std::move(device)));
  add(*devices_.back());
  return *devices_.back();
}

void Assembly::add_partitions(Device& whole) {
  DiskLayout layout = scan_disk(whole, held_);
  if (!layout.damage.empty())
    diagnostics_.warning(fmt::format("{}: {}", whole.display(), layout.damage));
  for (Device& partition : layout.partitions) add_made(std::move(partition));
}

const Device& Assembly::add_offset(const Device& whole, std::uint64_t offset) {
  const std::string id = fmt::format("@{}", offset);
  for (const auto& device : devices_)
    if (device->on.size() == 1 && device->on.front() == &whole && device->id == id) return *device;
  constexpr std::uint64_t kLeast = 512;
  if (whole.size < kLeast || offset > whole.size - kLeast)
    throw Failure(fmt::format("{}: {} is beyond its end; it is {} bytes long", whole.display(), id,
                              whole.size));
  Device device;
  device.kind = Device::Kind::kAtOffset;
  device.image = whole.image;
  device.id = id;
  device.start = offset;
  device.on = {&whole};
  device.writable = whole.writable;
  device.device =
      held_.add_piece(device.display(), whole, offset, whole.size - offset, whole.writable);
  device.size = device_size(device.device);
  Device& made = add_made(std::move(device));
  add_partitions(made);
  return made;
}

std::vector<const Device*> Assembly::devices() const {
  std::vector<const Device*> list;
  for (const auto& device : devices_)
    if (device->assembled()) list.push_back(device.get());
  return list;
}

}  // namespace lkl::tool
