// SPDX-License-Identifier: GPL-2.0
// The virtio network card with a hostile driver, and frames of all lengths from a wire that is full
// now and then.
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/hostile_driver.h"
#include "io/event_loop.h"
#include "virtio/net.h"

namespace {

using namespace lkl::host;
using namespace lkl_test;

// Of the first pair. Whoever takes one pair only has the queue of commands after it.
constexpr unsigned kReceive = 0, kSend = 1;
constexpr unsigned kPairs = 2, kCommands = 2 * kPairs;
constexpr uint64_t kSlot = 2048;
constexpr unsigned kSlots = 32;

// The wire: what it does next is said by the input.
class Wire final : public NetBackend {
 public:
  Wire(bool header, bool offloads) : header_(header), offloads_(header && offloads) {}

  bool has_header() const override { return header_; }
  NetOffloads offloads() const override {
    return {.checksum = offloads_,
            .tso4 = offloads_,
            .tso6 = offloads_,
            .ecn = offloads_,
            .uso = offloads_};
  }
  int accept(const NetOffloads&) override { return 0; }
  unsigned queues() const override { return kPairs; }
  int use_queues(unsigned count) override {
    check(count >= 1 && count <= kPairs, "the queues are there");
    return 0;
  }
  size_t longest_frame(unsigned mtu) const override { return mtu + kEthernetSize; }
  int send(unsigned, std::span<const IoVec> frame) override {
    // all of it is there to be read
    for (const IoVec& part : frame) {
      const auto* const bytes = static_cast<const unsigned char*>(part.base);
      for (size_t i = 0; i < part.size; ++i) sum += bytes[i];
    }
    if (full) return -EAGAIN;
    ++sent;
    return 0;
  }
  int64_t receive(unsigned, std::span<const IoVec> room) override {
    if (next == 0) return -EAGAIN;
    size_t left = std::exchange(next, 0), put = 0;
    for (const IoVec& part : room) {
      const size_t count = std::min(left, part.size);
      std::fill_n(static_cast<unsigned char*>(part.base), count, static_cast<unsigned char>(put));
      put += count;
      left -= count;
    }
    return static_cast<int64_t>(put);
  }
  int in(unsigned queue) const override { return static_cast<int>(2 * queue); }
  int out(unsigned queue) const override { return static_cast<int>(2 * queue + 1); }

  bool full = false;
  size_t next = 0;  // the length of the frame that has come
  unsigned sent = 0, sum = 0;

 private:
  const bool header_, offloads_;
};

// Tells who watches when the input says so.
class Loop final : public EventLoop {
 public:
  void watch(Watch& watch) override { watched_.at(static_cast<size_t>(watch.fd)) = &watch; }
  void cancel(Watch& watch) override { watched_.at(static_cast<size_t>(watch.fd)) = nullptr; }
  void tell(size_t fd) {
    if (Watch* const watch = std::exchange(watched_.at(fd), nullptr))
      watch->handler->ready(watch->events);
  }

  void submit() override {}
  void sleep(uint64_t, uint64_t) override {}
  unsigned collect() override { return 0; }
  void kick() override {}
  void quiesce() override {}
  int after_fork_child() override { return 0; }

 private:
  void start(IoOperationList&&) override {}
  std::array<Watch*, 2 * kPairs> watched_ = {};
};

class Session final : HostileDriver {
 public:
  Session(FuzzedDataProvider& data, FakeMemory& ram) : HostileDriver(data, ram) {
    wire_ = std::make_shared<Wire>(data.ConsumeBool(), data.ConsumeBool());
    device_ = std::make_unique<VirtioNet>(
        wire_, loop_,
        VirtioNetOptions{.mac = {2, 0, 0, 0, 0, 1},
                         .mtu = static_cast<uint16_t>(data.ConsumeBool() ? 0 : 9000)});
    mmio_ = std::make_unique<MmioTransport>(*device_, ram_.memory, irq_);
    drive(*mmio_, rings_);
  }

  void play() {
    while (data_.remaining_bytes() > 0) step();
    // whatever it was, the card works for the next driver
    wire_->full = false;
    set_up(~uint64_t{0});
    check(status() == (kDriver | FakeRegisters::kDriverOk), "a good driver may set it up again");
    FakeRing& send = rings_[kSend];
    const unsigned before = wire_->sent;
    send.descriptor(0) = {slot(0), 100, 0, 0};
    send.make_available(0);
    notify(kSend);
    check(wire_->sent == before + 1 && send.used_index() == 1, "and its frame goes out");
    FakeRing& receive = rings_[kReceive];
    // room for the longest, however long that is: the same memory, several times
    for (uint16_t i = 0; i < receive.size; ++i) {
      receive.descriptor(i) = {slots_, kSlots * kSlot, kWrite, 0};
      receive.make_available(i);
    }
    notify(kReceive);
    wire_->next = 77;
    loop_.tell(kReceive);
    check(receive.used_index() == 1, "and one comes in");
    put_command({4, 0, kPairs, 0});
    notify(kCommands);
    check(rings_[kCommands].used_index() == 1 && *ram_.at(slot(1)) == std::byte{0},
          "and the other pair is used");
  }

 private:
  uint64_t slot(unsigned index) const { return slots_ + index % kSlots * kSlot; }

  // A buffer or a frame that is more or less one, in some pieces from `head` on, or in a table.
  void prepare(FakeRing& ring, uint16_t head, uint16_t flags) {
    const uint64_t at = slot(data_.ConsumeIntegral<uint8_t>()), tables = at + 1024;
    const bool table = data_.ConsumeBool();
    const unsigned parts = data_.ConsumeIntegralInRange(1u, 5u);
    Desc* const descriptors = table ? ram_.at<Desc>(tables) : &ring.descriptor(0);
    const unsigned count = table ? 32 : ring.size;
    uint16_t index = table ? 0 : head % ring.size;
    for (unsigned i = 0; i < parts; ++i) {
      const auto next = static_cast<uint16_t>((index + 1) % count);
      const bool last = i + 1 == parts;
      const uint64_t length = data_.ConsumeIntegral<uint16_t>() % 1800;
      descriptors[index] =
          element(at, length, static_cast<uint16_t>(flags | (last ? 0 : kNext)), next);
      index = next;
    }
    if (table)
      ring.descriptor(head % ring.size) = element(tables, 16 * uint64_t{index}, kIndirect, 0);
  }

  void put_command(std::array<uint8_t, 4> bytes) {
    FakeRing& ring = rings_[kCommands];
    std::ranges::copy(bytes, ram_.at<uint8_t>(slot(0)));
    ring.descriptor(0) = {slot(0), bytes.size(), kNext, 1};
    ring.descriptor(1) = {slot(1), 1, kWrite, 0};
    ring.make_available(0);
  }

  void step() {
    const unsigned queue = data_.ConsumeIntegral<uint8_t>() % rings_.size();
    FakeRing& ring = rings_[queue];
    switch (data_.ConsumeIntegral<uint8_t>() % 13) {
      case 0:
      case 1:
      case 2:
        break_something(ring);
        break;
      case 3:
        notify(static_cast<unsigned>(about(queue)));
        break;
      case 4:
        wire_->full = data_.ConsumeBool();
        break;
      case 5:
      case 6:
        wire_->next = data_.ConsumeIntegral<uint16_t>();
        loop_.tell(2 * (data_.ConsumeIntegral<uint8_t>() % kPairs));
        break;
      case 7:
        loop_.tell(2 * (data_.ConsumeIntegral<uint8_t>() % kPairs) + 1);
        break;
      case 8:
        put_command({static_cast<uint8_t>(data_.ConsumeIntegral<uint8_t>() % 6),
                     static_cast<uint8_t>(data_.ConsumeIntegral<uint8_t>() % 2),
                     data_.ConsumeIntegral<uint8_t>(), data_.ConsumeIntegral<uint8_t>()});
        notify(kCommands);
        break;
      default: {
        const auto head = static_cast<uint16_t>(data_.ConsumeIntegral<uint8_t>() % ring.size);
        prepare(ring, head, queue % 2 == 0 && queue != kCommands ? kWrite : 0);
        ring.make_available(static_cast<uint16_t>(about(head)));
        if (data_.ConsumeBool()) notify(queue);
      }
    }
  }

  std::array<FakeRing, 2 * kPairs + 1> rings_ = {FakeRing(ram_, 32), FakeRing(ram_, 8),
                                                 FakeRing(ram_, 32), FakeRing(ram_, 8),
                                                 FakeRing(ram_, 8)};
  const uint64_t slots_ = ram_.allocate((kSlots + 1) * kSlot);
  SilentIrq irq_;
  Loop loop_;
  std::shared_ptr<Wire> wire_;
  std::unique_ptr<VirtioNet> device_;
  std::unique_ptr<MmioTransport> mmio_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  return play<Session>(bytes, size);
}
