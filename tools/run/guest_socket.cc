// SPDX-License-Identifier: GPL-2.0
#include "run/guest_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <lkl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "run/reply.h"

namespace lkl::tool::served {

namespace {

constexpr unsigned kPairEvents = EPOLLIN | EPOLLRDHUP;
constexpr int kOrphanMs = 120'000;

}  // namespace

GuestSocket::GuestSocket(Worlds& worlds, std::shared_ptr<Client> client, int fd, State state)
    : worlds_(worlds), client_(std::move(client)), id_(worlds.new_id()), fd_(fd), state_(state) {
  if (state != State::kDatagrams) return;
  datagrams_ = std::make_unique<Datagrams>();
  int family = 0, size = sizeof family;
  device_ = lkl_sys_getsockopt(fd, SOL_SOCKET, SO_DOMAIN, reinterpret_cast<char*>(&family),
                               &size) == -LKL_ENOTSOCK;
  sized_ = family == LKL_AF_NETLINK;
}

GuestSocket::~GuestSocket() {
  if (fd_ >= 0) lkl_sys_close(static_cast<unsigned>(fd_));
}

GuestSocket::Ends GuestSocket::make(Worlds& worlds, std::shared_ptr<Client> client, int fd,
                                    State state, bool nonblocking) {
  int ends[2];
  const int type = state == State::kDatagrams ? SOCK_SEQPACKET : SOCK_STREAM;
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    throw std::system_error(errno, std::system_category(), "a pair of sockets");
  Descriptor ours(ends[0]), program(ends[1]);
  auto socket = std::make_shared<GuestSocket>(worlds, client, fd, state);
  socket->pair_ = std::move(ours);
  if (!nonblocking) ::fcntl(program.get(), F_SETFL, 0);
  socket->cookie_ = cookie_of(program.get());
  client->add(socket->cookie_, socket);
  worlds.add(socket->id_, socket);
  worlds.watch_host(socket->pair_.get(), socket->id_, kPairEvents, false);
  if (state == State::kDatagrams && !socket->device_) socket->watch_socket(LKL_EPOLLIN);
  return {std::move(socket), std::move(program)};
}

GuestSocket::Ends GuestSocket::adopt(Worlds& worlds, std::shared_ptr<Client> client, int fd) {
  const auto option = [fd](int name) {
    int value = 0, size = sizeof value;
    lkl_sys_getsockopt(fd, SOL_SOCKET, name, reinterpret_cast<char*>(&value), &size);
    return value;
  };
  const lkl_long flags = lkl_sys_fcntl(static_cast<unsigned>(fd), LKL_F_GETFL, 0);
  const bool streams = option(SO_TYPE) == SOCK_STREAM;
  Ends ends = make(worlds, std::move(client), fd, streams ? State::kFresh : State::kDatagrams,
                   (flags & LKL_O_NONBLOCK) != 0);
  // we never wait for it alone
  lkl_sys_fcntl(static_cast<unsigned>(fd), LKL_F_SETFL,
                static_cast<lkl_ulong>(flags) | LKL_O_NONBLOCK);
  for (const int name : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    timeval time = {};
    int size = sizeof time;
    if (lkl_sys_getsockopt(fd, SOL_SOCKET, name, reinterpret_cast<char*>(&time), &size) == 0)
      ::setsockopt(ends.program.get(), SOL_SOCKET, name, &time, sizeof time);
  }
  GuestSocket& socket = *ends.socket;
  if (!streams) {
    // a tunnel; files are not waited for
    lkl_stat status = {};
    if (socket.device_ && lkl_sys_newfstat(static_cast<unsigned>(fd), &status) == 0 &&
        (status.st_mode & S_IFMT) == S_IFCHR)
      socket.attached();
    return ends;
  }
  if (option(SO_ACCEPTCONN) != 0) {
    socket.begin_to_listen();
    return ends;
  }
  tcp_info info = {};
  int size = sizeof info;
  const bool known =
      lkl_sys_getsockopt(fd, IPPROTO_TCP, TCP_INFO, reinterpret_cast<char*>(&info), &size) == 0;
  if (known && info.tcpi_state == TCP_SYN_SENT) {
    socket.state_ = State::kConnecting;
    socket.watch_socket(LKL_EPOLLIN | LKL_EPOLLOUT | LKL_EPOLLRDHUP);
    socket.stuff(ends.program);
  } else if (known && info.tcpi_state != TCP_CLOSE) {
    socket.connected();
  }
  return ends;
}

void GuestSocket::watch_socket(unsigned events) {
  if (watched_ == events || fd_ < 0) return;
  worlds_.watch_guest(fd_, id_, events, watched_ != 0);
  watched_ = events;
}

void GuestSocket::attached() {
  if (watched_ == 0) watch_socket(LKL_EPOLLIN);
}

void GuestSocket::watch_pair(bool for_room) {
  if (pair_full_ == for_room || !pair_) return;
  pair_full_ = for_room;
  worlds_.watch_host(pair_.get(), id_, kPairEvents | (for_room ? EPOLLOUT : 0U), true);
}

void GuestSocket::close() {
  if (std::exchange(closed_, true)) return;
  if (fd_ >= 0) {
    // It must not block us; what is to be sent is sent behind it.
    struct linger linger = {};
    int size = sizeof linger;
    if (unread_) {
      linger = {.l_onoff = 1, .l_linger = 0};
      lkl_sys_setsockopt(fd_, SOL_SOCKET, SO_LINGER, reinterpret_cast<char*>(&linger),
                         sizeof linger);
    } else if (is_stream() &&
               lkl_sys_getsockopt(fd_, SOL_SOCKET, SO_LINGER, reinterpret_cast<char*>(&linger),
                                  &size) == 0 &&
               linger.l_onoff != 0 && linger.l_linger != 0) {
      linger = {};
      lkl_sys_setsockopt(fd_, SOL_SOCKET, SO_LINGER, reinterpret_cast<char*>(&linger),
                         sizeof linger);
    }
    lkl_sys_close(static_cast<unsigned>(std::exchange(fd_, -1)));
  }
  if (listening_)
    for (const int fd : std::exchange(listening_->accepted, {}))
      lkl_sys_close(static_cast<unsigned>(fd));
  pair_.reset();
  client_->remove(cookie_);
  worlds_.remove(id_);
}

void GuestSocket::end() {
  waiting_.clear();
  pollfd pair = {pair_.get(), 0, 0};
  // who was passed it by somebody, and is not served, has nobody to serve him any more
  const bool closed_there = pair_ && ::poll(&pair, 1, 0) > 0 && (pair.revents & POLLHUP) != 0;
  if (closed_there) host_event(EPOLLIN | EPOLLRDHUP | EPOLLHUP);
  if (!closed_there || state_ != State::kConnected) return close();
  // As long as a kernel keeps what nobody has any more, if the other end takes nothing.
  if (fd_ >= 0)
    lkl_sys_setsockopt(fd_, IPPROTO_TCP, TCP_USER_TIMEOUT,
                       reinterpret_cast<char*>(const_cast<int*>(&kOrphanMs)), sizeof kOrphanMs);
}

void GuestSocket::become_remains() {
  state_ = State::kRemains;
  if (fd_ >= 0) lkl_sys_close(static_cast<unsigned>(std::exchange(fd_, -1)));
  pair_.reset();
  rest_in_ = {};
  rest_out_ = {};
  worlds_.remove(id_);
  client_->keep_remains(cookie_);
}

Descriptor GuestSocket::program_end() const {
  Descriptor end = client_->descriptors.copy(seen_thread_, seen_number_);
  if (end && cookie_of(end.get()) != cookie_) end.reset();
  return end;
}

void GuestSocket::host_event(unsigned events) {
  if (closed_ || state_ == State::kRemains) return;
  client_->act();
  if ((events & (EPOLLRDHUP | EPOLLHUP)) != 0) hang_up_ = true;
  if ((events & EPOLLHUP) != 0 && !shut_) gone_ = true;
  if ((events & EPOLLOUT) != 0) watch_pair(false);
  switch (state_) {
    case State::kConnected:
      return pump(true);
    case State::kDatagrams:
      datagrams_out();
      if (gone_) return close();
      return datagrams_in();
    default:
      if (gone_) close();
  }
}

void GuestSocket::guest_event(unsigned events) {
  if (closed_ || state_ == State::kRemains) return;
  client_->act();
  retry_waiting();
  switch (state_) {
    case State::kConnecting:
      // A failure is the program's to find out (SO_ERROR), as it would be on the host.
      events = events_now();
      if (events == 0) return;
      drain_stuffing();
      if ((events & (LKL_POLLERR | LKL_POLLHUP)) != 0)
        state_ = State::kFresh;
      else
        connected();
      return;
    case State::kConnected:
      return pump(false);
    case State::kListening:
      return announce();
    case State::kDatagrams:
      if (!rest_out_.empty()) datagrams_out();
      return datagrams_in();
    default:
      return;
  }
}

unsigned GuestSocket::events_now() const {
  lkl_pollfd state = {.fd = fd_, .events = LKL_POLLOUT, .revents = 0};
  __lkl__kernel_timespec now = {};
  lkl_sys_ppoll(&state, 1, &now, nullptr, 0);
  return static_cast<unsigned short>(state.revents);
}

void GuestSocket::flush() {
  if (closed_) return;
  if (state_ == State::kConnected) pump_out();
  if (state_ == State::kDatagrams) datagrams_out();
}

Outcome GuestSocket::attempt(const Notification& call, const Descriptor* end) {
  switch (call.call) {
    case SYS_connect:
      return connect(call, false);
    case SYS_accept:
    case SYS_accept4:
      return accept(call, end);
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_sendmmsg:
      return is_stream() ? fast_open(call, false) : send(call);
    default:
      return receive(call, end);
  }
}

void GuestSocket::retry_waiting() {
  // In their order.
  for (auto call = waiting_.begin(); call != waiting_.end();) {
    if (!call->notification.by->waits(call->notification.id)) {
      call = waiting_.erase(call);
      continue;
    }
    const Notification notification = call->notification;
    const Outcome outcome = attempt(notification, nullptr);
    if (outcome.kind == Outcome::Kind::kWaits) {
      ++call;
      continue;
    }
    call = waiting_.erase(call);
    reply(*client_, notification, outcome);
  }
}

void GuestSocket::forget_waits_of(pid_t thread) {
  std::erase_if(waiting_,
                [thread](const WaitingCall& call) { return call.notification.thread == thread; });
}

bool GuestSocket::let_go_to_signal(pid_t thread) {
  const auto call = std::ranges::find_if(
      waiting_, [thread](const WaitingCall& one) { return one.notification.thread == thread; });
  if (call == waiting_.end() || !call->notification.by->waits(call->notification.id)) return false;
  if (!has_signal(thread) || !call->notification.by->let_go(call->notification.id)) return true;
  waiting_.erase(call);
  return false;
}

void GuestSocket::expire(std::chrono::steady_clock::time_point now) {
  for (auto call = waiting_.begin(); call != waiting_.end();) {
    if (!call->until || *call->until > now) {
      ++call;
      continue;
    }
    reply(*client_, call->notification, {.result = call->late});
    call = waiting_.erase(call);
  }
}

}  // namespace lkl::tool::served
