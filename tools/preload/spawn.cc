// SPDX-License-Identifier: GPL-2.0
#include "preload/spawn.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/environment.h"
#include "preload/forks.h"
#include "preload/libc.h"
#include "preload/mask.h"
#include "preload/not_cancelled.h"
#include "preload/processes.h"
#include "preload/spawn_actions.h"

namespace lkl::preload {

namespace {

// What the program ignores stays so, and no handler of its runs in the child.
void reset_signals(const Attributes& attributes) {
  for (int signal = 1; signal < NSIG; signal++) {
    struct sigaction now = {};
    if (::sigaction(signal, nullptr, &now) != 0) continue;
    const bool is_reset =
        attributes.has(POSIX_SPAWN_SETSIGDEF) && ::sigismember(&attributes.by_default, signal) == 1;
    struct sigaction then = {};
    then.sa_handler = now.sa_handler == SIG_IGN && !is_reset ? SIG_IGN : SIG_DFL;
    libc().sigaction(signal, &then, nullptr);
  }
}

bool set_schedule(const Attributes& attributes) {
  if (attributes.has(POSIX_SPAWN_SETSCHEDULER))
    return ::sched_setscheduler(0, attributes.policy, &attributes.parameters) >= 0;
  return !attributes.has(POSIX_SPAWN_SETSCHEDPARAM) ||
         ::sched_setparam(0, &attributes.parameters) == 0;
}

bool take_on(const Attributes& attributes) {
  reset_signals(attributes);
  if (!set_schedule(attributes)) return false;
  if (attributes.has(POSIX_SPAWN_SETSID) && ::setsid() < 0) return false;
  if (attributes.has(POSIX_SPAWN_SETPGROUP) && ::setpgid(0, attributes.group) != 0) return false;
  return !attributes.has(POSIX_SPAWN_RESETIDS) ||
         (::seteuid(::getuid()) == 0 && ::setegid(::getgid()) == 0);
}

// Comes back with errno only.
void become(const Program& program) {
  if (program.is_in_path)
    execute_by_path(program.name, program.words, program.variables, Script::kRefused);
  else
    execute(program.name, program.words, program.variables);
}

}  // namespace

int spawn(pid_t* process, const Program& program, const Attributes& attributes,
          const std::function<bool()>& prepare) {
  const NotCancelled not_cancelled;
  const sigset_t all = all_but_faults();
  const MaskFor blocked(&all);
  Report report;
  if (report.error() != 0) return report.error();
  const pid_t child = ::fork();
  if (child < 0) return errno;
  if (child == 0) {
    if (take_on(attributes) && prepare()) {
      libc().sigprocmask(
          SIG_SETMASK,
          attributes.has(POSIX_SPAWN_SETSIGMASK) ? &attributes.mask : &blocked.before(), nullptr);
      become(program);
    }
    report.fail(errno);
  }
  const int error = report.heard();
  if (error != 0)
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) continue;
  else if (process != nullptr)
    *process = child;
  return error;
}

namespace {

constexpr int kKnownFlags = POSIX_SPAWN_RESETIDS | POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                            POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSCHEDPARAM |
                            POSIX_SPAWN_SETSCHEDULER | POSIX_SPAWN_USEVFORK | POSIX_SPAWN_SETSID;

Attributes attributes_of(const posix_spawnattr_t* object) {
  Attributes attributes;
  if (object == nullptr) return attributes;
  short flags = 0;
  ::posix_spawnattr_getflags(object, &flags);
  attributes.flags = flags;
  ::posix_spawnattr_getpgroup(object, &attributes.group);
  ::posix_spawnattr_getsigdefault(object, &attributes.by_default);
  ::posix_spawnattr_getsigmask(object, &attributes.mask);
  ::posix_spawnattr_getschedpolicy(object, &attributes.policy);
  ::posix_spawnattr_getschedparam(object, &attributes.parameters);
  return attributes;
}

int spawn_by_libc(pid_t* process, const Program& program, const posix_spawn_file_actions_t* actions,
                  const posix_spawnattr_t* attributes, char* const* variables) {
  const auto call = program.is_in_path ? libc().posix_spawnp : libc().posix_spawn;
  return call(process, program.name, actions, attributes, program.words, variables);
}

int spawn_for_program(pid_t* process, const Program& program,
                      const posix_spawn_file_actions_t* actions,
                      const posix_spawnattr_t* attributes) {
  if (this_thread.inside != 0)
    return spawn_by_libc(process, program, actions, attributes,
                         WithoutOurs(program.variables).get());
  const Actions* const known = actions_of(actions);
  const Attributes wanted = attributes_of(attributes);
  if (known != nullptr && (wanted.flags & ~kKnownFlags) == 0)
    return spawn(process, program, wanted, [known] { return act(*known); });
  // It knows what we do not.
  const int refused =
      program.is_in_path ? refuse_program_by_path(program.name) : refuse_program(program.name);
  if (refused != 0) return refused;
  return spawn_by_libc(process, program, actions, attributes, WithOurs(program.variables).get());
}

}  // namespace

}  // namespace lkl::preload

using namespace lkl::preload;

extern "C" {

int posix_spawn(pid_t* process, const char* file, const posix_spawn_file_actions_t* actions,
                const posix_spawnattr_t* attributes, char* const words[], char* const variables[]) {
  return spawn_for_program(process, {file, false, words, variables}, actions, attributes);
}
int posix_spawnp(pid_t* process, const char* name, const posix_spawn_file_actions_t* actions,
                 const posix_spawnattr_t* attributes, char* const words[],
                 char* const variables[]) {
  return spawn_for_program(process, {name, true, words, variables}, actions, attributes);
}
}
