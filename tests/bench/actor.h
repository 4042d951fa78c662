// SPDX-License-Identifier: GPL-2.0
// A process that measures when it is told to: each network that is compared has its own.
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <functional>
#include <optional>
#include <utility>

#include "conversation.h"

namespace lkl_bench {

// A child that ends with its parent.
class Process final {
 public:
  explicit Process(const std::function<void()>& body) : pid_(fork()) {
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    body();
    _exit(0);
  }
  ~Process() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  pid_t pid() const { return pid_; }

 private:
  const pid_t pid_;
};

class Actor final {
 public:
  using Run = std::function<Result(Want, uint64_t)>;

  // `prepare` runs in the child, until it can measure. `arrange` in the parent meanwhile, once the
  // child has called meet(): what each of them does to the other's network. False if it can't be.
  struct Meeting {
    int here, there;
    // The other side is as far.
    void meet() const {
      char byte = 1;
      if (::write(here, &byte, 1) != 1 || ::read(there, &byte, 1) != 1) std::abort();
    }
  };
  Actor(const std::function<Run(const Meeting&)>& prepare,
        const std::function<bool(pid_t, const Meeting&)>& arrange)
      : process_([this, &prepare] {
          const Run run = prepare({.here = answers_[1], .there = orders_[0]});
          for (Request order; ::read(orders_[0], &order, sizeof order) == sizeof order;) {
            const Result result =
                order.amount ? run(order.want, order.amount) : Result{.ns = 0, .done = 0};
            if (::write(answers_[1], &result, sizeof result) != sizeof result) return;
          }
        }) {
    there_ = arrange(process_.pid(), {.here = orders_[1], .there = answers_[0]});
    // nothing, to be done when it is prepared
    if (there_) there_ = run(Want::kEcho, 0).has_value();
  }

  bool there() const { return there_; }
  // Nothing if it does not come to an end: what it measures is stuck, and so is the actor then.
  std::optional<Result> run(Want want, uint64_t amount) {
    const Request order = {.want = want, .amount = amount};
    Result result;
    if (::write(orders_[1], &order, sizeof order) != sizeof order) std::abort();
    pollfd answered = {.fd = answers_[0], .events = POLLIN, .revents = 0};
    if (::poll(&answered, 1, kPatienceMs) == 0) return std::nullopt;
    if (::read(answers_[0], &result, sizeof result) != sizeof result) std::abort();
    return result;
  }

 private:
  static constexpr int kPatienceMs = 30'000;

  static std::array<int, 2> pipe() {
    std::array<int, 2> ends;
    if (::pipe(ends.data())) std::abort();
    return ends;
  }

  const std::array<int, 2> orders_ = pipe(), answers_ = pipe();
  bool there_ = false;
  const Process process_;
};

}  // namespace lkl_bench
