// SPDX-License-Identifier: GPL-2.0
//
// A process looks after its children: a thread, from the first fork on, hears what they want.
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <future>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "preload/family.h"
#include "preload/kernel.h"
#include "preload/libc.h"
#include "preload/made_once.h"
#include "preload/mask.h"
#include "preload/numbers.h"
#include "preload/serving.h"
#include "preload/signals.h"
#include "preload/with_descriptor.h"
#include "run/filter.h"
#include "run/first_calls.h"
#include "run/notification_thread.h"

namespace lkl::preload {

namespace {

using tool::Descriptor;
using tool::served::Listener;
using tool::served::Notification;
using tool::served::NotificationThread;

struct Child {
  Descriptor channel;          // until the process that was made executes or ends
  std::shared_ptr<Heir> heir;  // if the kernel was there when it was made
  bool joins = false;
  // It and all that it has started.
  std::shared_ptr<Listener> listener;
  std::unique_ptr<NotificationThread> calls;

  bool is_served() const { return joins || calls != nullptr; }
};

// Everybody is inside.
class Children {
 public:
  Children();

  // Any thread.
  std::span<const sock_filter> filter() const { return filter_; }
  void add(Descriptor channel, std::shared_ptr<Heir> heir);
  // What they have said until now is done.
  void settle();
  bool any_is_served();
  // Nobody new is served.
  void close();

 private:
  void run();
  void hear(Child& child);
  // `given`: what has come with it, and what goes with the answer.
  Reply answer(Child& child, const Request& request, Descriptor& given, bool& leaves);
  Reply adopt(Descriptor channel, const Request& request);
  Reply join(Child& child, const Request& request);
  Reply begin(Child& child, const Request& request);
  bool serve_events();
  void wake();

  const std::vector<sock_filter> filter_ = tool::served::make_filter();
  const tool::Pipe wake_ = tool::make_pipe();
  std::mutex mutex_;  // guards what follows; it is the thread's alone to take one away
  std::list<Child> all_;
  std::vector<std::promise<void>> settling_;
  bool closed_ = false;
};

std::atomic<Children*> children;
std::atomic<bool> was_used;

// Who asks has no kernel yet, perhaps: it is made for who needs it.
void take_call(const Notification& call) {
  if (!was_used) {
    if (tool::served::needs_kernel(call)) {
      was_used = true;
    } else if (!has_kernel()) {
      call.by->go_on(call.id);
      return;
    }
  }
  want_kernel_for_children();
  take_childs_call(call);
}

// What a child has by this number; or an error.
Descriptor take_from(const Request& request, int& error) {
  const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, request.process, 0)));
  Descriptor taken;
  if (process)
    taken =
        Descriptor(static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), request.number, 0)));
  if (!taken) error = -errno;
  return taken;
}

Children::Children() {
  // the program's signals are not this thread's
  const sigset_t all = all_but_faults();
  const MaskFor blocked(&all);
  std::thread([this] { run(); }).detach();
}

void Children::wake() {
  const char byte = 0;
  (void)!libc().write(wake_.in.get(), &byte, 1);
}

void Children::add(Descriptor channel, std::shared_ptr<Heir> heir) {
  {
    const std::lock_guard lock(mutex_);
    Child& child = all_.emplace_back();
    child.channel = std::move(channel);
    child.heir = std::move(heir);
    // it says so as soon as it runs
    child.joins = child.heir != nullptr;
  }
  wake();
}

void Children::settle() {
  std::promise<void> done;
  std::future<void> is_done = done.get_future();
  {
    const std::lock_guard lock(mutex_);
    settling_.push_back(std::move(done));
  }
  wake();
  is_done.wait();
}

bool Children::any_is_served() {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(all_, &Child::is_served);
}

void Children::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

void Children::run() {
  for (;;) {
    std::vector<pollfd> fds = {{.fd = wake_.out.get(), .events = POLLIN, .revents = 0}};
    {
      const std::lock_guard lock(mutex_);
      for (const Child& child : all_) {
        if (child.channel)
          fds.push_back({.fd = child.channel.get(), .events = POLLIN, .revents = 0});
        if (child.listener) fds.push_back({.fd = child.listener->fd(), .events = 0, .revents = 0});
      }
    }
    libc().poll(fds.data(), fds.size(), -1);
    std::vector<std::promise<void>> settling;
    if (fds[0].revents != 0) {
      char bytes[256];
      (void)!libc().read(wake_.out.get(), bytes, sizeof bytes);
      const std::lock_guard lock(mutex_);
      settling.swap(settling_);
    }
    while (serve_events()) continue;
    for (std::promise<void>& one : settling) one.set_value();
  }
}

// False if there were none.
bool Children::serve_events() {
  bool any = false;
  std::unique_lock lock(mutex_);
  for (auto child = all_.begin(); child != all_.end();) {
    // others are added meanwhile
    lock.unlock();
    pollfd states[] = {
        {.fd = child->channel.get(), .events = POLLIN, .revents = 0},
        {.fd = child->listener ? child->listener->fd() : -1, .events = 0, .revents = 0}};
    libc().poll(states, 2, 0);
    if (states[0].revents != 0) hear(*child);
    if (states[1].revents != 0) {
      child->calls.reset();
      child->listener.reset();
    }
    any = any || states[0].revents != 0 || states[1].revents != 0;
    lock.lock();
    child = child->channel || child->listener ? std::next(child) : all_.erase(child);
  }
  return any;
}

void Children::hear(Child& child) {
  Request request = {};
  bool is_there = false;
  // what has come is here: nobody waits
  Descriptor given(make_librarys_by([&] {
    int fd = -1;
    is_there = receive_with(child.channel.get(), &request, sizeof request, fd);
    return fd;
  }));
  bool leaves = !is_there;
  if (is_there) {
    const Reply reply = answer(child, request, given, leaves);
    send_with(child.channel.get(), &reply, sizeof reply, given.get());
  }
  if (!leaves) return;
  if (child.heir) disinherit(*child.heir);
  child.heir.reset();
  const std::lock_guard lock(mutex_);
  child.channel.reset();
  child.joins = false;
}

Reply Children::answer(Child& child, const Request& request, Descriptor& given, bool& leaves) {
  switch (request.what) {
    case Request::kJoin:
      // by who has a kernel, or is the first of all
      leaves = !has_kernel() && hand_to_parent(child.channel.get(), request);
      return leaves ? 0 : join(child, request);
    case Request::kAdopt:
      return adopt(std::exchange(given, {}), request);
    case Request::kBegin:
      return begin(child, request);
    case Request::kClaim:
      if (child.heir) given = claim_for(*child.heir, request.number);
      return given ? 0 : -EBADF;
    case Request::kClose:
      if (child.heir) close_for(*child.heir, request.number);
      return 0;
  }
  return -EINVAL;
}

Reply Children::adopt(Descriptor channel, const Request& request) {
  if (!channel) return -EBADF;
  if (!has_kernel() && hand_to_parent(channel.get(), request)) return 0;
  Child child;
  child.channel = std::move(channel);
  const Reply reply = join(child, request);
  const std::lock_guard lock(mutex_);
  if (reply == 0) all_.push_back(std::move(child));
  return reply;
}

// Some we may not look into: who is another user now, or we ourselves.
Reply Children::join(Child& child, const Request& request) {
  int error = 0;
  if (!take_from(request, error)) return error;
  const std::lock_guard lock(mutex_);
  if (closed_ && !child.joins) return -ENETDOWN;
  child.joins = true;
  return 0;
}

Reply Children::begin(Child& child, const Request& request) {
  int error = 0;
  Descriptor listener = take_from(request, error);
  if (!listener) return error;
  auto shared = std::make_shared<Listener>(std::move(listener));
  auto calls =
      std::make_unique<NotificationThread>(*shared, NotificationThread::ToldBy::kPipe, take_call);
  const std::lock_guard lock(mutex_);
  child.listener = std::move(shared);
  child.calls = std::move(calls);
  child.joins = false;
  return 0;
}

Children& get() {
  return made_once(children);
}

// Between begin_fork() and end_fork(): on the heap, as the child is not to take it down.
struct InMaking {
  Descriptor own_end;
  std::shared_ptr<Heir> heir;
};
std::mutex forks;  // guards what follows
InMaking* in_making;

// Of this thread.
constinit thread_local struct {
  bool is_ours = false;
  Fork fork;
} making [[gnu::tls_model("initial-exec")]];

Fork begin_fork() {
  this_thread.inside++;
  Children& all = get();
  forks.lock();
  Fork fork = {.channel = -1, .filter = all.filter()};
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0) {
    in_making = new InMaking{Descriptor(ends[0]), nullptr};
    fork.channel = ends[1];
    if (has_kernel()) in_making->heir = make_heir_and_pause();
  }
  return fork;
}

void end_fork(const Fork& fork) {
  end_pause();
  // so that we see when the child closes it
  if (fork.channel >= 0) {
    free_number(fork.channel);
    const std::unique_ptr<InMaking> made(std::exchange(in_making, nullptr));
    get().add(std::move(made->own_end), std::move(made->heir));
  }
  forks.unlock();
  this_thread.inside--;
}

// In the child, instead of that.
void forget_children() {
  forks.unlock();
  children = nullptr;
  forget_serving();
  this_thread.inside--;
}

}  // namespace

void settle_children() {
  if (!serves_children()) return;
  const Inside inside;
  get().settle();
  settle_serving();
}

bool has_children() {
  const Inside inside;
  return children != nullptr && get().any_is_served();
}

bool was_used_by_children() {
  return was_used;
}

void end_serving() {
  if (is_child()) return;
  const Inside inside;
  close_served_numbers();
  if (children != nullptr) {
    get().close();
    // as the command lkl run: a signal for this process is for its serving now
    const EndingSignals signals;
    while (get().any_is_served() && !signals.any_comes()) continue;
  }
  finish_serving();
}

void before_fork() {
  making.is_ours = this_thread.inside == 0;
  if (!making.is_ours) return;
  if (is_child())
    claim_all();
  else
    making.fork = begin_fork();
}

void after_fork_in_parent() {
  if (making.is_ours && !is_child()) end_fork(making.fork);
}

void after_fork_in_child() {
  // of one that is served already
  if (is_child()) return;
  const bool had_kernel = has_kernel();
  if (had_kernel) leave_to_parent();
  if (!making.is_ours) return;
  forget_children();
  begin_as_child(making.fork, had_kernel);
}

}  // namespace lkl::preload
