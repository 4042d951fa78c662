// SPDX-License-Identifier: GPL-2.0
#include "tree/xattr_keeper.h"

#include <fmt/format.h>
#include <lkl/linux/magic.h>

#include <utility>

#include "tree/no_room.h"

namespace lkl::tool {

namespace {

// What a file system says of an attribute that is larger than it can store.
bool too_large(const std::error_code& code) {
  return code == std::errc::no_space_on_device || code == std::errc::argument_list_too_long ||
         code == std::errc::result_out_of_range;
}

std::string why_too_large(Tree& tree, Place place, std::size_t size) {
  Space space;
  try {
    space = tree.space(place.dir);
  } catch (const std::system_error&) {
    // It stays unknown.
  }
  if (space.blocks > 0 && is_full(space)) return "the file system is full";
  return fmt::format(
      "the file system has no room for its {} bytes at this file{}", size,
      space.type == LKL_EXT4_SUPER_MAGIC ? "; larger ones fit after tune2fs -O ea_inode" : "");
}

}  // namespace

bool unsupported(const std::error_code& code) {
  return code == std::errc::operation_not_supported || code == std::errc::not_supported ||
         code == std::errc::function_not_supported;
}

void XattrKeeper::keep(Tree& tree, Place place, const std::string& display, const std::string& name,
                       const std::string& value) {
  try {
    tree.set_xattr(place, name, value);
  } catch (const std::system_error& error) {
    Diagnostics& diagnostics = diagnostics_;
    if (unsupported(error.code())) {
      if (!std::exchange(warned_, true))
        diagnostics.warning(fmt::format(
            "{}: the file system has no attributes of this kind ({}); they are left out", display,
            name));
    } else if (too_large(error.code())) {
      diagnostics.error(fmt::format("{}: attribute {} not kept: {}", display, name,
                                    why_too_large(tree, place, value.size())));
    } else {
      diagnostics.error(
          fmt::format("{}: attribute {} not kept: {}", display, name, describe(error.code())));
    }
  }
}

}  // namespace lkl::tool
