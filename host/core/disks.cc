// SPDX-License-Identifier: GPL-2.0
#include "core/disks.h"

namespace lkl::host {
namespace {

// How often a thread that waits for what another one does looks again.
constexpr uint64_t kPollNs = 20'000;

}  // namespace

Disk::Disk(int id, unsigned irq, Instance& instance, std::unique_ptr<BlockBackend> backend,
           const VirtioBlkOptions& options)
    : id_(id), device_(std::move(backend), options), slot_(irq, instance, device_) {}

Disk::~Disk() {
  slot_.unplug();
  stop_waiting();
  // The minder, while there is one, ends what is in flight.
  while (!device_.idle()) host::sleep_ns(kPollNs);
}

int Disk::disconnect() {
  if (!slot_.begin_disconnect()) return 0;
  stop_waiting();
  return slot_.disconnect();
}

}  // namespace lkl::host
