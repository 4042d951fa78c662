// SPDX-License-Identifier: GPL-2.0
#include "core/slot.h"

#include "annotate.h"
#include "core/calls.h"

namespace lkl::host {
namespace {

// How often a thread that waits for what another one does looks again.
constexpr uint64_t kPollNs = 20'000;

int call(Instance& instance, int64_t nr, uint64_t a, uint64_t b, uint64_t c) {
  return static_cast<int>(call_kernel(instance.number(), nr, a, b, c));
}

}  // namespace

Slot::Slot(unsigned irq, Instance& instance, VirtioDevice& device)
    : irq_(irq), instance_(instance), transport_(device, instance.memory(), *this) {
  instance_.bus().connect(irq_, &transport_);
}

Slot::~Slot() {
  unplug();
  instance_.bus().free_irq(irq_);
}

void Slot::unplug() {
  instance_.bus().disconnect(irq_);
}

void Slot::raise() {
  tell_kernel();
  lkl_kernel_raise(irq_);
}

Slot::State Slot::settled() const {
  State state;
  while ((state = state_.load()) == State::kConnecting) host::sleep_ns(kPollNs);
  return state;
}

int Slot::connect() {
  State state = State::kApart;
  if (!state_.compare_exchange_strong(state, State::kConnecting)) {
    return settled() == State::kConnected ? 0 : -LKL_ENODEV;
  }
  const int error = call(instance_, LKL_NR_MMIO_DEVICE_ADD, Bus::address(irq_), Bus::kWindow, irq_);
  state_.store(error ? State::kApart : State::kConnected);
  return error;
}

bool Slot::begin_disconnect() {
  settled();
  return state_.exchange(State::kGone) == State::kConnected;
}

int Slot::disconnect() {
  return call(instance_, LKL_NR_MMIO_DEVICE_REMOVE, irq_, 0, 0);
}

void Slot::after_fork_child() {
  if (state_.load() == State::kConnecting) state_.store(State::kConnected);
}

}  // namespace lkl::host
