// SPDX-License-Identifier: GPL-2.0
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/fs.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <pwd.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "error.h"

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

// ---- Landlock ----

// Newer than the header that this may be built with.
struct Ruleset {
  std::uint64_t files;
  std::uint64_t network;  // since 4
  std::uint64_t scoped;   // since 6
};
constexpr std::uint64_t kRefer = 1 << 13;        // since 2
constexpr std::uint64_t kTruncate = 1 << 14;     // since 3
constexpr std::uint64_t kIoctlDevice = 1 << 15;  // since 5
constexpr std::uint64_t kTcp = 3;                // bind, connect
constexpr std::uint64_t kAbstractUnixSocket = 1;

constexpr std::uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kOfFiles = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                   LANDLOCK_ACCESS_FS_READ_FILE | kTruncate | kIoctlDevice;

std::uint64_t all_of(int version) {
  std::uint64_t all = kRefer - 1;
  if (version >= 2) all |= kRefer;
  if (version >= 3) all |= kTruncate;
  if (version >= 5) all |= kIoctlDevice;
  return all;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// What is not there needs no rule.
void add_rule(int ruleset, const std::string& path, std::uint64_t access) {
  const Descriptor at(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat status = {};
  if (at.get() < 0 || ::fstat(at.get(), &status) != 0) return;
  if (!S_ISDIR(status.st_mode)) access &= kOfFiles;
  const landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = at.get()};
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
    fail(path.c_str(), errno);
}

// False if the kernel has none.
bool restrict_paths(const SandboxPaths& paths) {
  const int version = static_cast<int>(
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
  if (version < 1) return false;
  const std::uint64_t all = all_of(version);
  const Ruleset rules = {all, version >= 4 ? kTcp : 0, version >= 6 ? kAbstractUnixSocket : 0};
  const std::size_t size = version >= 6   ? sizeof(rules)
                           : version >= 4 ? offsetof(Ruleset, scoped)
                                          : offsetof(Ruleset, network);
  const Descriptor ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &rules, size, 0)));
  if (ruleset.get() < 0) fail("landlock_create_ruleset", errno);
  using Right = SandboxPaths::Right;
  for (const auto& [path, right] : paths.entries())
    add_rule(ruleset.get(), path,
             right == Right::kWrite  ? all & ~(LANDLOCK_ACCESS_FS_EXECUTE | kIoctlDevice)
             : right == Right::kRead ? kRead
                                     : std::uint64_t{LANDLOCK_ACCESS_FS_READ_DIR});
  // The leak checker looks at the other threads, and reports name functions.
  if (kSanitized)
    for (const char* path : {"/proc", "/usr/lib", "/lib"}) add_rule(ruleset.get(), path, kRead);
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
    fail("landlock_restrict_self", errno);
  return true;
}

// ---- seccomp ----

// On what is open, on memory, threads, signals and time: of no use to get anything new.
constexpr int kAlways[] = {
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64),
    SCMP_SYS(pwrite64), SCMP_SYS(preadv), SCMP_SYS(pwritev), SCMP_SYS(preadv2), SCMP_SYS(pwritev2),
    SCMP_SYS(lseek), SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(sync_file_range),
    SCMP_SYS(fallocate), SCMP_SYS(ftruncate), SCMP_SYS(fadvise64), SCMP_SYS(copy_file_range),
    SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(fstatfs), SCMP_SYS(fcntl),
    SCMP_SYS(flock), SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(dup), SCMP_SYS(dup2),
    SCMP_SYS(dup3), SCMP_SYS(pipe2), SCMP_SYS(splice), SCMP_SYS(vmsplice), SCMP_SYS(tee),
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(eventfd2),
    SCMP_SYS(signalfd4), SCMP_SYS(io_uring_enter),
    // sockets that are there: network disks, who waits for the end of a mount
    SCMP_SYS(sendto), SCMP_SYS(recvfrom), SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(shutdown),
    SCMP_SYS(getsockopt), SCMP_SYS(accept4),
    // memory
    SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
    // threads
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(membarrier),
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getppid), SCMP_SYS(getcpu),
    // signals
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigtimedwait), SCMP_SYS(rt_sigsuspend), SCMP_SYS(rt_sigpending),
    SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall),
    // servers and the process outside: to wait for them, and to end one by its pidfd
    SCMP_SYS(wait4), SCMP_SYS(waitid), SCMP_SYS(pidfd_send_signal),
    // time, and what is the process's own
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(times), SCMP_SYS(getrusage),
    SCMP_SYS(getrandom), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid),
    SCMP_SYS(getpgrp), SCMP_SYS(getpgid), SCMP_SYS(getsid), SCMP_SYS(setsid), SCMP_SYS(umask),
    SCMP_SYS(getrlimit), SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(getcwd), SCMP_SYS(chdir)};

// Where files of the host are read by name; openat() is dealt with apart.
constexpr int kReadNames[] = {SCMP_SYS(access),    SCMP_SYS(faccessat),  SCMP_SYS(faccessat2),
                              SCMP_SYS(readlink),  SCMP_SYS(readlinkat), SCMP_SYS(stat),
                              SCMP_SYS(lstat),     SCMP_SYS(statfs),     SCMP_SYS(getdents64),
                              SCMP_SYS(getxattr),  SCMP_SYS(lgetxattr),  SCMP_SYS(fgetxattr),
                              SCMP_SYS(listxattr), SCMP_SYS(llistxattr), SCMP_SYS(flistxattr)};

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

// Of terminals and block devices. Not TIOCSTI, which types into the user's shell.
constexpr std::uint64_t kIoctls[] = {TCGETS,     TCSETS,     TCSETSW,      TCSETSF,
                                     TIOCGWINSZ, TIOCGPGRP,  FIONREAD,     FIONBIO,
                                     BLKDISCARD, BLKZEROOUT, BLKGETSIZE64, BLKSSZGET};

constexpr std::uint64_t kPrctls[] = {PR_SET_NAME, PR_GET_NAME, PR_SET_TIMERSLACK, PR_SET_VMA};

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(EPERM)), seccomp_release) {
    if (context_ == nullptr) throw std::bad_alloc();
    check(seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_TSYNC, 1));
    // a tree: what is called most is not far down
    check(seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2));
  }

  void allow(std::span<const int> calls) {
    for (const int call : calls) add(SCMP_ACT_ALLOW, call, {});
  }
  void allow_if(int call, std::vector<scmp_arg_cmp> conditions) {
    add(SCMP_ACT_ALLOW, call, conditions);
  }
  void kill(std::span<const int> calls) {
    for (const int call : calls) add(SCMP_ACT_KILL_PROCESS, call, {});
  }
  void refuse(int call, int error) { add(SCMP_ACT_ERRNO(error), call, {}); }

  // False if the kernel has no filters.
  bool load() {
    const int error = seccomp_load(context_.get());
    if (error == -EINVAL || error == -ENOSYS) return false;
    check(error);
    return true;
  }

 private:
  void add(std::uint32_t action, int call, const std::vector<scmp_arg_cmp>& conditions) {
    // Not on this processor.
    if (call < 0) return;
    check(seccomp_rule_add_array(context_.get(), action, call,
                                 static_cast<unsigned>(conditions.size()), conditions.data()));
  }
  static void check(int error) {
    if (error < 0) fail("seccomp", -error);
  }

  std::unique_ptr<void, decltype(&seccomp_release)> context_;
};

// Condition on an argument.
scmp_arg_cmp is(unsigned argument, std::uint64_t value) {
  return {argument, SCMP_CMP_EQ, value, 0};
}
scmp_arg_cmp bits_are(unsigned argument, std::uint64_t mask, std::uint64_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

void allow_names(Filter& filter, const SandboxPaths& paths) {
  // Without Landlock this is all that keeps a reader from writing.
  constexpr std::uint64_t kWriting = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
  if (paths.any_writable()) {
    filter.allow(kReadNames);
    filter.allow(kWriteNames);
    filter.allow_if(SCMP_SYS(openat), {});
    filter.allow_if(SCMP_SYS(open), {});
  } else if (!paths.entries().empty() || paths.header_copies() || kSanitized) {
    filter.allow(kReadNames);
    filter.allow_if(SCMP_SYS(openat), {bits_are(2, kWriting, O_RDONLY)});
    filter.allow_if(SCMP_SYS(open), {bits_are(1, kWriting, O_RDONLY)});
  }
}

bool restrict_calls(const SandboxPaths& paths) {
  Filter filter;
  filter.allow(kAlways);
  filter.kill(kDeadly);
  allow_names(filter, paths);
  // In memory: the name in /proc is none of the host's that Landlock would look at.
  if (paths.header_copies()) filter.allow_if(SCMP_SYS(memfd_create), {});
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)})
    filter.allow_if(call, {bits_are(2, PROT_EXEC, 0)});
  // Threads, no processes. The flags of the newer call are in memory, where a filter does not see
  // them; the C library takes the older one then.
  filter.refuse(SCMP_SYS(clone3), ENOSYS);
  if (!kSanitized) filter.allow_if(SCMP_SYS(clone), {bits_are(0, CLONE_THREAD, CLONE_THREAD)});
  const auto self = static_cast<std::uint64_t>(::getpid());
  filter.allow_if(SCMP_SYS(tgkill), {is(0, self)});
  filter.allow_if(SCMP_SYS(prlimit64), {is(2, 0)});
  for (const std::uint64_t request : kIoctls) filter.allow_if(SCMP_SYS(ioctl), {is(1, request)});
  for (const std::uint64_t option : kPrctls) filter.allow_if(SCMP_SYS(prctl), {is(0, option)});
  if (kSanitized) {
    // The leak checker forks, and stops the threads by ptrace().
    constexpr int kLeakChecker[] = {SCMP_SYS(clone), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
                                    SCMP_SYS(getdents)};
    filter.allow(kLeakChecker);
    for (const std::uint64_t option : {PR_SET_PTRACER, PR_GET_DUMPABLE, PR_SET_DUMPABLE})
      filter.allow_if(SCMP_SYS(prctl), {is(0, option)});
  } else {
    constexpr int kOtherProcesses[] = {SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv)};
    filter.kill(kOtherProcesses);
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
