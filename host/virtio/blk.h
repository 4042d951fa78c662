// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "block/backend.h"
#include "virtio/blk_protocol.h"
#include "virtio/device.h"

namespace lkl::host {

struct VirtioBlkOptions {
  std::string serial;       // at most 20 characters
  unsigned num_queues = 1;  // 1 to 16
  bool read_only = false;   // whatever the backend allows
};

// virtio block device (virtio 1.2, section 5.2) on a backend. Guest memory goes to
// the backend as it is, without a copy.
class VirtioBlk final : public VirtioDevice {
 public:
  static constexpr unsigned kMaxQueues = 16;
  static constexpr unsigned kSegments = 254;  // and header and status: kMaxChain

  VirtioBlk(std::unique_ptr<BlockBackend> backend, const VirtioBlkOptions& options);
  ~VirtioBlk() override;

  uint32_t id() const override;
  uint64_t features() const override;
  unsigned queues() const override { return num_queues_; }
  std::span<const std::byte> config() const override {
    return std::as_bytes(std::span(&config_, 1));
  }
  void activate(uint64_t features, std::span<VirtQueue* const> queues,
                VirtioTransport& transport) override;
  void notify(unsigned queue) override;
  void reset() override;

  BlockBackend& backend() { return *backend_; }

  // Nothing is in flight. Any thread. Once the driver has been stopped this comes and
  // stays, and the device and its transport may be destroyed.
  bool idle() const { return in_flight_.load(std::memory_order_acquire) == 0; }

 private:
  class Request;
  struct Pool;
  struct QueueState;

  Request* next(QueueState& state);
  void start(Request& request);
  void start_io(Request& request, uint64_t sector);
  void start_range(Request& request);
  void finish(Request& request, uint8_t status);

  const std::unique_ptr<BlockBackend> backend_;
  const std::string serial_;
  const unsigned num_queues_;
  const bool read_only_;
  BlkConfig config_ = {};
  std::vector<std::unique_ptr<QueueState>> states_;
  VirtioTransport* transport_ = nullptr;
  std::atomic<unsigned> in_flight_ = 0;
};

}  // namespace lkl::host
