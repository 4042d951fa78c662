// SPDX-License-Identifier: GPL-2.0
//
// Waits for the calls of a listener. A thread of its own, since who waits in the host's kernel just
// for that runs on the processor of the program that calls, at once
// (SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP).
#ifndef LKL_TOOL_RUN_NOTIFICATION_THREAD_H
#define LKL_TOOL_RUN_NOTIFICATION_THREAD_H

#include <atomic>
#include <functional>
#include <thread>

#include "run/notification.h"

namespace lkl::tool::served {

class NotificationThread {
 public:
  using Serve = std::function<void(const Notification&)>;
  // How it is told to end: by SIGURG, to which it gives a handler, in a process that is ours; or,
  // in a program's, by a pipe, which it looks at before each call.
  enum class ToldBy { kSignal, kPipe };

  // The listener stays.
  NotificationThread(Listener& listener, ToldBy told_by, Serve serve);
  // Waits for a call that is being served.
  ~NotificationThread();
  NotificationThread(const NotificationThread&) = delete;
  NotificationThread& operator=(const NotificationThread&) = delete;

 private:
  void run();
  // False if it is to end.
  bool wait_for_call() const;

  Listener& listener_;
  const ToldBy told_by_;
  const Serve serve_;
  Pipe stop_;  // if it is told so
  std::atomic<bool> wanted_ = true, gone_ = false;
  std::thread thread_;
};

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_NOTIFICATION_THREAD_H
