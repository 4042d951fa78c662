// SPDX-License-Identifier: GPL-2.0
//
// lkl touch
#include <chrono>

#include "base/format.h"
#include "lkl/commands.h"
#include "lkl/workplace.h"
#include "tree/update.h"
#include "tree/walk.h"

namespace lkl::tool {

namespace {

struct TouchOptions {
  ImageAndPaths operands;
  bool no_create = false;
  std::string date;
};

Timestamp now() {
  const auto time = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(time - seconds);
  return {seconds.count(), static_cast<std::uint32_t>(rest.count())};
}

void run_touch(const TouchOptions& options, Context& context) {
  const Timestamp time = options.date.empty() ? now() : parse_time(options.date, "--date");
  Workplace workplace(context, options.operands, Access::kWrite, "a path in the image", 1);
  Tree& tree = workplace.tree();
  workplace.for_each(workplace.paths, [&](const std::string& path) {
    if (!tree.find_path(path, true)) {
      if (options.no_create) return;
      open_to_update(tree, path, true);
    }
    tree.set_times(open_place(tree, path, true).place(), time, time);
  });
}

}  // namespace

Run add_touch(Parser parser) {
  auto options = std::make_shared<TouchOptions>();
  parser.add_option("operands", options->operands.operands, "IMAGE[:PARTITION] PATH...")
      .type_name(" ");
  parser.add_flag("-c,--no-create", options->no_create, "Make no files");
  parser.add_option("-d,--date", options->date, "This time instead of now: ISO 8601, or @SECONDS")
      .type_name("DATE");
  return [options](Context& context) { run_touch(*options, context); };
}

}  // namespace lkl::tool
