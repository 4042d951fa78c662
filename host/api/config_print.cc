// SPDX-License-Identifier: GPL-2.0
#include "api/config_print.h"

#include <string>

#include "core/application.h"
#include "core/instance.h"
#include "core/registry.h"
#include "lkl.h"

namespace lkl::host {
namespace {

using Print = void (*)(const char* text, int length);

// Of the one kernel: which operations have lost theirs, and what it was.
const lkl_host_operations* silenced = nullptr;
Print kept_print = nullptr;

}  // namespace

void print_of_config(std::string_view text) {
  const Registry::Use instance;
  if (instance && &instance->ops() == silenced && !instance->ops().print)
    call_application("the print operation",
                     [&] { kept_print(text.data(), static_cast<int>(text.size())); });
  else
    lkl_printf("%.*s", static_cast<int>(text.size()), text.data());
}

void say_of_config(std::string_view line) {
  print_of_config("lkl: " + std::string(line) + "\n");
}

// lkl_init() was given them to be changed.
void silence() {
  const Registry::Use instance;
  if (!instance || !instance->ops().print) return;
  auto& operations = const_cast<lkl_host_operations&>(instance->ops());
  kept_print = operations.print;
  silenced = &operations;
  operations.print = nullptr;
}

void end_silence() {
  const Registry::Use instance;
  if (instance && &instance->ops() == silenced && !instance->ops().print)
    const_cast<lkl_host_operations&>(instance->ops()).print = kept_print;
  silenced = nullptr;
}

}  // namespace lkl::host
