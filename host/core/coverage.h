// SPDX-License-Identifier: GPL-2.0
// Coverage of the kernel's code, where the kernel is built to count it.
#pragma once

#include <string>

namespace lkl::host {

class Coverage final {
 public:
  // The kernel counts.
  static bool built();

  // Adds what was counted to the files in `folder`, each at the place that its object had when it
  // was compiled, below it, with a link to its .gcno beside it. Then counts from 0. Objects of
  // which no line has run have a file as well. The number of objects (0: it has never booted so far
  // that there were any) or -errno.
  static int write(const std::string& folder);

  // Forgets what was counted.
  static void reset();

  // LKL_COVERAGE=FOLDER: write() there, if it is set; complains if it fails.
  static void write_by_environment();
};

}  // namespace lkl::host
