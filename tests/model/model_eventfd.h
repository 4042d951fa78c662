// SPDX-License-Identifier: GPL-2.0
// host/posix/wakeup.cc as it is, on an eventfd of the checker's.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "checker.h"
#include "std_atomics.h"

// What has been written to the one there is. A search changes it: to be a region.
inline uint64_t model_event_count;

inline int model_eventfd(int, int) {
  return 0;
}
inline int model_close(int) {
  return 0;
}
inline ssize_t model_write(int, const void*, size_t size) {
  MODEL_FETCH_ADD(model_event_count, 1);
  return static_cast<ssize_t>(size);
}
inline ssize_t model_read(int, void*, size_t size) {
  MODEL_XCHG(model_event_count, 0);
  return static_cast<ssize_t>(size);
}
inline void model_poll_event() {
  model_block_until([](const void*) { return model_event_count != 0; }, nullptr, "eventfd");
}

#define eventfd model_eventfd
#define close model_close
#define write model_write
#define read model_read
#include "posix/wakeup.cc"
#undef eventfd
#undef close
#undef write
#undef read
#undef atomic
#undef atomic_ref
