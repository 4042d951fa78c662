// SPDX-License-Identifier: GPL-2.0
// Two kernels of two processes, and who looks at what goes between them.
#pragma once

#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "net/conversation.h"

namespace lkl_test {

using Frame = std::span<const unsigned char>;

// Whether these bytes are somewhere in it.
bool contains(Frame frame, std::string_view bytes);
// The type of an Ethernet frame, and the protocol of the IPv4 packet in it, or -1.
int ether_type(Frame frame);
int ip_protocol(Frame frame);

// A wire that the test is in the middle of: it sees each frame, and passes it on or not.
class WatchedWire final {
 public:
  // Is this frame, that comes from this side, to arrive? One frame is looked at at a time.
  using Watch = std::function<bool(int from, Frame frame)>;

  WatchedWire() = default;
  ~WatchedWire();
  std::string uri(int side) const { return fd_uri(halves_[static_cast<size_t>(side)].end(0)); }
  // Passes frames from now on. What was sent before has waited.
  void start();
  // Instead of who watches now. What it was given to look at is not looked at any more when this
  // returns.
  void set_watch(Watch watch);
  // Of frames that went from this side to the other.
  uint64_t bytes(int from) const { return bytes_[static_cast<size_t>(from)]; }

 private:
  void pass(int from);

  bool passes(int from, Frame frame);

  std::array<Wire, 2> halves_;
  std::mutex mutex_;
  Watch watch_;
  std::array<std::atomic<uint64_t>, 2> bytes_ = {};
  std::array<std::thread, 2> threads_;
};

// As long as this is there a wire is watched: the two kernels outlive the test's body, so what the
// watch writes to is to be older than this.
class Watching final {
 public:
  Watching(WatchedWire& wire, WatchedWire::Watch watch) : wire_(wire) {
    wire_.set_watch(std::move(watch));
  }
  ~Watching() { wire_.set_watch(nullptr); }
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;

 private:
  WatchedWire& wire_;
};

// Side 0 is the test's own kernel, side 1 a child's.
class PairTest : public ::testing::Test {
 protected:
  PairTest() { have_wires(1); }
  unsigned short mtu_ = 0;
  std::string boot_words_;  // what the kernels are told besides

  // Before boot(): there is one wire if nothing is said.
  void have_wires(size_t count);
  // Both kernels, with a card on each wire: eth0 has 10.0.0.1 on side 0 and 10.0.0.2 on side 1,
  // eth1 has 10.0.1.1 and 10.0.1.2, and so on. Then each of them does `prepare`, and side 1 answers
  // TCP and UDP on port 5001 with what comes, until the test ends.
  void boot(const std::function<void(int side)>& prepare = nullptr);
  void TearDown() override;

  WatchedWire& wire(size_t which = 0) { return *wires_[which]; }
  static int card(size_t which) {
    return lkl_ifname_to_ifindex(("eth" + std::to_string(which)).c_str());
  }

 private:
  void start_side(int side, const std::function<void(int side)>& prepare);

  std::vector<std::unique_ptr<WatchedWire>> wires_;
  std::vector<lkl_netdev*> cards_;
  pid_t child_ = -1;
  int until_ = -1;  // closed: the child ends
};

// Answers with what comes to port 5001 of any address, in threads that end with the kernel.
void serve();

template <class Value>
long set_option(int fd, int level, int name, const Value& value) {
  return lkl_sys_setsockopt(fd, level, name, reinterpret_cast<const char*>(&value), sizeof value);
}
inline long set_text_option(int fd, int level, int name, const char* text) {
  return lkl_sys_setsockopt(fd, level, name, text, static_cast<int>(std::strlen(text)));
}

// A socket of this protocol that is connected to who answers there, when it is there.
int connect_to(const char* to, int protocol = 0, unsigned short port = kPort);
// Sends a datagram of this size to serve(), until it is answered: whether it was, by the same
// content.
bool echoes_by_udp(const char* to, size_t size);
// Asks by ICMP with content of this size, until it is answered: whether it was, by the same
// content. By this interface, if there is one named.
bool ping(const char* to, size_t size = 56, const char* interface = nullptr);

}  // namespace lkl_test
