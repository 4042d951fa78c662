// SPDX-License-Identifier: GPL-2.0
// Work that is done a little later, together with more of its kind.
//
//   postpone()   whoever has work leaves it, if somebody has promised to look
//   settle()     whoever goes to sleep does it first; so does who has promised, in time
//
// One piece at a time; tests/model/postponed_test.cc plays it through.
#pragma once

#include <atomic>
#include <cstdint>

namespace lkl::host {

class Postponed final {
 public:
  class Work {
   public:
    // On any thread. Perhaps there is nothing to do any more.
    virtual void do_now() = 0;

   protected:
    ~Work() = default;
  };

  // ---- whoever has work ----

  bool promised() { return promised_.load() != 0; }
  // False: it is to be done at once.
  bool postpone(Work& work, uint64_t now_ns) {
    Work* none = nullptr;
    if (!promised() || work_.load() != nullptr) return false;
    since_ns_.store(now_ns);
    if (!work_.compare_exchange_strong(none, &work)) return false;
    // said first, then looked: break_promise() looks the other way round
    if (!promised()) settle();
    return true;
  }
  // It is not postponed any more. Whether it was; others may be doing it.
  bool withdraw(Work& work) {
    Work* postponed = &work;
    return work_.load() == postponed && work_.compare_exchange_strong(postponed, nullptr);
  }

  // ---- anybody ----

  // Whether there was something; its devices may have raised interrupts.
  bool settle() {
    if (work_.load() == nullptr) return false;
    doing_.fetch_add(1);
    Work* const work = work_.exchange(nullptr);
    if (work) work->do_now();
    doing_.fetch_sub(1);
    doing_.notify_all();
    return work != nullptr;
  }

  // ---- who looks in time ----

  void promise() { promised_.store(1); }
  // Whether there was something.
  bool break_promise() {
    promised_.store(0);
    return settle();
  }
  // For how long something has been postponed, 0 if nothing is.
  uint64_t age_ns(uint64_t now_ns) {
    const uint64_t since = since_ns_.load();
    return work_.load() && now_ns > since ? now_ns - since : 0;
  }
  // Nobody does any of it.
  void wait_for_others() {
    while (const int doing = doing_.load()) doing_.wait(doing);
  }
  // In the child of a fork: what is postponed is the parent's, who does it is not there.
  void after_fork_child() {
    promised_.store(0);
    work_.store(nullptr);
    doing_.store(0);
  }

 private:
  std::atomic<int> promised_ = 0;
  std::atomic<Work*> work_ = nullptr;
  std::atomic<int> doing_ = 0;  // threads
  std::atomic<uint64_t> since_ns_ = 0;
};

}  // namespace lkl::host
