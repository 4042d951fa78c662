// SPDX-License-Identifier: GPL-2.0
//
// lkl --version -v: what is built in, and how large it is.
#include <fmt/format.h>
#include <lkl.h>
#include <lkl/linux/version.h>

#include "lkl/cmd/library_size.h"
#include "lkl/commands.h"
#include "lkl_build_info.h"

namespace lkl::tool {

void print_version(bool verbose) {
  fmt::print("lkl {}\n", LKL_VERSION);
  if (!verbose) return;
  fmt::print("kernel:  Linux {}.{}.{}\nprofile: {}\n", LKL_LINUX_VERSION_MAJOR,
             LKL_LINUX_VERSION_PATCHLEVEL, LKL_LINUX_VERSION_SUBLEVEL, LKL_PROFILE);
  print_library_size();
}

}  // namespace lkl::tool
