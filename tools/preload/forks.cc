// SPDX-License-Identifier: GPL-2.0
#include "preload/forks.h"

#include <pthread.h>

#include <new>

#include "preload/family.h"
#include "preload/libc.h"
#include "preload/mask.h"
#include "preload/numbers.h"

namespace lkl::preload {

std::mutex between_forks;

struct Report::Ends {
  int of_pipe[2] = {-1, -1};  // to read from, to write to
  Ends* next = nullptr;
};

namespace {

// Those of all threads, and what this one has made last.
Report::Ends* all_ends;
constinit thread_local Report::Ends* own_ends [[gnu::tls_model("initial-exec")]] = nullptr;

void close_others() {
  for (Report::Ends* ends = all_ends; ends != nullptr; ends = ends->next)
    if (ends != own_ends)
      for (const int end : ends->of_pipe) free_number(end);
  all_ends = own_ends;
  if (own_ends != nullptr) own_ends->next = nullptr;
}

// A handler of a signal could make a process, too.
constinit thread_local sigset_t mask_before_fork = {};

void lock_for_fork() {
  const sigset_t all = all_but_faults();
  libc().pthread_sigmask(SIG_SETMASK, &all, &mask_before_fork);
  between_forks.lock();
}

void unlock_after_fork() {
  between_forks.unlock();
  libc().pthread_sigmask(SIG_SETMASK, &mask_before_fork, nullptr);
}

// Before any thread of the program's.
[[gnu::constructor]] void be_told_of_forks() {
  const auto prepare = [] {
    before_fork();
    lock_for_fork();
  };
  const auto in_parent = [] {
    unlock_after_fork();
    after_fork_in_parent();
  };
  ::pthread_atfork(prepare, in_parent, [] {
    // Whoever had it is not here, and it guards no memory. It is not ours while others fork: the
    // library opens files when it holds what fork() waits for.
    new (&low_numbers) std::mutex;
    close_others();
    unlock_after_fork();
    after_fork_in_child();
  });
}

}  // namespace

bool is_end_of_report(int fd) {
  for (const Report::Ends* ends = all_ends; ends != nullptr; ends = ends->next)
    if (fd == ends->of_pipe[0] || fd == ends->of_pipe[1]) return true;
  return false;
}

Report::Report() : error_(0), ends_(std::make_unique<Ends>()), before_(own_ends) {
  const BetweenForks whole;
  error_ = make_librarys_pipe(ends_->of_pipe);
  if (error_ != 0) return;
  ends_->next = all_ends;
  all_ends = own_ends = ends_.get();
}

Report::~Report() {
  if (error_ != 0) return;
  close_end();
  free_number(ends_->of_pipe[0]);
  own_ends = before_;
}

void Report::close_end() {
  int& end = ends_->of_pipe[1];
  if (end < 0) return;
  const BetweenForks whole;
  Ends** at = &all_ends;
  while (*at != ends_.get()) at = &(*at)->next;
  *at = ends_->next;
  free_number(end);
  end = -1;
}

int Report::heard() {
  close_end();
  int error = 0;
  long count;
  do {
    count = raw(libc().read(ends_->of_pipe[0], &error, sizeof error));
  } while (count == -EINTR);
  return count == sizeof error ? error : 0;
}

void Report::fail(int error) {
  (void)!libc().write(ends_->of_pipe[1], &error, sizeof error);
  libc()._exit(127);
  __builtin_unreachable();
}

}  // namespace lkl::preload
