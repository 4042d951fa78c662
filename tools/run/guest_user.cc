// SPDX-License-Identifier: GPL-2.0
#include "run/guest_user.h"

#include <errno.h>
#include <fmt/format.h>
#include <lkl.h>
#include <lkl/linux/capability.h>
#include <lkl/linux/prctl.h>
#include <lkl/linux/securebits.h>
#include <sys/socket.h>
#include <unistd.h>

#include <system_error>

#include "base/error.h"

namespace lkl::tool::served {

namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::system_category(), what);
}

void check(lkl_long error, const char* what) {
  if (error < 0)
    throw Failure(fmt::format("{}: the kernel cannot let a program be itself: {}", what,
                              lkl_strerror(static_cast<int>(error))));
}

// What may be used: all, or nothing. All of it may be taken back, by us.
void set_rights(bool all) {
  __lkl__user_cap_header_struct head = {.version = _LKL_LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const unsigned effective = all ? ~0U : 0;
  const __lkl__user_cap_data_struct data[2] = {
      {.effective = effective, .permitted = ~0U, .inheritable = 0},
      {.effective = effective, .permitted = ~0U, .inheritable = 0}};
  check(lkl_sys_capset(&head, const_cast<__lkl__user_cap_data_struct*>(data)), "capset");
}

void become(const GuestUser& user) {
  // Rights are set by us alone.
  check(lkl_sys_prctl(LKL_PR_SET_SECUREBITS, LKL_SECBIT_NO_SETUID_FIXUP, 0, 0, 0), "prctl");
  check(lkl_sys_setgroups(static_cast<int>(user.groups.size()), user.groups.data()), "setgroups");
  check(lkl_sys_setresgid(user.group, user.group, user.group), "setresgid");
  check(lkl_sys_setresuid(user.user, user.user, user.user), "setresuid");
}

}  // namespace

GuestUser user_of_process() {
  GuestUser user = {.user = ::geteuid(), .group = ::getegid()};
  const int count = ::getgroups(0, nullptr);
  if (count > 0) user.groups.resize(static_cast<std::size_t>(count));
  if (count < 0 || ::getgroups(count, user.groups.data()) != count) user.groups.clear();
  return user;
}

GuestUser user_of_peer(int socket) {
  ucred who = {};
  socklen_t size = sizeof who;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) fail("SO_PEERCRED");
  GuestUser user = {.user = who.uid, .group = who.gid};
  user.all_rights = who.uid == ::geteuid();
  constexpr socklen_t kMostGroups = 65536;
  user.groups.resize(64);
  for (;;) {
    size = static_cast<socklen_t>(user.groups.size() * sizeof user.groups[0]);
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, user.groups.data(), &size) == 0) break;
    if (errno != ERANGE || size / sizeof user.groups[0] > kMostGroups) fail("SO_PEERGROUPS");
    user.groups.resize(size / sizeof user.groups[0]);
  }
  user.groups.resize(size / sizeof user.groups[0]);
  return user;
}

void act_as(const GuestNamespace& network, const GuestUser& user) {
  thread_local int there = -1;
  thread_local GuestUser now;
  const bool moves = there != network.descriptor;
  if (!moves && now == user) return;
  // It takes rights to become somebody else, and to get into a network.
  if (!now.all_rights) set_rights(true);
  now.all_rights = true;
  if (moves) check(lkl_sys_setns(network.descriptor, LKL_CLONE_NEWNET), "setns");
  there = network.descriptor;
  if (now != user) become(user);
  if (!user.all_rights) set_rights(false);
  now = user;
}

}  // namespace lkl::tool::served
