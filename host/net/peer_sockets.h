// SPDX-License-Identifier: GPL-2.0
// Wires to other processes by sockets that have a name. Each host has its own: host/posix.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "net/backend.h"
#include "net/uri.h"

namespace lkl::host {

// Of these two kinds an address is a path, or "@NAME" of the abstract ones, which are in no
// directory; or "HOST:PORT", "[HOST]:PORT", without a HOST any of this machine.
enum class SocketKind { kUnix, kInternet };

// Frames in a stream, in the framing of net/stream_frames.h.
struct StreamWords {
  bool server = false;
  uint64_t reconnect_ms = 0;  // 0: not at all
};

// At, or to, the target of the URI. What is wrong is said: 0 or -errno.
int open_stream_socket(const NetUri& uri, SocketKind kind, const StreamWords& words,
                       std::unique_ptr<NetBackend>& result);
// A frame is a datagram.
int open_datagram_socket(const NetUri& uri, SocketKind kind,
                         const std::optional<std::string>& local,
                         std::unique_ptr<NetBackend>& result);

}  // namespace lkl::host
