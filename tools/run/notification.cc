// SPDX-License-Identifier: GPL-2.0
#include "run/notification.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace lkl::tool::served {

namespace {

// Of Linux 6.6: who waits for the answer runs on our processor when we sleep.
constexpr unsigned long kSetFlags = SECCOMP_IOW(4, __u64);
constexpr __u64 kSyncWakeUp = 1;

std::size_t size_of_notification() {
  seccomp_notif_sizes sizes = {};
  ::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes);
  return std::max<std::size_t>(sizes.seccomp_notif, sizeof(seccomp_notif));
}

}  // namespace

Listener::Listener(Descriptor fd)
    : fd_(std::move(fd)), room_(size_of_notification() / sizeof(std::uint64_t) + 1) {
  ::ioctl(fd_.get(), kSetFlags, kSyncWakeUp);  // older hosts are without
}

std::optional<Notification> Listener::receive() {
  std::ranges::fill(room_, 0);
  if (::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_RECV, room_.data()) != 0) return std::nullopt;
  const auto& got = *reinterpret_cast<const seccomp_notif*>(room_.data());
  Notification notification;
  notification.id = got.id;
  notification.thread = static_cast<pid_t>(got.pid);
  notification.call = got.data.nr;
  notification.by = shared_from_this();
  std::ranges::copy(got.data.args, notification.arguments.begin());
  return notification;
}

bool Listener::is_one(const Descriptor& fd) {
  const std::uint64_t nobody = 0;
  return ::ioctl(fd.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &nobody) != 0 && errno == ENOENT;
}

bool Listener::abandoned() const {
  pollfd state = {fd_.get(), 0, 0};
  return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLHUP | POLLERR)) != 0;
}

bool Listener::waits(std::uint64_t id) const {
  return ::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

bool Listener::send(std::uint64_t id, long result, unsigned flags) const {
  seccomp_notif_resp response = {};
  response.id = id;
  if (result < 0)
    response.error = static_cast<int>(result);
  else
    response.val = result;
  response.flags = flags;
  return ::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_SEND, &response) == 0;
}

bool Listener::answer(std::uint64_t id, long result) const {
  return send(id, result, 0);
}

bool Listener::go_on(std::uint64_t id) const {
  return send(id, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

bool Listener::let_go(std::uint64_t id) const {
  // ERESTARTSYS, of which the host's kernel makes what the handler wants
  constexpr long kRestart = 512;
  answer(id, -kRestart);
  return true;
}

int Listener::give(std::uint64_t id, int fd, bool close_on_exec) const {
  seccomp_notif_addfd add = {};
  add.id = id;
  add.flags = SECCOMP_ADDFD_FLAG_SEND;
  add.srcfd = static_cast<unsigned>(fd);
  add.newfd_flags = close_on_exec ? O_CLOEXEC : 0;
  const int number = ::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_ADDFD, &add);
  return number < 0 ? -errno : number;
}

}  // namespace lkl::tool::served
