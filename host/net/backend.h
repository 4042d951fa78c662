// SPDX-License-Identifier: GPL-2.0
// What a network card is connected to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "host.h"

namespace lkl::host {

// Work on packets that is left to the other side of the wire, in each direction.
struct NetOffloads {
  bool checksum = false;  // what it sends may have a checksum that is still to be made
  bool tso4 = false;      // and be a segment of TCP that is still to be cut
  bool tso6 = false;
  bool ecn = false;  // such a one may have CWR
};

// Frames of Ethernet go out and come in, one a call. All with the header of virtio 1.2, section
// 5.1.6, in front if has_header(); else without, and offloads are none.
//
// Any thread, but of each direction one at a time; also on a kernel stack. Nothing waits.
class NetBackend {
 public:
  static constexpr size_t kHeaderSize = 12;
  static constexpr size_t kEthernetSize = 14 + 4;  // with a VLAN's tag
  // The longest that is still to be cut.
  static constexpr size_t kMaxSegment = 65535 + kEthernetSize;

  virtual ~NetBackend() = default;

  virtual bool has_header() const = 0;
  // What the other side takes from the card.
  virtual NetOffloads offloads() const = 0;
  // What the driver takes from the other side; not more than offloads(). 0 or -errno.
  virtual int accept(const NetOffloads& offloads) = 0;
  // Bytes of the longest frame that can come, without the header, given this MTU of the card.
  virtual size_t longest_frame(unsigned mtu) const = 0;

  // 0, -EAGAIN: later, when out() is ready for it; or -errno: this frame is lost.
  virtual int send(std::span<const IoVec> frame) = 0;
  // Bytes; -EAGAIN: none, until in() is ready; 0 or another -errno: there will be none any more.
  virtual int64_t receive(std::span<const IoVec> room) = 0;

  // Descriptors to wait for.
  virtual int in() const = 0;
  virtual int out() const = 0;
};

}  // namespace lkl::host
