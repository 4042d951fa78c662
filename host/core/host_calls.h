// SPDX-License-Identifier: GPL-2.0
#pragma once

#include "asm/host_debug.h"
#include "asm/host_memory.h"
#include "asm/host_ops.h"
#include "asm/host_watch.h"

namespace lkl::host {

class Instance;

// What the kernel of this instance may ask of the host.
lkl_host_calls make_host_calls(Instance& instance);
// What its reports may ask: nothing of an instance.
extern const lkl_debug_calls debug_calls;
// The same of memory.
lkl_memory_calls make_memory_calls(Instance& instance);
// The same of descriptors that threads wait for.
lkl_watch_calls make_watch_calls(Instance& instance);

}  // namespace lkl::host
