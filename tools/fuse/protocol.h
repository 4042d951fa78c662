// SPDX-License-Identifier: GPL-2.0
//
// What the host's kernel says in the FUSE protocol and libfuse 3.14 does not pass on: which changes
// take set-user-ID and set-group-ID bits away. Only the host knows the caller's groups and rights.
#ifndef LKL_FUSE_PROTOCOL_H
#define LKL_FUSE_PROTOCOL_H

#include "fuse_api.h"

namespace lkl::fuse {

// For fuse_session_custom_io(): answers go to the host by this.
extern const fuse_custom_io kProtocolIo;

// Looks at a request before libfuse gets it; what libfuse is to get. To be called by the thread
// that serves it.
fuse_buf look_at_request(const fuse_buf& request);

// Whether the request that this thread serves takes these bits away.
bool request_takes_privileges();

}  // namespace lkl::fuse

#endif  // LKL_FUSE_PROTOCOL_H
