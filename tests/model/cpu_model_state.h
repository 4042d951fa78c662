// SPDX-License-Identifier: GPL-2.0
// What the parts of the CPU model share: all of this changes in a search, but for `setup`.
#pragma once

#include "cpu_model.h"
#include "words.h"

namespace cpu_model {

extern const Setup* setup;

// ---- the host ----

struct Host {
  int woken[kMaxThreads];
  int executor_woken;
  int look;  // the minder's
  int granted;
  int device_done;  // an answer that nobody has collected
  int spurious;
  int forked;
  uint64_t now;
  // Who is in the event loop. (Of the alarm of who is not, loop_owner_test.cc has the details.)
  int taken;
  int kicked;
  uint64_t minder_sleeps_until, executor_sleeps_until;  // 0: it is awake
  bool minder_is_off_the_loop;
  int alarm;  // set: it goes off at some time
};
extern Host host;
extern std::array<lkl_host_thread, kMaxThreads + 1> records;  // the last one is the executor's
lkl_host_calls host_calls();
void executor_main();
void minder_main();
void fork_main();
void application_main(size_t number);

inline lkl_host_thread& executor_record() {
  return records.back();
}
inline size_t number_of(const lkl_host_thread* record) {
  return static_cast<size_t>(record - records.data());
}
inline uint32_t phase_of(const lkl_host_thread& record) {
  return MODEL_PEEK(record.state) & LKL_REQ_PHASE;
}

// ---- the kernel ----

constexpr uint8_t kWorker = kMaxThreads;
constexpr uint8_t kIdle = kMaxThreads + 1;

enum class At : uint8_t { kLoop, kParked, kWaits, kBusy, kAnswers };

struct Kernel {
  struct Task {
    At at;
    bool runnable;
    uint64_t expires;  // 0: no timer
  };
  std::array<Task, kMaxThreads + 1> tasks;
  uint8_t current;
  uint8_t inside;  // host threads that are the CPU
  uint8_t work;    // of the worker
};
extern Kernel kernel;
void begin_kernel();

}  // namespace cpu_model
