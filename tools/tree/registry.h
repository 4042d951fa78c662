// SPDX-License-Identifier: GPL-2.0
//
// A hive of the registry of Windows: one of the files in System32/config. What is not in it, or is
// damaged, is not there. libhivex wants a file of the host's, and a copy of all of it; this reads
// the few cells it needs where they are, in the image, and inside the sandbox.
#ifndef LKL_TOOL_REGISTRY_H
#define LKL_TOOL_REGISTRY_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/block_reader.h"

namespace lkl::tool {

class RegistryHive {
 public:
  // `file` has to live as long.
  explicit RegistryHive(const BlockReader& file);

  // Keys are separated by backslashes: "Microsoft\\Windows NT\\CurrentVersion". Case does not
  // count.
  std::optional<std::string> text(std::string_view key, std::string_view value) const;
  std::optional<std::uint32_t> number(std::string_view key, std::string_view value) const;

 private:
  struct Value {
    std::uint32_t type = 0, size = 0;
    std::uint64_t at = 0;  // of the data, in the file
  };
  // Where a cell's contents begin in the file; 0 if it can be none.
  std::uint64_t cell(std::uint32_t offset) const;
  std::uint64_t find_key(std::string_view path) const;
  std::uint64_t find_below(std::uint64_t key, std::string_view name) const;
  std::uint64_t find_in_list(std::uint32_t list, std::string_view name, unsigned depth) const;
  bool is_named(std::uint64_t key, std::string_view name) const;
  std::optional<Value> find_value(std::string_view key, std::string_view name) const;

  const BlockReader& file_;
  std::uint32_t root_ = 0;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_REGISTRY_H
