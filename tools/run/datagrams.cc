// SPDX-License-Identifier: GPL-2.0
//
// Datagrams: those without an address go through the pair, where they can be polled for; what goes
// with them is kept beside it, and found again when a program asks for it.
#include <errno.h>
#include <linux/sockios.h>
#include <lkl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

#include "run/guest_socket.h"

namespace lkl::tool::served {

namespace {

// More than the pair has room for.
constexpr std::size_t kMostEnvelopes = 1024;

bool has_ended(const Descriptor& pair) {
  pollfd end = {pair.get(), POLLRDHUP, 0};
  return ::poll(&end, 1, 0) > 0 && (end.revents & (POLLRDHUP | POLLHUP)) != 0;
}

bool is_error_queue(const Notification& call) {
  return (message_flags(call) & MSG_ERRQUEUE) != 0;
}

}  // namespace

void GuestSocket::datagrams_out() {
  Message& message = scratch_message();
  for (;;) {
    message.name.clear();
    message.control.clear();
    if (rest_out_.empty()) {
      message.data.resize(kLongestData);
      const ssize_t count =
          ::recv(pair_.get(), message.data.data(), message.data.size(), MSG_DONTWAIT);
      if (count < 0) return;
      // An empty one, or the end.
      if (count == 0 && has_ended(pair_)) return;
      message.size = static_cast<std::size_t>(count);
    } else {
      message.data = rest_out_;
      message.size = rest_out_.size();
    }
    const lkl_long sent =
        device_ ? lkl_sys_write(static_cast<unsigned>(fd_), message.data.data(), message.size)
                : message.send(fd_, 0);
    if (sent == -LKL_EAGAIN) {
      if (rest_out_.empty())
        rest_out_.assign(message.data.begin(),
                         message.data.begin() + static_cast<std::ptrdiff_t>(message.size));
      watch_socket(LKL_EPOLLIN | LKL_EPOLLOUT);
      return;
    }
    if (sent < 0) error_ = static_cast<int>(-sent);
    rest_out_.clear();
  }
}

void GuestSocket::datagrams_in() {
  Datagrams& mine = *datagrams_;
  Message& message = scratch_message();
  while (!pair_full_ && !closed_) {
    if (mine.held) {
      message.take(*mine.held);
    } else {
      const lkl_long count =
          device_ ? message.receive_packet(fd_) : message.receive(fd_, 0, sized_);
      // a device goes on having its errors: it has no interface any more
      if (count == -LKL_EAGAIN || (count < 0 && device_)) return;
      if (count < 0) {
        // told by the next call that can
        error_ = static_cast<int>(-count);
        retry_waiting();
        continue;
      }
    }
    const std::size_t size = std::min(message.size, message.data.size());
    const ssize_t given =
        ::send(pair_.get(), message.data.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (given < 0 && errno == EAGAIN) {
      if (!mine.held) mine.held = message.letter();
      return watch_pair(true);
    }
    const Letter letter = mine.held ? std::move(*mine.held) : Letter{message.letter().envelope, {}};
    mine.held.reset();
    // larger than a pair can have
    if (given < 0) continue;
    mine.sent.push_back(letter.envelope);
    if (mine.sent.size() > kMostEnvelopes) mine.sent.pop_front();
  }
}

// The program may have taken some without asking. How many bytes are there says which is the first.
bool GuestSocket::take_from_pair(Message& message, bool peek, const Descriptor& end) {
  auto& sent = datagrams_->sent;
  int bytes = 0;
  if (::ioctl(end.get(), SIOCINQ, &bytes) != 0) bytes = 0;
  std::size_t there = 0, sum = 0;
  while (there < sent.size() && sum < static_cast<std::size_t>(bytes))
    sum += sent[sent.size() - ++there].size;
  message.make_room();
  const ssize_t count = ::recv(end.get(), message.data.data(), message.data.size(),
                               MSG_DONTWAIT | MSG_TRUNC | (peek ? MSG_PEEK : 0));
  if (count < 0) {
    sent.clear();
    return false;
  }
  // one that is empty counts for nothing above
  if (count == 0 && there < sent.size() && sent[sent.size() - there - 1].size == 0) there++;
  while (sent.size() > std::max<std::size_t>(there, 1)) sent.pop_front();
  message.name.clear();
  message.control.clear();
  if (!sent.empty()) {
    message.take(sent.front());
    if (!peek) sent.pop_front();
  }
  message.size = static_cast<std::size_t>(count);
  return true;
}

// A negative error, or 0.
int GuestSocket::receive_one(Message& message, bool peek, const Descriptor* end) {
  Datagrams& mine = *datagrams_;
  if (error_ != 0) return -take_error();
  if (!mine.returned.empty()) {
    message.take(mine.returned.front());
    if (!peek) mine.returned.pop_front();
    return 0;
  }
  if (!mine.sent.empty()) {
    Descriptor own;
    if (end == nullptr) {
      own = program_end();
      end = &own;
    }
    if (*end && take_from_pair(message, peek, *end)) return 0;
  }
  if (mine.held) {
    message.take(*mine.held);
    if (!peek) mine.held.reset();
    return 0;
  }
  const lkl_long count = message.receive(fd_, peek ? LKL_MSG_PEEK : 0, sized_);
  return static_cast<int>(std::min<lkl_long>(count, 0));
}

Outcome GuestSocket::receive(const Notification& call, const Descriptor* end) {
  const int flags = message_flags(call);
  const ProgramMemory memory(call);
  Message& message = scratch_message();
  ProgramMessage place;
  const unsigned count = count_messages(call);
  unsigned done = 0;
  long result = 0;
  while (done < count) {
    if (const int error = find_message(call, done, memory, place)) {
      result = error;
      break;
    }
    const int error =
        is_error_queue(call)
            ? static_cast<int>(std::min<lkl_long>(message.receive(fd_, LKL_MSG_ERRQUEUE), 0))
            : receive_one(message, (flags & MSG_PEEK) != 0, end);
    if (error == -EAGAIN && done == 0 && !is_error_queue(call)) return Outcome::waits();
    result = error;
    if (error != 0) break;
    if (!deliver(message, place, (flags & MSG_TRUNC) != 0, memory, result)) {
      result = -EFAULT;
      // if it is its memory; nobody has got it if nobody waits
      if (!call.by->waits(call.id) && datagrams_) datagrams_->returned.push_front(message.letter());
      break;
    }
    done++;
  }
  Outcome outcome = {.result = result};
  if (place.length_at != 0 && done != 0) outcome.result = done;
  if (result >= 0 && done == 1 && (flags & MSG_PEEK) == 0 && !is_error_queue(call) && datagrams_)
    outcome.take_back = [this, &message] { datagrams_->returned.push_front(message.letter()); };
  return outcome;
}

Outcome GuestSocket::send(const Notification& call) {
  const ProgramMemory memory(call);
  Message& message = scratch_message();
  ProgramMessage place;
  const unsigned count = count_messages(call);
  unsigned done = 0;
  lkl_long result = 0;
  while (done < count) {
    result = find_message(call, done, memory, place);
    if (result == 0) result = collect(place, memory, message);
    if (result == 0) result = message.send(fd_, static_cast<unsigned>(message_flags(call)));
    if (result == -LKL_EAGAIN && done == 0) {
      watch_socket(LKL_EPOLLIN | LKL_EPOLLOUT);
      return Outcome::waits();
    }
    if (result < 0) break;
    const auto length = static_cast<unsigned>(result);
    if (place.length_at != 0 && !memory.write(place.length_at, &length, sizeof length)) {
      result = -EFAULT;
      break;
    }
    done++;
  }
  return {.result = place.length_at != 0 && done != 0 ? static_cast<long>(done) : result};
}

}  // namespace lkl::tool::served
