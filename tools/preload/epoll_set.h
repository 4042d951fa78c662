// SPDX-License-Identifier: GPL-2.0
//
// An epoll instance of the program's. It is the host's as long as all that is in it is the host's.
// With the first descriptor of the kernel's it gets one of the kernel's as well, which watches the
// host's: a thread waits there then, for both. That one stands for it wherever else it is waited
// for.
#ifndef LKL_TOOL_PRELOAD_EPOLL_SET_H
#define LKL_TOOL_PRELOAD_EPOLL_SET_H

#include <signal.h>
#include <sys/epoll.h>

#include <atomic>
#include <mutex>
#include <vector>

namespace lkl::preload {

class EpollSet {
 public:
  // With one reference, its number's. The memory of one that is no more is that of a later one, and
  // nothing else's: who closes a number while another thread uses it harms nobody else.
  static EpollSet* make();
  EpollSet(const EpollSet&) = delete;
  EpollSet& operator=(const EpollSet&) = delete;

  void hold() { references_.fetch_add(1, std::memory_order_relaxed); }
  void release();

  // kOfHost as long as there is none.
  int kernel_fd() const { return kernel_.load(std::memory_order_acquire); }

  // The program's number was one of the kernel's, this one, and is one of the host's now: in all
  // sets.
  static void move_to_host(int kernel, int number);

  // Results are the kernels'. `number`: the program's, of this set.
  long control(int number, int operation, int fd, epoll_event* event);
  // Waits so long; -1: for ever.
  long wait(int number, epoll_event* events, int room, int milliseconds, const sigset_t* mask);

 private:
  // Where it is in others, of the host's.
  struct Place {
    EpollSet* set;  // held
    int host;       // of that set, for us
    epoll_event event;
  };

  EpollSet() = default;
  ~EpollSet() = default;
  void end();
  long mix(int number);
  long move_to_kernel(const Place& place);
  void move_registration(int kernel, int number);
  void wake_who_waits_at_host();
  long control_epoll(int number, EpollSet& other, int operation, int fd, epoll_event* event);
  long wait_at_host(int number, epoll_event* events, int room, int milliseconds,
                    const sigset_t* mask);
  long wait_for_both(epoll_event* events, int room, int milliseconds);

  std::atomic<int> references_ = 1;
  std::atomic<int> kernel_ = -1;
  std::atomic<int> at_host_ = 0;  // threads that wait there
  std::mutex mutex_;
  int host_ = -1, watch_ = -1;  // ours, of the host's instance
  std::vector<Place> places_;
};

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_EPOLL_SET_H
