// SPDX-License-Identifier: GPL-2.0
#include "net/ready_set.h"

#include "win32/signal.h"

namespace lkl::host {

int ReadySet::open(int in, int out) {
  set_ = Signal::make();
  Signal::of(descriptor())->follow(in, out);
  return 0;
}

void ReadySet::set_alarm(uint64_t at_ns) {
  Signal::of(descriptor())->set_alarm(at_ns);
}

void ReadySet::want_room(bool wanted) {
  Signal::of(descriptor())->follow_second(wanted);
}

}  // namespace lkl::host
