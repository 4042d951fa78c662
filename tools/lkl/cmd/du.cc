// SPDX-License-Identifier: GPL-2.0
//
// lkl du
#include <fmt/format.h>
#include <unistd.h>

#include <set>

#include "base/format.h"
#include "base/host_calls.h"
#include "base/json.h"
#include "lkl/commands.h"
#include "lkl/workplace.h"
#include "tree/walk.h"

namespace lkl::tool {

namespace {

struct DuOptions {
  ImageAndPaths operands;
  bool summarize = false;
  bool human = false;
  bool json = false;
  std::optional<unsigned> max_depth;
};

class Summer {
 public:
  Summer(Context& context, const DuOptions& options, Tree& tree)
      : context_(context),
        options_(options),
        tree_(tree),
        terminal_(on_host::is_terminal(STDOUT_FILENO)) {
    hooks_.before = [this](const Visit& visit) {
      const std::uint64_t bytes = counted_before(visit.stat) ? 0 : visit.stat.blocks * 512;
      if (visit.stat.is_directory())
        sums_.push_back(bytes);
      else if (visit.depth > 0)
        sums_.back() += bytes;
      else
        report(visit, bytes);
      return true;
    };
    hooks_.after = [this](const Visit& visit, bool) {
      const std::uint64_t bytes = sums_.back();
      sums_.pop_back();
      if (!sums_.empty()) sums_.back() += bytes;
      report(visit, bytes);
    };
  }

  void add(const std::string& path) {
    walk(context_.diagnostics, tree_, open_place(tree_, path, false), hooks_);
  }
  const Json& json() const { return json_; }

 private:
  // A file with several names takes its space once.
  bool counted_before(const Stat& stat) {
    return !stat.is_directory() && stat.nlink > 1 && !seen_.insert(identity_of(stat)).second;
  }

  void report(const Visit& visit, std::uint64_t bytes) {
    if (visit.depth > options_.max_depth.value_or(UINT_MAX)) return;
    if (options_.json)
      json_.push_back({{"path", visit.path}, {"bytes", bytes}});
    else
      fmt::print("{}\t{}\n",
                 options_.human ? human_size(bytes) : fmt::format("{}", (bytes + 1023) / 1024),
                 printable(visit.path, terminal_));
  }

  Context& context_;
  const DuOptions& options_;
  Tree& tree_;
  bool terminal_;
  WalkHooks hooks_;
  std::vector<std::uint64_t> sums_;  // of the directories we are in
  std::set<Identity> seen_;
  Json json_ = Json::array();
};

void run_du(DuOptions options, Context& context) {
  if (options.summarize) {
    if (options.max_depth.value_or(0) != 0) throw UsageFailure("-s and -d: choose one");
    options.max_depth = 0;
  }
  Workplace workplace(context, options.operands, Access::kRead);
  if (workplace.paths.empty()) workplace.paths.push_back(workplace.top());
  Summer summer(context, options, workplace.tree());
  workplace.for_each(workplace.paths, [&](const std::string& path) { summer.add(path); });
  if (options.json) print_json(summer.json());
}

}  // namespace

Run add_du(Parser parser) {
  auto options = std::make_shared<DuOptions>();
  parser.add_option("operands", options->operands.operands, "IMAGE[:PARTITION] [PATH...]")
      .type_name(" ");
  parser.add_flag("-s,--summarize", options->summarize, "Only what is named; as -d 0");
  parser.add_flag("-h,--human-readable", options->human, "Sizes as 1.5K, 20M, 3G");
  parser.add_option("-d,--max-depth", options->max_depth, "Only so many levels of directories")
      .type_name("N");
  parser.add_flag("--json", options->json, "For programs: as JSON");
  return [options](Context& context) { run_du(*options, context); };
}

}  // namespace lkl::tool
