// SPDX-License-Identifier: GPL-2.0
//
// lkl find
#include <fmt/format.h>
#include <fnmatch.h>
#include <stdio.h>
#include <unistd.h>

#include "commands.h"
#include "format.h"
#include "json.h"
#include "walk.h"
#include "workplace.h"

namespace lkl::tool {

namespace {

struct FindOptions {
  ImageAndPaths operands;
  std::optional<std::string> name;
  std::string types;
  std::string size;
  std::optional<unsigned> max_depth;
  bool print0 = false;
  bool json = false;
};

constexpr std::string_view kTypeLetters = "fdlcbps";

char type_letter(std::uint32_t mode) {
  const char letter = mode_string(mode)[0];
  return letter == '-' ? 'f' : letter;
}

// "+1M": larger than that, "-1M": smaller, "1M": just that.
struct SizeTest {
  char operation = '=';
  std::uint64_t size = 0;

  explicit SizeTest(std::string_view text) {
    if (text.starts_with('+') || text.starts_with('-')) {
      operation = text[0];
      text.remove_prefix(1);
    }
    size = parse_size(text, "--size");
  }
  bool fits(std::uint64_t value) const {
    return operation == '+' ? value > size : operation == '-' ? value < size : value == size;
  }
};

void check_types(const std::string& types) {
  bool letter = true;
  for (const char c : types) {
    if (letter ? kTypeLetters.find(c) == kTypeLetters.npos : c != ',')
      throw UsageFailure(fmt::format(
          "--type: '{}' is none of f, d, l, c, b, p, s (a file system's type is -t here)", types));
    letter = !letter;
  }
  if (letter && !types.empty()) throw UsageFailure("--type: a letter is missing behind the comma");
}

// What find calls "the base of the file name".
std::string base_name(const Visit& visit) {
  if (!visit.place.name.empty()) return visit.place.name;
  const std::size_t slash = visit.path.rfind('/');
  return slash == std::string::npos || visit.path == "/" ? visit.path
                                                         : visit.path.substr(slash + 1);
}

class Finder {
 public:
  Finder(Context& context, const FindOptions& options, Tree& tree)
      : context_(context), options_(options), tree_(tree), terminal_(isatty(STDOUT_FILENO) != 0) {
    if (!options.size.empty()) size_.emplace(options.size);
    hooks_.before = [this](const Visit& visit) {
      if (fits(visit)) report(visit);
      return visit.depth < options_.max_depth.value_or(UINT_MAX);
    };
  }

  void search(const std::string& path) {
    walk(context_, tree_, open_place(tree_, path, false), hooks_);
  }
  const Json& json() const { return json_; }

 private:
  bool fits(const Visit& visit) const {
    if (options_.name && fnmatch(options_.name->c_str(), base_name(visit).c_str(), 0) != 0)
      return false;
    if (!options_.types.empty() &&
        options_.types.find(type_letter(visit.stat.mode)) == std::string::npos)
      return false;
    return !size_ || size_->fits(visit.stat.size);
  }

  void report(const Visit& visit) {
    if (options_.json)
      json_.push_back(json_of(visit.path, visit.stat));
    else if (options_.print0)
      fwrite(visit.path.c_str(), 1, visit.path.size() + 1, stdout);
    else
      fmt::print("{}\n", printable(visit.path, terminal_));
  }

  Context& context_;
  const FindOptions& options_;
  Tree& tree_;
  bool terminal_;
  std::optional<SizeTest> size_;
  WalkHooks hooks_;
  Json json_ = Json::array();
};

void run_find(const FindOptions& options, Context& context) {
  check_types(options.types);
  if (!options.size.empty()) SizeTest{options.size};  // its errors come before any work
  if (options.print0 && options.json) throw UsageFailure("--print0 and --json: choose one");
  Workplace workplace(context, options.operands, Access::kRead);
  if (workplace.paths.empty()) workplace.paths.push_back(workplace.top());
  Finder finder(context, options, workplace.tree());
  workplace.for_each(workplace.paths, [&](const std::string& path) { finder.search(path); });
  if (options.json) print_json(finder.json());
}

}  // namespace

Run add_find(CLI::App& parser) {
  auto options = std::make_shared<FindOptions>();
  parser.add_option("operands", options->operands.operands, "IMAGE[:PARTITION] [PATH...]")
      ->type_name(" ");
  parser.add_option("--name", options->name, "Names that match, as '*.conf'")->type_name("PATTERN");
  parser.add_option("--type", options->types, "Only these: f, d, l, c, b, p, s")
      ->type_name("LETTERS");
  parser.add_option("--size", options->size, "Of this size; +: larger, -: smaller")
      ->type_name("SIZE");
  parser.add_option("--max-depth", options->max_depth, "Only so many levels below what is named")
      ->type_name("N");
  parser.add_flag("--print0", options->print0, "A zero byte behind each path, for xargs -0");
  parser.add_flag("--json", options->json, "For programs: as JSON");
  return [options](Context& context) { run_find(*options, context); };
}

}  // namespace lkl::tool
