// SPDX-License-Identifier: GPL-2.0
// A model checker for code that synchronises by atomics. It runs the code itself, in all
// orders: whenever a thread is about to do one of primitives.h, each of the others may
// come first.
//
//   int word;
//   model::Checker checker({.memory = model::Memory::kTso});
//   checker.region("word", word);                 // all memory the threads change
//   checker.thread("A", [&] { ... model_store(&word, sizeof word, 1, MODEL_RELEASE, "word"); });
//   checker.thread("B", [&] { ... });
//   checker.invariant("at most one holder", [&] { return ...; });
//   const model::Result result = checker.run();
//   EXPECT_TRUE(result.proven()) << result.text();
//
// A failure is the shortest sequence of steps that leads to it, one a line. It is one of
//   - model_fail() or model_require() in a thread, or an invariant that is not true;
//   - a deadlock: a worker has not ended and nothing can move;
//   - a trap: from some state on no worker's end can be reached, whatever happens (threads
//     that spin, each waiting for another). A loop that sees nothing new costs nothing: it
//     comes back to a state that is known.
//
// State is the memory of the regions, the stacks of the threads and their store buffers;
// everything else (captured variables) must not change. Threads may have pointers to each
// other's stacks. Stacks are small: no printf() in checked code, but model_note(). Plain
// accesses are done together with the primitive before them: what may be raced for must be
// accessed by primitives.
//
// Memory: a store that is not sequentially consistent waits in the buffer of its thread,
// which itself sees it. kTso writes buffers out in order (x86). kPso keeps the order of
// stores to one word only, and that of a release store after all earlier ones. Loads are
// never early and never see old values, so kPso is weaker than x86 but not as weak as C11.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "coroutine.h"
#include "primitives.h"
#include "state_store.h"

namespace model {

enum class Memory { kSequential, kTso, kPso };
inline void PrintTo(Memory memory, std::ostream* out) {
  constexpr const char* kNames[] = {"sequential", "tso", "pso"};
  *out << kNames[static_cast<int>(memory)];
}

enum class Role {
  kWorker,       // has to end
  kDaemon,       // may wait for ever
  kEnvironment,  // need not ever move: the clock, a spurious wake
};

struct Options {
  Memory memory = Memory::kTso;
  // How often a thread that could go on may be interrupted by another; -1: any number.
  int preemptions = -1;
  uint32_t max_states = 5'000'000;
};

struct Result {
  std::string failure;             // empty: none was found
  std::vector<std::string> steps;  // the way there
  bool complete = false;           // all there is has been looked at
  uint32_t states = 0;
  uint64_t transitions = 0;

  bool proven() const { return complete && failure.empty(); }
  std::string text() const;
};

class Checker {
 public:
  using Condition = std::function<bool()>;

  explicit Checker(const Options& options);
  ~Checker();
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;

  void region(std::string name, void* start, size_t size);
  template <class T>
  void region(std::string name, T& object) {
    region(std::move(name), &object, sizeof object);
  }
  void thread(std::string name, std::function<void()> body, Role role = Role::kWorker);
  // The thread added last may be interrupted by a signal so many times, anywhere.
  void signals(int times, std::function<void()> handler);
  // For the listing: this value (an address, say) has a name.
  void name(uint64_t value, std::string name) { names_[value] = std::move(name); }

  // Conditions on the memory: in every state, ...
  void invariant(std::string name, Condition condition);
  // ... when nothing can move but the environment, ...
  void when_quiet(std::string name, Condition condition);
  // ... when all workers have ended and nothing can move but the environment.
  void at_end(std::string name, Condition condition);

  // Explores everything. The regions have their first contents again afterwards.
  Result run();

 private:
  friend struct Primitives;
  struct Thread;
  struct Step;
  struct Event;
  struct Property {
    std::string name;
    Condition condition;
  };
  struct Region {
    std::string name;
    std::span<std::byte> memory;
  };

  void load(StateStore::Tuple tuple);
  const std::vector<uint32_t>& capture();
  size_t part_count() const { return threads_.size() * 2 + regions_.size(); }
  std::span<const std::byte> part(size_t index);  // until the next one

  bool ended(const Thread& thread) const;
  bool can_run(const Thread& thread) const;
  bool workers_ended() const;
  void enabled_steps(std::vector<Step>& steps, bool& quiet) const;
  void apply_preemption_bound(std::vector<Step>& steps) const;
  void do_step(const Step& step);
  void flush(Thread& thread, size_t index);
  std::string check(const std::vector<Property>& properties, const char* when) const;
  void start_threads();
  bool add_state(uint32_t parent, const Step& step, Result& result);
  bool expand(uint32_t state, Result& result);
  bool take(uint32_t state, std::span<const Step> steps, Result& result);
  void find_trap(Result& result);
  void fail(std::string what, uint32_t state, const Step* last, Result& result);
  void list_events(const Step& step, const std::vector<Event>& events, Result& result) const;
  void list_threads(Result& result) const;
  std::string describe(const Event& event) const;
  std::string text_of(uint64_t value) const;
  std::string text_of(const volatile void* address) const;

  void point(const char* name, int kind, unsigned choices = 1, bool (*ready)(const void*) = nullptr,
             const void* arg = nullptr);
  const Region* region_of(const volatile void* address) const;

  const Options options_;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::vector<Region> regions_;
  std::vector<Property> invariants_, quiet_, end_;
  std::map<uint64_t, std::string> names_;

  static Checker* active_;  // whose search runs

  // The search.
  PartStore parts_;
  std::unique_ptr<StateStore> states_;
  std::vector<std::byte> scratch_;
  std::vector<uint32_t> loaded_;  // the numbers of what is in place now
  std::vector<uint32_t> parents_;
  std::vector<uint32_t> steps_;             // the step from the parent, packed
  std::vector<uint32_t> successors_;        // of state 0, of state 1, ...
  std::vector<uint64_t> successors_start_;  // where those of each state begin
  std::vector<uint32_t> ends_;

  // The step that is being done.
  Thread* running_ = nullptr;
  unsigned choice_ = 0;
  uint32_t bound_state_ = 0;  // last thread and preemptions, if they are bounded
  const char* failed_ = nullptr;
  std::vector<Event>* events_ = nullptr;  // for the listing
};

}  // namespace model
