// SPDX-License-Identifier: GPL-2.0
//
// lkl find
#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "base/format.h"
#include "base/host_calls.h"
#include "base/json.h"
#include "lkl/commands.h"
#include "lkl/workplace.h"
#include "tree/walk.h"

namespace lkl::tool {

namespace {

struct FindOptions {
  ImageAndPaths operands;
  std::vector<std::string> names;
  std::vector<std::string> inames;  // whatever their case is
  std::string types;
  std::string size;
  std::string blocks;  // the size as find(1) has it
  unsigned min_depth = 0;
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
  std::uint64_t unit = 1;  // files are counted in these, begun ones too

  explicit SizeTest(std::string_view text) {
    take_operation(text);
    size = parse_size(text, "--size");
  }
  // As find(1) means it: in units of what the letter behind the number says, blocks of 512 bytes
  // if it says nothing.
  static SizeTest in_units(std::string_view text) {
    static constexpr struct {
      char letter;
      std::uint64_t bytes;
    } kUnits[] = {{'c', 1}, {'w', 2}, {'b', 512}, {'k', 1 << 10}, {'M', 1 << 20}, {'G', 1 << 30}};
    SizeTest test;
    const std::string all(text);
    test.take_operation(text);
    test.unit = 512;
    for (const auto& unit : kUnits)
      if (text.ends_with(unit.letter)) {
        test.unit = unit.bytes;
        text.remove_suffix(1);
        break;
      }
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, test.size);
    if (text.empty() || error != std::errc() || stop != end)
      throw UsageFailure(fmt::format(
          "-size: '{}' is no number with c, w, b, k, M or G behind it, and + or - before", all));
    return test;
  }
  bool fits(std::uint64_t bytes) const {
    const std::uint64_t value = bytes / unit + (bytes % unit != 0);
    return operation == '+' ? value > size : operation == '-' ? value < size : value == size;
  }

 private:
  SizeTest() = default;
  void take_operation(std::string_view& text) {
    if (!text.starts_with('+') && !text.starts_with('-')) return;
    operation = text[0];
    text.remove_prefix(1);
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
      : context_(context),
        options_(options),
        tree_(tree),
        terminal_(on_host::is_terminal(STDOUT_FILENO)) {
    if (!options.size.empty()) sizes_.emplace_back(options.size);
    if (!options.blocks.empty()) sizes_.push_back(SizeTest::in_units(options.blocks));
    hooks_.before = [this](const Visit& visit) {
      if (fits(visit)) report(visit);
      return visit.depth < options_.max_depth.value_or(UINT_MAX);
    };
  }

  void search(const std::string& path) {
    walk(context_.diagnostics, tree_, open_place(tree_, path, false), hooks_);
  }
  const Json& json() const { return json_; }

 private:
  bool fits(const Visit& visit) const {
    if (visit.depth < options_.min_depth) return false;
    const std::string name = base_name(visit);
    const auto matches = [&name](bool fold_case) {
      return [&name, fold_case](const std::string& pattern) {
        return on_host::matches(pattern, name, fold_case);
      };
    };
    if (!std::all_of(options_.names.begin(), options_.names.end(), matches(false)) ||
        !std::all_of(options_.inames.begin(), options_.inames.end(), matches(true)))
      return false;
    if (!options_.types.empty() &&
        options_.types.find(type_letter(visit.stat.mode)) == std::string::npos)
      return false;
    return std::all_of(sizes_.begin(), sizes_.end(),
                       [&](const SizeTest& test) { return test.fits(visit.stat.size); });
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
  std::vector<SizeTest> sizes_;
  WalkHooks hooks_;
  Json json_ = Json::array();
};

void run_find(const FindOptions& options, Context& context) {
  check_types(options.types);
  // Their errors come before any work.
  if (!options.size.empty()) SizeTest{options.size};
  if (!options.blocks.empty()) SizeTest::in_units(options.blocks);
  if (options.print0 && options.json) throw UsageFailure("--print0 and --json: choose one");
  Workplace workplace(context, options.operands, Access::kRead);
  if (workplace.paths.empty()) workplace.paths.push_back(workplace.top());
  Finder finder(context, options, workplace.tree());
  workplace.for_each(workplace.paths, [&](const std::string& path) { finder.search(path); });
  if (options.json) print_json(finder.json());
}

}  // namespace

std::span<const FindWord> find_words() {
  static constexpr FindWord kWords[] = {
      {"-name", "--name"},     {"-iname", "--iname"},        {"-type", "--type"},
      {"-size", "--blocks"},   {"-maxdepth", "--max-depth"}, {"-mindepth", "--min-depth"},
      {"-print0", "--print0"}, {"-print", "--print"},
  };
  return kWords;
}

std::vector<std::string> take_find_words(std::vector<std::string> words) {
  // Others of its words, that would be taken for letters.
  static constexpr std::string_view kUnknown[] = {
      "-exec",  "-execdir", "-ok",    "-okdir", "-delete", "-not",   "-or",       "-and",
      "-path",  "-ipath",   "-regex", "-perm",  "-user",   "-group", "-newer",    "-mtime",
      "-ctime", "-atime",   "-mmin",  "-empty", "-prune",  "-links", "-printf",   "-ls",
      "-quit",  "-uid",     "-gid",   "-inum",  "-xdev",   "-mount", "-samefile", "-lname",
      "-xtype", "-depth",   "-o",     "-a"};
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; i++) {
    std::string& word = words[i];
    const auto all = find_words();
    const auto known =
        std::find_if(all.begin(), all.end(), [&](const auto& entry) { return entry.word == word; });
    if (known != all.end()) {
      word = known->option;
      // What belongs to it is no word of its own, and may begin with a dash.
      const bool has_value = word != "--print0" && word != "--print";
      if (has_value && i + 1 < words.size()) {
        word += "=" + words[i + 1];
        words.erase(words.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      }
    } else if (word.size() > 2 &&
               std::find(std::begin(kUnknown), std::end(kUnknown), word) != std::end(kUnknown)) {
      refuse_word(fmt::format(
          "{}: is not among -name, -iname, -type, -size, -maxdepth, -mindepth, -print0, which all "
          "have to fit",
          word));
    }
  }
  return words;
}

Run add_find(Parser parser) {
  auto options = std::make_shared<FindOptions>();
  parser.add_option("operands", options->operands.operands, "IMAGE[:PARTITION] [PATH...]")
      .type_name(" ");
  const auto add_pattern = [&](const char* name, std::vector<std::string>& to, const char* what) {
    parser.add_option(name, to, what).type_name("PATTERN").each_time();
  };
  add_pattern("--name", options->names, "Names that match, as '*.conf' (also -name)");
  add_pattern("--iname", options->inames, "The same, in capitals or not (-iname)");
  parser.add_option("--type", options->types, "Only these types; fd: of either (-type)")
      .type_name("f|d|l|c|b|p|s");
  parser.add_option("--size", options->size, "Of this size; +: larger, -: smaller")
      .type_name("SIZE");
  parser
      .add_option("--blocks", options->blocks,
                  "-size: the same as find(1) has it, in blocks of 512 bytes, or c, k, M, G")
      .type_name("N");
  parser
      .add_option("--max-depth", options->max_depth,
                  "Only so many levels below what is named (-maxdepth)")
      .type_name("N");
  parser.add_option("--min-depth", options->min_depth, "Not the first levels (-mindepth)")
      .type_name("N");
  parser.add_flag("--print0", options->print0,
                  "A zero byte behind each path, for xargs -0 (-print0)");
  parser.add_flag("--print", "A line for each path, as is done anyhow (-print)");
  parser.add_flag("--json", options->json, "For programs: as JSON");
  return [options](Context& context) { run_find(*options, context); };
}

}  // namespace lkl::tool
