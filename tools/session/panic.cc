// SPDX-License-Identifier: GPL-2.0
#include "session/panic.h"

#include <fmt/format.h>
#include <lkl.h>

#include <atomic>

#include "base/format.h"

namespace lkl::tool {

namespace {

enum class Panic { kNone, kNoMemory, kOther };

// Set on whatever thread the kernel prints.
std::atomic<Panic> panic{Panic::kNone};

}  // namespace

void survive_panics() {
  lkl_set_on_panic(LKL_ON_PANIC_ERROR);
}

void look_for_panic(std::string_view text) {
  if (text.find("Kernel panic") == std::string_view::npos) return;
  panic = text.find("deadlocked on memory") != std::string_view::npos ? Panic::kNoMemory
                                                                      : Panic::kOther;
}

void forget_panic() {
  panic = Panic::kNone;
}

bool has_panicked() {
  return panic != Panic::kNone;
}

std::string why_panicked(const SessionOptions& options) {
  constexpr std::string_view kAfter =
      "nothing more was written to the images, which are as after a power cut";
  switch (panic.load()) {
    case Panic::kNone:
      break;
    case Panic::kNoMemory:
      return fmt::format("the kernel has run out of memory: give it more than {} with {}; {}",
                         human_size(options.memory), options.memory_option, kAfter);
    case Panic::kOther:
      return fmt::format("the kernel has panicked, by a fault of its own or of an image; {}",
                         kAfter);
  }
  return {};
}

void tell_of_panic(const SessionOptions& options, Diagnostics& says) {
  const std::string why = why_panicked(options);
  if (!why.empty()) says.error(why);
}

void tell_failure(std::string_view why, const SessionOptions& options, Diagnostics& says) {
  if (has_panicked())
    tell_of_panic(options, says);
  else
    says.error(why);
}

}  // namespace lkl::tool
