// SPDX-License-Identifier: GPL-2.0
//
// The threads that take requests from the host's kernel and serve them.
#ifndef LKL_FUSE_LOOP_H
#define LKL_FUSE_LOOP_H

#include "fuse_api.h"

namespace lkl::fuse {

// Returns when the file system was unmounted, or SIGHUP, SIGINT or SIGTERM came. To be called while
// there are no other threads of the application. 0, or a negative error of the host.
int serve_requests(fuse_session* session, unsigned threads);

}  // namespace lkl::fuse

#endif  // LKL_FUSE_LOOP_H
