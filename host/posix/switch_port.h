// SPDX-License-Identifier: GPL-2.0
// A port of an Ethernet switch that has no other place than its ports: each decides where its own
// frames go. Between two ports are two rings of memory, one for each direction, made by who writes;
// a connection tells who has made them, and ends with either process.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "descriptor.h"
#include "net/backend.h"
#include "net/frame_ring.h"
#include "net/mac_table.h"
#include "posix/switch_place.h"

namespace lkl::host {

// Memory of both processes, given back with its owner.
class SharedRing final {
 public:
  SharedRing() = default;
  ~SharedRing() { reset(); }
  SharedRing(const SharedRing&) = delete;
  SharedRing& operator=(const SharedRing&) = delete;

  // A new one, whose size is for ever; or somebody's, who has to have made sure of that. 0 or
  // -errno.
  int make(Descriptor& file);
  int take(int file);
  void reset();
  FrameRing* get() const { return ring_; }

 private:
  int map(int file);
  FrameRing* ring_ = nullptr;
};

class SwitchPort final : public NetBackend {
 public:
  SwitchPort();
  ~SwitchPort() override;

  int open(const std::string& name, const std::function<void(std::string_view)>& say);

  bool has_header() const override { return true; }
  NetOffloads offloads() const override {
    return {.checksum = true, .tso4 = true, .tso6 = true, .ecn = true};
  }
  int accept(const NetOffloads& taken) override;
  size_t longest_frame(unsigned mtu) const override { return mtu + kEthernetSize; }
  int send(unsigned queue, std::span<const IoVec> frame) override;
  int64_t receive(unsigned queue, std::span<const IoVec> room) override;
  int in(unsigned) const override { return events_.get(); }
  int out(unsigned) const override { return gate_.get(); }

 private:
  static constexpr unsigned kMaxPeers = 64, kMaxStrangers = 16;
  static constexpr unsigned kNone = MacTable::kNone;
  // Frames between two looks at what else has happened.
  static constexpr unsigned kLookEvery = 256;

  // Frames to another port.
  struct Outgoing {
    Descriptor connection;
    SharedRing memory;
    std::optional<RingWriter> ring;
    Descriptor bell;     // the other port's; none yet: the connection is one
    bool stuck = false;  // has taken nothing for kPatience: frames to it are lost until it does
  };
  // And from it.
  struct Incoming {
    Descriptor connection;
    SharedRing memory;
    std::optional<RingReader> ring;
    Descriptor gate;      // the other port's
    bool ending = false;  // it is no more; what it has sent is still there
  };
  struct Peer {
    uint64_t number = 0;  // 0: nobody
    Outgoing out;
    Incoming in;
  };

  // ---- who sends, with mutex_ ----
  int send_to(unsigned which, std::span<const IoVec> frame, bool may_wait);
  int wait_for_room(unsigned which);
  static void ring_bell(Outgoing& out);
  void open_gate();
  void arm_timer(uint64_t until_ns);

  // ---- who receives ----
  int64_t take(std::span<const IoVec> room);
  int64_t take_from(unsigned which, std::span<const IoVec> room);
  // `all_seen`: the rings are empty, as far as nobody has rung since.
  void look(bool all_seen);
  void accept_strangers();
  void meet(unsigned which);
  bool welcome(unsigned place, Descriptor& connection, Descriptor& memory, Descriptor& gate);
  void hear_out(unsigned which);
  void hear_in(unsigned which);
  void time_is_up();

  unsigned place_of(uint64_t number);
  int connect(uint64_t number);
  int introduce(Peer& peer, Descriptor connection);
  void end_out(unsigned which);
  void end_in(unsigned which);
  void forget_if_gone(unsigned which);
  // What happens there is `kind` of this one; again: no longer what it was.
  int watch(int fd, uint32_t kind, unsigned which, bool again = false);
  // A child may have a copy, which keeps it in the set.
  void close(Descriptor& watched);

  const uint64_t process_;
  SwitchPlace place_;
  Descriptor events_, bell_, gate_, timer_;
  MacTable addresses_;
  std::array<Descriptor, kMaxStrangers> strangers_;  // whose first word has not come
  std::array<Peer, kMaxPeers> peers_;
  std::atomic<unsigned> places_ = 0;  // of peers_ that have ever been used
  unsigned next_ = 0;                 // to be looked at by take()
  unsigned since_look_ = 0;

  std::mutex mutex_;          // guards Peer::out of all, and what follows
  unsigned blocked_ = kNone;  // what the last frame waits for
  struct Stall {
    unsigned which = kNone;
    uint64_t taken = 0, since_ns = 0;  // nothing more since then
  } stall_;
  bool timer_runs_ = false;
};

}  // namespace lkl::host
