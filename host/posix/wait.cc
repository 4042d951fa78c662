// SPDX-License-Identifier: GPL-2.0
// Sleeping and waking by futex. The waker sets the word first and looks for a
// sleeper second; the sleeper announces itself first and looks at the word
// second: one of them sees the other.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

#include "host.h"

namespace lkl::host {
namespace {

// The record is shared with C code of the kernel: plain ints there.
std::atomic_ref<int> word(lkl_host_thread* thread) {
  return std::atomic_ref<int>(thread->wake_word);
}

std::atomic_ref<int> sleeping(lkl_host_thread* thread) {
  return std::atomic_ref<int>(thread->sleeping);
}

}  // namespace

bool wait(lkl_host_thread* thread, uint64_t deadline_ns) {
  sleeping(thread).store(1);
  if (std::atomic_ref<int>(thread->state).load() != LKL_REQ_DONE && word(thread).load() == 0) {
    timespec ts = {.tv_sec = static_cast<time_t>(deadline_ns / 1'000'000'000),
                   .tv_nsec = static_cast<long>(deadline_ns % 1'000'000'000)};
    // A raw call: the library's own wrappers are cancellation points.
    syscall(SYS_futex, &thread->wake_word, FUTEX_WAIT_BITSET_PRIVATE, 0,
            deadline_ns == LKL_NO_DEADLINE ? nullptr : &ts, nullptr, FUTEX_BITSET_MATCH_ANY);
  }
  sleeping(thread).store(0);
  word(thread).store(0);
  return deadline_ns != LKL_NO_DEADLINE && monotonic_ns() >= deadline_ns;
}

void wake(lkl_host_thread* thread) {
  word(thread).store(1);
  if (sleeping(thread).load())
    syscall(SYS_futex, &thread->wake_word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

}  // namespace lkl::host
