// SPDX-License-Identifier: GPL-2.0
#include "run/filter.h"

#include <errno.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <memory>
#include <new>

#include "base/descriptor.h"
#include "base/error.h"
#include "run/open_pass.h"

namespace lkl::tool::served {

namespace {

constexpr int kAsked[] = {SCMP_SYS(connect),     SCMP_SYS(bind),       SCMP_SYS(listen),
                          SCMP_SYS(accept),      SCMP_SYS(accept4),    SCMP_SYS(getsockname),
                          SCMP_SYS(getpeername), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
                          SCMP_SYS(shutdown),    SCMP_SYS(sendmsg),    SCMP_SYS(recvmsg),
                          SCMP_SYS(sendmmsg),    SCMP_SYS(recvmmsg),   SCMP_SYS(open),
                          SCMP_SYS(creat),       SCMP_SYS(openat),     SCMP_SYS(openat2)};

void check(int error) {
  if (error < 0)
    throw Failure(fmt::format("the filter of system calls: seccomp: {}",
                              describe({-error, std::system_category()})));
}

using Context = std::unique_ptr<void, decltype(&seccomp_release)>;

void ask_about(const Context& context, int call, std::initializer_list<scmp_arg_cmp> conditions) {
  check(seccomp_rule_add_array(context.get(), SCMP_ACT_NOTIFY, call,
                               static_cast<unsigned>(conditions.size()), conditions.begin()));
}

scmp_arg_cmp differs(unsigned argument, scmp_datum_t value) {
  return {argument, SCMP_CMP_NE, value, 0};
}
scmp_arg_cmp has_bit(unsigned argument, scmp_datum_t bit) {
  return {argument, SCMP_CMP_MASKED_EQ, bit, bit};
}

// In front of all else: openat() with the pass of its name. libseccomp compares arguments with
// constants only. A 32-bit call of this number has nothing in the upper half.
constexpr unsigned kName = offsetof(seccomp_data, args[1]), kPass = offsetof(seccomp_data, args[5]);
constexpr sock_filter kPassed[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 8),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kName),
    BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, kPassLow),
    BPF_STMT(BPF_MISC | BPF_TAX, 0),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kPass),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kPass + sizeof(std::uint32_t)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kPassHigh, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

}  // namespace

std::vector<sock_filter> make_filter() {
  const Context context(seccomp_init(SCMP_ACT_ALLOW), seccomp_release);
  if (context == nullptr) throw std::bad_alloc();
  // Calls of 32-bit programs have other numbers: nobody would be asked about them.
  check(seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));
  check(seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2));
  for (const int call : kAsked) ask_about(context, call, {});
  ask_about(context, SCMP_SYS(socket), {differs(0, AF_UNIX)});
  ask_about(context, SCMP_SYS(sendto), {differs(4, 0)});
  for (const int flag : kAskedOfSending)
    ask_about(context, SCMP_SYS(sendto), {has_bit(3, static_cast<unsigned>(flag))});
  ask_about(context, SCMP_SYS(recvfrom), {differs(4, 0)});
  for (const int flag : kAskedOfReceiving)
    ask_about(context, SCMP_SYS(recvfrom), {has_bit(3, static_cast<unsigned>(flag))});
  for (const RequestClass& one : kAskedRequests)
    ask_about(context, SCMP_SYS(ioctl), {{1, SCMP_CMP_MASKED_EQ, one.mask, one.value}});
  // It makes sockets past all filters. Who has it can do without.
  check(seccomp_rule_add(context.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(io_uring_setup), 0));

  const Descriptor file = make_memory_file("lkl-filter");
  check(seccomp_export_bpf(context.get(), file.get()));
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  std::vector<sock_filter> filter(std::begin(kPassed), std::end(kPassed));
  filter.resize(filter.size() + static_cast<std::size_t>(size) / sizeof(sock_filter));
  if (::pread(file.get(), &filter[std::size(kPassed)], static_cast<std::size_t>(size), 0) != size)
    check(-EIO);
  return filter;
}

int install_filter(std::span<const sock_filter> filter) noexcept {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -errno;
  // The library has no words for all of this in the versions that there are.
  sock_fprog program = {static_cast<unsigned short>(filter.size()),
                        const_cast<sock_filter*>(filter.data())};
  const auto install = [&program](unsigned long flags) {
    return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER | flags,
                     &program);
  };
  // Of Linux 5.19: no signal takes the answer to a call that we have begun to work on. Of 5.7:
  // other threads are under it, too.
  constexpr unsigned long kAllThreads = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
  long fd = -1;
  for (const unsigned long flags :
       {SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV | kAllThreads, kAllThreads}) {
    fd = install(flags);
    if (fd >= 0 || errno != EINVAL) break;
  }
  return fd < 0 ? -errno : static_cast<int>(fd);
}

}  // namespace lkl::tool::served
