// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <array>
#include <mutex>
#include <utility>
#include <vector>

#include "io/event_loop.h"
#include "io/watch_list.h"
#include "io/worker_pool.h"
#include "win32/handle.h"
#include "win32/signal.h"

namespace lkl::host {

// Reads and writes of one piece, of files that have an overlapped handle, are started by whoever
// asks, and end at a completion port, or are done by whoever asks if the host would do so anyway;
// the rest is for the threads of the pool. Who waits does so at the port if something can come
// there, else on a word: that is woken much sooner. What is watched are signals, of which the loop
// is told; other descriptors fail.
class HostLoop final : public EventLoop, SignalWatcher {
 public:
  HostLoop() : pool_(*this) { add_watcher(*this); }
  ~HostLoop() override;

  // 0 or -errno.
  int open(bool with_port, bool always);

  void watch(Watch& watch) override;
  void cancel(Watch& watch) override { watches_.cancel(watch); }
  void submit() override {}
  using EventLoop::sleep;
  void sleep(uint64_t deadline_ns, uint64_t busy_ns) override;
  unsigned collect() override;
  void kick() override;
  bool attended() override;
  void quiesce() override;
  // Never: there is no fork().
  int after_fork_child() override { return -ENOSYS; }

 private:
  enum Where { kAwake, kOnWord, kAtPort };
  struct Transfer;

  void start(IoOperationList&& operations) override;
  void signalled() override { kick(); }
  enum class Shape { kOne, kLarge };  // one piece, or some of which each is worth a call
  static bool is_in_pieces(const IoOperation& operation, Shape shape);
  void start_transfer(IoOperation& operation, HANDLE file);
  static int64_t result_of(DWORD error, DWORD count);
  void ended(IoOperation& operation, int64_t result);
  void take_entries(uint64_t deadline_ns);
  uint64_t when_ready(uint64_t now_ns);
  unsigned collect_ready();

  Handle port_;
  bool always_by_port_ = false;  // even where it is of no use
  WorkerPool pool_;
  std::atomic<unsigned> pending_ = 0;  // at the port

  std::atomic<int> kicked_ = 0;
  std::atomic<int> where_ = kAwake;

  std::mutex mutex_;       // guards what follows
  IoOperationList ended_;  // at once

  WatchList watches_;
  std::vector<std::pair<Watch*, short>> ready_;  // the owner's

  std::array<OVERLAPPED_ENTRY, 64> entries_;  // the owner's
  ULONG entry_count_ = 0;
};

}  // namespace lkl::host
