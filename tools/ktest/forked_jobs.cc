// SPDX-License-Identifier: GPL-2.0
#include "ktest/forked_jobs.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/descriptor.h"
#include "base/signals.h"

namespace lkl::tool {

namespace {

using Clock = std::chrono::steady_clock;

// Who prints without end is not listened to for ever.
constexpr std::size_t kMostOutput = 32 << 20;

// A child and the end of the pipe that it talks into. Killed if it is still there at the end.
class Child {
 public:
  Child(std::size_t number, const ForkedJob& job)
      : job(number), start_(Clock::now()), deadline_(start_ + job.limit) {
    Pipe pipe = make_pipe();
    // What waits in the buffer would be written by both.
    fflush(stdout);
    fflush(stderr);
    const pid_t parent = getpid();
    pid_ = fork();
    const int error = errno;
    if (pid_ == 0) {
      pipe.out.reset();
      // Nobody waits for it when the parent is gone.
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(1);
      _exit(job.body(pipe.in.get()));
    }
    if (pid_ < 0) throw std::system_error(error, std::system_category(), "fork");
    input_ = std::move(pipe.out);
  }
  Child(Child&& other) noexcept
      : job(other.job),
        pid_(std::exchange(other.pid_, -1)),
        input_(std::move(other.input_)),
        start_(other.start_),
        deadline_(other.deadline_),
        outcome_(std::move(other.outcome_)) {}
  Child& operator=(Child&& other) noexcept {
    std::swap(job, other.job);
    std::swap(pid_, other.pid_);
    std::swap(input_, other.input_);
    std::swap(start_, other.start_);
    std::swap(deadline_, other.deadline_);
    std::swap(outcome_, other.outcome_);
    return *this;
  }
  ~Child() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      reap();
    }
  }

  int input() const { return input_.get(); }
  Clock::time_point deadline() const { return deadline_; }

  // Takes what has come; false at the end.
  bool read() {
    char chunk[16384];
    const ssize_t n = ::read(input_.get(), chunk, sizeof(chunk));
    if (n < 0) return errno == EINTR;
    if (outcome_.output.size() < kMostOutput)
      outcome_.output.append(chunk, static_cast<std::size_t>(n));
    return n > 0;
  }

  void stop() {
    outcome_.timed_out = true;
    kill(pid_, SIGKILL);
    deadline_ = Clock::time_point::max();
  }

  // After the end of its output.
  JobOutcome finish() {
    const int status = reap();
    outcome_.duration = Clock::now() - start_;
    if (WIFSIGNALED(status))
      outcome_.signal = WTERMSIG(status);
    else
      outcome_.exit_status = WEXITSTATUS(status);
    return std::move(outcome_);
  }

  std::size_t job;

 private:
  int reap() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

  pid_t pid_ = -1;
  Descriptor input_;
  Clock::time_point start_;
  Clock::time_point deadline_;
  JobOutcome outcome_;
};

// Sleeps until one of them has something to say or its time is up.
void wait_for(const std::vector<Child>& children, std::vector<pollfd>& polled) {
  // Signals are looked at in between.
  auto sleep = std::chrono::milliseconds(200);
  polled.clear();
  for (const Child& child : children) {
    polled.push_back({child.input(), POLLIN, 0});
    if (child.deadline() == Clock::time_point::max()) continue;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(child.deadline() - Clock::now());
    sleep = std::clamp(left, std::chrono::milliseconds(0), sleep);
  }
  if (::poll(polled.data(), polled.size(), static_cast<int>(sleep.count())) < 0 && errno != EINTR)
    throw std::system_error(errno, std::system_category(), "poll");
}

}  // namespace

void run_forked(const std::vector<ForkedJob>& jobs, unsigned parallel,
                const std::function<void(std::size_t job, JobOutcome outcome)>& done) {
  std::vector<Child> running;
  std::vector<pollfd> polled;
  std::size_t next = 0;
  while (next < jobs.size() || !running.empty()) {
    check_interrupted();
    while (next < jobs.size() && running.size() < std::max(1u, parallel)) {
      running.emplace_back(next, jobs[next]);
      next++;
    }
    wait_for(running, polled);
    for (std::size_t i = running.size(); i-- > 0;) {
      if (polled[i].revents != 0 && !running[i].read()) {
        done(running[i].job, running[i].finish());
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
      } else if (Clock::now() >= running[i].deadline()) {
        running[i].stop();
      }
    }
  }
}

}  // namespace lkl::tool
