// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "io/event_loop.h"
#include "net/backend.h"
#include "virtio/device.h"
#include "virtio/net_protocol.h"
#include "virtio/net_receiver.h"
#include "virtio/net_sender.h"

namespace lkl::host {

struct VirtioNetOptions {
  std::array<uint8_t, 6> mac = {};
  uint16_t mtu = 0;  // 0: not said, 1500
};

// virtio network card (virtio 1.2, section 5.1) on a backend, with a pair of queues for each of the
// backend's, and one for commands. Frames go between the backend and the kernel's memory without a
// copy: sent by who notifies, or a few at once a little later (io/postponed.h), received by who
// owns the event loop, or by who sends.
class VirtioNet final : public VirtioDevice, NetReceiver::Owner {
 public:
  VirtioNet(std::shared_ptr<NetBackend> backend, EventLoop& loop, const VirtioNetOptions& options);

  uint32_t id() const override;
  uint64_t features() const override;
  unsigned queues() const override { return 2 * pairs() + 1; }
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
  struct Pair final : Postponed::Work {
    Pair(NetBackend& backend, unsigned queue, EventLoop& loop, NetReceiver::Owner& owner)
        : receiver(backend, queue, loop, owner), sender(backend, queue, loop) {}
    void do_now() override { receiver.look(sender.send()); }
    NetReceiver receiver;
    NetSender sender;
  };

  void send(Pair& pair);
  unsigned pairs() const { return static_cast<unsigned>(pairs_.size()); }
  int use_pairs(unsigned count);
  void link_changed(bool up) override;
  void wire_ended() override;
  void set_link(bool up);

  void serve_commands();
  bool serve_command(bool& interrupt);
  bool command(std::span<const std::byte> bytes);

  Postponed& postponed_;
  const std::shared_ptr<NetBackend> backend_;
  NetConfig config_ = {};
  std::vector<std::unique_ptr<Pair>> pairs_;
  VirtioTransport* transport_ = nullptr;
  std::atomic<bool> ended_ = false;

  std::mutex command_mutex_;  // guards what follows
  uint64_t agreed_ = 0;       // features
  unsigned command_queue_ = 0;
  VirtQueue* command_ring_ = nullptr;
  std::array<IoVec, VirtQueue::kMaxChain> room_;
};

}  // namespace lkl::host
