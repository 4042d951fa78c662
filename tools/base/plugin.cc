// SPDX-License-Identifier: GPL-2.0
#include "base/plugin.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/error.h"

namespace lkl::tool {

std::string find_plugin(const std::string& name) {
  namespace fs = std::filesystem;
  const fs::path bin = fs::read_symlink("/proc/self/exe").parent_path();
  for (const char* folder : {".", LKL_PLUGIN_FOLDER}) {
    const fs::path path = bin / folder / name;
    if (fs::exists(path)) return fs::canonical(path).string();
  }
  throw Failure(fmt::format("{}: not found beside {}, nor in {}", name, bin.string(),
                            (bin / LKL_PLUGIN_FOLDER).lexically_normal().string()));
}

}  // namespace lkl::tool
