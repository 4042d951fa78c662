// SPDX-License-Identifier: GPL-2.0
// What checker.cc, search.cc and primitives.cc know of the checker's threads.
#pragma once

#include <array>

#include "checker.h"

namespace model {

// A store that its thread has done and the memory has not seen.
struct LateStore {
  volatile void* address;
  uint64_t value;
  uint32_t size;
  uint32_t release;
};

struct StoreBuffer {
  static constexpr size_t kSize = 6;  // when it is full the first one is written out
  std::array<LateStore, kSize> stores;
  uint64_t count;
};

enum PointKind { kOperation, kChoose, kBlock, kEnded };

// The part of a thread's state that is not on its stack.
struct ThreadContext {
  int kind;  // of the point it has come to
  unsigned choices;
  const char* name;
  bool (*ready)(const void*);
  const void* ready_arg;
  int signals;  // may still come
  int in_handler;
};

struct Checker::Thread {
  std::string name;
  Role role;
  Coroutine coroutine;
  std::function<void()> handler;
  ThreadContext context = {};
  StoreBuffer buffer = {};

  Thread(std::string name, std::function<void()> body, Role role)
      : name(std::move(name)), role(role), coroutine(std::move(body)) {}
};

struct Checker::Step {
  enum Kind : uint8_t { kRun, kSignal, kFlush };
  uint16_t thread;
  Kind kind;
  uint8_t index;  // the choice, or which store

  uint32_t packed() const { return thread << 16 | kind << 8 | index; }
  static Step unpacked(uint32_t step) {
    return {static_cast<uint16_t>(step >> 16), static_cast<Kind>(step >> 8 & 255),
            static_cast<uint8_t>(step & 255)};
  }
};

struct Checker::Event {
  const char* operation;
  const char* name;
  const volatile void* address;
  uint64_t values[2];
  int value_count;
  const char* outcome;
};

// Words of 1, 2, 4 or 8 bytes.
uint64_t read_word(const volatile void* address, uint32_t size);
void write_word(volatile void* address, uint32_t size, uint64_t value);

}  // namespace model
