// SPDX-License-Identifier: GPL-2.0
// std::atomic and std::atomic_ref for code of host/ that is compiled for the checker: all
// headers of the standard library, then this one, then the code.
#pragma once

#include <atomic>
#include <cstddef>
#include <span>

#include "words.h"

namespace model {

// A mutation: stores to words in here are release stores instead of sequentially consistent.
inline std::span<const std::byte> weakened;

inline bool is_weakened(const void* word) {
  const auto* byte = static_cast<const std::byte*>(word);
  return !weakened.empty() && byte >= weakened.data() && byte < weakened.data() + weakened.size();
}

// The listing knows the words by the names of their regions.
template <class T>
class AtomicRef {
 public:
  explicit AtomicRef(T& word) : word_(&word) {}
  T load() const { return MODEL_LOAD(*word_); }
  void store(T value) const {
    model_store(word_, sizeof *word_, (uint64_t)value,
                is_weakened(word_) ? MODEL_RELEASE : MODEL_SEQ_CST, "");
  }
  T exchange(T value) const { return MODEL_XCHG(*word_, value); }
  bool compare_exchange_strong(T& expected, T desired) const {
    if (MODEL_CAS(*word_, expected, desired)) return true;
    expected = (T)MODEL_PEEK(*word_);
    return false;
  }

 private:
  T* word_;
};

template <class T>
class Atomic {
 public:
  Atomic(T value) : word_(value) {}
  T load() { return AtomicRef<T>(word_).load(); }
  void store(T value) { AtomicRef<T>(word_).store(value); }
  T exchange(T value) { return AtomicRef<T>(word_).exchange(value); }
  T fetch_add(T value) { return MODEL_FETCH_ADD(word_, value); }
  T fetch_sub(T value) { return MODEL_FETCH_ADD(word_, -value); }
  bool compare_exchange_strong(T& expected, T desired) {
    return AtomicRef<T>(word_).compare_exchange_strong(expected, desired);
  }
  // As if it were woken by each change.
  void wait(T value) {
    while (load() == value) {
    }
  }
  void notify_all() {}

 private:
  T word_;
};

}  // namespace model

namespace std {
template <class T>
using model_atomic = model::Atomic<T>;
template <class T>
using model_atomic_ref = model::AtomicRef<T>;
}  // namespace std

#define atomic model_atomic
#define atomic_ref model_atomic_ref
