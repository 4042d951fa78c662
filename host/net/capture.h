// SPDX-License-Identifier: GPL-2.0
// What goes over a wire, written to a file that Wireshark, tshark and tcpdump read: pcapng.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "net/capture_file.h"
#include "net/decorated_net.h"
#include "net/uri.h"

namespace lkl::host {

// Nanoseconds since 1970.
using NetClock = uint64_t (*)();

class Capture final {
 public:
  static constexpr uint32_t kWholeFrames = 262144;

  // "pcap=FILE" and "snaplen=N". 0 or -errno, and said; `result` stays empty if there is none.
  static int take(NetUri& uri, NetClock clock, std::unique_ptr<Capture>& result);
  // The file is there from now on. 0 or -errno, and said.
  int begin();

  uint64_t now() const { return clock_(); }
  // So many bytes of a frame, without the first ones, on its way out or in. Any thread.
  void write(bool out, uint64_t time, std::span<const IoVec> frame, size_t skip, size_t size);

 private:
  Capture(const NetUri& uri, NetClock clock) : uri_(uri), clock_(clock) {}

  const NetUri uri_;  // to say so when it ends
  const NetClock clock_;
  uint32_t longest_ = kWholeFrames;
  std::string path_;

  std::mutex mutex_;  // guards what follows
  CaptureFile file_;
  bool ended_ = false;
  std::array<IoVec, 514> parts_;
};

// A wire whose frames are written, both ways: as they are, so their checksums may not be made and
// their segments not be cut. Those that the wire has not taken are not among them.
class CapturedNet final : public DecoratedNet {
 public:
  CapturedNet(std::unique_ptr<NetBackend> wire, std::unique_ptr<Capture> capture)
      : DecoratedNet(std::move(wire)), capture_(std::move(capture)) {}

  int send(unsigned queue, std::span<const IoVec> frame) override;
  int64_t receive(unsigned queue, std::span<const IoVec> room) override;

 private:
  size_t header() const { return has_header() ? kHeaderSize : 0; }

  const std::unique_ptr<Capture> capture_;
};

}  // namespace lkl::host
