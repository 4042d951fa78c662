// SPDX-License-Identifier: GPL-2.0
#include "run/notification_thread.h"

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <utility>

namespace lkl::tool::served {

namespace {

// Its default is to be ignored. With a handler it ends the wait.
constexpr int kWakeUp = SIGURG;

void let_signal_interrupt() {
  struct sigaction action = {};
  action.sa_handler = [](int) {};
  ::sigaction(kWakeUp, &action, nullptr);
}

}  // namespace

NotificationThread::NotificationThread(Listener& listener, Serve serve)
    : listener_(listener), serve_(std::move(serve)) {
  let_signal_interrupt();
  thread_ = std::thread([this] { run(); });
}

NotificationThread::~NotificationThread() {
  wanted_ = false;
  // again, as it may have come just before the wait
  for (; !gone_; std::this_thread::sleep_for(std::chrono::milliseconds(1)))
    ::pthread_kill(thread_.native_handle(), kWakeUp);
  thread_.join();
}

void NotificationThread::run() {
  while (wanted_) {
    if (const auto call = listener_.receive())
      serve_(*call);
    else if (listener_.abandoned())
      break;
  }
  gone_ = true;
}

}  // namespace lkl::tool::served
