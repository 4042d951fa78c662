// SPDX-License-Identifier: GPL-2.0
#include <grp.h>
#include <pwd.h>

#include "tree/acl.h"

namespace lkl::tool {

std::uint32_t id_of_named(bool is_user, const char* name) {
  if (name == nullptr) return kNoId;
  if (is_user) {
    const struct passwd* user = getpwnam(name);
    return user ? user->pw_uid : kNoId;
  }
  const struct group* group = getgrnam(name);
  return group ? group->gr_gid : kNoId;
}

}  // namespace lkl::tool
