// SPDX-License-Identifier: GPL-2.0
// What a network card is connected to.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "host.h"

namespace lkl::host {

class HostForwards;

// Work on packets that is left to the other side of the wire, in each direction.
struct NetOffloads {
  bool checksum = false;  // what it sends may have a checksum that is still to be made
  bool tso4 = false;      // and be a segment of TCP that is still to be cut
  bool tso6 = false;
  bool ecn = false;  // such a one may have CWR
  bool uso = false;  // or several datagrams of UDP in one, of IPv4 and IPv6

  bool operator==(const NetOffloads&) const = default;
};

// Frames of Ethernet go out and come in, one a call. All with the header of virtio 1.2, section
// 5.1.6, in front if has_header(); else without, and offloads are none.
//
// A wire has one queue, or several: independent streams of frames in each direction, whose numbers
// count from 0. Any thread, but of each direction of a queue one at a time; also on a kernel stack
// (of which some 8 KiB are left), in the middle of the application's calls: no cancellation point,
// errno stays as it was. Nothing waits.
//
// In the child of fork() the wire stays the parent's: of one that has a card nothing is called
// there but the destructor. That leaves alone what both processes share (an epoll set, say), and
// takes no mutex, which a thread that is no more may have: it compares process ids.
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

  // What the card of this wire should have if nobody has chosen; zero: anything will do.
  virtual std::array<uint8_t, 6> mac() const { return {}; }
  virtual uint16_t mtu() const { return 0; }

  // nullptr: it has no ports that lead to the kernel. As long as the wire.
  virtual HostForwards* host_forwards() { return nullptr; }

  virtual unsigned queues() const { return 1; }
  // The driver looks at so many of them, the first ones: before it has said so, at one. 0 or
  // -errno.
  virtual int use_queues(unsigned) { return 0; }

  // 0, -EAGAIN: later, when out() is ready for it; or -errno: this frame is lost.
  virtual int send(unsigned queue, std::span<const IoVec> frame) = 0;
  // Bytes; -EAGAIN: none, until in() is ready; 0 or another -errno: there will be none any more.
  virtual int64_t receive(unsigned queue, std::span<const IoVec> room) = 0;

  // Whether anybody is at the other end. Asked after each receive(), so in() is ready when it has
  // changed; what is sent without a link is lost.
  virtual bool has_link() const { return true; }

  // Descriptors to wait for, as long as it lives: in() to be readable, out() to be writable. in()
  // may be an epoll(7) set of several, out() may not: a set is never writable.
  //
  // in() is readable as long as receive() may have something, whoever has asked last and however
  // many it has taken: a backend that reads ahead sees to that. It may be so too when receive() has
  // work of its own, and says -EAGAIN.
  virtual int in(unsigned queue) const = 0;
  virtual int out(unsigned queue) const = 0;
};

}  // namespace lkl::host
