// SPDX-License-Identifier: GPL-2.0
#include "drill/caller.h"

#include <thread>
#include <utility>

#include "drill/guest.h"

namespace lkl::tool::drill {

void Caller::work(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  for (;;) {
    state->changed.wait(lock, [&] { return state->stop || state->call; });
    if (state->stop) return;
    const std::function<long()> call = std::exchange(state->call, nullptr);
    state->begun = guest_time();
    state->changed.notify_all();
    lock.unlock();
    Result result;
    result.value = call();
    result.time = guest_time();
    lock.lock();
    state->result = result;
    state->changed.notify_all();
  }
}

Caller::Caller() : state_(std::make_shared<State>()) {
  std::thread([state = state_] { work(state); }).detach();
}

Caller::~Caller() {
  const std::lock_guard lock(state_->mutex);
  state_->stop = true;
  state_->changed.notify_all();
}

std::int64_t Caller::start(std::function<long()> call) {
  std::unique_lock lock(state_->mutex);
  state_->call = std::move(call);
  state_->begun.reset();
  state_->result.reset();
  state_->changed.notify_all();
  state_->changed.wait(lock, [&] { return state_->begun.has_value(); });
  return *state_->begun;
}

std::optional<Caller::Result> Caller::wait(std::chrono::milliseconds limit) {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait_for(lock, limit, [&] { return state_->result.has_value(); });
  return state_->result;
}

}  // namespace lkl::tool::drill
