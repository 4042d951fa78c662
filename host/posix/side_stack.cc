// SPDX-License-Identifier: GPL-2.0
#include "posix/side_stack.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

// void lkl_call_on(void (*function)(void *), void *argument, void *top): debuggers and unwinders
// find their way back by the frame pointer.
#if defined(__x86_64__)
asm(R"(
	.pushsection .text, "ax", @progbits
	.local	lkl_call_on
	.type	lkl_call_on, @function
lkl_call_on:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	movq	%rdx, %rsp
	movq	%rdi, %rax
	movq	%rsi, %rdi
	call	*%rax
	leave
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
	.size	lkl_call_on, . - lkl_call_on
	.popsection
)");
#else
#error "lkl_call_on() is to be written for this processor"
#endif

extern "C" void lkl_call_on(void (*function)(void*), void* argument, void* top)
    __attribute__((visibility("hidden")));

namespace lkl::host {

SideStack::~SideStack() {
  if (base_) ::munmap(base_, size_);
}

int SideStack::open() {
  if (base_) return 0;
  void* const base = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (base == MAP_FAILED) return -errno;
  if (::mprotect(base, static_cast<size_t>(::sysconf(_SC_PAGESIZE)), PROT_NONE) < 0) {
    const int error = -errno;
    ::munmap(base, size_);
    return error;
  }
  base_ = static_cast<std::byte*>(base);
  return 0;
}

void SideStack::call(void (*function)(void*), void* argument) {
  lkl_call_on(function, argument, base_ + size_);
}

}  // namespace lkl::host
