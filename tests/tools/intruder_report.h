// SPDX-License-Identifier: GPL-2.0
//
// What a confined program that tries what it must not do says of each call.
#ifndef LKL_INTRUDER_REPORT_H
#define LKL_INTRUDER_REPORT_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

// -1: not yet.
inline int report_fd = -1;

inline void note(const char* what, long result) {
  const int error = errno;
  dprintf(report_fd, "%s %s%s%s\n", result < 0 ? "refused" : "ALLOWED", what,
          result < 0 ? ": " : "", result < 0 ? strerror(error) : "");
}

#define TRY(call)                         \
  do {                                    \
    errno = 0;                            \
    note(#call, static_cast<long>(call)); \
  } while (false)

#endif  // LKL_INTRUDER_REPORT_H
