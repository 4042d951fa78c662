// SPDX-License-Identifier: GPL-2.0
#include "image/call_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <new>

#include "base/descriptor.h"
#include "base/error.h"

namespace lkl::tool {

namespace {

// On what is open, on memory, threads, signals and time: of no use to get anything new.
constexpr int kAlways[] = {
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64),
    SCMP_SYS(pwrite64), SCMP_SYS(preadv), SCMP_SYS(pwritev), SCMP_SYS(preadv2), SCMP_SYS(pwritev2),
    SCMP_SYS(lseek), SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(sync_file_range),
    SCMP_SYS(fallocate), SCMP_SYS(ftruncate), SCMP_SYS(fadvise64), SCMP_SYS(copy_file_range),
    SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(fstatfs), SCMP_SYS(flock),
    SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3),
    SCMP_SYS(pipe2), SCMP_SYS(splice), SCMP_SYS(vmsplice), SCMP_SYS(tee), SCMP_SYS(poll),
    SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(eventfd2),
    SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime), SCMP_SYS(signalfd4),
    SCMP_SYS(io_uring_enter),
    // sockets that are there: network disks, who waits for the end of a mount
    SCMP_SYS(recvfrom), SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(shutdown),
    SCMP_SYS(getsockopt), SCMP_SYS(accept4),
    // memory, that of the kernel in a file without a name
    SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(memfd_create),
    // threads
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(membarrier),
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getppid), SCMP_SYS(getcpu),
    // signals
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigtimedwait), SCMP_SYS(rt_sigsuspend), SCMP_SYS(rt_sigpending),
    SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall),
    // servers and the process outside: to wait for their end
    SCMP_SYS(wait4), SCMP_SYS(waitid),
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

// Of terminals and block devices. Not TIOCSTI, which types into the user's shell.
constexpr std::uint64_t kIoctls[] = {TCGETS,     TCSETS,     TCSETSW,      TCSETSF,
                                     TIOCGWINSZ, TIOCGPGRP,  FIONREAD,     FIONBIO,
                                     BLKDISCARD, BLKZEROOUT, BLKGETSIZE64, BLKSSZGET};

constexpr std::uint64_t kPrctls[] = {PR_SET_NAME, PR_GET_NAME, PR_SET_TIMERSLACK, PR_SET_VMA};

// Not those that have a signal sent to somebody: F_SETOWN, F_SETSIG, F_NOTIFY, F_SETLEASE.
constexpr std::uint64_t kFcntls[] = {F_DUPFD,      F_DUPFD_CLOEXEC, F_GETFD,      F_SETFD,
                                     F_GETFL,      F_GETLK,         F_SETLK,      F_SETLKW,
                                     F_OFD_GETLK,  F_OFD_SETLK,     F_OFD_SETLKW, F_GETPIPE_SZ,
                                     F_SETPIPE_SZ, F_ADD_SEALS,     F_GET_SEALS};

void check(int error) {
  if (error < 0)
    throw Failure(fmt::format("the sandbox: seccomp: {}; --no-sandbox does without it",
                              describe({-error, std::system_category()})));
}

}  // namespace

scmp_arg_cmp is(unsigned argument, std::uint64_t value) {
  return {argument, SCMP_CMP_EQ, value, 0};
}

scmp_arg_cmp bits_are(unsigned argument, std::uint64_t mask, std::uint64_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

CallFilter::CallFilter() : context_(seccomp_init(SCMP_ACT_ERRNO(EPERM)), seccomp_release) {
  if (context_ == nullptr) throw std::bad_alloc();
  check(seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_TSYNC, 1));
  // a tree: what is called most is not far down
  check(seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2));
}

void CallFilter::allow(std::span<const int> calls) {
  for (const int call : calls) add(SCMP_ACT_ALLOW, call, {});
}

void CallFilter::allow_if(int call, std::vector<scmp_arg_cmp> conditions) {
  add(SCMP_ACT_ALLOW, call, conditions);
}

void CallFilter::kill(std::span<const int> calls) {
  for (const int call : calls) add(SCMP_ACT_KILL_PROCESS, call, {});
}

void CallFilter::allow_only(int call, unsigned argument, std::uint64_t value) {
  add(SCMP_ACT_ALLOW, call, {is(argument, value)});
  add(SCMP_ACT_KILL_PROCESS, call, {{argument, SCMP_CMP_NE, value, 0}});
}

void CallFilter::refuse(int call, int error) {
  add(SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error)), call, {});
}

void CallFilter::allow_what_is_open(std::uint64_t process) {
  allow(kAlways);
  // To who is at the other end, nobody else.
  allow_if(SCMP_SYS(sendto), {is(4, 0)});
  allow_if(SCMP_SYS(tgkill), {is(0, process)});
  // One's own limits, to look at.
  allow_if(SCMP_SYS(prlimit64), {is(0, 0), is(2, 0)});
  for (const std::uint64_t command : kFcntls) allow_if(SCMP_SYS(fcntl), {is(1, command)});
  allow_if(SCMP_SYS(fcntl), {is(1, F_SETFL), bits_are(2, O_ASYNC, 0)});
  for (const std::uint64_t request : kIoctls) allow_if(SCMP_SYS(ioctl), {is(1, request)});
  for (const std::uint64_t option : kPrctls) allow_if(SCMP_SYS(prctl), {is(0, option)});
  // Threads, no processes. The flags of the newer call are in memory, where a filter does not see
  // them; the C library takes the older one then.
  refuse(SCMP_SYS(clone3), ENOSYS);
}

void CallFilter::allow_reading_names() {
  allow(kReadNames);
}

bool CallFilter::load() {
  const int error = seccomp_load(context_.get());
  if (error == -EINVAL || error == -ENOSYS) return false;
  check(error);
  return true;
}

std::vector<sock_filter> CallFilter::program() {
  const Descriptor file = make_memory_file("lkl-filter");
  check(seccomp_export_bpf(context_.get(), file.get()));
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  std::vector<sock_filter> program(static_cast<std::size_t>(size) / sizeof(sock_filter));
  if (::pread(file.get(), program.data(), static_cast<std::size_t>(size), 0) != size) check(-EIO);
  return program;
}

void CallFilter::add(std::uint32_t action, int call, const std::vector<scmp_arg_cmp>& conditions) {
  // Not on this processor.
  if (call < 0) return;
  check(seccomp_rule_add_array(context_.get(), action, call,
                               static_cast<unsigned>(conditions.size()), conditions.data()));
}

}  // namespace lkl::tool
