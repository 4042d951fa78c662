// SPDX-License-Identifier: GPL-2.0
// Functions of the application, called where no exception may pass: in kernel code, on threads of
// the library, through the C interface.
#pragma once

#include <cstdio>
#include <exception>

#include "host.h"

namespace lkl::host {

// False, and a line on standard error, if it has ended by an exception. `name` is what the
// application knows it by.
template <typename Function>
bool call_application(const char* name, Function function) noexcept {
  char line[256];
  int length;
  try {
    function();
    return true;
  } catch (const std::exception& error) {
    length = std::snprintf(line, sizeof line, "lkl: %s has thrown an exception: %.150s\n", name,
                           error.what());
  } catch (...) {
    length = std::snprintf(line, sizeof line, "lkl: %s has thrown an exception\n", name);
  }
  host::print(line, static_cast<size_t>(length));
  return false;
}

}  // namespace lkl::host
