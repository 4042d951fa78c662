// SPDX-License-Identifier: GPL-2.0
//
// To wake a thread takes the host longer than most requests take us. So one thread, the leader,
// reads and serves as long as requests come one after the other and none takes long:
//
//   - when more are waiting already and its own will take long, the leader lets another thread lead
//     before it serves it: one about data, if such ones took longer of late than to wake a thread;
//   - when it takes longer than a tick (it blocks), the deputy leads: a thread that looks after it
//     once a tick while there is something going on;
//   - all others are parked.
//
// libfuse's own loop wakes another thread for each request.
#include "loop.h"
#include "base/signal_sets.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "base/signals.h"
#include "protocol.h"
#include "worker.h"

namespace lkl::fuse {

namespace {

// How long to look for the next request before sleeping: about what a wake-up takes.
constexpr std::int64_t kLookFor = 20'000;  // ns
constexpr auto kTick = std::chrono::microseconds(300);
// After so many ticks without a request the deputy sleeps.
constexpr int kIdleTicks = 50;

std::int64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

// Requests that are served in parallel sooner, if they take long. What is about names goes one
// after the other anyway.
enum class Kind { kName, kRead, kOtherData };

Kind kind_of(const fuse_buf& request) {
  switch (static_cast<const fuse_in_header*>(request.mem)->opcode) {
    case FUSE_READ:
      return Kind::kRead;
    case FUSE_WRITE:
    case FUSE_FSYNC:
    case FUSE_FALLOCATE:
    case FUSE_COPY_FILE_RANGE:
      return Kind::kOtherData;
    default:
      return Kind::kName;
  }
}

// How long requests of one kind took of late. Any thread.
class ServiceTime {
 public:
  void add(std::int64_t ns) {
    // one that the host has kept from running says little about the next
    const std::int64_t before = average_.load(std::memory_order_relaxed);
    average_.store(before + (std::min(ns, kMost) - before) / kWeight, std::memory_order_relaxed);
  }
  bool is_long() const { return average_.load(std::memory_order_relaxed) > kWakeUp; }

 private:
  static constexpr std::int64_t kWakeUp = 40'000, kMost = 200'000, kWeight = 8;
  std::atomic<std::int64_t> average_ = 0;
};

// Where the leader receives requests: the data of a FUSE_WRITE begins with a page, so that it can
// go to the image's disk from there. The rest is for the answer: what is answered with data is
// short.
class RequestBuffer {
 public:
  explicit RequestBuffer(BufferPool& pool) : pool_(pool) {}

  // The request that was received; valid until the next one.
  const fuse_buf& request() const { return request_; }

  // Its length; 0: unmounted; or a negative error.
  int receive(int fd) {
    if (!memory_.is_library() && !replace()) return -EAGAIN;
    ssize_t got;
    bool ended = false;
    const auto again = [&ended] {
      // interrupted before it was read; or the mount has ended just then: the next one says how
      return errno == ENOENT || (errno == ECONNABORTED && !std::exchange(ended, true));
    };
    do {
      got = read(fd, request_.mem, kRequestBufferSize - kSkip);
    } while (got < 0 && again());
    if (got < 0) return errno == ENODEV ? 0 : -errno;
    request_.size = static_cast<std::size_t>(got);
    return static_cast<int>(got);
  }

 private:
  static constexpr std::size_t kSkip = kPage - sizeof(fuse_in_header) - sizeof(fuse_write_in);

  // What stands in for a buffer of the pool does so until one is back. False if there is no memory
  // for that either: then a thread that is at work will give some back.
  bool replace() {
    if (BufferPool::Buffer other = pool_.take_library(); other.data()) {
      use(std::move(other));
    } else if (!memory_.data()) {
      try {
        use(pool_.take());
      } catch (const std::bad_alloc&) {
        constexpr useconds_t kMoment = 1000;
        usleep(kMoment);
        return false;
      }
    }
    return true;
  }

  void use(BufferPool::Buffer memory) {
    memory_ = std::move(memory);
    request_.mem = memory_.data() + kSkip;
    Worker::current().set_buffer({memory_.data() + 2 * kPage, kMostRequestData});
  }

  BufferPool& pool_;
  BufferPool::Buffer memory_;
  fuse_buf request_ = {};
};

// Signals that end the loop, as a descriptor. They stay blocked after it: what comes while the
// image is closed must not cut that short.
class EndSignals {
 public:
  EndSignals() {
    const sigset_t set = tool::end_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    file_ = tool::Descriptor(signalfd(-1, &set, SFD_CLOEXEC), "signalfd");
  }

  int fd() const { return file_.get(); }

 private:
  tool::Descriptor file_;
};

class Loop {
 public:
  Loop(fuse_session* session, const LoopOptions& options)
      : session_(session),
        fd_(fuse_session_fd(session)),
        threads_(options.threads),
        buffers_(options.buffers),
        may_end_(options.may_end),
        watched_(options.watched),
        on_watched_(options.on_watched),
        look_(std::thread::hardware_concurrency() > 1 ? kLookFor : 0) {
    fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_NONBLOCK);
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  int run() {
    std::vector<std::thread> others;
    for (int id = 1; id < static_cast<int>(threads_); ++id)
      others.emplace_back([this, id] { work(id); });
    work(0);
    for (std::thread& other : others) other.join();
    return error_;
  }

 private:
  static constexpr int kNobody = -1;

  void work(int id) {
    std::unique_lock lock(mutex_);
    while (!ended()) {
      if (leader_ == kNobody) {
        leader_ = id;
        lock.unlock();
        lead(id);
        lock.lock();
      } else if (deputy_ == kNobody) {
        deputy_ = id;
        watch(lock, id);
        deputy_ = kNobody;
        // the next one looks after this one
        if (leader_ == id) {
          parked_.notify_one();
          lock.unlock();
          lead(id);
          lock.lock();
        }
      } else {
        parked_.wait(lock);
      }
    }
  }

  // Reads and serves until another thread leads.
  void lead(int id) {
    RequestBuffer buffer(buffers_);
    std::int64_t look_until = 0;
    while (leader_ == id && !ended()) {
      const int got = buffer.receive(fd_);
      if (got == -EAGAIN || got == -EINTR) {
        if (look_until == 0 || now() >= look_until) wait_for_request();
        continue;
      }
      if (got <= 0) {  // 0: unmounted
        end(got);
        return;
      }
      const Kind kind = kind_of(buffer.request());
      ServiceTime& time = times_[static_cast<std::size_t>(kind)];
      if (threads_ > 1) {
        if (kind != Kind::kName && time.is_long() && is_readable()) {
          let_another_lead();
        } else {
          ++turns_;  // odd: it serves
          if (deputy_sleeps_) wake_deputy();
        }
      }
      const std::int64_t begin = now();
      const fuse_buf request = look_at_request(buffer.request());
      fuse_session_process_buf(session_, &request);
      const std::int64_t served = now();
      time.add(served - begin);
      if (leader_ == id) turns_ += turns_ & 1;
      if (look_ > 0) look_until = served + look_;
    }
  }

  // The deputy, until it leads or nobody does.
  void watch(std::unique_lock<std::mutex>& lock, int id) {
    int idle = 0;
    while (!ended() && leader_ != kNobody) {
      const std::uint64_t before = turns_;
      if (idle < kIdleTicks) {
        deputy_wakes_.wait_for(lock, kTick);
      } else {
        deputy_sleeps_ = true;
        // a request that came just before is looked after as well
        if (turns_ == before) deputy_wakes_.wait(lock);
        deputy_sleeps_ = false;
        idle = 0;
        continue;
      }
      if (turns_ != before) {
        idle = 0;
      } else if (before & 1) {
        ++turns_;
        leader_ = id;
        return;
      } else {
        ++idle;
      }
    }
  }

  void let_another_lead() {
    const std::lock_guard lock(mutex_);
    leader_ = kNobody;
    (deputy_ != kNobody ? deputy_wakes_ : parked_).notify_one();
  }

  void wake_deputy() {
    const std::lock_guard lock(mutex_);
    deputy_wakes_.notify_one();
  }

  bool is_readable() const {
    pollfd fd = {.fd = fd_, .events = POLLIN, .revents = 0};
    return poll(&fd, 1, 0) > 0;
  }

  void wait_for_request() {
    pollfd fds[] = {{.fd = fd_, .events = POLLIN, .revents = 0},
                    {.fd = signals_.fd(), .events = POLLIN, .revents = 0},
                    {.fd = watched_, .events = POLLPRI, .revents = 0}};
    if (poll(fds, std::size(fds), -1) <= 0) return;
    if (fds[2].revents) on_watched_();
    if (!fds[1].revents) return;
    constexpr int kMoment = 1;  // ms
    if (may_end_())
      end(0);
    else
      poll(fds, 1, kMoment);
  }

  bool ended() const { return ended_.load(); }

  void end(int error) {
    const std::lock_guard lock(mutex_);
    if (error < 0) error_ = error;
    ended_ = true;
    fuse_session_exit(session_);
    parked_.notify_all();
    deputy_wakes_.notify_all();
  }

  fuse_session* const session_;
  const int fd_;
  const unsigned threads_;
  BufferPool& buffers_;
  const std::function<bool()> may_end_;
  const int watched_;
  const std::function<void()> on_watched_;
  const std::int64_t look_;
  const EndSignals signals_;

  std::mutex mutex_;
  std::condition_variable parked_, deputy_wakes_;
  std::atomic<int> leader_ = kNobody;  // changed with the mutex
  int deputy_ = kNobody;
  std::atomic<bool> deputy_sleeps_ = false;
  std::atomic<std::uint64_t> turns_ = 0;  // odd while the leader serves a request
  std::array<ServiceTime, 3> times_;      // by kind
  std::atomic<bool> ended_ = false;
  int error_ = 0;
};

}  // namespace

int serve_requests(fuse_session* session, const LoopOptions& options) {
  return Loop(session, options).run();
}

}  // namespace lkl::fuse
