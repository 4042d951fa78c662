// SPDX-License-Identifier: GPL-2.0
//
// The kernel's network as a script wants it: an interface tun0 of which this process is the other
// end, its addresses and routes, and its qdisc.
#ifndef LKL_TOOL_DRILL_GUEST_H
#define LKL_TOOL_DRILL_GUEST_H

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "drill/wire.h"

namespace lkl::tool::drill {

// Microseconds since 1970 by the kernel's clock.
std::int64_t guest_time();
// Sleeps until then.
void sleep_until(std::int64_t time);

// How often the kernel's timers tick in a second.
unsigned guest_ticks();

// A number of a call into the kernel, negative if it failed: throws Failure with `what` then.
long check_call(long result, const std::string& what);

// A descriptor of the kernel's, closed at the end.
class GuestDescriptor {
 public:
  GuestDescriptor() = default;
  explicit GuestDescriptor(long fd) : fd_(static_cast<int>(fd)) {}
  GuestDescriptor(GuestDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  GuestDescriptor& operator=(GuestDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~GuestDescriptor();
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

struct NetworkSetup {
  Address local, remote;
  unsigned prefix = 16;
  unsigned mtu = 1500;
};

struct Captured {
  std::int64_t time = 0;  // when the kernel sent it, as guest_time()
  std::vector<std::uint8_t> bytes;
  WirePacket packet;
};

class GuestNetwork {
 public:
  // Throws Failure: the kernel has no CONFIG_TUN, an address is wrong ...
  explicit GuestNetwork(const NetworkSetup& setup);

  // A packet comes to the kernel; what it does at once has been done afterwards. 0, or an error.
  long send(std::span<const std::uint8_t> packet);
  // The next packet that has left the kernel, or nothing until then. Others than those from the
  // local to the remote address are passed over.
  std::optional<Captured> receive(std::int64_t deadline);

 private:
  void add_addresses();
  void open_capture();
  void drain();

  NetworkSetup setup_;
  int index_ = 0;
  GuestDescriptor tun_;
  GuestDescriptor capture_;
  std::vector<std::uint8_t> buffer_;
};

// ---- what commands of a script do ----

// tc qdisc add|replace dev tun0 root KIND. 0, or the kernel's error.
long set_root_qdisc(const std::string& interface, const std::string& kind, bool replace);
// ip tcp_metrics flush all
long flush_tcp_metrics();

// A file of the kernel, below /proc. Nothing if it can't be read.
std::optional<std::string> read_guest_file(const std::string& path);
// Memory of the kernel's own, which it can hold on to: the process's it can only copy (MSG_ZEROCOPY
// fails). Unmapped at the end.
class GuestMemory {
 public:
  // Throws Failure.
  explicit GuestMemory(std::size_t size);
  GuestMemory(const GuestMemory&) = delete;
  GuestMemory& operator=(const GuestMemory&) = delete;
  ~GuestMemory();
  char* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  char* data_ = nullptr;
  std::size_t size_;
};

// 0, or the kernel's error.
long write_guest_file(const std::string& path, const std::string& text);

}  // namespace lkl::tool::drill

#endif  // LKL_TOOL_DRILL_GUEST_H
