// SPDX-License-Identifier: GPL-2.0
// Access violations in kernel code: if the instruction is one that may touch user memory the kernel
// knows where to go on, and the call returns -EFAULT. If not it is a bug in the kernel, which
// reports it itself (an "oops"). All other exceptions are none of our business and go to whoever is
// asked next.
//
// A vectored handler is asked before anybody looks at frames, of which kernel code has none that
// Windows knows, and on the stack where it happened.
#include <windows.h>

#include <cstdio>
#include <cstring>

#include "host.h"

namespace lkl::host {
namespace {

constinit void* installed = nullptr;

// As if the instruction were a call of the kernel's function at `entry`. A jump to where no code is
// was a call itself, and has put its return address on the stack.
void call_instead(CONTEXT& context, uint64_t entry, uint64_t argument, bool wild_jump) {
  if (!wild_jump) {
    context.Rsp -= sizeof(uint64_t);
    std::memcpy(reinterpret_cast<void*>(context.Rsp), &context.Rip, sizeof(uint64_t));
  }
  context.Rdi = argument;
  context.Rip = entry;
}

void report(DWORD code, uint64_t pc, uint64_t address) {
  char line[160];
  const int length = std::snprintf(
      line, sizeof line, "lkl: exception %#lx in kernel code at %#llx, address %#llx\n", code,
      static_cast<unsigned long long>(pc), static_cast<unsigned long long>(address));
  print(line, static_cast<size_t>(length));
}

LONG CALLBACK on_exception(EXCEPTION_POINTERS* exception) {
  const EXCEPTION_RECORD& record = *exception->ExceptionRecord;
  CONTEXT& context = *exception->ContextRecord;
  if (record.ExceptionCode != EXCEPTION_ACCESS_VIOLATION &&
      record.ExceptionCode != EXCEPTION_IN_PAGE_ERROR)
    return EXCEPTION_CONTINUE_SEARCH;
  const uint64_t pc = context.Rip, address = record.ExceptionInformation[1];
  const bool in_kernel = lkl_kernel_owns(pc) != 0, wild_jump = address == pc;
  if (in_kernel) {
    if (const uint64_t fixup = lkl_kernel_fixup(pc)) {
      context.Rip = fixup;
      return EXCEPTION_CONTINUE_EXECUTION;
    }
  }
  if (in_kernel || wild_jump) {
    if (const uint64_t oops = lkl_kernel_oops(context.Rsp)) {
      call_instead(context, oops, address, wild_jump);
      return EXCEPTION_CONTINUE_EXECUTION;
    }
  }
  if (in_kernel) report(record.ExceptionCode, pc, address);
  return EXCEPTION_CONTINUE_SEARCH;
}

}  // namespace

// Nothing to serve: a kernel with page tables does not boot here (mappable_memory.cc).
void install_fault_handler(int (*)(uint64_t address, bool write)) {
  installed = AddVectoredExceptionHandler(TRUE, on_exception);
}

void remove_fault_handler() {
  if (installed) RemoveVectoredExceptionHandler(installed);
  installed = nullptr;
}

}  // namespace lkl::host
