// SPDX-License-Identifier: GPL-2.0
#include "preload/asked.h"

#include <sys/syscall.h>

#include <atomic>
#include <memory>

#include "preload/serving.h"
#include "preload/signals.h"
#include "run/notification.h"

namespace lkl::preload {

namespace {

// A thread of ours waits for it.
class OwnCall final : public tool::served::Answers {
 public:
  bool waits(std::uint64_t) const override { return state_ == kWaits; }
  bool answer(std::uint64_t, long result) const override {
    result_ = result;
    return end(kAnswered);
  }
  bool go_on(std::uint64_t) const override { return end(kIsHosts); }
  // wait() is over then
  bool let_go(std::uint64_t) const override { return false; }
  int give(std::uint64_t id, int fd, bool close_on_exec) const override {
    const int number = number_of_served(fd, close_on_exec);
    if (number < 0 || answer(id, number)) return number;
    free_number(number);
    return -ENOENT;
  }

  // False if a signal has come before there was an answer.
  bool wait() const {
    this_thread.asked = &state_;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    // one that came before is in the way of none that comes now
    int waits = kWaits;
    if (this_thread.waiting != 0) state_.compare_exchange_strong(waits, kWaitIsOver);
    state_.wait(kWaits);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    this_thread.asked = nullptr;
    return state_ != kWaitIsOver;
  }
  std::optional<long> result() const {
    return state_ == kIsHosts ? std::nullopt : std::optional<long>(result_);
  }

 private:
  static constexpr int kWaits = 0, kAnswered = 1, kIsHosts = 2;

  bool end(int state) const {
    int waits = kWaits;
    const bool is_first = state_.compare_exchange_strong(waits, state);
    if (is_first) state_.notify_one();
    return is_first;
  }

  mutable std::atomic<long> result_ = 0;
  mutable std::atomic<int> state_ = kWaits;
};

}  // namespace

std::optional<long> ask_server(long call, const Words& words) {
  for (;;) {
    const auto own = std::make_shared<const OwnCall>();
    bool restarts = true;
    {
      const Inside inside;
      tool::served::Notification notification = {.id = 1,
                                                 .thread = ::gettid(),
                                                 .call = static_cast<int>(call),
                                                 .arguments = words,
                                                 .by = own};
      take_childs_call(notification);
      if (own->wait()) return own->result();
      restarts = waiting_signals_restart();
    }
    // their handlers have run
    if (!restarts) return -EINTR;
  }
}

int number_of_served(int fd, bool close_on_exec) {
  const std::lock_guard lock(low_numbers);
  const int number = libc().fcntl(fd, close_on_exec ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
  if (number < 0) return -errno;
  set_entry(number, Entry::of_served());
  return number;
}

}  // namespace lkl::preload
