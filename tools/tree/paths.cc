// SPDX-License-Identifier: GPL-2.0
#include "base/host_calls.h"
#include "tree/tree.h"

namespace lkl::tool {

std::pair<std::string, std::string> split_path(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (path.empty()) path = ".";
  const std::size_t slash = path.rfind('/');
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") return {path, {}};
  if (slash == std::string::npos) return {".", name};
  // That of a drive ends with the slash: "C:" is another directory.
  const bool drive = slash > 0 && slash == on_host::drive_length(path);
  return {slash == 0 ? "/" : path.substr(0, slash + (drive ? 1 : 0)), name};
}

std::string join_path(const std::string& directory, const std::string& name) {
  if (name.empty()) return directory;
  return directory.ends_with('/') ? directory + name : directory + "/" + name;
}

}  // namespace lkl::tool
