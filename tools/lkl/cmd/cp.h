// SPDX-License-Identifier: GPL-2.0
//
// What `lkl cp`, cptofs and cpfromfs share.
#ifndef LKL_TOOL_CP_H
#define LKL_TOOL_CP_H

#include <string>
#include <vector>

#include "lkl/options.h"
#include "tree/copy.h"
#include "tree/location.h"

namespace lkl::tool {

struct CopyRequest {
  std::vector<Location> sources;
  Location destination;
  CopyOptions copy;
  // Names of sources are patterns, as the shell's, which does not see those in an image.
  bool patterns = false;
};

// As the option --owner UID[:GID] says. Throws UsageFailure if it says something else.
void set_owner(CopyOptions& copy, const std::string& owner);

void run_copy(Context& context, const CopyRequest& request);

}  // namespace lkl::tool

#endif  // LKL_TOOL_CP_H
