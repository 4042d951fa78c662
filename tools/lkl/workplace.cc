// SPDX-License-Identifier: GPL-2.0
#include "lkl/workplace.h"

#include <fmt/format.h>

#include "tree/no_room.h"

namespace lkl::tool {

ImageAndPaths::Resolved ImageAndPaths::resolve(const SessionOptions& options) const {
  if (!options.images.empty()) return {options.images.front(), operands};
  if (operands.empty()) throw UsageFailure("no image given; name it first, or with -a IMAGE");
  Resolved resolved{parse_image_name(operands.front()), {operands.begin() + 1, operands.end()}};
  const std::string& path = resolved.image.path;
  if (!path.empty()) resolved.paths.insert(resolved.paths.begin(), path);
  return resolved;
}

void require_writable(const Context& context) {
  if (context.options.read_only)
    throw UsageFailure("--ro: this command writes to the image; leave --ro out");
}

Workplace::Workplace(Context& context, const ImageAndPaths& operands, Access access,
                     const char* needed, std::size_t least)
    : context_(context) {
  const auto check_count = [&] {
    if (paths.size() < least) throw UsageFailure(fmt::format("this command needs {}", needed));
  };
  if (access == Access::kWrite) require_writable(context);
  if (context.shell != nullptr) {
    paths = operands.operands;
    check_count();
    volume_ = context.shell->volume;
    tree_ = make_image_tree(*volume_, context.shell->directory);
    return;
  }
  auto resolved = operands.resolve(context.options);
  paths = std::move(resolved.paths);
  check_count();
  const ImageName& name = resolved.image;
  session_.emplace(context.options, context.diagnostics);
  volume_ = access == Access::kWrite ? &session_->mount_for_writing(name) : &session_->mount(name);
  tree_ = make_image_tree(*volume_);
}

void Workplace::tell(const std::string& subject, const std::error_code& code) {
  if (is_no_room(code))
    context_.diagnostics.error(fmt::format(
        "{}: {}", subject, why_no_room(*tree_, tree_->open_directory("/"), code, Growth::kEither)));
  else
    context_.diagnostics.error(subject, code);
}

}  // namespace lkl::tool
