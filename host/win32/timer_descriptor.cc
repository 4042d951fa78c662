// SPDX-License-Identifier: GPL-2.0
#include "io/timer_descriptor.h"

#include "win32/signal.h"

namespace lkl::host {

int TimerDescriptor::open() {
  timer_ = Signal::make();
  return 0;
}

void TimerDescriptor::set(uint64_t at_ns) {
  Signal::of(descriptor())->set_alarm(at_ns);
}

}  // namespace lkl::host
