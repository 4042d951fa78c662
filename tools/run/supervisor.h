// SPDX-License-Identifier: GPL-2.0
//
// Serves the system calls of programs with sockets of our kernel.
#ifndef LKL_TOOL_RUN_SUPERVISOR_H
#define LKL_TOOL_RUN_SUPERVISOR_H

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>

#include "run/client.h"
#include "run/guest_socket.h"
#include "run/worlds.h"

namespace lkl::tool::served {

class Supervisor {
 public:
  // The kernel runs, and does so until this is gone. One thread: it runs, and does all.
  Supervisor() = default;
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  using Ended = std::function<void()>;
  // Serves who is under the filter of this listener; `ended` when the last of them has gone.
  void add_client(Descriptor listener, Ended ended);
  std::size_t clients() const { return clients_.size(); }
  // Calls this when the host's descriptor is readable, or its other end closed.
  void watch(int fd, std::function<void()> readable);
  void forget(int fd);

  // Until stop().
  void run();
  void stop() { stopped_ = true; }

 private:
  struct Served {
    std::shared_ptr<Client> client;
    Ended ended;
  };

  void serve_host(std::uint64_t id, unsigned events);
  void drain_pairs();
  void serve(const std::shared_ptr<Client>& client);
  Outcome decide(const std::shared_ptr<Client>& client, const Notification& call);
  Outcome make_socket(const std::shared_ptr<Client>& client, const Notification& call);
  Outcome open_file(Client& client, const Notification& call);
  Outcome use_socket(const std::shared_ptr<Client>& client, const Notification& call);
  Outcome use(GuestSocket& socket, const Notification& call, const Descriptor& end);
  Outcome use_unix(Client& client, const Notification& call);
  Outcome tell_name(GuestSocket& socket, const Notification& call);
  Outcome option(GuestSocket& socket, const Notification& call, const Descriptor& end);
  void defer(const std::shared_ptr<GuestSocket>& socket, const Notification& call);
  int until_next_deadline();
  void expire_deadlines();
  void look_for_signals();
  void look_soon();
  void end_client(std::uint64_t id);
  void warn_once(const std::string& what);

  Worlds worlds_;
  bool stopped_ = false;
  std::uint64_t last_watch_ = 0;
  std::unordered_map<std::uint64_t, Served> clients_;
  struct Watch {
    int fd;
    std::function<void()> readable;
  };
  std::map<std::uint64_t, Watch> watches_;
  std::multimap<std::chrono::steady_clock::time_point, std::weak_ptr<GuestSocket>> deadlines_;
  // What threads wait for. No signal ends that by itself, so we look for one, at times.
  std::unordered_map<pid_t, std::weak_ptr<GuestSocket>> waits_;
  std::chrono::steady_clock::time_point next_look_;
  std::chrono::milliseconds look_each_{};
  std::set<std::string> warned_;
};

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_SUPERVISOR_H
