// SPDX-License-Identifier: GPL-2.0
#include "core/disks.h"

#include <algorithm>

#include "core/calls.h"

namespace lkl::host {
namespace {

// How often a thread that waits for what another one does looks again.
constexpr uint64_t kPollNs = 20'000;

int call(Instance& instance, int64_t nr, uint64_t a, uint64_t b, uint64_t c) {
  return static_cast<int>(call_kernel(instance.number(), nr, a, b, c));
}

}  // namespace

Disk::Disk(int id, unsigned irq, Instance& instance, std::unique_ptr<BlockBackend> backend,
           const VirtioBlkOptions& options)
    : id_(id),
      irq_(irq),
      instance_(instance),
      device_(std::move(backend), options),
      transport_(device_, instance.memory(), *this) {
  instance_.bus().connect(irq_, &transport_);
}

Disk::~Disk() {
  instance_.bus().disconnect(irq_);
  device_.backend().stop_waiting();
  // The minder, while there is one, ends what is in flight.
  while (!device_.idle()) host::sleep_ns(kPollNs);
  instance_.bus().free_irq(irq_);
}

Disk::State Disk::settled() const {
  State state;
  while ((state = state_.load()) == State::kConnecting) host::sleep_ns(kPollNs);
  return state;
}

int Disk::connect() {
  State state = State::kApart;
  if (!state_.compare_exchange_strong(state, State::kConnecting)) {
    return settled() == State::kConnected ? 0 : -LKL_ENODEV;
  }
  const int error = call(instance_, LKL_NR_MMIO_DEVICE_ADD, Bus::address(irq_), Bus::kWindow, irq_);
  state_.store(error ? State::kApart : State::kConnected);
  return error;
}

int Disk::disconnect() {
  settled();
  if (state_.exchange(State::kGone) != State::kConnected) return 0;
  // The driver waits for what is in flight.
  device_.backend().stop_waiting();
  return call(instance_, LKL_NR_MMIO_DEVICE_REMOVE, irq_, 0, 0);
}

int Disks::add(std::unique_ptr<BlockBackend> backend, const VirtioBlkOptions& options,
               Disk*& added) {
  const int irq = instance_.bus().allocate_irq();
  if (irq < 0) return -LKL_ENOSPC;

  std::shared_ptr<Disk> disk;
  {
    const std::lock_guard lock(mutex_);
    disk = disks_.emplace_back(
        std::make_shared<Disk>(next_id_++, irq, instance_, std::move(backend), options));
  }
  added = disk.get();
  if (instance_.running()) {
    if (const int error = disk->connect()) {
      remove(added);
      return error;
    }
  }
  return disk->id();
}

int Disks::remove(const void* disk) {
  std::shared_ptr<Disk> gone;
  {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(disks_.begin(), disks_.end(), [&](const auto& d) { return d.get() == disk; });
    if (found == disks_.end()) return -LKL_ENODEV;
    gone = std::move(*found);
    disks_.erase(found);
  }
  return instance_.running() ? gone->disconnect() : 0;
}

int Disks::connect_all() {
  std::vector<std::shared_ptr<Disk>> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting = disks_;
  }
  for (const auto& disk : waiting)
    // removed meanwhile: not ours any more
    if (const int error = disk->connect(); error && error != -LKL_ENODEV) return error;
  return 0;
}

void Disk::after_fork_child() {
  if (state_.load() == State::kConnecting) state_.store(State::kConnected);
}

void Disks::after_fork_child() {
  std::construct_at(&mutex_);
  for (const auto& disk : disks_) disk->after_fork_child();
}

void Disks::stop_waiting() {
  const std::lock_guard lock(mutex_);
  for (const auto& disk : disks_) disk->stop_waiting();
}

int Disks::irq(int id) {
  const std::lock_guard lock(mutex_);
  for (const auto& disk : disks_)
    if (disk->id() == id) return static_cast<int>(disk->irq());
  return -LKL_ENODEV;
}

}  // namespace lkl::host
