// SPDX-License-Identifier: GPL-2.0
//
// lkl df
#include <fmt/format.h>

#include <algorithm>

#include "commands.h"
#include "format.h"
#include "session.h"
#include "tree.h"

namespace lkl::tool {

namespace {

struct DfOptions {
  std::vector<std::string> operands;
  bool human = false;
  bool inodes = false;
};

using Row = std::vector<std::string>;

// Of what can be used by anyone, rounded up: as df counts.
std::string percent(std::uint64_t used, std::uint64_t rest) {
  if (used + rest == 0) return "-";
  return fmt::format("{}%", (used * 100 + used + rest - 1) / (used + rest));
}

Row row_of(const DfOptions& options, const Volume& volume) {
  const auto tree = make_image_tree(volume);
  const Space space = tree->space(tree->open_directory("/"));
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

void run_df(const DfOptions& options, Context& context) {
  std::vector<std::string> images = context.options.images;
  images.insert(images.end(), options.operands.begin(), options.operands.end());
  if (images.empty()) throw UsageFailure("df needs an image");

  Session session(context);
  std::vector<Row> rows;
  rows.push_back(options.inodes ? Row{"File system", "Type", "Inodes", "Used", "Free", "Use%"}
                                : Row{"File system", "Type", options.human ? "Size" : "1K-blocks",
                                      "Used", "Available", "Use%"});
  const auto add = [&](AttachedImage& image, const Partition& partition) {
    try {
      rows.push_back(row_of(options, session.mount(image, partition)));
    } catch (const Failure& failure) {
      context.diagnostics.error(failure.what());
    }
  };
  for (const std::string& operand : images) {
    const ImageName name = parse_image_name(operand);
    if (!name.path.empty())
      throw UsageFailure(
          fmt::format("{}: df shows whole file systems; leave the path out", operand));
    AttachedImage& image = session.attach(name.image, false);
    const bool every = !name.partition && !context.options.partition &&
                       std::count_if(image.partitions.begin(), image.partitions.end(), [](auto& p) {
                         return p.contents.kind == Contents::Kind::kFileSystem;
                       }) > 1;
    if (!every) {
      add(image, session.choose(image, name.partition));
      continue;
    }
    for (const Partition& partition : image.partitions)
      if (partition.contents.kind == Contents::Kind::kFileSystem) add(image, partition);
  }
  if (rows.size() > 1) print_table(rows);
}

}  // namespace

Run add_df(CLI::App& parser) {
  auto options = std::make_shared<DfOptions>();
  parser.add_option("operands", options->operands, "IMAGE[:PARTITION]...")->type_name(" ");
  parser.add_flag("-h,--human-readable", options->human, "Sizes as 1.5K, 20M, 3G");
  parser.add_flag("-i,--inodes", options->inodes, "Inodes instead of blocks");
  return [options](Context& context) { run_df(*options, context); };
}

}  // namespace lkl::tool
