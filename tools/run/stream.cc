// SPDX-License-Identifier: GPL-2.0
//
// Streams: what a program has written goes to the socket, what comes from there to the program; how
// they are connected and accepted.
#include <errno.h>
#include <lkl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>

#include "run/guest_socket.h"
#include "run/reply.h"

namespace lkl::tool::served {

namespace {

constexpr std::size_t kPart = 256 << 10;

std::span<char> part_room() {
  // never taken down: who serves its children does so while the process ends
  static std::vector<char>& room = *new std::vector<char>(kPart);
  return room;
}

}  // namespace

void GuestSocket::connected() {
  state_ = State::kConnected;
  watch_socket(LKL_EPOLLIN | LKL_EPOLLOUT | LKL_EPOLLRDHUP);
  pump(true);
}

void GuestSocket::pump(bool written) {
  if (written || !rest_out_.empty()) pump_out();
  if (closed_ || state_ != State::kConnected) return;
  if (gone_) {
    if (out_over_) close();
    return;
  }
  pump_in();
  if (shut_ && out_over_ && !closed_ && state_ == State::kConnected) {
    lkl_sys_shutdown(fd_, LKL_SHUT_RDWR);
    become_remains();
  }
}

void GuestSocket::pump_out() {
  const std::span<char> room = part_room();
  while (!out_over_) {
    std::span<const char> bytes = rest_out_;
    if (bytes.empty()) {
      const ssize_t count = ::recv(pair_.get(), room.data(), room.size(), MSG_DONTWAIT);
      if (count < 0 && errno == EAGAIN) return;
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) {
        if (count < 0) unread_ = true;
        out_over_ = true;
        // closed, or only shut down: known before its event comes
        pollfd end = {pair_.get(), 0, 0};
        if (!shut_ && ::poll(&end, 1, 0) > 0 && (end.revents & POLLHUP) != 0) gone_ = true;
        if (!gone_ && !shut_) lkl_sys_shutdown(fd_, LKL_SHUT_WR);
        return;
      }
      bytes = room.first(static_cast<std::size_t>(count));
    }
    const lkl_long sent = lkl_sys_sendto(fd_, bytes.data(), bytes.size(),
                                         LKL_MSG_DONTWAIT | LKL_MSG_NOSIGNAL, nullptr, 0);
    // EINPROGRESS: what is written connects it (TCP_FASTOPEN_CONNECT)
    if (sent < 0 && sent != -LKL_EAGAIN && sent != -LKL_EINPROGRESS) {
      rest_out_.clear();
      return break_off(static_cast<int>(-sent));
    }
    const auto taken = static_cast<std::size_t>(std::max<lkl_long>(sent, 0));
    if (taken < bytes.size()) {
      // goes on when the socket has room
      rest_out_ =
          std::vector<char>(bytes.begin() + static_cast<std::ptrdiff_t>(taken), bytes.end());
      return;
    }
    const bool was_all = rest_out_.empty() && bytes.size() < room.size() && !hang_up_;
    rest_out_.clear();
    if (was_all) return;
  }
}

bool GuestSocket::give_to_program(std::span<const char> bytes) {
  const ssize_t count =
      ::send(pair_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count < 0 && errno != EAGAIN) {
    // it wants no more
    in_over_ = true;
    return false;
  }
  const auto taken = static_cast<std::size_t>(std::max<ssize_t>(count, 0));
  const bool all = taken == bytes.size();
  rest_in_ =
      all ? std::vector<char>()
          : std::vector<char>(bytes.begin() + static_cast<std::ptrdiff_t>(taken), bytes.end());
  if (!all) watch_pair(true);
  return all;
}

void GuestSocket::pump_in() {
  if (in_over_ || pair_full_) return;
  if (!rest_in_.empty() && !give_to_program(std::vector<char>(rest_in_))) return;
  const std::span<char> room = part_room();
  while (!in_over_) {
    const lkl_long count =
        lkl_sys_recvfrom(fd_, room.data(), room.size(), LKL_MSG_DONTWAIT, nullptr, nullptr);
    if (count == -LKL_EAGAIN) return;
    if (count < 0) return break_off(static_cast<int>(-count));
    if (count == 0) {
      in_over_ = true;
      ::shutdown(pair_.get(), SHUT_WR);
      return;
    }
    if (!give_to_program(room.first(static_cast<std::size_t>(count)))) return;
  }
}

// The connection is no more. That a pair is closed with something unread in it is what tells its
// other end so: there has to be something.
void GuestSocket::break_off(int error) {
  if (error == EPIPE && !in_over_) {
    // the program has shut it down itself, or has never connected: there is still something to read
    out_over_ = true;
    ::shutdown(pair_.get(), SHUT_RD);
    return;
  }
  error_ = error == EPIPE ? 0 : error;
  if (gone_) return close();
  if (const Descriptor end = program_end()) {
    const char byte = 0;
    (void)!::send(end.get(), &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  become_remains();
}

// Not writable until it is connected: what would be written is not taken, as there is too much.
void GuestSocket::stuff(const Descriptor& end) {
  static const auto& stuffing = *new std::vector<char>(32 << 10);
  while (stuffing_ < 4 * stuffing.size()) {
    const ssize_t count = ::send(end.get(), stuffing.data(), stuffing.size(), MSG_DONTWAIT);
    if (count <= 0) return;
    stuffing_ += static_cast<std::size_t>(count);
    pollfd writable = {end.get(), POLLOUT, 0};
    if (::poll(&writable, 1, 0) == 0) return;
  }
}

void GuestSocket::drain_stuffing() {
  const std::span<char> room = part_room();
  while (stuffing_ != 0) {
    const ssize_t count =
        ::recv(pair_.get(), room.data(), std::min(stuffing_, room.size()), MSG_DONTWAIT);
    if (count <= 0) break;
    stuffing_ -= static_cast<std::size_t>(count);
  }
  stuffing_ = 0;
}

Outcome GuestSocket::connect(const Notification& call, bool nonblocking) {
  if (state_ == State::kRemains) return {.result = -EISCONN};
  const bool again = state_ == State::kConnecting && !waiting_.empty();
  if (!again) {
    const int size = call.number(2);
    if (size < 0 || static_cast<std::size_t>(size) > kLongestName) return {.result = -EINVAL};
    peer_.resize(static_cast<std::size_t>(size));
    if (!ProgramMemory(call).read(call.arguments[1], peer_.data(), peer_.size()))
      return {.result = -EFAULT};
  }
  const lkl_long error = lkl_sys_connect(fd_, reinterpret_cast<const lkl_sockaddr*>(peer_.data()),
                                         static_cast<int>(peer_.size()));
  if (!is_stream()) return {.result = error};
  if (error == 0) {
    const bool dissolved = peer_.size() >= 2 && peer_[0] == 0 && peer_[1] == 0;  // AF_UNSPEC
    if (dissolved)
      state_ = State::kFresh;
    else if (state_ != State::kConnected)
      connected();
    return {.result = 0};
  }
  if (error != -LKL_EINPROGRESS && error != -LKL_EALREADY) {
    if (state_ == State::kConnecting) state_ = State::kFresh;
    return {.result = error};
  }
  if (state_ != State::kConnecting) {
    state_ = State::kConnecting;
    watch_socket(LKL_EPOLLIN | LKL_EPOLLOUT | LKL_EPOLLRDHUP);
  }
  if (!nonblocking) return Outcome::waits();
  if (error == -LKL_EINPROGRESS)
    if (const Descriptor end = program_end()) stuff(end);
  return {.result = error};
}

// MSG_FASTOPEN: connect() with the first data. The kernel takes them at once if it has a cookie of
// the peer's; else they are sent when it is connected.
Outcome GuestSocket::fast_open(const Notification& call, bool nonblocking) {
  if (call.call == SYS_sendmmsg) return {.result = -EOPNOTSUPP};
  if (state_ == State::kRemains) return {.result = -EPIPE};
  const ProgramMemory memory(call);
  ProgramMessage place;
  if (const int error = find_message(call, 0, memory, place)) return {.result = error};
  std::size_t room = 0;
  for (iovec& part : place.parts) {
    part.iov_len = std::min(part.iov_len, kLongestData - room);
    room += part.iov_len;
  }
  Message& message = scratch_message();
  if (const int error = collect(place, memory, message)) return {.result = error};
  lkl_long sent;
  if (state_ == State::kConnecting && !waiting_.empty()) {
    const lkl_long error = lkl_sys_connect(fd_, reinterpret_cast<const lkl_sockaddr*>(peer_.data()),
                                           static_cast<int>(peer_.size()));
    if (error == -LKL_EINPROGRESS || error == -LKL_EALREADY) return Outcome::waits();
    if (error != 0) {
      state_ = State::kFresh;
      return {.result = error};
    }
    message.name.clear();
    sent = message.send(fd_, 0);
  } else {
    peer_ = message.name;
    sent = message.send(fd_, LKL_MSG_FASTOPEN);
    if (sent == -LKL_EINPROGRESS && state_ == State::kFresh) {
      state_ = State::kConnecting;
      watch_socket(LKL_EPOLLIN | LKL_EPOLLOUT | LKL_EPOLLRDHUP);
      if (!nonblocking) return Outcome::waits();
      if (const Descriptor end = program_end()) stuff(end);
    }
  }
  if (sent == -LKL_EAGAIN) sent = 0;
  if (sent < 0) return {.result = sent};
  rest_out_.assign(message.data.begin() + static_cast<std::ptrdiff_t>(sent),
                   message.data.begin() + static_cast<std::ptrdiff_t>(message.size));
  const auto taken = static_cast<long>(message.size);
  connected();
  return {.result = taken};
}

Outcome GuestSocket::listen(int backlog) {
  const lkl_long error = lkl_sys_listen(fd_, backlog);
  if (error == 0 && is_stream()) begin_to_listen();
  return {.result = error};
}

void GuestSocket::begin_to_listen() {
  if (!listening_) listening_ = std::make_unique<Listening>();
  state_ = State::kListening;
  watch_socket(LKL_EPOLLIN);
  announce();
}

bool GuestSocket::is_readable() const {
  lkl_pollfd readable = {.fd = fd_, .events = LKL_POLLIN, .revents = 0};
  __lkl__kernel_timespec now = {};
  return lkl_sys_ppoll(&readable, 1, &now, nullptr, 0) > 0;
}

// A byte in the pair makes it readable; each new one wakes who waits for edges.
void GuestSocket::announce() {
  constexpr unsigned kMost = 64;
  if (listening_->announced >= kMost || (listening_->accepted.empty() && !is_readable())) return;
  const char byte = 0;
  if (::send(pair_.get(), &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1) listening_->announced++;
}

void GuestSocket::take_announcements(const Descriptor* end) {
  if (listening_->announced == 0 || !listening_->accepted.empty() || is_readable()) return;
  Descriptor own;
  if (end == nullptr) {
    own = program_end();
    end = &own;
  }
  char bytes[64];
  if (*end && ::recv(end->get(), bytes, sizeof bytes, MSG_DONTWAIT) > 0) listening_->announced = 0;
}

Outcome GuestSocket::accept(const Notification& call, const Descriptor* end) {
  if (state_ != State::kListening) return {.result = is_stream() ? -EINVAL : -EOPNOTSUPP};
  const int flags = call.call == SYS_accept4 ? call.number(3) : 0;
  if ((flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0) return {.result = -EINVAL};
  lkl_long fd;
  if (!listening_->accepted.empty()) {
    fd = listening_->accepted.front();
    listening_->accepted.pop_front();
  } else {
    fd = lkl_sys_accept4(fd_, nullptr, nullptr, LKL_SOCK_NONBLOCK | LKL_SOCK_CLOEXEC);
  }
  take_announcements(end);
  if (fd == -LKL_EAGAIN) return Outcome::waits();
  if (fd < 0) return {.result = fd};

  // Who could not have it leaves it to the next one.
  const auto give_back = [&](int given) {
    listening_->accepted.push_front(given);
    announce();
  };
  const ProgramMemory memory(call);
  if (call.arguments[1] != 0) {
    alignas(lkl_sockaddr) char name[kLongestName];
    int size = sizeof name;
    if (lkl_sys_getpeername(static_cast<int>(fd), reinterpret_cast<lkl_sockaddr*>(name), &size) !=
        0)
      size = 0;  // it has gone already
    const auto room = memory.value<int>(call.arguments[2]);
    const bool good =
        room && *room >= 0 &&
        memory.write(call.arguments[1], name, static_cast<std::size_t>(std::min(*room, size))) &&
        memory.write(call.arguments[2], &size, sizeof size);
    if (!good) {
      lkl_sys_close(static_cast<unsigned>(fd));
      return {.result = room && *room < 0 ? -EINVAL : -EFAULT};
    }
  }
  Ends ends;
  try {
    ends =
        make(worlds_, client_, static_cast<int>(fd), State::kFresh, (flags & SOCK_NONBLOCK) != 0);
  } catch (const std::system_error& error) {
    give_back(static_cast<int>(fd));
    return {.result = -error.code().value()};
  }
  const int number = call.by->give(call.id, ends.program.get(), (flags & SOCK_CLOEXEC) != 0);
  trace(call, nullptr, number);
  if (number < 0) {
    ends.socket->fd_ = -1;
    ends.socket->close();
    give_back(static_cast<int>(fd));
    if (number == -ENOENT) return Outcome::answered();
    return {.result = number};
  }
  ends.socket->seen(call.thread, number);
  ends.program.reset();
  ends.socket->connected();
  return Outcome::answered();
}

Outcome GuestSocket::shut_down(int how) {
  if (state_ == State::kRemains) return {.result = -ENOTCONN};
  if (how < SHUT_RD || how > SHUT_RDWR) return {.result = -EINVAL};
  if (state_ != State::kConnected) {
    const lkl_long error = lkl_sys_shutdown(fd_, how);
    if (state_ == State::kDatagrams && error == 0 && how != SHUT_WR)
      ::shutdown(pair_.get(), SHUT_WR);
    if (state_ == State::kListening && error == 0) {
      retry_waiting();
      const char byte = 0;
      (void)!::send(pair_.get(), &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
      listening_->announced++;
    }
    return {.result = error};
  }
  // Done to the program's end, whose bytes so far come before it.
  if (how == SHUT_RDWR) shut_ = true;
  if (how == SHUT_RD) lkl_sys_shutdown(fd_, LKL_SHUT_RD);
  return Outcome::on_host();
}

}  // namespace lkl::tool::served
