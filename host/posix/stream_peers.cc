// SPDX-License-Identifier: GPL-2.0
#include "posix/stream_peers.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "host.h"
#include "posix/event_counter.h"
#include "posix/raw_call.h"

namespace lkl::host {
namespace {

constexpr int kSocketFlags = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;

// A frame goes out when it is sent, not when there are more.
void prompt(int socket, int family) {
  const int on = 1;
  if (family != AF_UNIX) raw_call(SYS_setsockopt, socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int failure_of(int socket) {
  int error = 0;
  socklen_t size = sizeof error;
  const int64_t result = raw_call(SYS_getsockopt, socket, SOL_SOCKET, SO_ERROR, &error, &size);
  return result < 0 ? static_cast<int>(result) : -error;
}

// 0, -EINPROGRESS or another -errno.
int begin_to_connect(const SocketAddress& address, Descriptor& socket) {
  const int64_t fd = raw_call(SYS_socket, address.family(), kSocketFlags, 0);
  if (fd < 0) return static_cast<int>(fd);
  socket = Descriptor(static_cast<int>(fd));
  prompt(socket.get(), address.family());
  return static_cast<int>(raw_call(SYS_connect, socket.get(), address.get(), address.size));
}

}  // namespace

int connect_stream(const std::vector<SocketAddress>& addresses, Descriptor& socket) {
  int error = -EADDRNOTAVAIL;
  for (const SocketAddress& address : addresses) {
    error = begin_to_connect(address, socket);
    if (error == -EINPROGRESS) {
      pollfd wait = {.fd = socket.get(), .events = POLLOUT, .revents = 0};
      while (::poll(&wait, 1, -1) < 0 && errno == EINTR) continue;
      error = failure_of(socket.get());
    }
    if (error == 0) return 0;
  }
  socket.reset();
  return error;
}

int StreamPeers::open() {
  set_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  timer_ = Descriptor(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!set_ || !timer_) return -errno;
  epoll_event event = {.events = EPOLLIN, .data = {}};
  for (const int fd : {timer_.get(), listener_.get()})
    if (fd >= 0 && ::epoll_ctl(set_.get(), EPOLL_CTL_ADD, fd, &event) < 0) return -errno;
  return 0;
}

int StreamPeers::listen(const std::vector<SocketAddress>& addresses,
                        std::unique_ptr<StreamPeers>& result) {
  auto peers = std::make_unique<StreamPeers>();
  int error = -EADDRNOTAVAIL;
  for (const SocketAddress& address : addresses) {
    error = bind_socket(address, SOCK_STREAM, peers->listener_, peers->path_);
    if (error == 0 && ::listen(peers->listener_.get(), 1) < 0) error = -errno;
    if (error == 0) break;
  }
  if (error == 0) error = peers->open();
  if (error == 0) result = std::move(peers);
  return error;
}

int StreamPeers::connect(std::vector<SocketAddress> addresses, unsigned every_ms,
                         std::unique_ptr<StreamPeers>& result) {
  auto peers = std::make_unique<StreamPeers>();
  peers->addresses_ = std::move(addresses);
  peers->every_ms_ = every_ms;
  if (const int error = peers->open()) return error;
  result = std::move(peers);
  return 0;
}

void StreamPeers::watch(int operation, int fd, unsigned events) {
  epoll_event event = {.events = events, .data = {}};
  raw_call(SYS_epoll_ctl, set_.get(), operation, fd, &event);
}

// Until the timer says so.
void StreamPeers::wait() {
  set_alarm(timer_.get(), monotonic_ns() + every_ms_ * uint64_t{1'000'000});
}

void StreamPeers::lost() {
  if (!listener_) wait();
}

int StreamPeers::next(Descriptor& socket) {
  if (asked_) return asked(socket);
  const bool rang = empty_counter(timer_.get());
  if (listener_) {
    if (rang) watch(EPOLL_CTL_MOD, listener_.get(), EPOLLIN);
    return accept(socket);
  }
  return rang ? ask(socket) : -EAGAIN;
}

int StreamPeers::accept(Descriptor& socket) {
  const int64_t fd =
      raw_call(SYS_accept4, listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd >= 0) {
    socket = Descriptor(static_cast<int>(fd));
    sockaddr_storage own = {};
    socklen_t size = sizeof own;
    raw_call(SYS_getsockname, socket.get(), &own, &size);
    prompt(socket.get(), own.ss_family);
    return 0;
  }
  if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS || fd == -ENOMEM) {
    // whoever has come stays there, and so does this: not to ask without end
    watch(EPOLL_CTL_MOD, listener_.get(), 0);
    wait();
  }
  return -EAGAIN;
}

int StreamPeers::ask(Descriptor& socket) {
  const int error = begin_to_connect(addresses_[address_], socket);
  address_ = (address_ + 1) % addresses_.size();
  if (error == 0) return 0;
  if (error == -EINPROGRESS) {
    asked_ = std::move(socket);
    watch(EPOLL_CTL_ADD, asked_.get(), EPOLLOUT);
  } else {
    socket.reset();
    wait();
  }
  return -EAGAIN;
}

int StreamPeers::asked(Descriptor& socket) {
  pollfd now = {.fd = asked_.get(), .events = POLLOUT, .revents = 0};
  const timespec none = {};
  if (raw_call(SYS_ppoll, &now, 1, &none, nullptr, 0) != 1) return -EAGAIN;
  watch(EPOLL_CTL_DEL, asked_.get(), 0);
  Descriptor answered = std::move(asked_);
  if (failure_of(answered.get()) != 0) {
    wait();
    return -EAGAIN;
  }
  socket = std::move(answered);
  return 0;
}

}  // namespace lkl::host
