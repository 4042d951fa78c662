// SPDX-License-Identifier: GPL-2.0
//
// lkl cat
#include <errno.h>
#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

#include "base/host_calls.h"
#include "base/signals.h"
#include "lkl/commands.h"
#include "lkl/workplace.h"

namespace lkl::tool {

namespace {

// Tells that nobody reads our output any more: the end of the work, not an error.
struct ReaderGone {};

void write_output(std::span<const std::byte> data) {
  while (!data.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, data.data(), data.size());
    if (n < 0 && errno == EINTR) {
      check_interrupted();
      continue;
    }
    if (n < 0 && errno == EPIPE) throw ReaderGone{};
    if (n < 0) throw Failure(fmt::format("standard output: {}", describe(host_error(errno))));
    data = data.subspan(static_cast<std::size_t>(n));
  }
}

void cat_file(Tree& tree, const std::string& path, std::span<std::byte> buffer) {
  const Handle file = tree.open_path(path);
  if (tree.stat(file).is_directory())
    throw Failure(fmt::format("{}: is a directory; lkl ls lists it", tree.display(path)));
  for (std::uint64_t at = 0;;) {
    check_interrupted();
    const std::size_t n = tree.read(file, buffer, at);
    if (n == 0) return;
    write_output(buffer.first(n));
    at += n;
  }
}

void run_cat(const ImageAndPaths& operands, Context& context) {
  Workplace workplace(context, operands, Access::kRead, "a path in the image", 1);
  std::vector<std::byte> buffer(256 * 1024);
  fflush(stdout);  // of a shell
  try {
    workplace.for_each(workplace.paths,
                       [&](auto& path) { cat_file(workplace.tree(), path, buffer); });
  } catch (const ReaderGone&) {
  }
}

}  // namespace

Run add_cat(Parser parser) {
  auto operands = std::make_shared<ImageAndPaths>();
  parser.add_option("operands", operands->operands, "IMAGE[:PARTITION] PATH...").type_name(" ");
  return [operands](Context& context) { run_cat(*operands, context); };
}

}  // namespace lkl::tool
