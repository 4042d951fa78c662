// SPDX-License-Identifier: GPL-2.0
//
// A mount of FUSE that is in no folder: who has no descriptor of it, or of a file there, cannot get
// at it.
#ifndef LKL_TOOL_RUN_FUSE_MOUNT_H
#define LKL_TOOL_RUN_FUSE_MOUNT_H

#include "base/descriptor.h"

namespace lkl::tool::served {

struct FuseMount {
  Descriptor root;    // to open files from
  Descriptor server;  // where they are asked for
};

// By an ordinary user in a namespace of users of its own. Any thread. Throws std::system_error: the
// host forbids it, or has no FUSE.
FuseMount mount_fuse();

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_FUSE_MOUNT_H
