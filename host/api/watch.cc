// SPDX-License-Identifier: GPL-2.0
#include "core/watches.h"

#include <new>

#include "core/instance.h"
#include "core/registry.h"
#include "lkl.h"

using lkl::host::Registry;

int lkl_watch_create(int fd, int events, int flags) {
  if (events & ~(LKL_POLLIN | LKL_POLLPRI | LKL_POLLOUT | LKL_POLLRDHUP)) return -LKL_EINVAL;
  const Registry::Use instance;
  if (!instance || !instance->running()) return -LKL_ENODEV;
  try {
    return instance->watches().create(fd, static_cast<short>(events), flags);
  } catch (const std::bad_alloc&) {
    return -LKL_ENOMEM;
  }
}
