// SPDX-License-Identifier: GPL-2.0
//
// liblkl-opens.so: loaded in front of the C library of a program that is served, it has the
// functions that open files. Those whose names cannot be the guest's are opened without asking
// anybody (run/open_pass.h); the program is right without it, too, and only slower. So it does
// nothing else, has no state, and nothing behind it but what a C library may have.
#include <errno.h>
#include <linux/fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>

#include "run/open_pass.h"

extern "C" {
// Of whichever C library there is.
#pragma weak __errno_location
[[gnu::weak]] int pthread_setcanceltype(int type, int* before);
[[gnu::weak]] void* dlsym(void* handle, const char* name);
}

namespace {

using namespace lkl::tool::served;

// The host's kernel reads 8 bytes there before it sees that it is to do nothing: EFAULT, or EINVAL.
// Aligned as they are they are all in one page.
bool is_readable(const char* address) {
  constexpr long kNothing = -1;
  const auto bytes = reinterpret_cast<uintptr_t>(address) & ~uintptr_t{7};
  long result = SYS_rt_sigprocmask;
  register long r10 __asm__("r10") = 8;
  __asm__ volatile("syscall"
                   : "+a"(result)
                   : "D"(kNothing), "S"(bytes), "d"(0L), "r"(r10)
                   : "rcx", "r11", "memory");
  return result == -EINVAL;
}

// valgrind makes the system calls of its programs, with as many arguments as it knows of, and would
// find fault with the one above. On a processor these instructions do nothing.
bool is_by_valgrind() {
  constexpr uint64_t kIsByValgrind = 0x1001;
  const uint64_t request[6] = {kIsByValgrind};
  uint64_t answer = 0;
  __asm__ volatile(
      "rolq $3, %%rdi\n\trolq $13, %%rdi\n\trolq $61, %%rdi\n\trolq $51, %%rdi\n\t"
      "xchgq %%rbx, %%rbx"
      : "+d"(answer)
      : "a"(request)
      : "cc", "memory");
  return answer != 0;
}

// A thread may be cancelled in open(), as it may wait there, in a pipe for instance: as by the C
// library, which has it so as well or does the same by the address of its instruction.
class Cancelled {
 public:
  Cancelled() {
    if (pthread_setcanceltype) pthread_setcanceltype(kAsynchronous, &before_);
  }
  ~Cancelled() {
    if (pthread_setcanceltype) pthread_setcanceltype(before_, nullptr);
  }
  Cancelled(const Cancelled&) = delete;
  Cancelled& operator=(const Cancelled&) = delete;

 private:
  static constexpr int kAsynchronous = 1;
  int before_ = 0;
};

int open_file(int folder, const char* name, int flags, unsigned mode) {
  const bool asks = is_by_valgrind() || may_be_served(name, is_readable);
  const uint64_t pass = asks ? 0 : pass_of(name);
  long result;
  {
    const Cancelled here;
    result = open_asking_nobody(folder, name, flags, mode, pass);
  }
  if (result >= 0) return static_cast<int>(result);
  errno = static_cast<int>(-result);
  return -1;
}

bool needs_mode(int flags) {
  return (flags & O_CREAT) != 0 || (flags & __O_TMPFILE) == __O_TMPFILE;
}

unsigned mode_of(int flags, va_list words) {
  return needs_mode(flags) ? va_arg(words, unsigned) : 0;
}

// Without the mode that the flags need the C library says so, and ends the program.
template <class... Words>
int open_checked(const char* function, int folder, const char* name, int flags, Words... words) {
  if (!needs_mode(flags)) return open_file(folder, name, flags, 0);
  void* const kNext = reinterpret_cast<void*>(-1L);
  void* const next = dlsym ? dlsym(kNext, function) : nullptr;
  if (next == nullptr) __builtin_trap();
  return reinterpret_cast<int (*)(Words...)>(next)(words...);
}

}  // namespace

extern "C" {

#pragma GCC visibility push(default)
#define LKL_SAME_AS(name) __attribute__((alias(#name)))

int open(const char* name, int flags, ...) {
  va_list words;
  va_start(words, flags);
  const unsigned mode = mode_of(flags, words);
  va_end(words);
  return open_file(AT_FDCWD, name, flags, mode);
}
int open64(const char* name, int flags, ...) LKL_SAME_AS(open);
int __open(const char* name, int flags, ...) LKL_SAME_AS(open);
int __open64(const char* name, int flags, ...) LKL_SAME_AS(open);

int openat(int folder, const char* name, int flags, ...) {
  va_list words;
  va_start(words, flags);
  const unsigned mode = mode_of(flags, words);
  va_end(words);
  return open_file(folder, name, flags, mode);
}
int openat64(int folder, const char* name, int flags, ...) LKL_SAME_AS(openat);

int creat(const char* name, unsigned mode) {
  return open_file(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
int creat64(const char* name, unsigned mode) LKL_SAME_AS(creat);

int __open_2(const char* name, int flags) {
  return open_checked("__open_2", AT_FDCWD, name, flags, name, flags);
}
int __open64_2(const char* name, int flags) {
  return open_checked("__open64_2", AT_FDCWD, name, flags, name, flags);
}
int __openat_2(int folder, const char* name, int flags) {
  return open_checked("__openat_2", folder, name, flags, folder, name, flags);
}
int __openat64_2(int folder, const char* name, int flags) {
  return open_checked("__openat64_2", folder, name, flags, folder, name, flags);
}

#pragma GCC visibility pop
}
