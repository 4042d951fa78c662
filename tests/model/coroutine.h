// SPDX-License-Identifier: GPL-2.0
// A stack with something suspended on it. Between two resume() the stack from
// suspended() up is all there is to it: it may be copied away and back.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

namespace model {

class Coroutine {
 public:
  static constexpr size_t kStackSize = 16384;

  explicit Coroutine(std::function<void()> body);
  // Its address is on its stack.
  Coroutine(const Coroutine&) = delete;
  Coroutine& operator=(const Coroutine&) = delete;

  // Runs until it calls suspend(). The body must not return: it ends by a last suspend().
  void resume();
  void suspend();

  // The live part of the stack.
  std::span<std::byte> suspended() const;
  // Makes room for a live part of this size and wipes what is below: what was left there by
  // calls that have returned would make equal states look different.
  std::span<std::byte> replace(size_t size);
  bool holds(const volatile void* address) const;

 private:
  static void start();
  std::byte* top() const { return stack_.get() + kStackSize; }

  std::function<void()> body_;
  std::unique_ptr<std::byte[]> stack_;
  void* sp_ = nullptr;
  void* resumer_sp_ = nullptr;
};

}  // namespace model
