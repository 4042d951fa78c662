// SPDX-License-Identifier: GPL-2.0
#include "coroutine.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#ifndef __x86_64__
#error "model_switch() is to be written for this processor: registers that a call preserves"
#endif

extern "C" void model_switch(void** save, void* sp);
asm(R"(
	.text
	.type model_switch, @function
model_switch:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
	.size model_switch, . - model_switch
)");

namespace model {
namespace {

constexpr size_t kSavedWords = 7;  // by model_switch(), with its return address
Coroutine* starting;               // by the first resume() of it

}  // namespace

Coroutine::Coroutine(std::function<void()> body)
    : body_(std::move(body)), stack_(std::make_unique<std::byte[]>(kStackSize)) {
  // Above it a word as if start() had been called from there: no return address.
  void** frame = reinterpret_cast<void**>(top()) - 1 - kSavedWords;
  frame[kSavedWords - 1] = reinterpret_cast<void*>(&Coroutine::start);
  sp_ = frame;
}

void Coroutine::start() {
  starting->body_();
  std::fputs("model: the body of a coroutine has returned\n", stderr);
  std::abort();
}

void Coroutine::resume() {
  starting = this;
  model_switch(&resumer_sp_, sp_);
  if (stack_[0] != std::byte{}) {
    std::fputs("model: a stack of the checked code has overflowed: raise kStackSize\n", stderr);
    std::abort();
  }
}

void Coroutine::suspend() {
  model_switch(&sp_, resumer_sp_);
}

std::span<std::byte> Coroutine::suspended() const {
  return {static_cast<std::byte*>(sp_), top()};
}

std::span<std::byte> Coroutine::replace(size_t size) {
  sp_ = top() - size;
  std::memset(stack_.get(), 0, kStackSize - size);
  return suspended();
}

bool Coroutine::holds(const volatile void* address) const {
  const auto* byte = static_cast<const volatile std::byte*>(address);
  return byte >= stack_.get() && byte < top();
}

}  // namespace model
