// SPDX-License-Identifier: GPL-2.0
//
// lkl info
#include <fmt/format.h>

#include "base/format.h"
#include "base/json.h"
#include "disk/partition_table.h"
#include "lkl/commands.h"
#include "session/session.h"
#include "tree/inspect.h"
#include "tree/tree.h"

namespace lkl::tool {

namespace {

struct InfoOptions {
  std::vector<std::string> operands;
  bool json = false;
};

// A partition with what only mounting tells.
struct Described {
  const Device* partition;
  std::optional<Space> space;
  std::string problem;  // why there is no space
  std::vector<OperatingSystem> systems;
  bool clean = true;  // as far as is known
};

Described describe_partition(Session& session, AttachedImage& image, const Device& partition) {
  Described out{&partition, {}, {}, {}, !partition.contents.needs_replay};
  if (partition.contents.kind != Contents::Kind::kFileSystem && partition.present) return out;
  if (partition.assembled() && !partition.present) return out;  // has its problem
  if (partition.container) return out;
  try {
    const Volume& volume = session.mount(image, partition);
    if (volume.not_replayed) out.clean = false;
    const auto tree = make_image_tree(volume);
    out.space = tree->space(tree->open_directory("/"));
    out.systems = find_systems(volume);
  } catch (const Failure& failure) {
    out.problem = failure.what();
  } catch (const std::system_error& error) {
    out.problem = describe(error.code());
  }
  return out;
}

std::string contents_text(const Device& partition) {
  if (!partition.present) return "(not accessible)";
  if (partition.container) return "(extended partition)";
  return partition.contents.kind == Contents::Kind::kUnknown ? "(not recognised)"
                                                             : partition.contents.type;
}

const char* kind_name(const Device& device) {
  switch (device.kind) {
    case Device::Kind::kLogicalVolume:
      return "logical volume";
    case Device::Kind::kArray:
      return "array";
    case Device::Kind::kOpenedLuks:
      return "opened";
    case Device::Kind::kAtOffset:
      return "at an offset";
    case Device::Kind::kPartition:
      return "partition";
    case Device::Kind::kDisk:
      break;
  }
  return "disk";
}

Json to_json(const Described& described) {
  const Device& p = *described.partition;
  Json out;
  if (p.assembled()) {
    out["name"] = p.id;
    if (!p.alias.empty()) out["alias"] = p.alias;
    out["kind"] = kind_name(p);
    out["on"] = Json::array();
    for (const Device* device : p.on) out["on"].push_back(device->display());
    out["writable"] = p.writable;
    if (!p.degraded.empty()) out["degraded"] = p.degraded;
  } else {
    out["number"] = p.number;
    out["start"] = p.start;
  }
  out["size"] = p.size;
  out["present"] = p.present;
  if (!p.type.empty()) out["type"] = p.type;
  if (!p.name.empty()) out["name"] = p.name;
  if (!p.part_uuid.empty()) out["partuuid"] = p.part_uuid;
  if (p.contents.kind != Contents::Kind::kUnknown) {
    const bool mountable = p.contents.kind == Contents::Kind::kFileSystem;
    out[mountable ? "fstype" : "contents"] = p.contents.type;
  }
  for (const auto& [name, value] : p.contents.details) out["details"][name] = value;
  if (!p.contents.label.empty()) out["label"] = p.contents.label;
  if (!p.contents.uuid.empty()) out["uuid"] = p.contents.uuid;
  if (p.contents.kind == Contents::Kind::kFileSystem) out["clean"] = described.clean;
  if (described.space) {
    const Space& s = *described.space;
    out["used"] = (s.blocks - s.free) * s.block_size;
    out["available"] = s.available * s.block_size;
    out["capacity"] = s.blocks * s.block_size;
  }
  const std::string& problem = described.problem.empty() ? p.problem : described.problem;
  if (!problem.empty()) out["error"] = problem;
  return out;
}

void print_described(const Described& described) {
  const Device& p = *described.partition;
  const Contents& c = p.contents;
  if (p.assembled()) {
    fmt::print("{}: {} size {}  {}\n", p.id, kind_name(p), human_size(p.size), contents_text(p));
    std::string on;
    for (const Device* device : p.on) on += (on.empty() ? "" : ", ") + device->display();
    fmt::print("     {}{}on {}\n", p.type, p.type.empty() ? "" : " ", on);
    if (!p.alias.empty()) fmt::print("     also {}\n", printable(p.alias, true));
    if (!p.degraded.empty()) fmt::print("     {}\n", p.degraded);
  } else if (p.number != 0) {
    fmt::print("{:>3}  start {:<12} size {:<6} {}", p.number, p.start, human_size(p.size),
               contents_text(p));
    if (!p.type.empty()) fmt::print("  type {}", partition_type_name(p.type));
    if (!p.name.empty()) fmt::print("  name '{}'", printable(p.name, true));
    fmt::print("\n");
  } else {
    fmt::print("     whole disk: {}\n", contents_text(p));
  }
  if (!p.part_uuid.empty()) fmt::print("     partuuid {}\n", p.part_uuid);
  for (const auto& [name, value] : c.details)
    fmt::print("     {} {}\n", name, printable(value, true));
  if (!c.label.empty()) fmt::print("     label {}\n", printable(c.label, true));
  if (!c.uuid.empty()) fmt::print("     uuid  {}\n", c.uuid);
  if (!described.clean) fmt::print("     was not unmounted cleanly\n");
  if (described.space) {
    const Space& s = *described.space;
    fmt::print("     used {} of {}, {} available\n", human_size((s.blocks - s.free) * s.block_size),
               human_size(s.blocks * s.block_size), human_size(s.available * s.block_size));
  }
  const std::string& problem = described.problem.empty() ? p.problem : described.problem;
  if (!problem.empty()) fmt::print("     problem: {}\n", problem);
}

// What is named in an fstab may be on any of them.
std::vector<std::vector<const Device*>> devices_by_disk(Session& session,
                                                        const std::vector<ImageName>& images) {
  std::vector<std::vector<const Device*>> disks;
  for (const ImageName& name : images) {
    const AttachedImage& image = session.attach(name.image, false);
    auto& devices = disks.emplace_back(std::vector{&image.whole});
    for (const Device& partition : image.partitions) devices.push_back(&partition);
  }
  return disks;
}

void run_info(const InfoOptions& options, Context& context) {
  std::vector<ImageName> images = context.options.images;
  for (const std::string& operand : options.operands) images.push_back(parse_image_name(operand));
  if (images.empty()) throw UsageFailure("info needs an image");

  Session session(context.options, context.diagnostics);
  for (const ImageName& name : images) session.open(name.image, false);
  Json all = Json::array();
  // What is on one may be completed by another.
  auto disks = devices_by_disk(session, images);
  const std::vector<const Device*> assembled = session.assemble();
  for (auto& disk : disks)
    for (const Device* device : assembled)
      if (device->image == disk.front()->image) disk.push_back(device);
  for (const ImageName& name : images) {
    AttachedImage& image = session.attach(name.image, false);
    const std::optional<VolumeChoice> choice = name.volume ? name.volume : context.options.volume;

    std::vector<Described> described;
    const auto add = [&](const Device& p) {
      described.push_back(describe_partition(session, image, p));
    };
    if (choice) {
      add(session.choose(image, choice));
    } else {
      if (image.partitions.empty() || image.whole.contents.kind != Contents::Kind::kUnknown)
        add(image.whole);
      for (const Device& p : image.partitions) add(p);
      for (const Device* device : assembled)
        if (device->image == image.file.path()) add(*device);
    }
    for (Described& d : described)
      for (OperatingSystem& system : d.systems) resolve_fstab(system, disks);

    if (options.json) {
      Json entry;
      entry["image"] = image.file.path();
      entry["size"] = image.file.size();
      entry["table"] = image.table.empty() ? Json() : Json(image.table);
      entry["partitions"] = Json::array();
      entry["assembled"] = Json::array();
      for (const Described& d : described)
        entry[d.partition->assembled() ? "assembled" : "partitions"].push_back(to_json(d));
      entry["operating_systems"] = Json::array();
      for (const Described& d : described)
        for (const OperatingSystem& system : d.systems)
          entry["operating_systems"].push_back(to_json(system));
      all.push_back(entry);
      continue;
    }
    fmt::print("{}: {} ({} bytes), {}\n", image.file.path(), human_size(image.file.size()),
               image.file.size(),
               image.table.empty() ? "no partition table"
                                   : fmt::format("{} partition table", image.table));
    for (const Described& d : described) print_described(d);
    for (const Described& d : described)
      for (const OperatingSystem& system : d.systems) print(system);
  }
  if (options.json) print_json(all);
}

}  // namespace

Run add_info(Parser parser) {
  auto options = std::make_shared<InfoOptions>();
  parser.add_option("operands", options->operands, "IMAGE[:PARTITION]...").type_name(" ");
  parser.add_flag("--json", options->json, "For programs: as JSON");
  return [options](Context& context) { run_info(*options, context); };
}

}  // namespace lkl::tool
