// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <memory>
#include <string>

#include "descriptor.h"
#include "net/backend.h"

namespace lkl::host {

// Frames over a connected stream socket, in the framing of net/stream_frames.h. What breaks the
// stream, or its end, ends the wire; the former is said once, of `name`. The socket is made
// O_NONBLOCK. 0 or -errno.
int make_stream_net(Descriptor socket, std::unique_ptr<NetBackend>& result,
                    const std::string& name = "a stream of frames");

}  // namespace lkl::host
