// SPDX-License-Identifier: GPL-2.0
// One receiving queue of a network card: frames go from the wire into the driver's buffers.
#pragma once

#include <array>
#include <atomic>
#include <mutex>
#include <span>

#include "io/event_loop.h"
#include "net/backend.h"
#include "virtio/queue.h"

namespace lkl::host {

class VirtioTransport;

class NetReceiver final : ReadyHandler {
 public:
  // Told of the wire after each look at it, no mutex held.
  struct Owner {
    virtual void link_changed(bool up) = 0;
    virtual void wire_ended() = 0;

   protected:
    ~Owner() = default;
  };

  NetReceiver(NetBackend& backend, unsigned queue, EventLoop& loop, Owner& owner);
  ~NetReceiver();

  // The driver has set up this ring, for frames of this length with their header.
  void start(VirtQueue& ring, VirtioTransport& transport, bool mergeable, size_t longest);
  void stop();
  // Frames are looked for from now on, or no more.
  void listen();
  void ignore();
  // The driver has given buffers.
  void notify();
  // The driver has sent so many frames.
  void look(unsigned sent);

 private:
  // Buffers of the driver that are ready for the next frame: enough for the longest, if they are
  // of 1.5 KiB each.
  static constexpr unsigned kSlots = 64;

  struct Slot {
    Chain chain;
    size_t size = 0;
    std::array<IoVec, VirtQueue::kMaxChain> room;
  };

  struct Burst {
    VirtioTransport* transport = nullptr;
    bool interrupt = false, any = false, ended = false, up = true;
  };

  void ready(short events) override;
  Attention attention() override;
  Burst receive();
  void tell(const Burst& burst);
  int64_t receive_one(bool& interrupt);
  bool enough_room();
  bool has_room();
  bool deliver(size_t length);

  NetBackend& backend_;
  const unsigned queue_;
  EventLoop& loop_;
  Owner& owner_;
  Watch watch_;

  std::atomic<uint64_t> sent_by_threads_ = 0;  // frames, by the application's
  // attention()'s
  uint64_t sent_before_ = 0, asked_ns_ = 0;
  Attention attention_ = Attention::kWanted;

  std::mutex mutex_;  // guards what follows
  VirtQueue* ring_ = nullptr;
  VirtioTransport* transport_ = nullptr;
  bool listens_ = false;
  bool mergeable_ = false;
  size_t longest_ = 0;
  unsigned first_ = 0;  // of the slots that are ready, in a ring
  unsigned ready_ = 0;  // how many
  size_t ready_size_ = 0;
  bool starved_ = false;   // the driver has to give buffers first
  unsigned sent_ = 0;      // since look() has looked
  unsigned patience_ = 1;  // when it looks again
  std::array<Slot, kSlots> slots_;
  std::array<IoVec, 512> gathered_;
};

}  // namespace lkl::host
