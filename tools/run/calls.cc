// SPDX-License-Identifier: GPL-2.0
//
// What is done for each system call that a program asks about.
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <lkl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "run/allowed_options.h"
#include "run/open_call.h"
#include "run/reply.h"
#include "run/served_files.h"
#include "run/supervisor.h"
#include "run/unix_call.h"

namespace lkl::tool::served {

namespace {

using Clock = std::chrono::steady_clock;

bool has_messages(int call) {
  return call == SYS_sendmsg || call == SYS_recvmsg || call == SYS_sendmmsg ||
         call == SYS_recvmmsg || call == SYS_sendto || call == SYS_recvfrom;
}
bool sends(int call) {
  return call == SYS_sendmsg || call == SYS_sendmmsg || call == SYS_sendto;
}

std::optional<Clock::duration> timeout_of(int fd, int option) {
  struct {
    long seconds, microseconds;
  } time = {};
  int size = sizeof time;
  if (lkl_sys_getsockopt(fd, SOL_SOCKET, option, reinterpret_cast<char*>(&time), &size) != 0 ||
      (time.seconds == 0 && time.microseconds == 0))
    return std::nullopt;
  return std::chrono::seconds(time.seconds) + std::chrono::microseconds(time.microseconds);
}

}  // namespace

void Supervisor::serve(const Asked& asked) {
  const auto& [client, call, socket, end] = asked;
  client->act();
  // What it waited for before it does not wait for any more.
  if (const auto waited = waits_.find(call.thread); waited != waits_.end()) {
    if (const auto socket = waited->second.lock()) socket->forget_waits_of(call.thread);
    waits_.erase(waited);
  }
  if (const auto before = client->recall(call.thread);
      before && before->call == call.call && before->arguments == call.arguments)
    return reply(*client, call, {.result = before->result});
  const Outcome outcome = call.call == SYS_socket ? make_socket(client, call)
                          : opens_file(call)      ? open_tunnel(client, call)
                                                  : use_socket(asked);
  if (outcome.kind != Outcome::Kind::kAnswered) reply(*client, call, outcome);
}

Outcome Supervisor::make_socket(const std::shared_ptr<Client>& client, const Notification& call) {
  const int family = call.number(0), type = call.number(1) & 0xf;
  const int flags = call.number(1) & ~0xf;
  if (family == AF_UNIX) return Outcome::on_host();
  const bool known =
      family == AF_INET || family == AF_INET6 || family == AF_NETLINK || family == AF_PACKET;
  if (!known || type == SOCK_SEQPACKET || type == SOCK_DCCP) {
    warn_once(
        fmt::format("sockets of family {} and type {} are not served: the program gets an error",
                    family, type));
    return {.result = known ? -ESOCKTNOSUPPORT : -EAFNOSUPPORT};
  }
  if ((flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0) return {.result = -EINVAL};
  constexpr int kSctp = 132;
  if (call.number(2) == kSctp) return {.result = -EPROTONOSUPPORT};
  const auto fd = static_cast<int>(
      lkl_sys_socket(family, type | LKL_SOCK_NONBLOCK | LKL_SOCK_CLOEXEC, call.number(2)));
  if (fd < 0) return {.result = fd};
  return give(client, call, fd,
              type == SOCK_STREAM ? GuestSocket::State::kFresh : GuestSocket::State::kDatagrams,
              flags);
}

// The program gets this descriptor of our kernel.
Outcome Supervisor::give(const std::shared_ptr<Client>& client, const Notification& call, int fd,
                         GuestSocket::State state, int flags) {
  GuestSocket::Ends ends;
  try {
    ends = GuestSocket::make(worlds_, client, fd, state, (flags & SOCK_NONBLOCK) != 0);
  } catch (const std::system_error& error) {
    lkl_sys_close(static_cast<unsigned>(fd));
    return {.result = -error.code().value()};
  }
  const int number = call.by->give(call.id, ends.program.get(), (flags & SOCK_CLOEXEC) != 0);
  trace(call, nullptr, number);
  if (number < 0) {
    ends.socket->close();
    if (number == -ENOENT) return Outcome::answered();
    return {.result = number};
  }
  ends.socket->seen(call.thread, number);
  return Outcome::answered();
}

Outcome Supervisor::open_tunnel(const std::shared_ptr<Client>& client, const Notification& call) {
  const auto flags = flags_of_open(call);
  if (!flags) return {.result = -EFAULT};
  act_as_root(client->network);
  make_tunnel_device();
  client->act();
  const int fd = open_tunnel_device();
  if (fd < 0) return {.result = fd};
  static_assert(O_CLOEXEC == SOCK_CLOEXEC && O_NONBLOCK == SOCK_NONBLOCK);
  return give(client, call, fd, GuestSocket::State::kDatagrams, *flags);
}

Outcome Supervisor::use_socket(const Asked& asked) {
  const auto& [client, call, socket, end] = asked;
  if (socket->closed()) return use_unix(*client, call, end);  // meanwhile
  if (call.call == SYS_bind || call.call == SYS_connect || call.call == SYS_listen) {
    drain_pairs();
    client->act();
  }
  socket->seen(call.thread, call.number(0));
  socket->flush();
  const Outcome outcome = use(*socket, call, end);
  if (outcome.kind == Outcome::Kind::kWaits) {
    defer(socket, call);
  } else if (outcome.kind != Outcome::Kind::kAnswered) {
    // here, as what is taken back is the socket's
    reply(*client, call, outcome);
  }
  return Outcome::answered();
}

void Supervisor::defer(const std::shared_ptr<GuestSocket>& socket, const Notification& call) {
  WaitingCall waiting = {.notification = call, .until = std::nullopt};
  const bool out = sends(call.call) || call.call == SYS_connect;
  waiting.late = call.call == SYS_connect ? -EINPROGRESS : -EAGAIN;
  if (const auto timeout = timeout_of(socket->fd(), out ? SO_SNDTIMEO : SO_RCVTIMEO)) {
    waiting.until = Clock::now() + *timeout;
    deadlines_.emplace(*waiting.until, socket);
  }
  socket->wait(waiting);
  waits_[call.thread] = socket;
  look_soon();
}

Outcome Supervisor::use(GuestSocket& socket, const Notification& call, const Descriptor& end) {
  using State = GuestSocket::State;
  const bool nonblocking = (::fcntl(end.get(), F_GETFL) & O_NONBLOCK) != 0;
  const auto unless_waiting = [&](Outcome outcome, bool at_once) {
    if (outcome.kind == Outcome::Kind::kWaits && at_once) return Outcome{.result = -EAGAIN};
    return outcome;
  };
  if (socket.state() == State::kRemains && call.call != SYS_getsockopt && !has_messages(call.call))
    return {.result = -ENOTCONN};
  if (socket.is_device() && call.call != SYS_ioctl) return {.result = -ENOTSOCK};
  const ProgramMemory memory(call);
  switch (call.call) {
    case SYS_connect:
      return socket.connect(call, nonblocking);
    case SYS_bind: {
      char name[kLongestName];
      const int size = call.number(2);
      if (size < 0 || size > static_cast<int>(sizeof name)) return {.result = -EINVAL};
      if (!memory.read(call.arguments[1], name, static_cast<std::size_t>(size)))
        return {.result = -EFAULT};
      return {.result = lkl_sys_bind(socket.fd(), reinterpret_cast<lkl_sockaddr*>(name), size)};
    }
    case SYS_listen:
      return socket.listen(call.number(1));
    case SYS_accept:
    case SYS_accept4:
      return unless_waiting(socket.accept(call, &end), nonblocking);
    case SYS_getsockname:
    case SYS_getpeername:
      return tell_name(socket, call);
    case SYS_getsockopt:
    case SYS_setsockopt:
      return option(socket, call, end);
    case SYS_shutdown:
      return socket.shut_down(call.number(1));
    case SYS_ioctl: {
      const auto number = static_cast<unsigned>(call.arguments[1]);
      const long result = request(socket.fd(), number, call.arguments[2], memory);
      if (result == 0 && number == TUNSETIFF) socket.attached();
      return {.result = result};
    }
    default:
      break;
  }
  const int flags = message_flags(call);
  if (socket.is_stream()) {
    constexpr int kFastOpen = 0x20000000;
    if ((flags & MSG_OOB) != 0) return {.result = -EOPNOTSUPP};
    if (sends(call.call) && (flags & kFastOpen) != 0)
      return socket.fast_open(call, nonblocking || (flags & MSG_DONTWAIT) != 0);
    if ((flags & MSG_ERRQUEUE) != 0 && !sends(call.call)) return socket.receive(call, &end);
    return Outcome::on_host();
  }
  return unless_waiting(socket.attempt(call, &end), nonblocking || (flags & MSG_DONTWAIT) != 0);
}

Outcome Supervisor::tell_name(GuestSocket& socket, const Notification& call) {
  const ProgramMemory memory(call);
  alignas(lkl_sockaddr) char name[kLongestName];
  int size = sizeof name;
  auto* const address = reinterpret_cast<lkl_sockaddr*>(name);
  const lkl_long error = call.call == SYS_getsockname
                             ? lkl_sys_getsockname(socket.fd(), address, &size)
                             : lkl_sys_getpeername(socket.fd(), address, &size);
  if (error != 0) return {.result = error};
  const auto room = memory.value<int>(call.arguments[2]);
  if (!room) return {.result = -EFAULT};
  if (*room < 0) return {.result = -EINVAL};
  const bool good =
      memory.write(call.arguments[1], name, static_cast<std::size_t>(std::min(*room, size))) &&
      memory.write(call.arguments[2], &size, sizeof size);
  return {.result = good ? 0 : -EFAULT};
}

Outcome Supervisor::option(GuestSocket& socket, const Notification& call, const Descriptor& end) {
  const ProgramMemory memory(call);
  const int level = call.number(1), name = call.number(2);
  if (call.call == SYS_getsockopt) {
    if (level == SOL_SOCKET && name == SO_ERROR) {
      const int error = socket.take_error();
      if (error != 0 || socket.state() == GuestSocket::State::kRemains) {
        // what the pair has of it, too
        int none = 0;
        socklen_t size = sizeof none;
        ::getsockopt(end.get(), SOL_SOCKET, SO_ERROR, &none, &size);
        const int length = sizeof error;
        const bool good = memory.write(call.arguments[3], &error, sizeof error) &&
                          memory.write(call.arguments[4], &length, sizeof length);
        return {.result = good ? 0 : -EFAULT};
      }
    }
    if (socket.state() == GuestSocket::State::kRemains) return {.result = -EINVAL};
    // Of the bytes in the pair, which the host counts.
    if (level == SOL_SOCKET && name == SO_PEEK_OFF) return Outcome::on_host();
    return {.result =
                get_option(socket.fd(), level, name, call.arguments[3], call.arguments[4], memory)};
  }
  const long error =
      set_option(socket.fd(), level, name, call.arguments[3], call.number(4), memory);
  // Calls that are the host's have the same limits.
  constexpr int kNewer[] = {66, 67};  // SO_RCVTIMEO_NEW, SO_SNDTIMEO_NEW
  const bool of_pair = name == SO_RCVTIMEO || name == SO_SNDTIMEO ||
                       std::ranges::find(kNewer, name) != std::end(kNewer);
  if (error == 0 && level == SOL_SOCKET && of_pair) {
    timeval time = {};
    if (memory.read(call.arguments[3], &time, sizeof time))
      ::setsockopt(end.get(), level, name, &time, sizeof time);
  }
  if (error == 0 && level == SOL_SOCKET && name == SO_PEEK_OFF) return Outcome::on_host();
  return {.result = error};
}

}  // namespace lkl::tool::served
