// SPDX-License-Identifier: GPL-2.0
//
// A socket of our kernel that a program has. What it has there is one end of a pair of the host's
// sockets; the other one is ours, and what is written to one comes out of the other at the host's
// speed. When all copies of the program's end are closed ours says so.
#ifndef LKL_TOOL_RUN_GUEST_SOCKET_H
#define LKL_TOOL_RUN_GUEST_SOCKET_H

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/descriptor.h"
#include "run/client.h"
#include "run/message.h"
#include "run/notification.h"
#include "run/worlds.h"

namespace lkl::tool::served {

// What comes of a call.
struct Outcome {
  enum class Kind {
    kResult,   // the value, or a negative error
    kOnHost,   // the host's kernel does it
    kWaits,    // for something of the socket
    kAnswered  // the program has the answer
  };
  Kind kind = Kind::kResult;
  long result = 0;
  std::function<void()> take_back = {};  // if the answer is lost

  static Outcome on_host() { return {.kind = Kind::kOnHost}; }
  static Outcome waits() { return {.kind = Kind::kWaits}; }
  static Outcome answered() { return {.kind = Kind::kAnswered}; }
};

struct WaitingCall {
  Notification notification;
  std::optional<std::chrono::steady_clock::time_point> until;  // SO_RCVTIMEO, SO_SNDTIMEO
  long late = 0;                                               // what it returns then
};

class GuestSocket : public std::enable_shared_from_this<GuestSocket> {
 public:
  enum class State {
    kFresh,  // a stream that is not connected
    kConnecting,
    kConnected,
    kListening,
    kDatagrams,  // of any kind, connected or not
    kRemains     // broken, or shut down, and nothing of it is left but an error
  };

  struct Ends {
    std::shared_ptr<GuestSocket> socket;
    Descriptor program;  // to be given to it
  };
  // Of this descriptor of our kernel, which becomes its own unless it throws std::system_error:
  // EMFILE for instance.
  static Ends make(Worlds& worlds, std::shared_ptr<Client> client, int fd, State state,
                   bool nonblocking);

  // The same of one that a program has used by itself until now, in whatever state that is.
  static Ends adopt(Worlds& worlds, std::shared_ptr<Client> client, int fd);

  GuestSocket(Worlds& worlds, std::shared_ptr<Client> client, int fd, State state);
  ~GuestSocket();

  State state() const { return state_; }
  bool is_stream() const { return state_ != State::kDatagrams; }
  // A tunnel: its packets are read and written.
  bool is_device() const { return device_; }
  int fd() const { return fd_; }
  bool closed() const { return closed_; }
  Client& client() const { return *client_; }

  // What has happened at our end of the pair, and at the socket.
  void host_event(unsigned events);
  void guest_event(unsigned events);
  // What the program has written goes to the socket before what it asks for now.
  void flush();
  // A device has an interface from now on, before which it cannot be waited for.
  void attached();
  // Closes both, when the program is no more.
  void close();
  // Nobody is left who could use it: closes both, but what was written before is sent first.
  void end();

  // Calls of the program. `end`: a copy of the program's end, or none: it is got when needed.
  Outcome attempt(const Notification& call, const Descriptor* end);
  Outcome connect(const Notification& call, bool nonblocking);
  Outcome fast_open(const Notification& call, bool nonblocking);
  Outcome listen(int backlog);
  Outcome accept(const Notification& call, const Descriptor* end);
  Outcome send(const Notification& call);
  Outcome receive(const Notification& call, const Descriptor* end);
  Outcome shut_down(int how);
  int take_error() { return std::exchange(error_, 0); }

  // The call is answered when it can be.
  void wait(WaitingCall call) { waiting_.push_back(std::move(call)); }
  void forget_waits_of(pid_t thread);
  // Lets the thread go to its signal, after which it calls again or has EINTR. False if it waits
  // here no more.
  bool let_go_to_signal(pid_t thread);
  // Answers what waits for too long.
  void expire(std::chrono::steady_clock::time_point now);

  // The last who has used it, by whom we get at its end.
  void seen(pid_t thread, int number) { seen_thread_ = thread, seen_number_ = number; }

 private:
  friend struct Reply;

  Descriptor program_end() const;
  void retry_waiting();
  void watch_socket(unsigned events);
  void watch_pair(bool for_room);
  unsigned events_now() const;

  // streams
  void pump(bool written);  // whether the program may have
  void pump_out();
  void pump_in();
  bool give_to_program(std::span<const char> bytes);
  void connected();
  void stuff(const Descriptor& end);
  void drain_stuffing();
  void break_off(int error);
  void become_remains();
  void begin_to_listen();
  void announce();
  bool is_readable() const;
  void take_announcements(const Descriptor* end);

  // datagrams
  void datagrams_out();
  void datagrams_in();
  int receive_one(Message& message, bool peek, const Descriptor* end);
  bool take_from_pair(Message& message, bool peek, const Descriptor& end);

  Worlds& worlds_;
  const std::shared_ptr<Client> client_;
  const std::uint64_t id_;
  std::uint64_t cookie_ = 0;
  int fd_;
  Descriptor pair_;
  State state_;
  bool closed_ = false;
  bool gone_ = false;       // the program has closed its end
  bool shut_ = false;       // the program has shut down both directions
  bool pair_full_ = false;  // and its room is waited for
  bool out_over_ = false;   // what the program has written is all with the socket
  bool in_over_ = false;    // nothing more goes to the program
  bool unread_ = false;     // the program has closed and not read all
  bool hang_up_ = false;    // an event has said that the end will be read
  // Of netlink(7): the kernel makes messages as large as the room that it was once shown.
  bool sized_ = false;
  bool device_ = false;
  unsigned watched_ = 0;  // events of the socket
  std::size_t stuffing_ = 0;
  int error_ = 0;
  pid_t seen_thread_ = 0;
  int seen_number_ = -1;
  std::vector<char> rest_out_, rest_in_;  // what was not taken
  std::vector<char> peer_;                // address of the last connect()
  std::list<WaitingCall> waiting_;

  struct Listening {
    std::list<int> accepted;  // that nobody has got yet
    unsigned announced = 0;   // bytes in the pair that make it readable
  };
  std::unique_ptr<Listening> listening_;

  struct Datagrams {
    std::deque<Envelope> sent;    // of those that may be in the pair, in their order
    std::optional<Letter> held;   // for which the pair has no room
    std::deque<Letter> returned;  // which the program has not got
  };
  std::unique_ptr<Datagrams> datagrams_;
};

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_GUEST_SOCKET_H
