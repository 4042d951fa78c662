// SPDX-License-Identifier: GPL-2.0
// The state of a checked program: its parts, what can happen next, one step.
#include "checker.h"

#include <algorithm>
#include <climits>
#include <cstring>

#include "checker_state.h"

namespace model {

Checker::Checker(const Options& options) : options_(options) {}
Checker::~Checker() = default;

void Checker::region(std::string name, void* start, size_t size) {
  regions_.push_back({std::move(name), {static_cast<std::byte*>(start), size}});
}

void Checker::thread(std::string name, std::function<void()> body, Role role) {
  const auto to_the_end = [this, body = std::move(body)] {
    body();
    point("its end", kEnded);
  };
  threads_.push_back(std::make_unique<Thread>(std::move(name), to_the_end, role));
}

void Checker::signals(int times, std::function<void()> handler) {
  threads_.back()->context.signals = times;
  threads_.back()->handler = std::move(handler);
}

void Checker::invariant(std::string name, Condition condition) {
  invariants_.push_back({std::move(name), std::move(condition)});
}

void Checker::when_quiet(std::string name, Condition condition) {
  quiet_.push_back({std::move(name), std::move(condition)});
}

void Checker::at_end(std::string name, Condition condition) {
  end_.push_back({std::move(name), std::move(condition)});
}

// ---- parts: for each thread its stack with its context, and its buffer; the regions ----

std::span<const std::byte> Checker::part(size_t index) {
  if (index >= threads_.size() * 2) return regions_[index - threads_.size() * 2].memory;
  const Thread& thread = *threads_[index / 2];
  if (index % 2) return std::as_bytes(std::span(&thread.buffer, 1));
  const auto context = std::as_bytes(std::span(&thread.context, 1));
  const auto stack = thread.coroutine.suspended();
  scratch_.resize(context.size() + stack.size());
  std::memcpy(scratch_.data(), context.data(), context.size());
  std::memcpy(scratch_.data() + context.size(), stack.data(), stack.size());
  return scratch_;
}

void Checker::load(StateStore::Tuple tuple) {
  for (size_t i = 0; i < part_count(); ++i) {
    if (loaded_[i] == tuple[i]) continue;
    loaded_[i] = tuple[i];
    auto bytes = parts_[tuple[i]];
    if (i >= threads_.size() * 2) {
      std::memcpy(regions_[i - threads_.size() * 2].memory.data(), bytes.data(), bytes.size());
    } else if (i % 2) {
      std::memcpy(&threads_[i / 2]->buffer, bytes.data(), bytes.size());
    } else {
      Thread& thread = *threads_[i / 2];
      std::memcpy(&thread.context, bytes.data(), sizeof thread.context);
      bytes = bytes.subspan(sizeof thread.context);
      std::memcpy(thread.coroutine.replace(bytes.size()).data(), bytes.data(), bytes.size());
    }
  }
  bound_state_ = loaded_.back() = tuple.back();
}

const std::vector<uint32_t>& Checker::capture() {
  loaded_.resize(part_count() + 1, UINT32_MAX);
  for (size_t i = 0; i < part_count(); ++i) {
    const auto bytes = part(i);
    if (loaded_[i] == UINT32_MAX || !same_bytes(bytes, parts_[loaded_[i]]))
      loaded_[i] = parts_.number_of(bytes);
  }
  loaded_.back() = bound_state_;
  return loaded_;
}

// ---- what can happen ----

bool Checker::ended(const Thread& thread) const {
  return thread.context.kind == kEnded;
}

bool Checker::can_run(const Thread& thread) const {
  const ThreadContext& context = thread.context;
  return context.kind != kEnded && (context.kind != kBlock || context.ready(context.ready_arg));
}

bool Checker::workers_ended() const {
  return std::ranges::all_of(threads_, [this](const auto& thread) {
    return thread->role != Role::kWorker || ended(*thread);
  });
}

void Checker::enabled_steps(std::vector<Step>& steps, bool& quiet) const {
  steps.clear();
  quiet = true;
  for (uint16_t number = 0; number < threads_.size(); ++number) {
    const Thread& thread = *threads_[number];
    const size_t before = steps.size();
    if (can_run(thread)) {
      for (uint8_t choice = 0; choice < thread.context.choices; ++choice)
        steps.push_back({number, Step::kRun, choice});
    }
    const StoreBuffer& buffer = thread.buffer;
    for (uint8_t i = 0; i < buffer.count; ++i) {
      const auto earlier = std::span(buffer.stores).first(i);
      const auto& store = buffer.stores[i];
      const bool may_pass = options_.memory == Memory::kPso && !store.release &&
                            std::ranges::none_of(earlier, [&](const LateStore& other) {
                              return other.address == store.address;
                            });
      if (i == 0 || may_pass) steps.push_back({number, Step::kFlush, i});
    }
    if (thread.role != Role::kEnvironment && steps.size() != before) quiet = false;
    if (thread.context.signals && !thread.context.in_handler && !ended(thread))
      steps.push_back({number, Step::kSignal, 0});
  }
}

// bound_state_ is the thread that ran last (+ 1) and the number of preemptions so far.
void Checker::apply_preemption_bound(std::vector<Step>& steps) const {
  const uint32_t last = bound_state_ & 255;
  if (options_.preemptions < 0 || !last || !can_run(*threads_[last - 1])) return;
  if ((bound_state_ >> 8) < static_cast<uint32_t>(options_.preemptions)) return;
  std::erase_if(steps, [&](const Step& step) {
    return step.kind == Step::kRun && step.thread != last - 1 &&
           threads_[step.thread]->role != Role::kEnvironment;
  });
}

void Checker::do_step(const Step& step) {
  Thread& thread = *threads_[step.thread];
  if (step.kind == Step::kFlush) {
    flush(thread, step.index);
    return;
  }
  if (options_.preemptions >= 0 && thread.role != Role::kEnvironment) {
    const uint32_t last = bound_state_ & 255;
    const bool preempts = last && last - 1 != step.thread && can_run(*threads_[last - 1]);
    bound_state_ = ((bound_state_ >> 8) + preempts) << 8 | (step.thread + 1);
  }
  if (step.kind == Step::kSignal) --thread.context.signals;
  thread.context.in_handler += step.kind == Step::kSignal;
  choice_ = step.kind == Step::kSignal ? UINT_MAX : step.index;
  running_ = &thread;
  thread.coroutine.resume();
  running_ = nullptr;
}

void Checker::flush(Thread& thread, size_t index) {
  StoreBuffer& buffer = thread.buffer;
  const LateStore store = buffer.stores[index];
  write_word(store.address, store.size, store.value);
  std::copy(buffer.stores.begin() + index + 1, buffer.stores.begin() + buffer.count,
            buffer.stores.begin() + index);
  buffer.stores[--buffer.count] = {};
  if (events_) events_->push_back({"is seen", "", store.address, {store.value, 0}, 1, ""});
}

std::string Checker::check(const std::vector<Property>& properties, const char* when) const {
  for (const Property& property : properties)
    if (!property.condition()) return "not true" + std::string(when) + ": " + property.name;
  return {};
}

}  // namespace model
