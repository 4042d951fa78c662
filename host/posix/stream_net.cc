// SPDX-License-Identifier: GPL-2.0
#include "posix/stream_net.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include "net/stream_frames.h"
#include "posix/iovec.h"
#include "posix/raw_call.h"

namespace lkl::host {
namespace {

// As many parts as a system call takes.
constexpr size_t kMaxParts = 1024;

// What is read ahead is not to be seen on the socket: in() is a set of it and an eventfd, which is
// readable while there are frames in memory that nobody has taken. What the socket had no room for
// of a frame that has begun goes out when it has, which is seen by the same set: who sends has
// done with it.
class StreamNet final : public NetBackend {
 public:
  StreamNet(Descriptor socket, const std::string& name)
      : complaint_("lkl: " + name + ": what comes are no frames; the link is down\n"),
        socket_(std::move(socket)) {
    rest_.reserve(FrameReader::kLongest);
  }
  int open();

  bool has_header() const override { return false; }
  NetOffloads offloads() const override { return {}; }
  int accept(const NetOffloads&) override { return 0; }
  size_t longest_frame(unsigned mtu) const override { return mtu + kEthernetSize; }
  int in(unsigned) const override { return set_.get(); }
  int out(unsigned) const override { return socket_.get(); }

  int send(unsigned queue, std::span<const IoVec> frame) override;
  int64_t receive(unsigned queue, std::span<const IoVec> room) override;

 private:
  int64_t transmit(std::span<const IoVec> bytes);
  int finish();
  void watch_room(bool on);
  void announce(bool frames);
  int64_t broken();

  const std::string complaint_;
  const Descriptor socket_;
  Descriptor set_, frames_;

  // of who receives
  FrameReader reader_;
  bool announced_ = false;
  bool drained_ = false;  // there was less than we had asked for
  bool broken_ = false;

  std::mutex send_mutex_;           // guards what follows
  std::vector<std::byte> rest_;     // of a frame that has begun
  std::atomic<bool> owes_ = false;  // there is some; written with the mutex held
  std::array<IoVec, kMaxParts> parts_;
};

int StreamNet::open() {
  if (::fcntl(socket_.get(), F_SETFL, ::fcntl(socket_.get(), F_GETFL) | O_NONBLOCK) < 0)
    return -errno;
  set_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  frames_ = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!set_ || !frames_) return -errno;
  for (const int fd : {socket_.get(), frames_.get()}) {
    epoll_event event = {.events = EPOLLIN, .data = {}};
    if (::epoll_ctl(set_.get(), EPOLL_CTL_ADD, fd, &event) < 0) return -errno;
  }
  return 0;
}

// ---- sending ----

// Bytes that have gone out; or -errno, -EAGAIN: none now.
int64_t StreamNet::transmit(std::span<const IoVec> bytes) {
  msghdr message = {};
  message.msg_iov = const_cast<iovec*>(to_iovec(bytes));
  message.msg_iovlen = bytes.size();
  const int64_t sent = raw_call(SYS_sendmsg, socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent == -ENOBUFS || sent == -ENOMEM || sent == -EINTR ? -EAGAIN : sent;
}

// Whether in() is ready also when the socket has room.
void StreamNet::watch_room(bool on) {
  epoll_event event = {.events = on ? EPOLLIN | EPOLLOUT : EPOLLIN, .data = {}};
  raw_call(SYS_epoll_ctl, set_.get(), EPOLL_CTL_MOD, socket_.get(), &event);
  owes_.store(on);
}

// Sends what is left of the frame before: 0, -EAGAIN or another -errno. The mutex is held.
int StreamNet::finish() {
  if (rest_.empty()) return 0;
  const IoVec part = {.base = rest_.data(), .size = rest_.size()};
  const int64_t sent = transmit({&part, 1});
  if (sent == -EAGAIN) return -EAGAIN;
  if (sent >= 0 && static_cast<size_t>(sent) < rest_.size()) {
    rest_.erase(rest_.begin(), rest_.begin() + sent);
    return -EAGAIN;
  }
  rest_.clear();
  watch_room(false);
  return sent < 0 ? static_cast<int>(sent) : 0;
}

int StreamNet::send(unsigned, std::span<const IoVec> frame) {
  const std::lock_guard lock(send_mutex_);
  if (const int error = finish()) return error;
  if (frame.size() >= kMaxParts) return -EMSGSIZE;
  size_t size = 0;
  for (const IoVec& part : frame) size += part.size;
  if (size == 0 || size > kMaxSegment) return -EMSGSIZE;
  auto length = length_of_frame(size);
  parts_[0] = {.base = length.data(), .size = length.size()};
  std::ranges::copy(frame, parts_.begin() + 1);
  const std::span<const IoVec> all(parts_.data(), frame.size() + 1);
  int64_t sent = transmit(all);
  if (sent < 0) return static_cast<int>(sent);
  for (const IoVec& part : all) {
    const auto* bytes = static_cast<const std::byte*>(part.base);
    const size_t gone = std::min(part.size, static_cast<size_t>(sent));
    sent -= static_cast<int64_t>(gone);
    rest_.insert(rest_.end(), bytes + gone, bytes + part.size);
  }
  if (!rest_.empty()) watch_room(true);
  return 0;
}

// ---- receiving ----

// in() is ready because of frames in memory, or no more. It stays so while they come one burst
// after the other: that costs nothing.
void StreamNet::announce(bool frames) {
  if (frames == announced_) return;
  announced_ = frames;
  uint64_t count = 1;
  raw_call(frames ? SYS_write : SYS_read, frames_.get(), &count, sizeof count);
}

int64_t StreamNet::broken() {
  if (!std::exchange(broken_, true)) print(complaint_);
  raw_call(SYS_shutdown, socket_.get(), SHUT_RDWR);
  return -EPROTO;
}

int64_t StreamNet::receive(unsigned, std::span<const IoVec> room) {
  if (owes_) {
    const std::lock_guard lock(send_mutex_);
    finish();
  }
  for (bool asked = drained_;; asked = true) {
    const int64_t size = reader_.next(room);
    if (size < 0) return broken();
    if (size > 0) {
      if (!announced_ && reader_.ready()) announce(true);
      return size;
    }
    if (asked) break;
    const std::span<std::byte> space = reader_.space();
    const int64_t count = raw_call(SYS_recvfrom, socket_.get(), space.data(), space.size(),
                                   MSG_DONTWAIT, nullptr, nullptr);
    if (count == -EAGAIN || count == -EINTR) break;
    if (count <= 0) return count;
    reader_.filled(static_cast<size_t>(count));
    drained_ = static_cast<size_t>(count) < space.size();
  }
  drained_ = false;
  announce(false);
  return -EAGAIN;
}

}  // namespace

int make_stream_net(Descriptor socket, std::unique_ptr<NetBackend>& result,
                    const std::string& name) {
  auto net = std::make_unique<StreamNet>(std::move(socket), name);
  if (const int error = net->open()) return error;
  result = std::move(net);
  return 0;
}

}  // namespace lkl::host
