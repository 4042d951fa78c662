// SPDX-License-Identifier: GPL-2.0
#include "posix/valgrind.h"

#if __has_include(<valgrind/memcheck.h>)

#include <valgrind/memcheck.h>

#include <map>

namespace lkl::host::valgrind {
namespace {

// Its number of each stack, by where the stack begins. In use by who holds the virtual CPU, and
// by who ends a kernel that is dead.
std::map<std::byte*, unsigned>& stacks() {
  static std::map<std::byte*, unsigned> all;
  return all;
}

}  // namespace

bool runs_us() {
  return RUNNING_ON_VALGRIND != 0;
}

void is_stack(void* base, size_t size) {
  if (!RUNNING_ON_VALGRIND) return;
  auto* const start = static_cast<std::byte*>(base);
  const auto [stack, is_new] = stacks().try_emplace(start);
  // the last byte is the stack's own: the next stack may begin behind it
  if (is_new) stack->second = VALGRIND_STACK_REGISTER(start, start + size - 1);
}

void forget_stacks(void* base, size_t size) {
  if (!RUNNING_ON_VALGRIND) return;
  auto* const start = static_cast<std::byte*>(base);
  const auto first = stacks().lower_bound(start);
  const auto end = stacks().lower_bound(start + size);
  for (auto stack = first; stack != end; ++stack) VALGRIND_STACK_DEREGISTER(stack->second);
  stacks().erase(first, end);
}

void has_no_content(void* base, size_t size) {
  (void)VALGRIND_MAKE_MEM_UNDEFINED(base, size);
}

void comes_when_used(void* base, size_t size) {
  (void)VALGRIND_MAKE_MEM_DEFINED(base, size);
}

void is_written_elsewhere(const void* base, size_t size) {
  (void)VALGRIND_MAKE_MEM_DEFINED(base, size);
}

}  // namespace lkl::host::valgrind

#else

namespace lkl::host::valgrind {

bool runs_us() {
  return false;
}
void is_stack(void*, size_t) {}
void forget_stacks(void*, size_t) {}
void has_no_content(void*, size_t) {}
void comes_when_used(void*, size_t) {}
void is_written_elsewhere(const void*, size_t) {}

}  // namespace lkl::host::valgrind

#endif
