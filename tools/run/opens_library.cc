// SPDX-License-Identifier: GPL-2.0
#include "run/opens_library.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/plugin.h"
#include "run/list_variable.h"
#include "run/program_kind.h"

namespace lkl::tool::served {

std::optional<OpensLibrary> find_opens_library() {
  try {
    std::string path = find_plugin("liblkl-opens.so");
    struct stat status = {};
    // what ends one name, or is replaced, in LD_PRELOAD
    if (path.find_first_of(": $") != path.npos || ::stat(path.c_str(), &status) != 0)
      return std::nullopt;
    return OpensLibrary{std::move(path), status.st_dev, status.st_ino};
  } catch (const Failure&) {
    return std::nullopt;
  }
}

void put_in_front(const OpensLibrary& library, const std::string& program) {
  struct stat status = {};
  // an image may be on the folder, and have something else there
  const bool is_there = ::stat(library.path.c_str(), &status) == 0 &&
                        status.st_dev == library.device && status.st_ino == library.inode &&
                        ::access(library.path.c_str(), R_OK) == 0;
  if (!is_there || why_not_preloaded(program)) return;
  // Others' open() is in front of ours, which is that of the C library to them.
  add_to_variable("LD_PRELOAD", library.path, true);
  // AddressSanitizer as a library ends a program that has another one in front of it. What is
  // there already is read later, and has the last word.
  add_to_variable("ASAN_OPTIONS", "verify_asan_link_order=0", false);
}

}  // namespace lkl::tool::served
