// SPDX-License-Identifier: GPL-2.0
//
// lkl write
#include <errno.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/host_calls.h"
#include "base/signals.h"
#include "lkl/commands.h"
#include "lkl/workplace.h"
#include "tree/update.h"
#include "tree/walk.h"

namespace lkl::tool {

namespace {

struct WriteOptions {
  ImageAndPaths operands;
  std::optional<std::string> text;
  std::optional<std::uint64_t> offset;
  bool append = false;
};

// Some of standard input; nothing at its end.
std::span<const std::byte> read_input(std::span<std::byte> buffer) {
  const ssize_t n = read_or_signal(STDIN_FILENO, buffer);
  if (n >= 0) return buffer.first(static_cast<std::size_t>(n));
  check_interrupted();
  throw Failure(fmt::format("standard input: {}", describe(host_error(errno))));
}

void write_all(const WriteOptions& options, Tree& tree, const Handle& file, std::uint64_t at) {
  if (options.text) {
    tree.write(file, std::as_bytes(std::span(*options.text)), at);
    return;
  }
  std::vector<std::byte> buffer(1 << 20);
  for (;;) {
    const auto data = read_input(buffer);
    if (data.empty()) return;
    tree.write(file, data, at);
    at += data.size();
  }
}

void run_write(const WriteOptions& options, Context& context) {
  if (options.append && options.offset)
    throw UsageFailure("--append and --offset: choose where to write");
  if (options.offset.value_or(0) > INT64_MAX) throw UsageFailure("--offset: too large for a file");
  if (context.shell != nullptr && !options.text)
    throw UsageFailure("write needs --text here; standard input has the shell's commands");
  Workplace workplace(context, options.operands, Access::kWrite, "a path in the image", 1);
  if (workplace.paths.size() > 1) throw UsageFailure("write takes one path in the image");
  Tree& tree = workplace.tree();
  workplace.for_each(workplace.paths, [&](const std::string& path) {
    const bool existed = tree.find_path(path, true).has_value();
    const Handle file = open_to_update(tree, path, true);
    if (!options.append && !options.offset) tree.truncate(file, 0);
    try {
      write_all(options, tree, file,
                options.append ? tree.stat(file).size : options.offset.value_or(0));
    } catch (...) {
      // What is half there must not look like the whole.
      if (!existed) tree.remove(open_place(tree, path, true).place());
      throw;
    }
  });
}

}  // namespace

Run add_write(Parser parser) {
  auto options = std::make_shared<WriteOptions>();
  parser.add_option("operands", options->operands.operands, "IMAGE[:PARTITION] PATH")
      .type_name(" ");
  parser.add_option("--text", options->text, "Write this instead of standard input")
      .type_name("TEXT");
  parser.add_flag("--append", options->append, "Write behind what the file holds");
  parser.add_option("--offset", options->offset, "Write at this byte and leave the rest alone")
      .type_name("N");
  return [options](Context& context) { run_write(*options, context); };
}

}  // namespace lkl::tool
