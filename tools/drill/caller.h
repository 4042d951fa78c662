// SPDX-License-Identifier: GPL-2.0
//
// A thread that makes the system calls of a script, one at a time, so that one which blocks does
// not keep the script from going on.
#ifndef LKL_TOOL_DRILL_CALLER_H
#define LKL_TOOL_DRILL_CALLER_H

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

namespace lkl::tool::drill {

class Caller {
 public:
  struct Result {
    long value = 0;
    std::int64_t time = 0;  // when it came back, as guest_time()
  };

  Caller();
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;
  // A call that has not come back is left behind: the process is to end soon.
  ~Caller();

  // None may be going on. Returns when it has begun: the time of that.
  std::int64_t start(std::function<long()> call);
  // Nothing if it does not come back in this time.
  std::optional<Result> wait(std::chrono::milliseconds limit);

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::function<long()> call;
    std::optional<std::int64_t> begun;  // the time
    bool stop = false;
    std::optional<Result> result;
  };
  static void work(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
};

}  // namespace lkl::tool::drill

#endif  // LKL_TOOL_DRILL_CALLER_H
