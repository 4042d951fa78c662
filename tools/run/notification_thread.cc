// SPDX-License-Identifier: GPL-2.0
#include "run/notification_thread.h"

#include <poll.h>
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

NotificationThread::NotificationThread(Listener& listener, ToldBy told_by, Serve serve)
    : listener_(listener), told_by_(told_by), serve_(std::move(serve)) {
  if (told_by == ToldBy::kSignal)
    let_signal_interrupt();
  else
    stop_ = make_pipe();
  thread_ = std::thread([this] { run(); });
}

NotificationThread::~NotificationThread() {
  wanted_ = false;
  stop_.in.reset();
  // again, as it may have come just before the wait
  for (; told_by_ == ToldBy::kSignal && !gone_;
       std::this_thread::sleep_for(std::chrono::milliseconds(1)))
    ::pthread_kill(thread_.native_handle(), kWakeUp);
  thread_.join();
}

bool NotificationThread::wait_for_call() const {
  pollfd both[] = {{listener_.fd(), POLLIN, 0}, {stop_.out.get(), POLLIN, 0}};
  while (::poll(both, 2, -1) < 0) continue;
  // neither that nor the end of all who might call
  return both[1].revents == 0 && (both[0].revents & POLLIN) != 0;
}

void NotificationThread::run() {
  while (wanted_ && (told_by_ == ToldBy::kSignal || wait_for_call())) {
    if (const auto call = listener_.receive())
      serve_(*call);
    else if (listener_.abandoned())
      break;
  }
  gone_ = true;
}

}  // namespace lkl::tool::served
