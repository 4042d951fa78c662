// SPDX-License-Identifier: GPL-2.0
// struct lkl_config from JSON, or from the environment.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/json_tree.h"
#include "lkl_config.h"

namespace lkl::host {

// The texts of all members, with lists; not what was opened.
void free_config(lkl_config& config);

// Both change nothing but on success, and say what is wrong. 0, -EINVAL, -E2BIG. std::bad_alloc.
int read_config_json(std::string_view json, lkl_config& config, const SayWrong& say);

// Variables by their names.
struct Environment {
  std::function<const char*(const char* name)> value;  // nullptr if it is empty or not there
  std::vector<std::string> names;  // of those that begin with kEnvironmentPrefix
};
inline constexpr std::string_view kEnvironmentPrefix = "LKL_HIJACK_";
int read_config_environment(const Environment& environment, lkl_config& config,
                            const SayWrong& say);

// The URI of an interface's wire; "" if it has none.
std::string wire_of(const lkl_config_iface& iface);

// A copy of malloc(3). std::bad_alloc.
char* new_text(std::string_view text);

}  // namespace lkl::host
