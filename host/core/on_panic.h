// SPDX-License-Identifier: GPL-2.0
// What becomes of the process when its kernel panics: lkl_set_on_panic(), LKL_ON_PANIC.
#pragma once

#include "lkl_host.h"

namespace lkl::host {

// Looks at the environment, which has the last word. 0 or -LKL_EINVAL, said on standard error.
int read_on_panic();
lkl_on_panic on_panic();

}  // namespace lkl::host
