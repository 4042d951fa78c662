// SPDX-License-Identifier: GPL-2.0
#include "posix/helper_program.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "descriptor.h"
#include "posix/raw_call.h"

namespace lkl::host {
namespace {

constexpr size_t kStackSize = 128 << 10;
constexpr uint64_t kAllSignals = UINT64_MAX;

struct Start {
  const char* const* words;
  int descriptor, errors;
  uint64_t signals;  // that are blocked in the program
  std::byte* stack;  // the top of one
  int error = 0, status = 0;
};

// As the kernel has it; with all zero what a signal does is the default.
struct KernelAction {
  uint64_t handler, flags, restorer, mask;
};

// In the process that becomes the program: it has our memory until then, and we stand still.
int become(void* argument) {
  Start& start = *static_cast<Start*>(argument);
  // above those that are to be theirs, first
  const int64_t descriptor = raw_call(SYS_fcntl, start.descriptor, F_DUPFD, 10);
  const int64_t errors = raw_call(SYS_fcntl, start.errors, F_DUPFD, 10);
  const int64_t null = raw_call(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR);
  raw_call(SYS_dup3, null, STDIN_FILENO, 0);
  raw_call(SYS_dup3, null, STDOUT_FILENO, 0);
  raw_call(SYS_dup3, errors, STDERR_FILENO, 0);
  raw_call(SYS_dup3, descriptor, kHelperDescriptor, 0);
  raw_call(SYS_close_range, kHelperDescriptor + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  raw_call(SYS_rt_sigprocmask, SIG_SETMASK, &start.signals, nullptr, sizeof start.signals);
  ::execvp(start.words[0], const_cast<char* const*>(start.words));
  start.error = -errno;
  raw_call(SYS_exit_group, 127);
  return 0;
}

// In a process between, which has our memory too: a program's end is told to its parent, by a
// signal and by wait(2), and that is not to be us.
int stand_between(void* argument) {
  Start& start = *static_cast<Start*>(argument);
  // no handler of ours may run here, nor there
  for (int signal = 1; signal <= 64; ++signal) {
    KernelAction action = {};
    raw_call(SYS_rt_sigaction, signal, nullptr, &action, sizeof action.mask);
    constexpr KernelAction kDefault = {};
    if (action.handler != reinterpret_cast<uint64_t>(SIG_IGN) || signal == SIGCHLD)
      raw_call(SYS_rt_sigaction, signal, &kDefault, nullptr, sizeof action.mask);
  }
  const int pid = ::clone(become, start.stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &start);
  if (pid < 0) start.error = -errno;
  if (pid >= 0) raw_call(SYS_wait4, pid, &start.status, 0, nullptr);
  raw_call(SYS_exit_group, 0);
  return 0;
}

// What there is.
std::string read_all(int fd) {
  std::string text;
  std::array<char, 1024> buffer;
  for (;;) {
    const int64_t count = raw_call(SYS_read, fd, buffer.data(), buffer.size());
    if (count == -EINTR) continue;
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<size_t>(count));
  }
}

}  // namespace

int run_helper(const std::vector<std::string>& words, int descriptor, std::string& said) {
  std::vector<const char*> pointers;
  for (const std::string& word : words) pointers.push_back(word.c_str());
  pointers.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return -errno;
  const Descriptor reads(ends[0]);
  Descriptor writes(ends[1]);
  const auto stacks = std::make_unique<std::byte[]>(2 * kStackSize);
  Start start = {.words = pointers.data(),
                 .descriptor = descriptor,
                 .errors = writes.get(),
                 .signals = 0,
                 .stack = stacks.get() + 2 * kStackSize};

  raw_call(SYS_rt_sigprocmask, SIG_SETMASK, &kAllSignals, &start.signals, sizeof kAllSignals);
  // One whose end is told by no signal, and by wait(2) to nobody who does not ask for it.
  const int pid = ::clone(stand_between, stacks.get() + kStackSize, CLONE_VM | CLONE_VFORK, &start);
  if (pid < 0) start.error = -errno;
  if (pid >= 0) raw_call(SYS_wait4, pid, nullptr, __WCLONE, nullptr);
  raw_call(SYS_rt_sigprocmask, SIG_SETMASK, &start.signals, nullptr, sizeof kAllSignals);
  writes.reset();
  if (start.error) return start.error;
  said = read_all(reads.get());
  return WIFSIGNALED(start.status) ? 128 + WTERMSIG(start.status) : WEXITSTATUS(start.status);
}

}  // namespace lkl::host
