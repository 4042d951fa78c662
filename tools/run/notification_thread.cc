// SPDX-License-Identifier: GPL-2.0
#include "run/notification_thread.h"

#include <poll.h>

#include <utility>

namespace lkl::tool::served {

NotificationThread::NotificationThread(Listener& listener, Serve serve)
    : listener_(listener), serve_(std::move(serve)) {
  thread_ = std::thread([this] { run(); });
}

NotificationThread::~NotificationThread() {
  stop_.in.reset();
  thread_.join();
}

void NotificationThread::run() {
  pollfd both[] = {{listener_.fd(), POLLIN, 0}, {stop_.out.get(), POLLIN, 0}};
  for (;;) {
    ::poll(both, 2, -1);
    if (both[1].revents != 0) return;
    if ((both[0].revents & POLLIN) == 0) {
      // nobody is left
      if (both[0].revents != 0) return;
      continue;
    }
    if (const auto call = listener_.receive()) serve_(*call);
  }
}

}  // namespace lkl::tool::served
