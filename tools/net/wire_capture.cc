// SPDX-License-Identifier: GPL-2.0
#include "net/wire_capture.h"

#include <fmt/format.h>

#include <chrono>
#include <vector>

#include "base/error.h"
#include "base/signal_sets.h"
#include "base/signals.h"
#include "net/net_kernel.h"

namespace lkl::tool {

namespace {

// A comma that is part of a value is written twice.
std::string value_of(const std::string& text) {
  std::string value;
  for (const char each : text) value.append(each == ',' ? 2 : 1, each);
  return value;
}

void wait(unsigned seconds) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::seconds(seconds);
  std::vector<pollfd> nothing;
  while (pending_signal() == 0) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    if (seconds != 0 && left <= 0) return;
    constexpr long kMost = 60'000;
    poll_or_signal(nothing, static_cast<int>(seconds == 0 ? kMost : std::min<long>(left, kMost)));
  }
}

}  // namespace

CapturedFrames capture_wire(const WireCaptureOptions& options, const SessionOptions& session) {
  NetKernel kernel(session);
  std::string uri =
      (options.uri.empty() ? "slirp:" : options.uri) + ",pcap=" + value_of(options.file);
  if (options.snaplen != 0) uri += fmt::format(",snaplen={}", options.snaplen);
  if (const int error = kernel.open(uri, options.mtu)) {
    const std::string said = NetKernel::said();
    throw Failure(said.empty() ? fmt::format("{}: {}", options.uri, lkl_strerror(error)) : said);
  }
  kernel.boot();
  if (const int error = lkl_if_up(kernel.ifindex()))
    throw Failure(fmt::format("the interface cannot be brought up: {}", lkl_strerror(error)));
  wait(options.seconds);
  CapturedFrames frames = {.in = kernel.attribute("statistics/rx_packets"),
                           .out = kernel.attribute("statistics/tx_packets")};
  // a disk that is full, say
  if (const std::string said = NetKernel::said(); !said.empty()) throw Failure(said);
  return frames;
}

}  // namespace lkl::tool
