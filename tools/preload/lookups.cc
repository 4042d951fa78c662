// SPDX-License-Identifier: GPL-2.0
#include "preload/lookups.h"

#include <resolv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "preload/by_number.h"
#include "preload/family.h"
#include "preload/kernel.h"
#include "preload/libc.h"
#include "preload/numbers.h"
#include "preload/say.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_OFF 0
#define PR_SYS_DISPATCH_ON 1
#define SYSCALL_DISPATCH_FILTER_ALLOW 0
#define SYSCALL_DISPATCH_FILTER_BLOCK 1
#endif

extern "C" {
extern const char lkl_preload_raw_begin[], lkl_preload_raw_end[];
void lkl_preload_sigreturn();
}

namespace lkl::preload {

namespace {

// The host's kernel reads it.
constinit thread_local volatile char selector [[gnu::tls_model("initial-exec")]] =
    SYSCALL_DISPATCH_FILTER_ALLOW;
constinit thread_local int depth [[gnu::tls_model("initial-exec")]] = 0;

// It would go on in here.
bool makes_process(long number) {
  return number == SYS_clone || number == SYS_clone3 || number == SYS_fork || number == SYS_vfork;
}

void on_dispatch(int, siginfo_t*, void* context) {
  selector = SYSCALL_DISPATCH_FILTER_ALLOW;
  const int error = errno;
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const long number = registers[REG_RAX];
  if (number == SYS_rt_sigreturn) {
    // of a handler that came in between: it ends where nobody is handed anything
    registers[REG_RIP] = reinterpret_cast<greg_t>(lkl_preload_sigreturn);
  } else {
    const Arguments arguments = {registers[REG_RDI], registers[REG_RSI], registers[REG_RDX],
                                 registers[REG_R10], registers[REG_R8],  registers[REG_R9]};
    const auto result = makes_process(number) ? -EAGAIN : call_by_number(number, arguments);
    registers[REG_RAX] = result ? *result : lkl_preload_raw_call(number, arguments.data());
  }
  errno = error;
  selector = SYSCALL_DISPATCH_FILTER_BLOCK;
}

// As the kernel has it: the C library's would end outside of the labels.
struct KernelAction {
  void (*handler)(int, siginfo_t*, void*);
  unsigned long flags;
  void (*restorer)();
  unsigned long mask;
};
bool install_handler() {
  constexpr unsigned long kRestorer = 0x04000000;
  const KernelAction action = {
      .handler = on_dispatch,
      .flags = SA_SIGINFO | SA_NODEFER | SA_RESTART | kRestorer,
      .restorer = lkl_preload_sigreturn,
      .mask = 0,
  };
  const long arguments[6] = {SIGSYS, reinterpret_cast<long>(&action), 0, sizeof action.mask};
  return lkl_preload_raw_call(SYS_rt_sigaction, arguments) == 0;
}

bool dispatch(bool on) {
  const long length = lkl_preload_raw_end - lkl_preload_raw_begin;
  return on ? ::prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, lkl_preload_raw_begin,
                      length, &selector) == 0
            : ::prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0) == 0;
}

// As a signal that is forced on a thread: blocked, it would be the end of the process.
class HandedOver {
 public:
  HandedOver() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGSYS);
    libc().pthread_sigmask(SIG_UNBLOCK, &set, &before_);
  }
  ~HandedOver() { libc().pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  HandedOver(const HandedOver&) = delete;
  HandedOver& operator=(const HandedOver&) = delete;

 private:
  sigset_t before_;
};

// The thread's system calls come to us while it lives.
class Dispatched {
 public:
  Dispatched() {
    static const bool installed = install_handler();
    if (!installed || (depth == 0 && !dispatch(true)))
      give_up(
          "the host cannot hand over the system calls of the C library (syscall user dispatch, "
          "Linux 5.11): names are looked up by --tier server");
    depth++;
    selector = SYSCALL_DISPATCH_FILTER_BLOCK;
  }
  ~Dispatched() {
    selector = SYSCALL_DISPATCH_FILTER_ALLOW;
    const int error = errno;
    if (--depth == 0) dispatch(false);
    errno = error;
    if (depth > 0) selector = SYSCALL_DISPATCH_FILTER_BLOCK;
  }
  Dispatched(const Dispatched&) = delete;
  Dispatched& operator=(const Dispatched&) = delete;

 private:
  const HandedOver handed_over_;
};

template <class Call>
auto dispatched(Call call) {
  if (this_thread.inside != 0 || is_served_child()) return call();
  if (is_child()) {
    refuse_in_child();
  } else {
    want_kernel();
  }
  const Dispatched scope;
  return call();
}

}  // namespace

NotDispatched::NotDispatched() : before_(selector) {
  selector = SYSCALL_DISPATCH_FILTER_ALLOW;
}

NotDispatched::~NotDispatched() {
  selector = before_;
}

}  // namespace lkl::preload

using lkl::preload::dispatched;
using lkl::preload::libc;

#define LKL_DISPATCHED(call) return dispatched([&] { return libc().call; })

extern "C" {

int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** found) {
  LKL_DISPATCHED(getaddrinfo(name, service, hints, found));
}
int getnameinfo(const sockaddr* address, socklen_t size, char* host, socklen_t host_size,
                char* service, socklen_t service_size, int flags) {
  LKL_DISPATCHED(getnameinfo(address, size, host, host_size, service, service_size, flags));
}
hostent* gethostbyname(const char* name) {
  LKL_DISPATCHED(gethostbyname(name));
}
hostent* gethostbyname2(const char* name, int family) {
  LKL_DISPATCHED(gethostbyname2(name, family));
}
hostent* gethostbyaddr(const void* address, socklen_t size, int family) {
  LKL_DISPATCHED(gethostbyaddr(address, size, family));
}
int gethostbyname_r(const char* name, hostent* result, char* buffer, size_t size, hostent** found,
                    int* error) {
  LKL_DISPATCHED(gethostbyname_r(name, result, buffer, size, found, error));
}
int gethostbyname2_r(const char* name, int family, hostent* result, char* buffer, size_t size,
                     hostent** found, int* error) {
  LKL_DISPATCHED(gethostbyname2_r(name, family, result, buffer, size, found, error));
}
int gethostbyaddr_r(const void* address, socklen_t length, int family, hostent* result,
                    char* buffer, size_t size, hostent** found, int* error) {
  LKL_DISPATCHED(gethostbyaddr_r(address, length, family, result, buffer, size, found, error));
}
int getifaddrs(ifaddrs** found) __THROW {
  LKL_DISPATCHED(getifaddrs(found));
}
struct if_nameindex* if_nameindex() __THROW {
  LKL_DISPATCHED(if_nameindex());
}
unsigned if_nametoindex(const char* name) __THROW {
  LKL_DISPATCHED(if_nametoindex(name));
}
char* if_indextoname(unsigned index, char* name) __THROW {
  LKL_DISPATCHED(if_indextoname(index, name));
}
}

// The resolver's own functions have macros in front of their names.
#define LKL_RESOLVER(name, parameters, words)                                                     \
  extern "C" int name parameters {                                                                \
    static const auto next = reinterpret_cast<int(*) parameters>(lkl::preload::find_next(#name)); \
    return dispatched([&] { return next words; });                                                \
  }
#undef res_query
#undef res_search
#undef res_querydomain
#undef res_send
#undef res_nquery
#undef res_nsearch
#undef res_nsend
#undef res_init
#undef res_ninit
LKL_RESOLVER(res_query, (const char* n, int c, int t, unsigned char* a, int l), (n, c, t, a, l))
LKL_RESOLVER(__res_query, (const char* n, int c, int t, unsigned char* a, int l), (n, c, t, a, l))
LKL_RESOLVER(res_search, (const char* n, int c, int t, unsigned char* a, int l), (n, c, t, a, l))
LKL_RESOLVER(__res_search, (const char* n, int c, int t, unsigned char* a, int l), (n, c, t, a, l))
LKL_RESOLVER(res_send, (const unsigned char* m, int s, unsigned char* a, int l), (m, s, a, l))
LKL_RESOLVER(__res_send, (const unsigned char* m, int s, unsigned char* a, int l), (m, s, a, l))
LKL_RESOLVER(res_nquery, (res_state r, const char* n, int c, int t, unsigned char* a, int l),
             (r, n, c, t, a, l))
LKL_RESOLVER(__res_nquery, (res_state r, const char* n, int c, int t, unsigned char* a, int l),
             (r, n, c, t, a, l))
LKL_RESOLVER(res_nsearch, (res_state r, const char* n, int c, int t, unsigned char* a, int l),
             (r, n, c, t, a, l))
LKL_RESOLVER(__res_nsearch, (res_state r, const char* n, int c, int t, unsigned char* a, int l),
             (r, n, c, t, a, l))
LKL_RESOLVER(res_nsend, (res_state r, const unsigned char* m, int s, unsigned char* a, int l),
             (r, m, s, a, l))
LKL_RESOLVER(__res_nsend, (res_state r, const unsigned char* m, int s, unsigned char* a, int l),
             (r, m, s, a, l))
LKL_RESOLVER(res_init, (), ())
LKL_RESOLVER(__res_init, (), ())
LKL_RESOLVER(res_ninit, (res_state r), (r))
LKL_RESOLVER(__res_ninit, (res_state r), (r))
