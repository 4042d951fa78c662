// SPDX-License-Identifier: GPL-2.0
#include "lkl/lklfuse.h"

#include <unistd.h>

#include <filesystem>

#include "base/process.h"

namespace lkl::tool {

std::string find_lklfuse() {
  std::error_code ec;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", ec);
  const std::string beside = (self.parent_path() / "lklfuse").string();
  if (!ec && ::access(beside.c_str(), X_OK) == 0) return beside;
  return require_program("lklfuse", "");
}

std::string escape_for_lklfuse(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == ',' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

std::vector<std::string> lklfuse_options(const SessionOptions& common) {
  std::vector<std::string> list;
  const auto add = [&list](const char* name, const std::string& value) {
    if (!value.empty()) list.push_back(name + escape_for_lklfuse(value));
  };
  add("type=", common.type);
  if (common.volume) add("part=", to_text(*common.volume));
  add("key_file=", common.key_file);
  add("format=", common.format);
  if (common.snapshot) list.emplace_back("snapshot");
  if (common.force) list.emplace_back("force");
  if (common.no_sandbox) list.emplace_back("no_sandbox");
  add("commit=", common.commit);
  add("opts=", common.mount_options);
  return list;
}

}  // namespace lkl::tool
