// SPDX-License-Identifier: GPL-2.0
//
// Threads that the library makes are inside for good; all others are the program's.
#include <memory>

#include "preload/inside.h"
#include "preload/libc.h"
#include "preload/threads.h"

namespace {

std::atomic<int> of_library;

struct Start {
  void* (*body)(void*);
  void* argument;
};

void* begin_inside(void* given) {
  const Start start = *std::unique_ptr<Start>(static_cast<Start*>(given));
  lkl::preload::this_thread.inside = 1;
  void* const result = start.body(start.argument);
  of_library--;
  return result;
}

}  // namespace

int lkl::preload::librarys_threads() {
  return of_library;
}

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*body)(void*), void* argument) __THROWNL {
  using lkl::preload::libc;
  if (lkl::preload::this_thread.inside == 0)
    return libc().pthread_create(thread, attributes, body, argument);
  auto start = std::make_unique<Start>(Start{body, argument});
  of_library++;
  const int error = libc().pthread_create(thread, attributes, begin_inside, start.get());
  if (error == 0)
    (void)start.release();
  else
    of_library--;
  return error;
}
