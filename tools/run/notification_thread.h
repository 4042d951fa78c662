// SPDX-License-Identifier: GPL-2.0
//
// Waits for the calls of a listener. A thread of its own, since who waits in the host's kernel just
// for that runs on the processor of the program that calls, at once
// (SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP).
#ifndef LKL_TOOL_RUN_NOTIFICATION_THREAD_H
#define LKL_TOOL_RUN_NOTIFICATION_THREAD_H

#include <functional>
#include <thread>

#include "run/notification.h"

namespace lkl::tool::served {

class NotificationThread {
 public:
  using Serve = std::function<void(const Notification&)>;

  // The listener stays.
  NotificationThread(Listener& listener, Serve serve);
  // Waits for a call that is being served.
  ~NotificationThread();
  NotificationThread(const NotificationThread&) = delete;
  NotificationThread& operator=(const NotificationThread&) = delete;

 private:
  void run();

  Listener& listener_;
  const Serve serve_;
  Pipe stop_ = make_pipe();
  std::thread thread_;
};

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_NOTIFICATION_THREAD_H
