// SPDX-License-Identifier: GPL-2.0
#include <algorithm>
#include <filesystem>

#include "session/sandbox.h"

namespace lkl::tool {

namespace {

std::string real_path(const std::string& path) {
  std::error_code ec;
  const auto real = std::filesystem::weakly_canonical(std::filesystem::absolute(path, ec), ec);
  return ec ? std::string() : real.lexically_normal().generic_string();
}

std::string parent_of(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace

void SandboxPaths::allow_reading(const std::string& path) {
  entries_.push_back({path, Right::kRead});
  // It is opened on the way there.
  entries_.push_back({parent_of(path), Right::kList});
}

void SandboxPaths::allow_writing(const std::string& path) {
  std::error_code ec;
  if (std::filesystem::is_directory(path, ec)) {
    entries_.push_back({path, Right::kWrite});
    entries_.push_back({parent_of(path), Right::kList});
    return;
  }
  const auto type = std::filesystem::status(path, ec).type();
  using Type = std::filesystem::file_type;
  if (type == Type::character || type == Type::block || type == Type::fifo) {
    // Written into, never replaced: of its directory nothing is needed.
    entries_.push_back({path, Right::kWrite});
    entries_.push_back({parent_of(path), Right::kList});
    return;
  }
  entries_.push_back({parent_of(path), Right::kWrite});
  if (std::filesystem::is_symlink(path, ec))
    entries_.push_back({parent_of(real_path(path)), Right::kWrite});
}

bool SandboxPaths::any_writable() const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const Entry& entry) { return entry.right == Right::kWrite; });
}

bool SandboxPaths::has(const std::string& path, Right least) const {
  const std::string real = real_path(path);
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    std::string root = real_path(entry.path);
    if (root.empty() || entry.right < least) return false;
    if (!root.ends_with('/')) root += '/';
    return (real + "/").starts_with(root);
  });
}

bool SandboxPaths::may_read(const std::string& path) const {
  return has(path, Right::kRead);
}

bool SandboxPaths::may_write(const std::string& path) const {
  return has(path, Right::kWrite);
}

}  // namespace lkl::tool
