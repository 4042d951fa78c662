// SPDX-License-Identifier: GPL-2.0
// Variables that each thread has of its own, read by one load and no function, on any stack. What
// is in them at first is constant, and they are destroyed by nobody.
//
//   LKL_PER_THREAD(CurrentThread, current_thread)         in a header or before its use:
//   current_thread().record = record;                     a function that gives the thread's own
//   LKL_DEFINE_PER_THREAD(CurrentThread, current_thread)  in one source
#pragma once

#define LKL_PER_THREAD(Type, name)                                                            \
  extern __attribute__((tls_model("initial-exec"))) constinit thread_local Type name##_of_us; \
  inline Type& name() {                                                                       \
    return name##_of_us;                                                                      \
  }
#define LKL_DEFINE_PER_THREAD(Type, name) constinit thread_local Type name##_of_us
