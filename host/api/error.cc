// SPDX-License-Identifier: GPL-2.0
#include <cstdlib>

#include "api/util.h"
#include "lkl.h"

namespace {

struct ErrorText {
  int number;
  const char* name;
  const char* text;
};

// Made from the kernel's own errno headers, in the order of the numbers.
constexpr ErrorText kErrors[] = {
#include "lkl_errors.inc"
};

}  // namespace

const char* lkl_strerror(int err) {
  const int number = std::abs(err);
  if (number == 0) return "Success";
  for (const ErrorText& error : kErrors)
    if (error.number == number) return error.text;
  return "Unknown error";
}

const char* lkl::host::error_name(int error) {
  for (const ErrorText& known : kErrors)
    if (known.number == std::abs(error)) return known.name;
  return "E?";
}

void lkl_perror(const char* msg, int err) {
  lkl_printf("%s: %s\n", msg, lkl_strerror(err));
}
