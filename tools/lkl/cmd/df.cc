// SPDX-License-Identifier: GPL-2.0
//
// lkl df
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/format.h"
#include "base/json.h"
#include "lkl/commands.h"
#include "lkl/workplace.h"

namespace lkl::tool {

namespace {

struct DfOptions {
  std::vector<std::string> operands;
  bool human = false;
  bool inodes = false;
  bool json = false;
};

using Row = std::vector<std::string>;

// Of what can be used by anyone, rounded up: as df counts.
std::string percent(std::uint64_t used, std::uint64_t rest) {
  if (used + rest == 0) return "-";
  return fmt::format("{}%", (used * 100 + used + rest - 1) / (used + rest));
}

Space space_of(const Volume& volume) {
  const auto tree = make_image_tree(volume);
  return tree->space(tree->open_directory("/"));
}

Json to_json(const Volume& volume, const Space& space) {
  Json json = {{"image", volume.image->file.path()}};
  if (volume.device->assembled())
    json["device"] = volume.device->id;
  else if (volume.device->number != 0)
    json["partition"] = volume.device->number;
  json.update({{"type", volume.type},
               {"size", space.blocks * space.block_size},
               {"used", (space.blocks - space.free) * space.block_size},
               {"available", space.available * space.block_size},
               {"inodes", space.files},
               {"inodes_used", space.files - space.files_free},
               {"inodes_free", space.files_free}});
  return json;
}

Row row_of(const DfOptions& options, const Volume& volume, const Space& space) {
  if (options.inodes)
    return {volume.name,
            volume.type,
            fmt::format("{}", space.files),
            fmt::format("{}", space.files - space.files_free),
            fmt::format("{}", space.files_free),
            percent(space.files - space.files_free, space.files_free)};
  const auto size = [&](std::uint64_t blocks) {
    const std::uint64_t bytes = blocks * space.block_size;
    return options.human ? human_size(bytes) : fmt::format("{}", bytes / 1024);
  };
  const std::uint64_t used = space.blocks - space.free;
  return {volume.name, volume.type,           size(space.blocks),
          size(used),  size(space.available), percent(used, space.available)};
}

void print_table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); i++) widths[i] = std::max(widths[i], row[i].size());
  for (const Row& row : rows) {
    fmt::print("{:<{}}  {:<{}}", row[0], widths[0], row[1], widths[1]);
    for (std::size_t i = 2; i < row.size(); i++) fmt::print("  {:>{}}", row[i], widths[i]);
    fmt::print("\n");
  }
}

// What is printed in the end.
class Report {
 public:
  explicit Report(const DfOptions& options) : options_(options) {
    const char* const size = options.human ? "Size" : "1K-blocks";
    rows_.push_back(options.inodes ? Row{"File system", "Type", "Inodes", "Used", "Free", "Use%"}
                                   : Row{"File system", "Type", size, "Used", "Available", "Use%"});
  }

  void add(const Volume& volume) {
    const Space space = space_of(volume);
    if (options_.json)
      json_.push_back(to_json(volume, space));
    else
      rows_.push_back(row_of(options_, volume, space));
  }

  void print() const {
    if (options_.json)
      print_json(json_);
    else if (rows_.size() > 1)
      print_table(rows_);
  }

 private:
  const DfOptions& options_;
  std::vector<Row> rows_;
  Json json_ = Json::array();
};

void add_images(Context& context, const std::vector<ImageName>& names, Report& report) {
  Session session(context.options, context.diagnostics);
  const auto add = [&](AttachedImage& image, const Device& partition) {
    try {
      report.add(session.mount(image, partition));
    } catch (const Failure& failure) {
      context.diagnostics.error(failure.what());
    }
  };
  for (const ImageName& name : names)
    if (!name.path.empty())
      throw UsageFailure(
          fmt::format("{}: df shows whole file systems; leave the path out", name.text));
  for (const ImageName& name : names) session.open(name.image, false);
  // What is on one may be completed by another.
  for (const ImageName& name : names) session.attach(name.image, false);
  const auto shows_all = [&](const ImageName& name) {
    return !name.volume && !context.options.volume;
  };
  std::vector<const Device*> assembled;
  if (std::any_of(names.begin(), names.end(), shows_all)) assembled = session.assemble();
  std::set<const Device*> shown;
  for (const ImageName& name : names) {
    AttachedImage& image = session.attach(name.image, false);
    if (!shows_all(name)) {
      add(image, session.choose(image, name.volume));
      continue;
    }
    std::vector<const Device*> every;
    for (const Device& partition : image.partitions)
      if (partition.contents.kind == Contents::Kind::kFileSystem) every.push_back(&partition);
    for (const Device* device : assembled)
      if (device->holds_files() && device->image == image.file.path()) every.push_back(device);
    if (every.size() < 2) every = {&session.choose(image, {})};
    for (const Device* device : every)
      if (shown.insert(device).second) add(image, *device);
  }
}

void run_df(const DfOptions& options, Context& context) {
  Report report(options);
  if (context.shell != nullptr) {
    if (!options.operands.empty())
      throw UsageFailure("df takes no operands here; it shows the image of the shell");
    report.add(*context.shell->volume);
  } else {
    std::vector<ImageName> images = context.options.images;
    for (const std::string& operand : options.operands) images.push_back(parse_image_name(operand));
    if (images.empty()) throw UsageFailure("df needs an image");
    add_images(context, images, report);
  }
  report.print();
}

}  // namespace

Run add_df(Parser parser) {
  auto options = std::make_shared<DfOptions>();
  parser.add_option("operands", options->operands, "IMAGE[:PARTITION]...").type_name(" ");
  parser.add_flag("-h,--human-readable", options->human, "Sizes as 1.5K, 20M, 3G");
  parser.add_flag("-i,--inodes", options->inodes, "Inodes instead of blocks");
  parser.add_flag("--json", options->json, "For programs: as JSON");
  return [options](Context& context) { run_df(*options, context); };
}

}  // namespace lkl::tool
