// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <memory>
#include <string>

#include "descriptor.h"
#include "net/backend.h"
#include "posix/stream_peers.h"

namespace lkl::host {

// Frames over a connected stream socket, in the framing of net/stream_frames.h. What breaks the
// stream, or its end, ends the wire; the former is said once, of `name`. The socket is made
// O_NONBLOCK. 0 or -errno.
//
// With `peers` the wire has no end: the next of them comes then, and there is no link meanwhile.
// The first one may have to come yet: no `socket`.
int make_stream_net(Descriptor socket, std::unique_ptr<NetBackend>& result,
                    const std::string& name = "a stream of frames",
                    std::unique_ptr<StreamPeers> peers = nullptr);

}  // namespace lkl::host
