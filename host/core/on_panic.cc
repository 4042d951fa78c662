// SPDX-License-Identifier: GPL-2.0
#include "core/on_panic.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "lkl.h"

namespace lkl {
namespace {

std::atomic<lkl_on_panic> of_application = LKL_ON_PANIC_ABORT;
std::atomic<lkl_on_panic> choice = LKL_ON_PANIC_ABORT;

std::optional<lkl_on_panic> parse(std::string_view word) {
  if (word == "abort") return LKL_ON_PANIC_ABORT;
  if (word == "error") return LKL_ON_PANIC_ERROR;
  if (word == "wait") return LKL_ON_PANIC_WAIT;
  return std::nullopt;
}

}  // namespace

int read_on_panic() {
  const char* word = std::getenv("LKL_ON_PANIC");
  const auto parsed = word ? parse(word) : of_application.load();
  if (!parsed) {
    std::fprintf(stderr, "lkl: LKL_ON_PANIC=%s: it can be abort, error or wait\n", word);
    return -LKL_EINVAL;
  }
  choice = *parsed;
  return 0;
}

lkl_on_panic on_panic() {
  return choice;
}

}  // namespace lkl

int lkl_set_on_panic(lkl_on_panic what) {
  if (what < LKL_ON_PANIC_ABORT || what > LKL_ON_PANIC_WAIT) return -LKL_EINVAL;
  lkl::of_application = what;
  if (!std::getenv("LKL_ON_PANIC")) lkl::choice = what;
  return 0;
}
