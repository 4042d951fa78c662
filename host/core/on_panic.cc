// SPDX-License-Identifier: GPL-2.0
#include "core/on_panic.h"

#include <cstdio>
#include <optional>
#include <string_view>

#include "core/registry.h"
#include "host.h"
#include "lkl.h"

namespace lkl::host {
namespace {

std::optional<lkl_on_panic> parse(std::string_view word) {
  if (word == "abort") return LKL_ON_PANIC_ABORT;
  if (word == "error") return LKL_ON_PANIC_ERROR;
  if (word == "wait") return LKL_ON_PANIC_WAIT;
  return std::nullopt;
}

}  // namespace

int read_on_panic() {
  const char* word = host::environment("LKL_ON_PANIC");
  const auto parsed = word ? parse(word) : Registry::get().on_panic_of_application.load();
  if (!parsed) {
    std::fprintf(stderr, "lkl: LKL_ON_PANIC=%s: it can be abort, error or wait\n", word);
    return -LKL_EINVAL;
  }
  Registry::get().on_panic = *parsed;
  return 0;
}

lkl_on_panic on_panic() {
  return Registry::get().on_panic;
}

}  // namespace lkl::host

int lkl_set_on_panic(lkl_on_panic what) {
  if (what < LKL_ON_PANIC_ABORT || what > LKL_ON_PANIC_WAIT) return -LKL_EINVAL;
  lkl::host::Registry& registry = lkl::host::Registry::get();
  registry.on_panic_of_application = what;
  if (!lkl::host::environment("LKL_ON_PANIC")) registry.on_panic = what;
  return 0;
}
