// SPDX-License-Identifier: GPL-2.0
// A network of libslirp's: TCP, UDP and pings of the kernel become sockets of this process, which
// needs no rights for it.
//
// There is no thread. in() is an epoll(7) set of the library's sockets, a timer, and an eventfd
// that says that there is something to do although nobody has sent: frames that wait, or sockets
// that are to be watched for something else, because the card has sent. Who finds it ready calls
// receive(), which lets the library read from its sockets when no frame is left from before.
#include "posix/slirp_net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "net/cannot_open.h"
#include "posix/event_counter.h"
#include "posix/raw_call.h"

namespace lkl::host {
namespace {

// What may wait for the card, and from which on it may not send: a window of a connection (64 KiB)
// is the answer to one frame, and to each socket that is read from at once.
constexpr size_t kCapacity = 8 << 20, kFull = 2 << 20;
constexpr int kSocketsAtOnce = 16;
// The two of them that are no sockets.
constexpr uint32_t kEvent = UINT32_MAX, kTimer = UINT32_MAX - 1;

constexpr uint64_t kMs = 1'000'000;
// The library says so if it has nothing to wait for.
constexpr uint32_t kNever = 1000;
// It wants to count its connections' time twice a second, if there are any, or ports that wait for
// some. Nothing is to be repeated when nothing has been sent for a while: counting is slower then.
constexpr uint32_t kCounting = 400;
constexpr uint64_t kQuiet = 4000 * kMs, kSlowly = 5000 * kMs;

constexpr struct {
  int slirp;
  uint32_t epoll;
} kEvents[] = {{SLIRP_POLL_IN, EPOLLIN},
               {SLIRP_POLL_OUT, EPOLLOUT},
               {SLIRP_POLL_PRI, EPOLLPRI},
               {SLIRP_POLL_ERR, EPOLLERR},
               {SLIRP_POLL_HUP, EPOLLHUP}};

// Another open file by this number, or the first one.
int replace(Descriptor& file, int fd) {
  Descriptor fresh(fd);
  if (!fresh) return -errno;
  if (!file) {
    file = std::move(fresh);
    return 0;
  }
  return ::dup3(fresh.get(), file.get(), O_CLOEXEC) < 0 ? -errno : 0;
}

// The library listens for one connection at a time: of many at once the host lets most try again
// after seconds, and more of them, and resets some.
void let_many_wait(int fd) {
  int listens = 0;
  socklen_t size = sizeof listens;
  if (raw_call(SYS_getsockopt, fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens)
    raw_call(SYS_listen, fd, SOMAXCONN);
}

}  // namespace

// ---- what the library calls ----

// Called by it inside of SlirpUse::run().
struct SlirpNet::Callbacks {
  static SlirpNet& net(void* opaque) { return *static_cast<SlirpNet*>(opaque); }

  static ssize_t send_packet(const void* frame, size_t size, void* opaque) {
    SlirpNet& self = net(opaque);
    // one that has no room is lost, as on any wire
    self.frames_.push({static_cast<const std::byte*>(frame), size});
    return static_cast<ssize_t>(size);
  }
  static void guest_error(const char*, void*) {}
  static int64_t clock_get_ns(void*) { return static_cast<int64_t>(monotonic_ns()); }

  static void* timer_new(SlirpTimerId id, void* argument, void* opaque) {
    SlirpNet& self = net(opaque);
    return self.timers_.emplace_back(std::make_unique<Timer>(Timer{id, argument})).get();
  }
  static void timer_free(void* timer, void* opaque) {
    std::erase_if(net(opaque).timers_, [&](const auto& each) { return each.get() == timer; });
  }
  static void timer_mod(void* timer, int64_t expires_ms, void*) {
    static_cast<Timer*>(timer)->due_ns = static_cast<uint64_t>(expires_ms) * kMs;
  }

  static void register_fd(int fd, void* opaque) {
    raw_call(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
    net(opaque).socket_of(fd).open = true;
  }
  // Before it is closed: as long as a child of fork() has it too, it would go on to be watched.
  static void unregister_fd(int fd, void* opaque) {
    SlirpNet& self = net(opaque);
    self.watch(fd, 0);
    self.socket_of(fd).open = false;
  }
  static void notify(void*) {}

  static int add_poll(int fd, int events, void* opaque) {
    SlirpNet& self = net(opaque);
    uint32_t wanted = 0;
    for (const auto& event : kEvents)
      if (events & event.slirp) wanted |= event.epoll;
    self.socket_of(fd).round = self.round_;
    self.wanted_.push_back(fd);
    self.watch(fd, wanted);
    return fd;
  }
  static int get_events(int fd, void* opaque) {
    Socket& socket = net(opaque).socket_of(fd);
    uint32_t ready = std::exchange(socket.ready, 0);
    // The library reads when there is an error, and dies if it has no room to. Who writes hears of
    // it as well.
    if (!(socket.events & EPOLLIN) && ready) ready = EPOLLOUT;
    int events = 0;
    for (const auto& event : kEvents)
      if (ready & event.epoll) events |= event.slirp;
    return events;
  }

  static constexpr SlirpCb kAll = {.send_packet = send_packet,
                                   .guest_error = guest_error,
                                   .clock_get_ns = clock_get_ns,
                                   .timer_new = nullptr,
                                   .timer_free = timer_free,
                                   .timer_mod = timer_mod,
                                   .register_poll_fd = register_fd,
                                   .unregister_poll_fd = unregister_fd,
                                   .notify = notify,
                                   .init_completed = nullptr,
                                   .timer_new_opaque = timer_new};
};

SlirpNet::Socket& SlirpNet::socket_of(int fd) {
  const auto index = static_cast<size_t>(fd);
  if (index >= sockets_.size()) sockets_.resize(std::max(index + 1, 2 * sockets_.size()));
  return sockets_[index];
}

void SlirpNet::watch(int fd, uint32_t events) {
  Socket& socket = socket_of(fd);
  if (socket.events == events) return;
  epoll_event event = {.events = events, .data = {.u32 = static_cast<uint32_t>(fd)}};
  const auto control = [&](int operation) {
    return raw_call(SYS_epoll_ctl, set_.get(), operation, fd, &event);
  };
  bool added = socket.events == 0;
  if (events == 0) {
    control(EPOLL_CTL_DEL);
  } else if (control(added ? EPOLL_CTL_ADD : EPOLL_CTL_MOD) == -ENOENT) {
    added = true;  // it was closed meanwhile, and is another one
    control(EPOLL_CTL_ADD);
  }
  if (added && events != 0) let_many_wait(fd);
  socket.events = events;
  socket.ready = 0;
}

// ---- opening and closing ----

SlirpNet::SlirpNet() : frames_(kCapacity), process_(process_id()) {}

int SlirpNet::open(NetUri& uri, std::unique_ptr<NetBackend>& result) {
  std::unique_ptr<SlirpNet> net(new SlirpNet);
  if (const int error = net->words_.parse(uri)) return error;
  if (!SlirpUse::can_be_loaded())
    return cannot_load(uri, "libslirp.so.0 (4.7 or later)", "libslirp0");
  if (const int error = net->start()) return error;
  for (const GuestForward& forward : net->words_.guest_forwards) {
    if (net->add_guest_forward(forward) == 0) continue;
    uri.say("guestfwd: port " + std::to_string(forward.port) +
            " is of an address that is not in the network, is host= or dns=, or has it already");
    return -EINVAL;
  }
  for (const HostForward& forward : net->words_.host_forwards) {
    const int error = net->add_host_forward(forward);
    if (error == 0) continue;
    std::string port =
        (forward.udp ? "UDP port " : "TCP port ") + std::to_string(forward.host_port);
    if (!forward.host_address.empty()) port += " of " + forward.host_address;
    switch (error) {
      case -EADDRINUSE:
        uri.say("hostfwd: " + port + " of the host is in use: take another one");
        break;
      case -EACCES:
        uri.say("hostfwd: " + port +
                " is kept for root: take one from 1024 on, or see the host's "
                "net.ipv4.ip_unprivileged_port_start");
        break;
      default:
        uri.say("hostfwd: " + port + " can't be had: " + std::strerror(-error));
    }
    return error;
  }
  result = std::move(net);
  return 0;
}

int SlirpNet::open_descriptors() {
  const struct {
    Descriptor& file;
    int fd;
  } all[] = {{set_, ::epoll_create1(EPOLL_CLOEXEC)},
             {event_, ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)},
             {timer_, ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)},
             {room_, ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}};
  int error = 0;
  for (const auto& each : all)
    if (const int failed = replace(each.file, each.fd)) error = failed;
  if (error) return error;
  for (const auto& [file, name] : {std::pair(&event_, kEvent), {&timer_, kTimer}}) {
    epoll_event event = {.events = EPOLLIN, .data = {.u32 = name}};
    if (::epoll_ctl(set_.get(), EPOLL_CTL_ADD, file->get(), &event) < 0) return -errno;
  }
  return 0;
}

int SlirpNet::start() {
  const SlirpUse use;
  if (const int error = use.prepare()) return error;
  if (const int error = open_descriptors()) return error;
  mtu_ = words_.config.if_mtu;
  gathered_ = std::make_unique_for_overwrite<std::byte[]>(kMaxSegment);
  use.run([&] { slirp_ = slirp_calls().slirp_new(&words_.config, &Callbacks::kAll, this); });
  if (!slirp_) return -EINVAL;
  changed();
  return 0;
}

SlirpNet::~SlirpNet() {
  if (!slirp_) return;
  if (process_id() != process_) {
    // The library's memory may be in any state, and what it would do to its sockets is the parent's
    // to do.
    for (size_t fd = 0; fd < sockets_.size(); ++fd)
      if (sockets_[fd].open) ::close(static_cast<int>(fd));
    return;
  }
  const SlirpUse use;
  use.run([&] { slirp_calls().slirp_cleanup(slirp_); });
}

// In the child of a fork a wire that has never had a card starts over; sockets and the library's
// memory are as they were, but nobody else waits for them by the same set. One that has had is the
// parent's, with all its connections.
void SlirpNet::begin_use() const {
  if (process_id() == process_) {
    had_card_ = true;
    return;
  }
  if (had_card_) {
    foreign_ = true;
    return;
  }
  SlirpUse::after_fork_child();
  auto* const self = const_cast<SlirpNet*>(this);
  foreign_ = self->open_descriptors() != 0;
  if (foreign_) return;
  self->process_ = process_id();
  had_card_ = true;
  for (Socket& socket : self->sockets_) socket.events = socket.ready = 0;
  self->watched_.clear();
  self->armed_ns_ = 0;
  self->told_ = self->full_ = false;
  self->changed();
}

int SlirpNet::in(unsigned) const {
  begin_use();
  return foreign_ ? -1 : set_.get();
}

int SlirpNet::out(unsigned) const {
  return foreign_ ? -1 : room_.get();
}

// ---- ports ----

namespace {

bool is_ipv6(const std::string& address) {
  return address.find(':') != std::string::npos;
}

}  // namespace

int SlirpNet::add_host_forward(const HostForward& forward) {
  sockaddr_storage host, guest;
  const bool ipv6 = is_ipv6(forward.guest_address);
  const socklen_t host_size =
      to_socket_address(forward.host_address, forward.host_port, ipv6, host);
  const socklen_t guest_size =
      to_socket_address(forward.guest_address, forward.guest_port,
                        is_ipv6(forward.host_address) || !words_.config.in_enabled, guest);
  if (host_size == 0 || guest_size == 0 || forward.host_port == 0 || forward.guest_port == 0)
    return -EINVAL;
  const SlirpUse use;
  if (process_id() != process_) return -ENODEV;
  int error = 0;
  use.run([&] {
    const int flags = (forward.udp ? SLIRP_HOSTFWD_UDP : 0) |
                      (host.ss_family == AF_INET6 ? SLIRP_HOSTFWD_V6ONLY : 0);
    if (slirp_calls().slirp_add_hostxfwd(slirp_, reinterpret_cast<const sockaddr*>(&host),
                                         host_size, reinterpret_cast<const sockaddr*>(&guest),
                                         guest_size, flags) < 0)
      error = errno ? -errno : -EINVAL;
  });
  changed();
  return error;
}

int SlirpNet::remove_host_forward(bool udp, const std::string& host_address, uint16_t host_port) {
  sockaddr_storage host;
  const socklen_t size = to_socket_address(host_address, host_port, false, host);
  if (size == 0 || host_port == 0) return -EINVAL;
  const SlirpUse use;
  if (process_id() != process_) return -ENODEV;
  int error = 0;
  use.run([&] {
    if (slirp_calls().slirp_remove_hostxfwd(slirp_, reinterpret_cast<const sockaddr*>(&host), size,
                                            udp ? SLIRP_HOSTFWD_UDP : 0) < 0)
      error = -ENOENT;
  });
  changed();
  return error;
}

int SlirpNet::add_guest_forward(const GuestForward& forward) {
  const SlirpUse use;
  int result = 0;
  use.run([&] {
    in_addr server = forward.server;
    const auto add = forward.is_path ? slirp_calls().slirp_add_unix : slirp_calls().slirp_add_exec;
    result = add(slirp_, forward.to.c_str(), &server, forward.port);
  });
  return result;
}

// ---- frames ----

// There is something to do, or a frame: who waits for in() is to know.
void SlirpNet::tell() {
  if (told_) return;
  add_to_counter(event_.get());
  told_ = true;
}

// The library may want to hear of other events now.
void SlirpNet::changed() {
  changed_ = true;
  tell();
}

void SlirpNet::set_full(bool full) {
  if (full_ == full) return;
  full_ = full;
  shut_counter(room_.get(), full);
}

int SlirpNet::send(unsigned, std::span<const IoVec> frame) {
  const SlirpUse use;
  if (foreign_) return -ENETDOWN;
  if (full_) return -EAGAIN;
  const std::byte* data = nullptr;
  size_t size = 0;
  if (frame.size() == 1) {
    data = static_cast<const std::byte*>(frame.front().base);
    size = frame.front().size;
  } else {
    data = gathered_.get();
    for (const IoVec& part : frame) {
      if (part.size > kMaxSegment - size) return -EMSGSIZE;
      std::memcpy(&gathered_[size], part.base, part.size);
      size += part.size;
    }
  }
  if (size > kMaxSegment) return -EMSGSIZE;
  use.run([&] {
    slirp_calls().slirp_input(slirp_, reinterpret_cast<const uint8_t*>(data),
                              static_cast<int>(size));
  });
  active_ns_ = monotonic_ns();
  set_full(frames_.bytes() > kFull);
  changed();
  return 0;
}

int64_t SlirpNet::receive(unsigned, std::span<const IoVec> room) {
  const SlirpUse use;
  if (foreign_) return -EAGAIN;
  if (frames_.empty()) use.run([&] { look(); });
  if (frames_.empty()) return -EAGAIN;
  const size_t size = frames_.pop(room);
  if (frames_.bytes() <= kFull / 2) set_full(false);
  if (!frames_.empty()) tell();
  return static_cast<int64_t>(size);
}

// Reads from sockets that are ready, and does what is due.
void SlirpNet::look() {
  if (told_) {
    empty_counter(event_.get());
    told_ = false;
  }
  const bool changed = std::exchange(changed_, false);
  if (changed) fill();
  std::array<epoll_event, kSocketsAtOnce + 2> events;
  const int64_t count = raw_call(SYS_epoll_pwait, set_.get(), events.data(), events.size(), 0,
                                 nullptr, sizeof(uint64_t));
  bool any = false;
  const uint64_t now = monotonic_ns();
  for (int64_t i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    if (event.data.u32 == kEvent) continue;
    any = true;
    if (event.data.u32 == kTimer) {
      empty_counter(timer_.get());
      armed_ns_ = 0;
      continue;
    }
    socket_of(static_cast<int>(event.data.u32)).ready = event.events;
    active_ns_ = now;
  }
  if (!any && !changed) return;
  for (size_t i = 0; i < timers_.size(); ++i) {
    Timer& timer = *timers_[i];
    if (timer.due_ns == 0 || timer.due_ns > now) continue;
    timer.due_ns = 0;
    slirp_calls().slirp_handle_timer(slirp_, timer.id, timer.argument);
  }
  slirp_calls().slirp_pollfds_poll(slirp_, 0, Callbacks::get_events, this);
  if (!frames_.empty()) active_ns_ = now;
  fill();
}

// Has the library say what it wants to hear of.
void SlirpNet::fill() {
  ++round_;
  wanted_.clear();
  uint32_t timeout_ms = UINT32_MAX;
  slirp_calls().slirp_pollfds_fill(slirp_, &timeout_ms, Callbacks::add_poll, this);
  for (const int fd : watched_)
    if (socket_of(fd).round != round_) watch(fd, 0);
  std::swap(watched_, wanted_);
  set_timer(timeout_ms);
}

void SlirpNet::set_timer(uint32_t timeout_ms) {
  const uint64_t now = monotonic_ns();
  uint64_t due = UINT64_MAX;
  if (timeout_ms < kNever) {
    const bool quiet = timeout_ms >= kCounting && now - active_ns_ > kQuiet;
    due = now + (quiet ? kSlowly : timeout_ms * kMs);
  }
  for (const auto& timer : timers_)
    if (timer->due_ns) due = std::min(due, timer->due_ns);
  // one that comes too early looks again
  if (due == UINT64_MAX || (armed_ns_ != 0 && armed_ns_ <= due)) return;
  armed_ns_ = due;
  set_alarm(timer_.get(), due);
}

int open_slirp(NetUri& uri, std::unique_ptr<NetBackend>& result) {
  return SlirpNet::open(uri, result);
}

}  // namespace lkl::host
