// SPDX-License-Identifier: GPL-2.0
#include "posix/slirp_library.h"

#include <sys/syscall.h>
#include <time.h>

#include <cerrno>
#include <memory>

#include "posix/raw_call.h"

namespace lkl::host {
namespace {

constexpr size_t kStackSize = 512 << 10;
constexpr uint64_t kSigpipe = uint64_t{1} << (SIGPIPE - 1);  // in a set, as the kernel has them

bool sigpipe_pending() {
  uint64_t pending = 0;
  raw_call(SYS_rt_sigpending, &pending, sizeof pending);
  return pending & kSigpipe;
}

}  // namespace

std::mutex& SlirpUse::mutex() {
  static std::mutex the_mutex;
  return the_mutex;
}

SideStack& SlirpUse::stack() {
  // never taken away: threads may be in there when the process ends
  static SideStack* const the_stack = std::make_unique<SideStack>(kStackSize).release();
  return *the_stack;
}

int SlirpUse::prepare() const {
  return stack().open();
}

SlirpUse::SlirpUse() : lock_(mutex()) {
  // what the library starts for guestfwd, by fork(), is not to wait for this thread
  ++current_thread().in_library;
  raw_call(SYS_rt_sigprocmask, SIG_BLOCK, &kSigpipe, &signals_before_, sizeof kSigpipe);
  if (signals_before_ & kSigpipe) pending_before_ = sigpipe_pending();
  errno = 0;
}

SlirpUse::~SlirpUse() {
  --current_thread().in_library;
  // nothing has failed, so nobody has sent one
  if (errno != 0 && !pending_before_ && sigpipe_pending()) {
    constexpr timespec kNow = {};
    raw_call(SYS_rt_sigtimedwait, &kSigpipe, nullptr, &kNow, sizeof kSigpipe);
  }
  if (!(signals_before_ & kSigpipe))
    raw_call(SYS_rt_sigprocmask, SIG_SETMASK, &signals_before_, nullptr, sizeof kSigpipe);
}

void SlirpUse::after_fork_child() {
  std::construct_at(&mutex());
}

}  // namespace lkl::host
