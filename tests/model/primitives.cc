// SPDX-License-Identifier: GPL-2.0
// The operations of checked code.
#include "primitives.h"

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "checker_state.h"

namespace model {

Checker* Checker::active_ = nullptr;

uint64_t read_word(const volatile void* address, uint32_t size) {
  uint64_t value = 0;
  std::memcpy(&value, const_cast<const void*>(address), size);
  return value;
}

void write_word(volatile void* address, uint32_t size, uint64_t value) {
  std::memcpy(const_cast<void*>(address), &value, size);
}

// The checker as the primitives see it.
struct Primitives {
  using Event = Checker::Event;

  static Checker* checker() { return Checker::active_; }
  static bool searching() { return checker() && checker()->running_; }

  static void point(const char* name, PointKind kind = kOperation, unsigned choices = 1,
                    bool (*ready)(const void*) = nullptr, const void* arg = nullptr) {
    checker()->point(name, kind, choices, ready, arg);
  }

  // Before an access: others may come first, and the place must be known.
  static void access(const volatile void* address, const char* name) {
    if (!searching()) return;
    point(name);
    if (!checker()->region_of(address) && !on_a_stack(address)) {
      event({"access", name, address, {}, 0, ""});
      fail("an access to memory that is in no region, see the last step");
    }
  }

  static void event(const Event& event) {
    if (searching() && checker()->events_) checker()->events_->push_back(event);
  }

  static uint64_t seen(const volatile void* address, uint32_t size) {
    if (searching()) {
      const StoreBuffer& buffer = checker()->running_->buffer;
      for (size_t i = buffer.count; i-- > 0;)
        if (buffer.stores[i].address == address) return buffer.stores[i].value;
    }
    return read_word(address, size);
  }

  static void drain() {
    if (!searching()) return;
    auto* const events = std::exchange(checker()->events_, nullptr);
    while (checker()->running_->buffer.count) checker()->flush(*checker()->running_, 0);
    checker()->events_ = events;
  }

  static void write(volatile void* address, uint32_t size, uint64_t value, model_order order) {
    if (!searching() || order == MODEL_SEQ_CST ||
        checker()->options_.memory == Memory::kSequential) {
      drain();
      write_word(address, size, value);
      return;
    }
    StoreBuffer& buffer = checker()->running_->buffer;
    if (buffer.count == StoreBuffer::kSize) checker()->flush(*checker()->running_, 0);
    buffer.stores[buffer.count++] = {address, value, size, order == MODEL_RELEASE};
  }

  static void fail(const char* text) {
    if (!searching()) {
      std::fprintf(stderr, "model: outside of a search: %s\n", text);
      std::abort();
    }
    checker()->failed_ = text;
    for (;;) checker()->running_->coroutine.suspend();
  }

  static unsigned choice() { return checker()->choice_; }

  static unsigned number() {
    for (unsigned i = 0; searching() && i < checker()->threads_.size(); ++i)
      if (checker()->threads_[i].get() == checker()->running_) return i;
    return UINT_MAX;
  }

 private:
  static bool on_a_stack(const volatile void* address) {
    for (const auto& thread : checker()->threads_)
      if (thread->coroutine.holds(address)) return true;
    return false;
  }
};

// The thread has come to the next thing that others may see: the step is over.
void Checker::point(const char* name, int kind, unsigned choices, bool (*ready)(const void*),
                    const void* arg) {
  Thread& self = *running_;
  for (;;) {
    self.context.kind = kind;
    self.context.choices = choices;
    self.context.ready = ready;
    self.context.ready_arg = arg;
    self.context.name = name;
    self.coroutine.suspend();
    if (choice_ != UINT_MAX) return;
    Primitives::event({"signal", name, nullptr, {}, 0, "instead of"});
    choice_ = 0;
    self.handler();
    --self.context.in_handler;
  }
}

const Checker::Region* Checker::region_of(const volatile void* address) const {
  const auto* byte = static_cast<const volatile std::byte*>(address);
  for (const Region& region : regions_)
    if (byte >= region.memory.data() && byte < region.memory.data() + region.memory.size())
      return &region;
  return nullptr;
}

namespace {

using Event = Primitives::Event;

uint64_t change(volatile void* p, unsigned size, const char* operation, const char* name,
                uint64_t operand, uint64_t (*result)(uint64_t, uint64_t)) {
  Primitives::access(p, name);
  Primitives::drain();
  const uint64_t old = read_word(p, size);
  const uint64_t value = result(old, operand);
  write_word(p, size, value);
  Primitives::event({operation, name, p, {old, read_word(p, size)}, 2, ""});
  return old;
}

}  // namespace
}  // namespace model

using model::Primitives;

uint64_t model_load(const volatile void* p, unsigned size, const char* name) {
  Primitives::access(p, name);
  const uint64_t value = Primitives::seen(p, size);
  Primitives::event({"load", name, p, {value, 0}, 1, ""});
  return value;
}

uint64_t model_peek(const volatile void* p, unsigned size) {
  return Primitives::seen(p, size);
}

void model_store(volatile void* p, unsigned size, uint64_t value, model_order order,
                 const char* name) {
  if (size < sizeof value) value &= (uint64_t{1} << size * 8) - 1;
  Primitives::access(p, name);
  Primitives::write(p, size, value, order);
  constexpr const char* kNames[] = {"store relaxed", "store", "store release", "store"};
  Primitives::event({kNames[order], name, p, {value, 0}, 1, ""});
}

bool model_cas(volatile void* p, unsigned size, uint64_t expected, uint64_t desired,
               const char* name) {
  if (size < sizeof expected) expected &= (uint64_t{1} << size * 8) - 1;
  Primitives::access(p, name);
  Primitives::drain();
  const uint64_t old = model::read_word(p, size);
  if (old == expected) model::write_word(p, size, desired);
  Primitives::event(
      {"cas", name, p, {old, model::read_word(p, size)}, 2, old == expected ? "" : "failed"});
  return old == expected;
}

uint64_t model_xchg(volatile void* p, unsigned size, uint64_t value, const char* name) {
  return model::change(p, size, "xchg", name, value, [](uint64_t, uint64_t v) { return v; });
}

uint64_t model_fetch_or(volatile void* p, unsigned size, uint64_t bits, const char* name) {
  return model::change(p, size, "or", name, bits, [](uint64_t old, uint64_t v) { return old | v; });
}

uint64_t model_fetch_and(volatile void* p, unsigned size, uint64_t bits, const char* name) {
  return model::change(p, size, "and", name, bits,
                       [](uint64_t old, uint64_t v) { return old & v; });
}

uint64_t model_fetch_add(volatile void* p, unsigned size, uint64_t value, const char* name) {
  return model::change(p, size, "add", name, value,
                       [](uint64_t old, uint64_t v) { return old + v; });
}

void model_fence() {
  if (!Primitives::searching()) return;
  Primitives::point("fence");
  Primitives::drain();
  Primitives::event({"fence", "", nullptr, {}, 0, ""});
}

unsigned model_choose(unsigned n, const char* name) {
  if (!Primitives::searching()) return 0;
  Primitives::point(name, model::kChoose, n);
  const unsigned choice = Primitives::choice();
  Primitives::event({"choose", name, nullptr, {choice, 0}, 1, ""});
  return choice;
}

void model_block_until(bool (*ready)(const void*), const void* arg, const char* name) {
  if (!Primitives::searching()) return;
  Primitives::point(name, model::kBlock, 1, ready, arg);
  Primitives::event({"wakes", name, nullptr, {}, 0, ""});
}

void model_point(const char* name) {
  if (!Primitives::searching()) return;
  Primitives::point(name);
  Primitives::event({"point", name, nullptr, {}, 0, ""});
}

__attribute__((noinline)) void model_wipe() {
  std::byte below[1024];
  std::memset(below, 0, sizeof below);
  asm volatile("" : : "r"(below) : "memory");
}

void model_note(const char* text, uint64_t value) {
  Primitives::event({"note", text, nullptr, {value, 0}, 1, ""});
}

void model_fail(const char* text) {
  Primitives::fail(text);
}

unsigned model_self() {
  return Primitives::number();
}
