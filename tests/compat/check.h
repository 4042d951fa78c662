/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COMPAT_CHECK_H
#define COMPAT_CHECK_H

/*
 * For programs that are written as those for LKL are: each is compiled as C and as C++, with and
 * without LKL_COMPAT_5.
 */

#include <stdio.h>
#include <stdlib.h>

#include <lkl.h>
#include <lkl_host.h>

#define CHECK(condition)                                              \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                        \
    }                                                                 \
  } while (0)

/* A system call or a helper that is to succeed; its result. */
static inline lkl_long checked(lkl_long result, const char* text, int line) {
  if (result < 0) {
    fprintf(stderr, "line %d: %s: %s\n", line, text, lkl_strerror((int)result));
    exit(1);
  }
  return result;
}
#define OK(call) checked(call, #call, __LINE__)

/* what ctest knows as skipped */
#define SKIPPED 77

/* Each form of program begins in its own way. */
static inline void init(struct lkl_host_operations* ops) {
#ifdef LKL_COMPAT_5
  (void)ops;
#else
  OK(lkl_init(ops));
#endif
}

static inline void start(struct lkl_host_operations* ops, int megabytes) {
#ifdef LKL_COMPAT_5
  OK(lkl_start_kernel(ops, "mem=%dM loglevel=8", megabytes));
#else
  (void)ops;
  OK(lkl_start_kernel("mem=%dM loglevel=8", megabytes));
#endif
}

static inline void stop(void) {
  OK(lkl_sys_halt());
#ifndef LKL_COMPAT_5
  lkl_cleanup();
#endif
}

#endif
