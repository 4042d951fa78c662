// SPDX-License-Identifier: GPL-2.0
// One sending queue of a network card: the driver's frames go to the wire.
#pragma once

#include <array>
#include <atomic>
#include <mutex>

#include "io/event_loop.h"
#include "net/backend.h"
#include "virtio/queue.h"

namespace lkl::host {

class VirtioTransport;

class NetSender final : ReadyHandler {
 public:
  NetSender(NetBackend& backend, unsigned queue, EventLoop& loop);
  ~NetSender();

  void start(VirtQueue& ring, VirtioTransport& transport);
  void stop();
  // The driver has frames, or had: sends them, or waits for room for them. How many it has sent.
  unsigned send();
  // It need not notify before there are so many; send() is called before long.
  void wait_for_more(unsigned frames);
  // Frames are lost from now on. Any thread, not beside the others.
  void cut();

 private:
  void ready(short) override { (void)send(); }
  bool send_one(bool& interrupt);

  NetBackend& backend_;
  const unsigned queue_;
  EventLoop& loop_;
  Watch watch_;
  std::atomic<bool> cut_ = false;

  std::mutex mutex_;  // guards what follows
  VirtQueue* ring_ = nullptr;
  VirtioTransport* transport_ = nullptr;
  bool pending_ = false;  // the frame in sending_ has found no room
  Chain sending_;
  std::array<IoVec, VirtQueue::kMaxChain> room_;
};

}  // namespace lkl::host
