// SPDX-License-Identifier: GPL-2.0
// The virtio block device with a hostile driver: registers, rings and requests that
// break the rules in every way, between such that keep them.
#include <linux/virtio_blk.h>

#include <array>
#include <deque>
#include <memory>
#include <vector>

#include "block/memory_backend.h"
#include "fuzz/hostile_driver.h"
#include "virtio/blk.h"

namespace {

using namespace lkl::host;
using namespace lkl_test;

constexpr unsigned kQueues = 2;
constexpr uint64_t kSlot = 4096;  // of a request: header, status, data
constexpr unsigned kSlots = 16;

// Requests end when the input says so.
class HeldDisk final : public BlockBackend {
 public:
  explicit HeldDisk(unsigned block_size) : disk_(bytes_), block_size_(block_size) {}

  uint64_t size() const override { return bytes_.size(); }
  unsigned block_size() const override { return block_size_; }
  bool can_discard() const override { return true; }
  void start(BlockRequest& request) override {
    check(request.offset <= size() && request.length <= size() - request.offset,
          "the range is in the disk");
    held_.push_back(&request);
  }
  void end_one(bool well) {
    if (held_.empty()) return;
    BlockRequest* const request = held_.front();
    held_.pop_front();
    if (well)
      disk_.submit(*request);
    else
      request->completed(-EIO);
  }
  bool empty() const { return held_.empty(); }

 private:
  void resume(BlockRequest&, int64_t) override {}
  int64_t run_blocking(BlockRequest&) override { return 0; }

  std::vector<std::byte> bytes_ = std::vector<std::byte>(64 * 1024);
  MemoryBackend disk_;
  const unsigned block_size_;
  std::deque<BlockRequest*> held_;
};

class Session final : HostileDriver {
 public:
  Session(FuzzedDataProvider& data, FakeMemory& ram) : HostileDriver(data, ram) {
    auto disk = std::make_unique<HeldDisk>(data.ConsumeBool() ? 512 : 4096);
    disk_ = disk.get();
    device_ = std::make_unique<VirtioBlk>(
        std::move(disk), VirtioBlkOptions{.serial = "fuzz",
                                          .num_queues = data.ConsumeIntegralInRange(1u, kQueues),
                                          .read_only = data.ConsumeIntegral<uint8_t>() == 7});
    mmio_ = std::make_unique<MmioTransport>(*device_, ram_.memory, irq_);
    drive(*mmio_, std::span(rings_).first(device_->queues()));
  }

  void play() {
    while (data_.remaining_bytes() > 0) step();
    // Whatever it was: what was submitted ends, and the device works for the next driver.
    while (!disk_->empty()) disk_->end_one(true);
    check(device_->idle(), "nothing is in flight when all has ended");
    set_up(~uint64_t{0});
    check(status() == (kDriver | FakeRegisters::kDriverOk), "a good driver may set it up again");
    prepare_good(0, VIRTIO_BLK_T_IN);
    const uint16_t before = rings_[0].used_index();
    rings_[0].make_available(0);
    notify(0);
    disk_->end_one(true);
    check(rings_[0].used_index() == static_cast<uint16_t>(before + 1), "and gets its answer");
  }

 private:
  uint64_t slot(unsigned index) const { return slots_ + index % kSlots * kSlot; }

  void prepare_good(unsigned index, uint32_t type) {
    FakeRing& ring = rings_[0];
    const uint64_t at = slot(index);
    *ram_.at<uint32_t>(at) = type;
    *ram_.at<uint64_t>(at + 8) = 0;
    const uint16_t write = type == VIRTIO_BLK_T_IN ? kWrite : 0;
    // blocks of 4096 bytes do not fit into a slot beside the header
    const uint64_t data = slots_ + kSlots * kSlot;
    ring.descriptor(0) = {at, 16, kNext, 1};
    ring.descriptor(1) = {data, 4096, static_cast<uint16_t>(kNext | write), 2};
    ring.descriptor(2) = {at + 16, 1, kWrite, 0};
  }

  // A request that is more or less one, in descriptors from `head` on or in a table.
  void prepare(FakeRing& ring, uint16_t head) {
    static constexpr uint32_t kTypes[] = {VIRTIO_BLK_T_IN,      VIRTIO_BLK_T_OUT,
                                          VIRTIO_BLK_T_FLUSH,   VIRTIO_BLK_T_GET_ID,
                                          VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES};
    const uint64_t at = slot(data_.ConsumeIntegral<uint8_t>());
    const uint32_t type = data_.PickValueInArray(kTypes);
    *ram_.at<uint32_t>(at) = static_cast<uint32_t>(about(type));
    *ram_.at<uint64_t>(at + 8) = about(data_.ConsumeIntegralInRange<uint64_t>(0, 127));
    // the range of a discard, where the data is
    *ram_.at<uint64_t>(at + 512) = about(data_.ConsumeIntegralInRange<uint64_t>(0, 127));
    *ram_.at<uint32_t>(at + 520) = static_cast<uint32_t>(about(8));
    *ram_.at<uint32_t>(at + 524) = data_.ConsumeIntegral<uint8_t>() & 3;

    const bool table = data_.ConsumeBool();
    const unsigned parts = data_.ConsumeIntegralInRange(0u, 6u);
    const uint16_t data_flags = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID ? kWrite : 0;
    const uint64_t tables = at + 2048;
    Desc* const descriptors = table ? ram_.at<Desc>(tables) : &ring.descriptor(0);
    const unsigned count = table ? 64 : ring.size;
    uint16_t index = table ? 0 : head % ring.size;
    const auto add = [&](uint64_t address, uint64_t length, uint16_t flags) {
      const auto next = static_cast<uint16_t>((index + 1) % count);
      descriptors[index] = element(address, length, flags, next);
      index = next;
    };
    add(at, 16, kNext);
    for (unsigned i = 0; i < parts; ++i)
      add(at + 512, i == 0 && type >= VIRTIO_BLK_T_DISCARD ? 16 : 512, kNext | data_flags);
    add(at + 16, 1, kWrite);
    if (table)
      ring.descriptor(head % ring.size) = element(tables, 16 * uint64_t{index}, kIndirect, 0);
  }

  void step() {
    FakeRing& ring = rings_[data_.ConsumeIntegral<uint8_t>() % kQueues];
    switch (data_.ConsumeIntegral<uint8_t>() % 12) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5:
        break_something(ring);
        break;
      case 6:
        notify(static_cast<unsigned>(about(data_.ConsumeIntegral<uint8_t>() % kQueues)));
        break;
      case 7:
        disk_->end_one(data_.ConsumeBool());
        break;
      default: {
        const auto head = static_cast<uint16_t>(data_.ConsumeIntegral<uint8_t>() % ring.size);
        prepare(ring, head);
        ring.make_available(static_cast<uint16_t>(about(head)));
        if (data_.ConsumeBool()) notify(&ring == &rings_[1]);
      }
    }
  }

  std::array<FakeRing, kQueues> rings_ = {FakeRing(ram_, 16), FakeRing(ram_, 8)};
  const uint64_t slots_ = ram_.allocate((kSlots + 2) * kSlot);
  SilentIrq irq_;
  HeldDisk* disk_ = nullptr;
  std::unique_ptr<VirtioBlk> device_;
  std::unique_ptr<MmioTransport> mmio_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  return play<Session>(bytes, size);
}
