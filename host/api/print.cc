// SPDX-License-Identifier: GPL-2.0
#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "core/application.h"
#include "core/instance.h"
#include "core/registry.h"
#include "lkl.h"

namespace {

lkl_host_operations operations() {
  const lkl::host::Registry::Use instance;
  return instance ? instance->ops() : lkl_host_ops;
}

int print(const char* format, va_list args) {
  char text[1024];
  const int length = std::vsnprintf(text, sizeof text, format, args);
  if (length <= 0) return length;
  const int shown = std::min<int>(length, sizeof text - 1);
  if (lkl::host::Registry::get().printer.print(text, static_cast<size_t>(shown))) return length;
  if (const auto out = operations().print)
    lkl::host::call_application("the print operation", [&] { out(text, shown); });
  return length;
}

}  // namespace

int lkl_printf(const char* fmt, ...) {
  va_list args;
  va_start(args, fmt);
  const int length = print(fmt, args);
  va_end(args);
  return length;
}

void lkl_bug(const char* fmt, ...) {
  va_list args;
  va_start(args, fmt);
  print(fmt, args);
  va_end(args);
  if (const auto panic = operations().panic)
    lkl::host::call_application("the panic operation", panic);
  std::abort();
}
