// SPDX-License-Identifier: GPL-2.0
// Breadth first through all states, so that the first failure has the shortest way.
#include <algorithm>
#include <numeric>

#include "checker_state.h"

namespace model {

Result Checker::run() {
  Result result;
  std::vector<std::vector<std::byte>> first_contents;
  for (const Region& region : regions_)
    first_contents.emplace_back(region.memory.begin(), region.memory.end());
  active_ = this;
  start_threads();
  states_ = std::make_unique<StateStore>(part_count() + 1);
  bool good = add_state(0, {}, result);
  uint32_t state = 0;
  for (; good && state < states_->size() && states_->size() <= options_.max_states; ++state)
    good = expand(state, result);
  result.states = states_->size();
  result.transitions = successors_.size();
  result.complete = state == states_->size();
  // A bound on preemptions makes traps where there are none.
  if (good && result.complete && options_.preemptions < 0) find_trap(result);
  active_ = nullptr;
  for (size_t i = 0; i < regions_.size(); ++i)
    std::ranges::copy(first_contents[i], regions_[i].memory.begin());
  return result;
}

void Checker::start_threads() {
  for (const auto& thread : threads_) {
    running_ = thread.get();
    thread->coroutine.resume();
  }
  running_ = nullptr;
}

// What is in place now has been reached by this step. False: it is bad.
bool Checker::add_state(uint32_t parent, const Step& step, Result& result) {
  const auto [number, is_new] = states_->insert(capture());
  successors_.push_back(number);
  if (!is_new) return true;
  parents_.push_back(parent);
  steps_.push_back(step.packed());
  const std::string bad = check(invariants_, "");
  if (!bad.empty()) fail(bad, number, nullptr, result);
  return bad.empty();
}

bool Checker::take(uint32_t state, std::span<const Step> steps, Result& result) {
  const std::vector<uint32_t> tuple((*states_)[state].begin(), (*states_)[state].end());
  for (const Step& step : steps) {
    load(tuple);
    do_step(step);
    if (failed_) {
      fail(failed_, state, &step, result);
      return false;
    }
    if (!add_state(state, step, result)) return false;
  }
  return true;
}

bool Checker::expand(uint32_t state, Result& result) {
  if (state == 0) successors_.clear();  // the first state is nobody's successor
  successors_start_.push_back(successors_.size());
  const std::vector<uint32_t> tuple((*states_)[state].begin(), (*states_)[state].end());
  load(tuple);
  std::vector<Step> steps;
  bool quiet;
  enabled_steps(steps, quiet);
  std::string bad;
  if (quiet) bad = check(quiet_, " when nothing moves");
  if (workers_ended()) {
    ends_.push_back(state);
    if (quiet && bad.empty()) bad = check(end_, " at the end");
  } else if (steps.empty() && bad.empty()) {
    bad = "deadlock";
  }
  if (!bad.empty()) {
    fail(bad, state, nullptr, result);
    return false;
  }
  apply_preemption_bound(steps);

  // A choice is nobody else's business: it need not be tried after steps of others too.
  // Unless it leads to nothing new: it would keep others back for ever.
  const auto choosing = std::ranges::find_if(steps, [this](const Step& step) {
    const ThreadContext& context = threads_[step.thread]->context;
    return step.kind == Step::kRun && context.kind == kChoose && !context.signals;
  });
  if (choosing != steps.end()) {
    const auto choices = static_cast<size_t>(threads_[choosing->thread]->context.choices);
    const std::vector<Step> first(choosing, choosing + choices);
    const uint32_t before = states_->size();
    if (!take(state, first, result)) return false;
    if (states_->size() > before) return true;
    steps.erase(choosing, choosing + choices);
  }
  return take(state, steps, result);
}

// Backwards from all ends: what has not been met can never end.
void Checker::find_trap(Result& result) {
  const uint32_t count = states_->size();
  successors_start_.push_back(successors_.size());
  std::vector<uint64_t> start(count + 1);
  for (const uint32_t state : successors_) ++start[state + 1];
  std::partial_sum(start.begin(), start.end(), start.begin());
  std::vector<uint32_t> predecessors(successors_.size());
  std::vector<uint64_t> next(start.begin(), start.end() - 1);
  for (uint32_t state = 0; state < count; ++state)
    for (uint64_t i = successors_start_[state]; i < successors_start_[state + 1]; ++i)
      predecessors[next[successors_[i]]++] = state;

  std::vector<bool> can_end(count);
  std::vector<uint32_t> to_do = ends_;
  for (const uint32_t state : to_do) can_end[state] = true;
  while (!to_do.empty()) {
    const uint32_t state = to_do.back();
    to_do.pop_back();
    for (uint64_t i = start[state]; i < start[state + 1]; ++i) {
      if (can_end[predecessors[i]]) continue;
      can_end[predecessors[i]] = true;
      to_do.push_back(predecessors[i]);
    }
  }
  const auto trap = std::ranges::find(can_end, false);
  if (trap != can_end.end())
    fail("trap: from here on the workers can't end, whatever comes",
         static_cast<uint32_t>(trap - can_end.begin()), nullptr, result);
}

}  // namespace model
