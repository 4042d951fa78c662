// SPDX-License-Identifier: GPL-2.0
#include "posix/stream_net.h"

#include <fcntl.h>
#include <poll.h>
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
#include "net/vector.h"
#include "posix/event_counter.h"
#include "posix/raw_call.h"
#include "posix/socket_frames.h"

namespace lkl::host {
namespace {

// As many parts as a system call takes.
constexpr size_t kMaxParts = 1024;

// What is read ahead is not to be seen on the socket: in() is a set of it and an eventfd, which is
// readable while there are frames in memory that nobody has taken. What the socket had no room for
// of a frame that has begun goes out when it has, which is seen by the same set: who sends has
// done with it.
//
// With peers, one socket comes after the other. out() stays, so it is an eventfd then, and closed
// (full) while the socket of the moment is: that it has room again is seen by in() as well.
class StreamNet final : public NetBackend {
 public:
  StreamNet(Descriptor socket, std::unique_ptr<StreamPeers> peers, const std::string& name)
      : complaint_("lkl: " + name + ": what comes are no frames; the link is down\n"),
        peers_(std::move(peers)),
        socket_(std::move(socket)) {
    rest_.reserve(FrameReader::kLongest);
  }
  ~StreamNet() override;
  int open();

  bool has_header() const override { return false; }
  NetOffloads offloads() const override { return {}; }
  int accept(const NetOffloads&) override { return 0; }
  size_t longest_frame(unsigned mtu) const override { return mtu + kEthernetSize; }
  bool has_link() const override { return linked_; }
  int in(unsigned) const override { return set_.get(); }
  int out(unsigned) const override { return peers_ ? gate_.get() : socket_.get(); }

  int send(unsigned queue, std::span<const IoVec> frame) override;
  int64_t receive(unsigned queue, std::span<const IoVec> room) override;

 private:
  int64_t watch(int operation, int fd, unsigned events);
  int64_t transmit(std::span<const IoVec> bytes);
  int finish();
  int again_later();
  void wait_for_room(bool on);
  void there_may_be_room();
  int meet();
  int64_t gone(int64_t result);
  int64_t broken();
  void announce(bool frames);

  const uint64_t process_ = process_id();
  const std::string complaint_;
  const std::unique_ptr<StreamPeers> peers_;
  Descriptor set_, frames_, gate_;
  std::atomic<bool> linked_ = false;

  // of who receives
  FrameReader reader_;
  bool announced_ = false;
  bool drained_ = false;  // there was less than we had asked for
  bool broken_ = false;

  std::mutex send_mutex_;            // guards what follows
  Descriptor socket_;                // changed by who receives, and with the mutex
  std::vector<std::byte> rest_;      // of a frame that has begun
  std::atomic<bool> waits_ = false;  // for room; changed with the mutex
  std::array<IoVec, kMaxParts> parts_;
};

int StreamNet::open() {
  set_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  frames_ = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!set_ || !frames_) return -errno;
  if (peers_ && !(gate_ = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)))) return -errno;
  linked_ = static_cast<bool>(socket_);
  if (!linked_) peers_->lost();
  const int source = linked_ ? socket_.get() : peers_->fd();
  if (linked_ && ::fcntl(source, F_SETFL, ::fcntl(source, F_GETFL) | O_NONBLOCK) < 0) return -errno;
  for (const int fd : {source, frames_.get()})
    if (const int64_t error = watch(EPOLL_CTL_ADD, fd, EPOLLIN)) return static_cast<int>(error);
  return 0;
}

// Children may have the socket open as well: the peer is told that we have gone.
StreamNet::~StreamNet() {
  if (socket_ && process_ == process_id()) raw_call(SYS_shutdown, socket_.get(), SHUT_RDWR);
}

int64_t StreamNet::watch(int operation, int fd, unsigned events) {
  epoll_event event = {.events = events, .data = {}};
  return raw_call(SYS_epoll_ctl, set_.get(), operation, fd, &event);
}

// ---- sending ----

// Bytes that have gone out; or -errno, -EAGAIN: none now.
int64_t StreamNet::transmit(std::span<const IoVec> bytes) {
  return send_pieces(socket_.get(), bytes);
}

// Whether in() is ready also when the socket has room; and out() is not, until then.
void StreamNet::wait_for_room(bool on) {
  if (on == waits_) return;
  waits_.store(on);
  if (socket_) watch(EPOLL_CTL_MOD, socket_.get(), on ? EPOLLIN | EPOLLOUT : EPOLLIN);
  if (!gate_) return;
  shut_counter(gate_.get(), on);
}

int StreamNet::again_later() {
  if (gate_) wait_for_room(true);
  return -EAGAIN;
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
  wait_for_room(false);
  return sent < 0 ? static_cast<int>(sent) : 0;
}

// in() is ready, perhaps for that.
void StreamNet::there_may_be_room() {
  const std::lock_guard lock(send_mutex_);
  if (!rest_.empty()) {
    finish();
    return;
  }
  pollfd now = {.fd = socket_.get(), .events = POLLOUT, .revents = 0};
  const timespec none = {};
  if (raw_call(SYS_ppoll, &now, 1, &none, nullptr, 0) != 0) wait_for_room(false);
}

int StreamNet::send(unsigned, std::span<const IoVec> frame) {
  const std::lock_guard lock(send_mutex_);
  if (!socket_) return -ENOTCONN;
  if (const int error = finish()) return error == -EAGAIN ? again_later() : error;
  if (frame.size() >= kMaxParts) return -EMSGSIZE;
  const size_t size = size_of(frame);
  if (size == 0 || size > kMaxSegment) return -EMSGSIZE;
  auto length = length_of_frame(size);
  parts_[0] = {.base = length.data(), .size = length.size()};
  std::ranges::copy(frame, parts_.begin() + 1);
  const std::span<const IoVec> all(parts_.data(), frame.size() + 1);
  int64_t sent = transmit(all);
  if (sent == -EAGAIN) return again_later();
  if (sent < 0) return static_cast<int>(sent);
  for (const IoVec& part : all) {
    const auto* bytes = static_cast<const std::byte*>(part.base);
    const size_t gone = std::min(part.size, static_cast<size_t>(sent));
    sent -= static_cast<int64_t>(gone);
    rest_.insert(rest_.end(), bytes + gone, bytes + part.size);
  }
  if (!rest_.empty()) wait_for_room(true);
  return 0;
}

// ---- receiving ----

// in() is ready because of frames in memory, or no more. It stays so while they come one burst
// after the other: that costs nothing.
void StreamNet::announce(bool frames) {
  if (frames == announced_) return;
  announced_ = frames;
  if (frames)
    add_to_counter(frames_.get());
  else
    empty_counter(frames_.get());
}

// There is a socket from now on: 0, or -EAGAIN.
int StreamNet::meet() {
  const Unnoticed scope;
  const std::lock_guard lock(send_mutex_);
  if (const int error = peers_->next(socket_)) return error;
  watch(EPOLL_CTL_DEL, peers_->fd(), 0);
  watch(EPOLL_CTL_ADD, socket_.get(), EPOLLIN);
  linked_.store(true);
  return 0;
}

// There is none any more: what receive() says then.
int64_t StreamNet::gone(int64_t result) {
  announce(false);
  if (!peers_) return result;
  const Unnoticed scope;
  const std::lock_guard lock(send_mutex_);
  linked_.store(false);
  // by hand, as a child of a fork may have it open
  watch(EPOLL_CTL_DEL, socket_.get(), 0);
  socket_.reset();
  rest_.clear();
  reader_.clear();
  drained_ = false;
  wait_for_room(false);
  peers_->lost();
  watch(EPOLL_CTL_ADD, peers_->fd(), EPOLLIN);
  return -EAGAIN;
}

int64_t StreamNet::broken() {
  if (!std::exchange(broken_, true)) print(complaint_);
  raw_call(SYS_shutdown, socket_.get(), SHUT_RDWR);
  return gone(-EPROTO);
}

int64_t StreamNet::receive(unsigned, std::span<const IoVec> room) {
  if (!socket_ && meet() != 0) return -EAGAIN;
  if (waits_) there_may_be_room();
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
    if (count <= 0) return gone(count);
    reader_.filled(static_cast<size_t>(count));
    drained_ = static_cast<size_t>(count) < space.size();
  }
  drained_ = false;
  announce(false);
  return -EAGAIN;
}

}  // namespace

int make_stream_net(Descriptor socket, std::unique_ptr<NetBackend>& result, const std::string& name,
                    std::unique_ptr<StreamPeers> peers) {
  auto net = std::make_unique<StreamNet>(std::move(socket), std::move(peers), name);
  if (const int error = net->open()) return error;
  result = std::move(net);
  return 0;
}

}  // namespace lkl::host
