// SPDX-License-Identifier: GPL-2.0
#include "run/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <lkl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include "base/error.h"
#include "run/network_counters.h"
#include "run/open_call.h"
#include "run/reply.h"
#include "run/unix_call.h"

namespace lkl::tool::served {

namespace {

using Clock = std::chrono::steady_clock;

// Of the ids that epoll knows: what they are of.
constexpr std::uint64_t kOfClient = 1ULL << 62, kOfWatch = 1ULL << 63;
// Who has waited for long may wait so much longer for its signal: a server that nobody asks is to
// cost nothing.
constexpr std::chrono::milliseconds kLookSoon(20), kLookLater(250);
// Of whom there is something to be sent to.
constexpr std::chrono::seconds kSilence(20);

}  // namespace

Supervisor::Supervisor() : asked_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "an eventfd") {
  watch(asked_event_.get(), [this] { serve_calls(); });
}

Supervisor::~Supervisor() {
  while (!clients_.empty()) end_client(clients_.begin()->first);
  // who ends the kernel
  act_as_root(networks_.find(""));
}

std::shared_ptr<Client> Supervisor::make_client(GuestUser user) {
  return std::make_shared<Client>(networks_.find(""), std::move(user));
}

void Supervisor::add_client(Descriptor fd, Ended ended, GuestUser user,
                            const std::string& network) {
  const std::uint64_t id = kOfClient | worlds_.new_id();
  auto client = std::make_shared<Client>(networks_.find(network), std::move(user));
  auto listener = std::make_shared<Listener>(std::move(fd));
  // its end only, which is told in any case
  epoll_event event = {};
  event.data.u64 = id;
  if (::epoll_ctl(worlds_.host_epoll(), EPOLL_CTL_ADD, listener->fd(), &event) != 0)
    throw std::system_error(errno, std::system_category(), "epoll");
  auto thread = std::make_unique<NotificationThread>(
      *listener, NotificationThread::ToldBy::kSignal,
      [this, client](const Notification& call) { take(client, call); });
  clients_[id] = {std::move(client), std::move(listener), std::move(ended), std::move(thread)};
}

void Supervisor::watch(int fd, std::function<void()> readable) {
  const std::uint64_t id = kOfWatch | ++last_watch_;
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u64 = id;
  if (::epoll_ctl(worlds_.host_epoll(), EPOLL_CTL_ADD, fd, &event) != 0)
    throw std::system_error(errno, std::system_category(), "epoll");
  watches_[id] = {fd, std::move(readable)};
}

void Supervisor::forget(int fd) {
  ::epoll_ctl(worlds_.host_epoll(), EPOLL_CTL_DEL, fd, nullptr);
  std::erase_if(watches_, [fd](const auto& watch) { return watch.second.fd == fd; });
}

void Supervisor::end_client(std::uint64_t id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Served served = std::move(found->second);
  clients_.erase(found);
  served.thread.reset();
  serve_calls();
  for (const auto& [cookie, socket] : served.client->take_all()) socket->end();
  ::epoll_ctl(worlds_.host_epoll(), EPOLL_CTL_DEL, served.listener->fd(), nullptr);
  if (served.ended) served.ended();
}

void Supervisor::run() {
  while (!stopped_) {
    const Worlds::Events events = worlds_.host_events();
    // What programs have written or closed comes before what they ask for.
    for (const bool calls : {false, true})
      for (const Worlds::Event& event : events)
        if (!stopped_ && ((event.id & (kOfClient | kOfWatch)) != 0) == calls)
          serve_host(event.id, event.events);
    if (stopped_ || (stops_when_sent_ && all_is_sent())) return;
    // again and again, before we sleep
    const int wait = events.empty() ? until_next_deadline() : 0;
    for (const Worlds::Event& event : worlds_.guest_events(wait))
      if (const auto socket = worlds_.find(event.id)) socket->guest_event(event.events);
    expire_deadlines();
    look_for_signals();
  }
}

void Supervisor::serve_host(std::uint64_t id, unsigned events) {
  if ((id & kOfWatch) != 0) {
    const auto found = watches_.find(id);
    if (found == watches_.end()) return;
    const auto readable = found->second.readable;
    return readable();
  }
  if ((id & kOfClient) != 0) return end_client(id);
  if (const auto socket = worlds_.find(id)) socket->host_event(events);
}

// By the thread that has got the call.
void Supervisor::take(const std::shared_ptr<Client>& client, const Notification& call) {
  // Each that opens a file comes here, most of them for nothing: not to wait for what we do.
  if (opens_file(call))
    if (const auto outcome = open_file(*client, call, written_))
      return reply(*client, call, *outcome);
  Asked asked = {.client = client, .call = call, .socket = nullptr, .end = {}};
  if (!opens_file(call) && call.call != SYS_socket) {
    asked.end = client->descriptors.copy(call.thread, call.number(0));
    if (!asked.end && errno == EPERM)
      warn_once("a program lets nobody look into it (PR_SET_DUMPABLE): its sockets are not served");
    // The host says what is wrong with what is no descriptor; pairs are connected to nothing else.
    if (!asked.end) return reply(*client, call, Outcome::on_host());
    // Nor do the host's wait for what we do.
    asked.socket = client->find(cookie_of(asked.end.get()));
    if (asked.socket == nullptr) return reply(*client, call, use_unix(*client, call, asked.end));
  }
  bool first;
  {
    const std::lock_guard lock(asked_mutex_);
    first = asked_.empty() && posted_.empty();
    asked_.push_back(std::move(asked));
  }
  // who takes the others takes this as well
  if (first) ::eventfd_write(asked_event_.get(), 1);
}

void Supervisor::post(std::function<void()> what) {
  {
    const std::lock_guard lock(asked_mutex_);
    posted_.push_back(std::move(what));
  }
  ::eventfd_write(asked_event_.get(), 1);
}

Descriptor Supervisor::adopt(const std::shared_ptr<Client>& client, int fd) {
  client->act();
  try {
    GuestSocket::Ends ends = GuestSocket::adopt(worlds_, client, fd);
    return std::move(ends.program);
  } catch (const std::system_error& error) {
    errno = error.code().value();
    return {};
  }
}

void Supervisor::serve_calls() {
  eventfd_t count;
  ::eventfd_read(asked_event_.get(), &count);
  std::vector<Asked> asked;
  std::vector<std::function<void()>> posted;
  {
    const std::lock_guard lock(asked_mutex_);
    asked.swap(asked_);
    posted.swap(posted_);
  }
  for (const auto& what : posted) what();
  for (const Asked& one : asked) serve(one);
}

void Supervisor::drain_pairs() {
  for (const Worlds::Event& event : worlds_.host_events())
    // all else is a level: it comes again
    if (const auto socket = worlds_.find(event.id)) socket->host_event(event.events);
}

int Supervisor::until_next_deadline() {
  constexpr int kLookForSent = 2;  // ms
  if (stops_when_sent_) return kLookForSent;
  if (deadlines_.empty() && waits_.empty()) return -1;
  auto next = Clock::time_point::max();
  if (!deadlines_.empty()) next = deadlines_.begin()->first;
  if (!waits_.empty()) next = std::min(next, next_look_);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

void Supervisor::expire_deadlines() {
  if (deadlines_.empty()) return;
  const auto now = Clock::now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto socket = deadlines_.begin()->second.lock();
    deadlines_.erase(deadlines_.begin());
    if (socket == nullptr) continue;
    socket->expire(now);
  }
}

void Supervisor::look_for_signals() {
  if (waits_.empty()) return;
  const auto now = Clock::now();
  if (now < next_look_) return;
  next_look_ = now + look_each_;
  look_each_ = std::min(look_each_ * 5 / 4, kLookLater);
  std::erase_if(waits_, [](const auto& wait) {
    const auto socket = wait.second.lock();
    if (socket == nullptr) return true;
    return !socket->let_go_to_signal(wait.first);
  });
}

void Supervisor::look_soon() {
  look_each_ = kLookSoon;
  const auto soon = Clock::now() + look_each_;
  // who came before does not wait for longer since somebody comes
  next_look_ = waits_.size() == 1 ? soon : std::min(next_look_, soon);
}

// A connection that nobody has any more is one as long as its other end has not got all of it.
bool Supervisor::all_is_sent() {
  if (!worlds_.has_sockets() && number_of_network("sockstat", "TCP:", "orphan") == 0) return true;
  const auto now = Clock::now();
  const std::uint64_t heard = number_of_network("snmp", "Tcp:", "InSegs");
  if (heard != std::exchange(heard_, heard) || heard_at_ == Clock::time_point()) heard_at_ = now;
  return now - heard_at_ > kSilence;
}

void Supervisor::warn_once(const std::string& what) {
  const std::lock_guard lock(warned_mutex_);
  if (warned_.insert(what).second) print_error(fmt::format("lkl: {}\n", what));
}

}  // namespace lkl::tool::served
