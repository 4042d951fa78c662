// SPDX-License-Identifier: GPL-2.0
// SIGSEGV and SIGBUS in kernel code: if the instruction is one that may touch user
// memory the kernel knows where to go on, and the call returns -EFAULT. If not it is
// a bug in the kernel, which reports it itself (an "oops"). All other faults are none
// of our business and go to the handler that was there before.
#include <signal.h>
#include <ucontext.h>

#include <cstdio>
#include <cstring>
#include <initializer_list>

#include "host.h"
#include "posix/valgrind.h"

namespace lkl::host {
namespace {

struct sigaction previous_segv, previous_bus;
int (*serve_application)(uint64_t address, bool write);

greg_t& program_counter(ucontext_t* context) {
#if defined(__x86_64__)
  return context->uc_mcontext.gregs[REG_RIP];
#else
#error "where does this processor keep its program counter?"
#endif
}

uint64_t stack_pointer(const ucontext_t* context) {
#if defined(__x86_64__)
  return static_cast<uint64_t>(context->uc_mcontext.gregs[REG_RSP]);
#endif
}

// The processor says whether it was to write.
bool is_write(const ucontext_t* context) {
#if defined(__x86_64__)
  return (context->uc_mcontext.gregs[REG_ERR] & 2) != 0;
#endif
}

void push(ucontext_t* context, uint64_t word) {
#if defined(__x86_64__)
  greg_t& sp = context->uc_mcontext.gregs[REG_RSP];
  sp -= sizeof word;
  std::memcpy(reinterpret_cast<void*>(sp), &word, sizeof word);
#endif
}

// As if the instruction were a call of the kernel's function at `entry`. A jump to where no code is
// was a call itself, and has put its return address on the stack.
void call_instead(ucontext_t* context, uint64_t entry, const void* argument, bool wild_jump) {
#if defined(__x86_64__)
  greg_t* registers = context->uc_mcontext.gregs;
  if (!wild_jump) push(context, program_counter(context));
  registers[REG_RDI] = reinterpret_cast<greg_t>(argument);
  registers[REG_RIP] = static_cast<greg_t>(entry);
#endif
}

void report(int signal, const siginfo_t* info, uint64_t pc) {
  char line[160];
  const int length =
      std::snprintf(line, sizeof line, "lkl: signal %d in kernel code at %#llx, address %p\n",
                    signal, static_cast<unsigned long long>(pc), info->si_addr);
  print(line, length);
}

// A mapping that the kernel has made, and the host has not yet, or no more. True if the thread
// can go on; else `signal` is what it gets.
bool serve_mapping(ucontext_t* context, uint64_t pc, siginfo_t* info, int& signal) {
  const auto address = reinterpret_cast<uint64_t>(info->si_addr);
  const bool write = is_write(context), in_kernel = lkl_kernel_owns(pc);
  switch (lkl_kernel_page_fault(address, write, in_kernel)) {
    case LKL_FAULT_SERVED:
      return true;
    case LKL_FAULT_USER:
      break;
    default:
      return false;
  }
  if (in_kernel) {
    push(context, pc);
    push(context, address | uint64_t{write} << 63);
    program_counter(context) = reinterpret_cast<greg_t>(&lkl_kernel_user_fault_entry);
    return true;
  }
  const int answer = serve_application(address, write);
  if (answer == LKL_FAULT_BUS) {
    signal = info->si_signo = SIGBUS;
    info->si_code = BUS_ADRERR;
  }
  return answer == 0;
}

void to_default(int signal, const struct sigaction& previous, bool comes_again) {
  sigaction(signal, &previous, nullptr);
  // if not by the instruction, when it runs again
  if (!comes_again) raise(signal);
}

void on_fault(int signal, siginfo_t* info, void* raw) {
  auto* context = static_cast<ucontext_t*>(raw);
  const uint64_t pc = program_counter(context);
  const bool wild_jump = reinterpret_cast<uint64_t>(info->si_addr) == pc;
  const int came = signal;
  leave_backtrace();
  // What is sent by a program has no address; SIGBUS is the host without memory.
  if (signal == SIGSEGV && info->si_code > 0 && serve_mapping(context, pc, info, signal)) return;
  if (lkl_kernel_owns(pc)) {
    if (const uint64_t fixup = lkl_kernel_fixup(pc)) {
      program_counter(context) = fixup;
      return;
    }
  }
  if (lkl_kernel_owns(pc) || wild_jump) {
    if (const uint64_t oops = lkl_kernel_oops(stack_pointer(context))) {
      call_instead(context, oops, info->si_addr, wild_jump);
      return;
    }
  }
  // The kernel has no stack left to say it itself.
  if (lkl_kernel_owns(pc)) report(signal, info, pc);

  const struct sigaction& previous = signal == SIGSEGV ? previous_segv : previous_bus;
  if (previous.sa_flags & SA_SIGINFO) {
    previous.sa_sigaction(signal, info, raw);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(signal);
  } else {
    // The instruction runs again and meets the default action.
    to_default(signal, previous, signal == came);
  }
}

}  // namespace

void install_fault_handler(int (*serve)(uint64_t address, bool write)) {
  serve_application = serve;
  struct sigaction action = {};
  action.sa_sigaction = on_fault;
  sigemptyset(&action.sa_mask);
  // SA_ONSTACK matters to who set an alternate stack: it is used then. valgrind makes the stack of
  // main() larger as it is used, but not for such a handler, whether there is another stack or not.
  action.sa_flags = SA_SIGINFO | SA_NODEFER | (valgrind::runs_us() ? 0 : SA_ONSTACK);
  sigaction(SIGSEGV, &action, &previous_segv);
  sigaction(SIGBUS, &action, &previous_bus);
}

void remove_fault_handler() {
  for (const int signal : {SIGSEGV, SIGBUS}) {
    struct sigaction now;
    sigaction(signal, nullptr, &now);
    // Somebody who came after us and calls us must go on to find us there.
    if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_fault)
      sigaction(signal, signal == SIGSEGV ? &previous_segv : &previous_bus, nullptr);
  }
}

}  // namespace lkl::host
