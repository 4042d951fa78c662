// SPDX-License-Identifier: GPL-2.0
//
// lkl truncate
#include <fmt/format.h>

#include <algorithm>

#include "base/format.h"
#include "lkl/commands.h"
#include "lkl/workplace.h"
#include "tree/update.h"

namespace lkl::tool {

namespace {

struct TruncateOptions {
  ImageAndPaths operands;
  std::string size;
  bool no_create = false;
};

// What -s says: a size, or what to do with the one there is.
struct SizeChange {
  char operation = '=';
  std::uint64_t operand = 0;

  explicit SizeChange(std::string_view text) {
    if (!text.empty() && std::string_view("+-<>/%").find(text[0]) != text.npos) {
      operation = text[0];
      text.remove_prefix(1);
    }
    operand = parse_size(text, "--size");
    if (operand == 0 && (operation == '/' || operation == '%'))
      throw UsageFailure("--size: cannot round to multiples of 0");
  }

  std::uint64_t apply(std::uint64_t size) const {
    const std::uint64_t above = operation == '%' ? (operand - size % operand) % operand : operand;
    switch (operation) {
      case '+':
      case '%':
        if (above > INT64_MAX - size)
          throw std::system_error(std::make_error_code(std::errc::file_too_large));
        return size + above;
      case '-':
        return size - std::min(size, operand);
      case '<':
        return std::min(size, operand);
      case '>':
        return std::max(size, operand);
      case '/':
        return size - size % operand;
      default:
        return operand;
    }
  }
};

void run_truncate(const TruncateOptions& options, Context& context) {
  if (options.size.empty()) throw UsageFailure("truncate needs -s SIZE");
  const SizeChange change(options.size);
  if (change.operand > INT64_MAX) throw UsageFailure("--size: no file can be as large as that");
  Workplace workplace(context, options.operands, Access::kWrite, "a path in the image", 1);
  Tree& tree = workplace.tree();
  workplace.for_each(workplace.paths, [&](const std::string& path) {
    if (options.no_create && !tree.find_path(path, true)) return;
    const Handle file = open_to_update(tree, path, true);
    tree.truncate(file, change.apply(tree.stat(file).size));
  });
}

}  // namespace

Run add_truncate(Parser parser) {
  auto options = std::make_shared<TruncateOptions>();
  parser.add_option("operands", options->operands.operands, "IMAGE[:PARTITION] PATH...")
      .type_name(" ");
  parser
      .add_option("-s,--size", options->size,
                  "The new size; +, - relative, < at most, > at least, / and % rounded down and up")
      .type_name("SIZE");
  parser.add_flag("-c,--no-create", options->no_create, "Make no files");
  return [options](Context& context) { run_truncate(*options, context); };
}

}  // namespace lkl::tool
