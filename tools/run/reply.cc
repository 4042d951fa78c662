// SPDX-License-Identifier: GPL-2.0
#include "run/reply.h"

#include <errno.h>
#include <fmt/format.h>
#include <seccomp.h>
#include <sys/syscall.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "run/open_call.h"

namespace lkl::tool::served {

namespace {

std::atomic<bool> tracing{false};

// What must not be done twice, or would fail then. What takes something is taken back instead.
bool is_kept(const Notification& call) {
  if (opens_file(call)) return false;
  switch (call.call) {
    case SYS_accept:
    case SYS_accept4:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_recvmmsg:
      return false;
    default:
      return true;
  }
}

std::string name_of(int call) {
  char* const name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);
  const std::string text = name ? name : std::to_string(call);
  std::free(name);
  return text;
}

}  // namespace

void trace_replies() {
  tracing = true;
}

void trace(const Notification& call, const char* what, long result) {
  if (!tracing) return;
  const std::string text = what         ? what
                           : result < 0 ? std::strerror(static_cast<int>(-result))
                                        : std::to_string(result);
  print_error(fmt::format("lkl: {}: {}({:#x}, {:#x}, {:#x}) = {}\n", call.thread,
                          name_of(call.call), call.arguments[0], call.arguments[1],
                          call.arguments[2], text));
}

void reply(Client& client, const Notification& call, const Outcome& outcome) {
  switch (outcome.kind) {
    case Outcome::Kind::kAnswered:
    case Outcome::Kind::kWaits:
      return;
    case Outcome::Kind::kOnHost:
      trace(call, "the host's", 0);
      call.by->go_on(call.id);
      return;
    case Outcome::Kind::kResult:
      break;
  }
  trace(call, nullptr, outcome.result);
  if (call.by->answer(call.id, outcome.result)) return;
  if (outcome.take_back)
    outcome.take_back();
  else if (is_kept(call) && outcome.result != -EFAULT)  // its memory: nothing was done
    client.remember(call.thread, {call.call, call.arguments, outcome.result});
}

}  // namespace lkl::tool::served
