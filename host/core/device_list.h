// SPDX-License-Identifier: GPL-2.0
// The devices of one kind that the application has added. Ids count up and are not reused while an
// instance lives.
#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "core/instance.h"

namespace lkl::host {

// Device(id, irq, instance, ...), with id(), irq(), connect(), disconnect() and after_fork_child().
template <class Device>
class DeviceList {
 public:
  explicit DeviceList(Instance& instance) : instance_(instance) {}

  // The id, or -errno. `added` stands for it in remove(), and is set before the kernel hears of it.
  template <class... Arguments>
  int add(Device*& added, Arguments&&... arguments) {
    const int irq = instance_.bus().allocate_irq();
    if (irq < 0) return -LKL_ENOSPC;

    std::shared_ptr<Device> device;
    {
      const std::lock_guard lock(mutex_);
      device = devices_.emplace_back(std::make_shared<Device>(
          next_id_++, irq, instance_, std::forward<Arguments>(arguments)...));
    }
    added = device.get();
    if (instance_.running()) {
      if (const int error = device->connect()) {
        remove([&](const Device& other) { return &other == device.get(); });
        return error;
      }
    }
    return device->id();
  }

  // The first for which it is so. 0 or -errno.
  template <class Predicate>
  int remove(Predicate is_it) {
    std::shared_ptr<Device> gone;
    {
      const std::lock_guard lock(mutex_);
      const auto found = std::ranges::find_if(devices_, [&](const auto& d) { return is_it(*d); });
      if (found == devices_.end()) return -LKL_ENODEV;
      gone = std::move(*found);
      devices_.erase(found);
    }
    return instance_.running() ? gone->disconnect() : 0;
  }

  // After the boot: what was added before it.
  int connect_all() {
    std::vector<std::shared_ptr<Device>> waiting;
    {
      const std::lock_guard lock(mutex_);
      waiting = devices_;
    }
    for (const auto& device : waiting)
      // removed meanwhile: not ours any more
      if (const int error = device->connect(); error && error != -LKL_ENODEV) return error;
    return 0;
  }

  // The irq, or -LKL_ENODEV.
  int irq(int id) {
    const std::lock_guard lock(mutex_);
    for (const auto& device : devices_)
      if (device->id() == id) return static_cast<int>(device->irq());
    return -LKL_ENODEV;
  }

  // fork() of the process: between the first and one of the others.
  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }
  void after_fork_child() {
    std::construct_at(&mutex_);
    for (const auto& device : devices_) device->after_fork_child();
  }

 protected:
  template <class Function>
  void for_each(Function function) {
    const std::lock_guard lock(mutex_);
    for (const auto& device : devices_) function(*device);
  }

 private:
  Instance& instance_;
  std::mutex mutex_;  // not held while the kernel is called: it may be a long call
  // shared: who boots connects devices that others may remove meanwhile
  std::vector<std::shared_ptr<Device>> devices_;
  int next_id_ = 0;
};

}  // namespace lkl::host
