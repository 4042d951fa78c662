// SPDX-License-Identifier: GPL-2.0
#include "session/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/sched.h>
#include <pwd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>

#include "base/error.h"
#include "image/call_filter.h"
#include "image/landlock.h"

namespace lkl::tool {

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

[[noreturn]] void fail(const char* what, int error) {
  throw Failure(fmt::format("the sandbox: {}: {}; --no-sandbox does without it", what,
                            describe({error, std::system_category()})));
}

// False if the kernel has none.
bool restrict_paths(const SandboxPaths& paths) {
  using namespace landlock_right;
  using Right = SandboxPaths::Right;
  Landlock rules;
  if (!rules.available()) return false;
  for (const auto& [path, right] : paths.entries())
    rules.allow(path, right == Right::kWrite  ? rules.all() & ~(kExecute | kIoctlDevice)
                      : right == Right::kRead ? kRead
                                              : kReadDirectory);
  // The leak checker looks at the other threads, and reports name functions.
  if (kSanitized)
    for (const char* path : {"/proc", "/usr/lib", "/lib"}) rules.allow(path, kRead);
  if (const int error = rules.enter()) fail("landlock_restrict_self", error);
  return true;
}

// Where they are written.
constexpr int kWriteNames[] = {
    SCMP_SYS(mkdir),     SCMP_SYS(mkdirat),   SCMP_SYS(mknodat),    SCMP_SYS(symlinkat),
    SCMP_SYS(linkat),    SCMP_SYS(renameat),  SCMP_SYS(renameat2),  SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),  SCMP_SYS(rmdir),     SCMP_SYS(fchownat),   SCMP_SYS(fchown),
    SCMP_SYS(fchmodat),  SCMP_SYS(fchmod),    SCMP_SYS(utimensat),  SCMP_SYS(setxattr),
    SCMP_SYS(lsetxattr), SCMP_SYS(fsetxattr), SCMP_SYS(removexattr)};

// Nothing in us calls these: who does has taken the process over, and must not go on. All that is
// not named in any list fails with EPERM, since the C library looks for this and that in vain.
constexpr int kDeadly[] = {SCMP_SYS(execve),
                           SCMP_SYS(execveat),
                           SCMP_SYS(process_vm_writev),
                           SCMP_SYS(pidfd_getfd),
                           SCMP_SYS(pidfd_open),
                           SCMP_SYS(io_uring_setup),
                           SCMP_SYS(io_uring_register),
                           SCMP_SYS(bpf),
                           SCMP_SYS(perf_event_open),
                           SCMP_SYS(userfaultfd),
                           SCMP_SYS(init_module),
                           SCMP_SYS(finit_module),
                           SCMP_SYS(delete_module),
                           SCMP_SYS(kexec_load),
                           SCMP_SYS(kexec_file_load),
                           SCMP_SYS(reboot),
                           SCMP_SYS(mount),
                           SCMP_SYS(umount2),
                           SCMP_SYS(move_mount),
                           SCMP_SYS(open_tree),
                           SCMP_SYS(fsopen),
                           SCMP_SYS(fsmount),
                           SCMP_SYS(pivot_root),
                           SCMP_SYS(chroot),
                           SCMP_SYS(unshare),
                           SCMP_SYS(setns),
                           SCMP_SYS(open_by_handle_at),
                           SCMP_SYS(keyctl),
                           SCMP_SYS(add_key),
                           SCMP_SYS(request_key),
                           SCMP_SYS(setuid),
                           SCMP_SYS(setresuid),
                           SCMP_SYS(setreuid),
                           SCMP_SYS(setgid),
                           SCMP_SYS(setresgid),
                           SCMP_SYS(setregid),
                           SCMP_SYS(setgroups),
                           SCMP_SYS(capset)};

void allow_names(CallFilter& filter, const SandboxPaths& paths) {
  // Without Landlock this is all that keeps a reader from writing.
  constexpr std::uint64_t kWriting = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
  if (paths.any_writable()) {
    filter.allow_reading_names();
    filter.allow(kWriteNames);
    filter.allow_if(SCMP_SYS(openat), {});
    filter.allow_if(SCMP_SYS(open), {});
  } else if (!paths.entries().empty() || paths.header_copies() || kSanitized) {
    filter.allow_reading_names();
    filter.allow_if(SCMP_SYS(openat), {bits_are(2, kWriting, O_RDONLY)});
    filter.allow_if(SCMP_SYS(open), {bits_are(1, kWriting, O_RDONLY)});
  }
}

bool restrict_calls(const SandboxPaths& paths) {
  const auto process = static_cast<std::uint64_t>(::getpid());
  CallFilter filter;
  filter.allow_what_is_open(process);
  filter.kill(kDeadly);
  allow_names(filter, paths);
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)})
    filter.allow_if(call, {bits_are(2, PROT_EXEC, 0)});
  if (!kSanitized) filter.allow_if(SCMP_SYS(clone), {bits_are(0, CLONE_THREAD, CLONE_THREAD)});
  if (kSanitized) {
    // The leak checker forks, and stops the threads by ptrace().
    constexpr int kLeakChecker[] = {SCMP_SYS(clone), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
                                    SCMP_SYS(getdents)};
    filter.allow(kLeakChecker);
    for (const std::uint64_t option : {PR_SET_PTRACER, PR_GET_DUMPABLE, PR_SET_DUMPABLE})
      filter.allow_if(SCMP_SYS(prctl), {is(0, option)});
  } else {
    constexpr int kOtherProcesses[] = {SCMP_SYS(ptrace)};
    filter.kill(kOtherProcesses);
    // LKL_TRACE reads what a call was given, which may be no memory at all.
    filter.allow_only(SCMP_SYS(process_vm_readv), 0, process);
  }
  return filter.load();
}

}  // namespace

void SandboxPaths::allow_user_names() {
  for (const char* path : {"/etc/passwd", "/etc/group", "/etc/nsswitch.conf"})
    entries_.push_back({path, Right::kRead});
  // Loads what the lookups are done by.
  ::getpwuid(0);
  ::getgrgid(0);
}

std::vector<std::string> enter_sandbox(const SandboxPaths& paths) {
  // The time zone's file cannot be read later.
  ::tzset();
  std::vector<std::string> missing;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("no_new_privs", errno);
  if (!restrict_paths(paths)) missing.emplace_back("Landlock");
  if (!restrict_calls(paths)) missing.emplace_back("seccomp filters");
  return missing;
}

}  // namespace lkl::tool
