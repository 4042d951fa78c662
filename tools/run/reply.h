// SPDX-License-Identifier: GPL-2.0
//
// The program is told what has come of its call.
#ifndef LKL_TOOL_RUN_REPLY_H
#define LKL_TOOL_RUN_REPLY_H

#include "run/client.h"
#include "run/guest_socket.h"

namespace lkl::tool::served {

// Not for what waits. A signal may have ended the call meanwhile: what was done is kept for when
// the program makes it again, or taken back.
void reply(Client& client, const Notification& call, const Outcome& outcome);

// Each call with its result is a line on standard error from now on.
void trace_replies();
// For results that are told in another way.
void trace(const Notification& call, const char* what, long result);

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_REPLY_H
