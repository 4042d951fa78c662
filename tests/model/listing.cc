// SPDX-License-Identifier: GPL-2.0
// A failure in words: the steps are done again, each telling what it does.
#include <algorithm>
#include <cstdio>

#include "checker_state.h"

namespace model {
namespace {

template <class... Args>
std::string format(const char* pattern, Args... args) {
  char line[256];
  std::snprintf(line, sizeof line, pattern, args...);
  return line;
}

}  // namespace

std::string Result::text() const {
  std::string text = format("%u states, %llu transitions%s\n", states,
                            static_cast<unsigned long long>(transitions),
                            complete || !failure.empty() ? "" : ", not complete: max_states");
  if (!failure.empty()) text += failure + "\n";
  for (const std::string& step : steps) text += step + "\n";
  return text;
}

void Checker::fail(std::string what, uint32_t state, const Step* last, Result& result) {
  result.failure = std::move(what);
  std::vector<Step> way;
  if (last) way.push_back(*last);
  for (; state != 0; state = parents_[state]) way.push_back(Step::unpacked(steps_[state]));
  std::ranges::reverse(way);
  failed_ = nullptr;
  std::ranges::fill(loaded_, UINT32_MAX);
  const std::vector<uint32_t> first((*states_)[0].begin(), (*states_)[0].end());
  load(first);
  for (const Step& step : way) {
    std::vector<Event> events;
    events_ = &events;
    do_step(step);
    events_ = nullptr;
    list_events(step, events, result);
  }
  list_threads(result);
}

void Checker::list_events(const Step& step, const std::vector<Event>& events,
                          Result& result) const {
  const char* thread = threads_[step.thread]->name.c_str();
  for (const Event& event : events)
    result.steps.push_back(format("%4zu  %-12s ", result.steps.size() + 1, thread) +
                           describe(event));
}

void Checker::list_threads(Result& result) const {
  for (const auto& thread : threads_) {
    const bool stuck = thread->context.kind == kBlock && !can_run(*thread);
    result.steps.push_back(format("      %-12s %s %s", thread->name.c_str(),
                                  stuck ? "sleeps at" : "has come to", thread->context.name));
  }
}

std::string Checker::describe(const Event& event) const {
  std::string text = format("%-14s %s", event.operation, event.name);
  if (event.address) text += text_of(event.address);
  if (event.value_count > 0) text += "  " + text_of(event.values[0]);
  if (event.value_count > 1) text += " -> " + text_of(event.values[1]);
  if (*event.outcome) text += format("  %s", event.outcome);
  return text;
}

std::string Checker::text_of(uint64_t value) const {
  const auto named = names_.find(value);
  if (named != names_.end()) return named->second;
  const auto number = static_cast<unsigned long long>(value);
  return value < 10 ? format("%llu", number) : format("%#llx", number);
}

// Which of several of the same name it is.
std::string Checker::text_of(const volatile void* address) const {
  const Region* region = region_of(address);
  if (!region) return "";
  const auto offset = static_cast<const volatile std::byte*>(address) - region->memory.data();
  return format(" [%s+%td]", region->name.c_str(), offset);
}

}  // namespace model
