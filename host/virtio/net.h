// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <span>

#include "io/event_loop.h"
#include "net/backend.h"
#include "virtio/device.h"
#include "virtio/net_protocol.h"

namespace lkl::host {

struct VirtioNetOptions {
  std::array<uint8_t, 6> mac = {};
  uint16_t mtu = 0;  // 0: not said, 1500
};

// virtio network card (virtio 1.2, section 5.1) on a backend. Frames go between the backend and the
// kernel's memory without a copy: sent by who notifies, received by who owns the event loop.
class VirtioNet final : public VirtioDevice {
 public:
  VirtioNet(std::shared_ptr<NetBackend> backend, EventLoop& loop, const VirtioNetOptions& options);
  ~VirtioNet() override;

  uint32_t id() const override;
  uint64_t features() const override;
  unsigned queues() const override { return 2; }
  std::span<const std::byte> config() const override {
    return std::as_bytes(std::span(&config_, 1));
  }
  void activate(uint64_t features, std::span<VirtQueue* const> queues,
                VirtioTransport& transport) override;
  void notify(unsigned queue) override;
  void reset() override;

  // The wire is taken away: nothing goes in or out any more. Any thread, not beside the others.
  void cut();

 private:
  static constexpr unsigned kReceive = 0, kSend = 1;
  // Buffers of the driver that are ready for the next frame: enough for the longest, if they are
  // of 1.5 KiB each.
  static constexpr unsigned kSlots = 64;

  // A descriptor of the backend's, and what to do when it is ready.
  struct Ready final : ReadyHandler {
    void (VirtioNet::*then)() = nullptr;
    VirtioNet* device = nullptr;
    Watch watch;
    void ready(short) override { (device->*then)(); }
  };

  struct Slot {
    Chain chain;
    size_t size = 0;
    std::array<IoVec, VirtQueue::kMaxChain> room;
  };

  void receive();
  int64_t receive_one(bool& interrupt);
  bool enough_room();
  bool has_room();
  bool deliver(size_t length);
  void set_link_down();

  void send();
  bool send_one(bool& interrupt);

  const std::shared_ptr<NetBackend> backend_;
  EventLoop& loop_;
  NetConfig config_ = {};
  VirtioTransport* transport_ = nullptr;
  std::atomic<bool> cut_ = false;

  std::mutex receive_mutex_;  // guards what follows
  VirtQueue* receive_ring_ = nullptr;
  bool mergeable_ = false;
  size_t longest_ = 0;  // with the header
  unsigned first_ = 0;  // of the slots that are ready, in a ring
  unsigned ready_ = 0;  // how many
  size_t ready_size_ = 0;
  bool starved_ = false;  // the driver has to give buffers first
  std::array<Slot, kSlots> slots_;
  std::array<IoVec, 512> gathered_;

  std::mutex send_mutex_;  // guards what follows
  VirtQueue* send_ring_ = nullptr;
  bool pending_ = false;  // the frame in sending_ has found no room
  Chain sending_;
  std::array<IoVec, VirtQueue::kMaxChain> send_room_;

  Ready in_, out_;
};

}  // namespace lkl::host
