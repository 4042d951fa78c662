// SPDX-License-Identifier: GPL-2.0
// A driver that breaks the rules as the fuzzer's input says, and keeps them in between. The guest's
// memory is of the heap, so AddressSanitizer sees a step beyond.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <span>

#include "fuzz/check.h"
#include "unit/fake_driver.h"
#include "virtio/mmio.h"

namespace lkl_test {

struct SilentIrq final : lkl::host::IrqLine {
  void raise() override {}
};

class HostileDriver {
 protected:
  static constexpr uint32_t kDriver =
      FakeRegisters::kAcknowledge | FakeRegisters::kDriver | FakeRegisters::kFeaturesOk;

  HostileDriver(FuzzedDataProvider& data, FakeMemory& ram) : data_(data), ram_(ram) {}
  ~HostileDriver() = default;

  // Before all that follows.
  void drive(lkl::host::MmioTransport& mmio, std::span<FakeRing> rings) {
    mmio_ = &mmio;
    driven_ = rings;
  }
  FakeRegisters registers() { return {*mmio_}; }
  uint32_t status() { return registers().get(FakeRegisters::kStatus); }
  void notify(unsigned queue) { registers().set(FakeRegisters::kQueueNotify, queue); }

  // As a good driver does, with the features of the mask.
  void set_up(uint64_t mask) {
    FakeRegisters driver = registers();
    driver.negotiate(driver.offered() & (mask | FakeRegisters::kVersion1));
    for (unsigned queue = 0; queue < driven_.size(); ++queue) {
      FakeRing& ring = driven_[queue];
      std::fill_n(ram_.at(ring.avail), 6 + 2 * ring.size, std::byte{0});
      std::fill_n(ram_.at(ring.used), 6 + 8 * ring.size, std::byte{0});
      ring.avail_index = ring.used_seen = 0;
      driver.set_up(queue, ring);
    }
    driver.go();
  }

  // A number that is right, or nearly, or anything.
  uint64_t about(uint64_t right) {
    switch (data_.ConsumeIntegral<uint8_t>() % 8) {
      case 0:
        return data_.ConsumeIntegral<uint64_t>();
      case 1:
        return right + data_.ConsumeIntegral<int8_t>();
      case 2:
        return ~right;
      default:
        return right;
    }
  }

  Desc element(uint64_t address, uint64_t length, uint16_t flags, uint16_t next) {
    return {about(address), static_cast<uint32_t>(about(length)),
            static_cast<uint16_t>(about(flags)), static_cast<uint16_t>(about(next))};
  }

  // What goes wrong whatever the device is.
  void break_something(FakeRing& ring) {
    switch (data_.ConsumeIntegral<uint8_t>() % 6) {
      case 0: {
        static constexpr unsigned kSizes[] = {1, 2, 4, 8};
        const uint64_t offset = data_.ConsumeIntegral<uint16_t>() % 0x1000;
        mmio_->write(offset, data_.ConsumeIntegral<uint64_t>(), data_.PickValueInArray(kSizes));
        break;
      }
      case 1:
        mmio_->read(data_.ConsumeIntegral<uint16_t>() % 0x1000, 4);
        break;
      case 2:
        set_up(data_.ConsumeIntegral<uint64_t>());
        break;
      case 3: {  // a queue at a place and of a size of the driver's choice
        FakeRegisters driver = registers();
        driver.set(FakeRegisters::kQueueSel, about(0));
        driver.set(FakeRegisters::kQueueNum, about(ring.size));
        driver.set_address(FakeRegisters::kQueueDesc, about(ring.desc));
        driver.set_address(FakeRegisters::kQueueDriver, about(ring.avail));
        driver.set_address(FakeRegisters::kQueueDevice, about(ring.used));
        driver.set(FakeRegisters::kQueueReady, about(1));
        break;
      }
      case 4: {
        const uint64_t at = data_.ConsumeIntegral<uint16_t>();
        const auto bytes = data_.ConsumeBytes<uint8_t>(data_.ConsumeIntegral<uint8_t>() % 17);
        std::copy(bytes.begin(), bytes.end(), ram_.at<uint8_t>(FakeMemory::kPhys + at));
        break;
      }
      default:
        ram_.at<uint16_t>(ring.avail)[1] = static_cast<uint16_t>(about(ring.avail_index));
    }
  }

  FuzzedDataProvider& data_;
  FakeMemory& ram_;

 private:
  lkl::host::MmioTransport* mmio_ = nullptr;
  std::span<FakeRing> driven_;
};

// One input: a session of that kind, in memory that is cleared, which is cheaper than to have it
// anew.
template <class Session>
int play(const uint8_t* bytes, size_t size) {
  static FakeMemory ram;
  std::ranges::fill(ram.bytes, std::byte{0});
  ram.next = 0;
  FuzzedDataProvider data(bytes, size);
  Session(data, ram).play();
  return 0;
}

}  // namespace lkl_test
