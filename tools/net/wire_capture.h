// SPDX-License-Identifier: GPL-2.0
//
// What goes over a wire, written to a file: lkl net capture.
#ifndef LKL_TOOL_WIRE_CAPTURE_H
#define LKL_TOOL_WIRE_CAPTURE_H

#include <string>

#include "session/session_options.h"

namespace lkl::tool {

struct WireCaptureOptions {
  std::string uri;
  std::string file;
  unsigned mtu = 0;
  unsigned snaplen = 0;  // 0: whole frames
  unsigned seconds = 0;  // 0: until a signal
};

struct CapturedFrames {
  std::string in, out;  // numbers
};

// With a card that is up, and has no address: it listens. Throws Failure.
CapturedFrames capture_wire(const WireCaptureOptions& options, const SessionOptions& session);

}  // namespace lkl::tool

#endif  // LKL_TOOL_WIRE_CAPTURE_H
