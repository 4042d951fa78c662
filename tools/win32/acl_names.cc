// SPDX-License-Identifier: GPL-2.0
#include "tree/acl.h"

namespace lkl::tool {

// Windows has other users.
std::uint32_t id_of_named(bool, const char*) {
  return kNoId;
}

}  // namespace lkl::tool
