// SPDX-License-Identifier: GPL-2.0
//
// Serves the system calls of programs with sockets of our kernel.
#ifndef LKL_TOOL_RUN_SUPERVISOR_H
#define LKL_TOOL_RUN_SUPERVISOR_H

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>
#include <vector>

#include "run/client.h"
#include "run/guest_namespaces.h"
#include "run/guest_socket.h"
#include "run/notification_thread.h"
#include "run/worlds.h"
#include "run/written_files.h"

namespace lkl::tool::served {

class Supervisor {
 public:
  // The kernel runs, and does so until this is gone.
  Supervisor();
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Below: by the thread that calls run(), or before it. That one does all, but to open files.
  using Ended = std::function<void()>;
  // Serves who is under the filter of this listener; `ended` when the last of them has gone. On the
  // network of this name in our kernel, the first one if it has none. Throws Failure.
  void add_client(Descriptor listener, Ended ended, GuestUser user,
                  const std::string& network = "");
  // The same without a listener: for who takes calls by himself. In the first network.
  std::shared_ptr<Client> make_client(GuestUser user);
  // A socket of our kernel that a program has used by itself becomes one of this client's. What is
  // the program's instead; nothing with errno, and the descriptor is the caller's still.
  Descriptor adopt(const std::shared_ptr<Client>& client, int fd);
  // Sockets that programs have closed are so in our kernel: so that an address is free.
  void drain_pairs();
  // Calls this when the host's descriptor is readable, or its other end closed.
  void watch(int fd, std::function<void()> readable);
  void forget(int fd);

  // Until stop().
  void run();
  // Any thread: a call that is to be answered, and what is to be done by the thread of run().
  void take(const std::shared_ptr<Client>& client, const Notification& call);
  void post(std::function<void()> what);
  void stop() { stopped_ = true; }
  // When nobody is left: what they have written is to be with those it is for, before the kernel
  // ends. Nobody is waited for who is silent.
  void stop_when_sent() { stops_when_sent_ = true; }

 private:
  struct Served {
    std::shared_ptr<Client> client;
    std::shared_ptr<Listener> listener;
    Ended ended;
    std::unique_ptr<NotificationThread> thread;
  };

  void serve_host(std::uint64_t id, unsigned events);
  void serve_calls();
  struct Asked {
    std::shared_ptr<Client> client;
    Notification call;
    // what it uses, if it uses something, and a copy of the program's end of that
    std::shared_ptr<GuestSocket> socket;
    Descriptor end;
  };
  void serve(const Asked& asked);
  Outcome make_socket(const std::shared_ptr<Client>& client, const Notification& call);
  Outcome give(const std::shared_ptr<Client>& client, const Notification& call, int fd,
               GuestSocket::State state, int flags);
  Outcome open_tunnel(const std::shared_ptr<Client>& client, const Notification& call);
  Outcome use_socket(const Asked& asked);
  Outcome use(GuestSocket& socket, const Notification& call, const Descriptor& end);
  Outcome tell_name(GuestSocket& socket, const Notification& call);
  Outcome option(GuestSocket& socket, const Notification& call, const Descriptor& end);
  void defer(const std::shared_ptr<GuestSocket>& socket, const Notification& call);
  int until_next_deadline();
  void expire_deadlines();
  void look_for_signals();
  void look_soon();
  void end_client(std::uint64_t id);
  bool all_is_sent();
  // Any thread.
  void warn_once(const std::string& what);

  bool stopped_ = false, stops_when_sent_ = false;
  std::uint64_t heard_ = 0;  // how much has come from outside, when it was last looked for
  std::chrono::steady_clock::time_point heard_at_;
  std::uint64_t last_watch_ = 0;
  std::unordered_map<std::uint64_t, Served> clients_;
  struct Watch {
    int fd;
    std::function<void()> readable;
  };
  std::map<std::uint64_t, Watch> watches_;

  Worlds worlds_;
  GuestNamespaces networks_;
  WrittenFiles written_;
  std::multimap<std::chrono::steady_clock::time_point, std::weak_ptr<GuestSocket>> deadlines_;
  // What threads wait for. No signal ends that by itself, so we look for one, at times.
  std::unordered_map<pid_t, std::weak_ptr<GuestSocket>> waits_;
  std::chrono::steady_clock::time_point next_look_;
  std::chrono::milliseconds look_each_{};
  std::mutex warned_mutex_;  // guards what follows
  std::set<std::string> warned_;

  // Of threads that wait for calls.
  std::mutex asked_mutex_;  // guards what follows
  std::vector<Asked> asked_;
  std::vector<std::function<void()>> posted_;
  Descriptor asked_event_;
};

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_SUPERVISOR_H
