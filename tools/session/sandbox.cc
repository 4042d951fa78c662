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

#include <algorithm>
#include <cstdint>
#include <filesystem>

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

std::string real_path(const std::string& path) {
  std::error_code ec;
  const auto real = std::filesystem::weakly_canonical(std::filesystem::absolute(path, ec), ec);
  return ec ? std::string() : real.lexically_normal().string();
}

std::string parent_of(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace

void SandboxPaths::allow_reading(const std::string& path) {
  entries_.push_back({path, Right::kRead});
  // It is opened on the way there.
  entries_.push_back({parent_of(path), Right::kList});
}

void SandboxPaths::allow_writing(const std::string& path) {
  std::error_code ec;
  if (std::filesystem::is_directory(path, ec)) {
    entries_.push_back({path, Right::kWrite});
    entries_.push_back({parent_of(path), Right::kList});
    return;
  }
  const auto type = std::filesystem::status(path, ec).type();
  using Type = std::filesystem::file_type;
  if (type == Type::character || type == Type::block || type == Type::fifo) {
    // Written into, never replaced: of its directory nothing is needed.
    entries_.push_back({path, Right::kWrite});
    entries_.push_back({parent_of(path), Right::kList});
    return;
  }
  entries_.push_back({parent_of(path), Right::kWrite});
  if (std::filesystem::is_symlink(path, ec))
    entries_.push_back({parent_of(real_path(path)), Right::kWrite});
}

void SandboxPaths::allow_user_names() {
  for (const char* path : {"/etc/passwd", "/etc/group", "/etc/nsswitch.conf"})
    entries_.push_back({path, Right::kRead});
  // Loads what the lookups are done by.
  ::getpwuid(0);
  ::getgrgid(0);
}

bool SandboxPaths::any_writable() const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const Entry& entry) { return entry.right == Right::kWrite; });
}

bool SandboxPaths::has(const std::string& path, Right least) const {
  const std::string real = real_path(path);
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    std::string root = real_path(entry.path);
    if (root.empty() || entry.right < least) return false;
    if (!root.ends_with('/')) root += '/';
    return (real + "/").starts_with(root);
  });
}

bool SandboxPaths::may_read(const std::string& path) const {
  return has(path, Right::kRead);
}

bool SandboxPaths::may_write(const std::string& path) const {
  return has(path, Right::kWrite);
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
