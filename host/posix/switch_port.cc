// SPDX-License-Identifier: GPL-2.0
#include "posix/switch_port.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "host.h"
#include "net/host_net.h"
#include "net/vector.h"
#include "posix/event_counter.h"
#include "posix/raw_call.h"

namespace lkl::host {
namespace {

// A port that takes nothing for so long no longer holds up those who send to it.
constexpr uint64_t kPatience = 1'000'000'000;

// In the upper half of what epoll remembers; the lower half is which one.
enum Kind : uint32_t { kBell, kListener, kTimer, kStranger, kOut, kIn };

constexpr size_t kLeastFrame = 14;

// The first word of who connects, with the memory and its gate; and the answer, with the bell.
struct Greeting {
  char what[8];
  uint64_t number;
};
constexpr char kWhat[8] = {'l', 'k', 'l', 's', 'w', '0', '0', '1'};
constexpr size_t kMostFiles = 2;

union ControlRoom {
  cmsghdr header;
  char bytes[CMSG_SPACE(kMostFiles * sizeof(int))];
};

int send_files(int connection, const Greeting& greeting, std::span<const int> files) {
  ControlRoom control = {};
  iovec part = {.iov_base = const_cast<Greeting*>(&greeting), .iov_len = sizeof greeting};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = CMSG_SPACE(files.size_bytes());
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(files.size_bytes());
  std::memcpy(CMSG_DATA(header), files.data(), files.size_bytes());
  return static_cast<int>(std::min<int64_t>(
      0, raw_call(SYS_sendmsg, connection, &message, MSG_DONTWAIT | MSG_NOSIGNAL)));
}

// Bytes, or -errno; what came with them. 0: the other side is no more.
int64_t receive_files(int connection, Greeting& greeting,
                      std::array<Descriptor, kMostFiles>& files) {
  ControlRoom control = {};
  iovec part = {.iov_base = &greeting, .iov_len = sizeof greeting};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  const int64_t count =
      raw_call(SYS_recvmsg, connection, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (count < 0) return count;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t number = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < number && i < files.size(); ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      files[i] = Descriptor(fd);
    }
  }
  return count;
}

Greeting greeting_of(uint64_t number) {
  Greeting greeting = {.what = {}, .number = number};
  std::ranges::copy(kWhat, greeting.what);
  return greeting;
}

bool is_greeting(int64_t count, const Greeting& greeting) {
  return count == sizeof greeting && std::memcmp(greeting.what, kWhat, sizeof kWhat) == 0;
}

}  // namespace

// ---- memory ----

int SharedRing::map(int file) {
  const int64_t base =
      raw_call(SYS_mmap, nullptr, sizeof(FrameRing), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0L);
  if (base < 0 && base > -4096) return static_cast<int>(base);
  ring_ = reinterpret_cast<FrameRing*>(base);
  return 0;
}

int SharedRing::make(Descriptor& file) {
  const int64_t fd = raw_call(SYS_memfd_create, "lkl-switch", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return static_cast<int>(fd);
  file = Descriptor(static_cast<int>(fd));
  int64_t error = raw_call(SYS_ftruncate, file.get(), sizeof(FrameRing));
  if (!error)
    error = raw_call(SYS_fcntl, file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  return error ? static_cast<int>(error) : map(file.get());
}

int SharedRing::take(int file) {
  struct stat status;
  const int64_t seals = raw_call(SYS_fcntl, file, F_GET_SEALS);
  if (seals < 0 || !(seals & F_SEAL_SHRINK)) return -EPERM;
  if (::fstat(file, &status) < 0 || status.st_size != sizeof(FrameRing)) return -EINVAL;
  return map(file);
}

void SharedRing::reset() {
  if (ring_) raw_call(SYS_munmap, ring_, sizeof(FrameRing));
  ring_ = nullptr;
}

// ---- its life ----

SwitchPort::SwitchPort() : process_(process_id()) {}

// In the child of a fork all of it is the parent's.
SwitchPort::~SwitchPort() {
  if (process_ != process_id()) return;
  place_.leave();
  // a copy in a child does not keep the others waiting
  for (const Peer& peer : peers_)
    for (const Descriptor* connection : {&peer.out.connection, &peer.in.connection})
      if (*connection) raw_call(SYS_shutdown, connection->get(), SHUT_RDWR);
}

int SwitchPort::watch(int fd, uint32_t kind, unsigned which, bool again) {
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u64 = uint64_t{kind} << 32 | which;
  return static_cast<int>(
      raw_call(SYS_epoll_ctl, events_.get(), again ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event));
}

void SwitchPort::close(Descriptor& watched) {
  if (!watched) return;
  raw_call(SYS_epoll_ctl, events_.get(), EPOLL_CTL_DEL, watched.get(), nullptr);
  watched.reset();
}

int SwitchPort::open(const std::string& name, const std::function<void(std::string_view)>& say) {
  events_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  bell_ = Descriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  gate_ = Descriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  timer_ = Descriptor(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!events_ || !bell_ || !gate_ || !timer_) return -errno;
  bool full = false;
  const int error = place_.enter(name, say, [&](uint64_t port) {
    const int result = connect(port);
    full |= result == -ENOSPC;
    return result;
  });
  if (error) return error;
  if (full) {
    say("the switch has no port left: " + std::to_string(kMaxPeers + 1) + " are all");
    return -ENOSPC;
  }
  for (const int bad : {watch(bell_.get(), kBell, 0), watch(timer_.get(), kTimer, 0),
                        watch(place_.listener(), kListener, 0)})
    if (bad) return bad;
  return 0;
}

int SwitchPort::accept(const NetOffloads& taken) {
  // the others send what they like
  return taken.checksum && taken.tso4 && taken.tso6 && taken.ecn ? 0 : -EOPNOTSUPP;
}

// ---- sending ----

void SwitchPort::ring_bell(Outgoing& out) {
  if (out.bell) return add_to_counter(out.bell.get());
  const char nothing = 0;
  raw_call(SYS_sendto, out.connection.get(), &nothing, sizeof nothing, MSG_DONTWAIT | MSG_NOSIGNAL,
           nullptr, 0);
}

void SwitchPort::open_gate() {
  blocked_ = kNone;
  shut_counter(gate_.get(), false);
}

void SwitchPort::arm_timer(uint64_t until_ns) {
  timer_runs_ = true;
  set_alarm(timer_.get(), until_ns);
}

// out() is not ready until there is some, or nobody waits for it any more. 0: there is already.
int SwitchPort::wait_for_room(unsigned which) {
  RingWriter& ring = *peers_[which].out.ring;
  if (stall_.which != which || stall_.taken != ring.taken())
    stall_ = {.which = which, .taken = ring.taken(), .since_ns = monotonic_ns()};
  shut_counter(gate_.get(), true);
  if (!ring.wait_for_room()) {
    open_gate();
    return 0;
  }
  blocked_ = which;
  if (!timer_runs_) arm_timer(stall_.since_ns + kPatience);
  return -EAGAIN;
}

int SwitchPort::send_to(unsigned which, std::span<const IoVec> frame, bool may_wait) {
  Outgoing& out = peers_[which].out;
  int result = out.ring->put(frame);
  while (result == -EAGAIN && may_wait && !out.stuck) {
    if (const int error = wait_for_room(which)) return error;
    result = out.ring->put(frame);
  }
  if (result == 0) {
    out.stuck = out.stuck && !out.ring->has_room();
    if (out.ring->reader_wants_bell()) ring_bell(out);
  } else if (result == -EPROTO) {
    raw_call(SYS_shutdown, out.connection.get(), SHUT_RDWR);  // look() hears of it
  }
  return 0;  // as on any wire
}

int SwitchPort::send(unsigned, std::span<const IoVec> frame) {
  std::array<std::byte, 6> to = {};
  if (copy_from(frame, kHeaderSize, to) < to.size()) return 0;
  const std::lock_guard lock(mutex_);
  blocked_ = kNone;
  if (!MacTable::is_group(to)) {
    const unsigned which = addresses_.find(to);
    if (which < kMaxPeers && peers_[which].out.ring) return send_to(which, frame, true);
  }
  // To all: who has no room does not get it. If there is one, it is a wire between two.
  const unsigned places = places_.load(std::memory_order_relaxed);
  unsigned only = kNone, count = 0;
  for (unsigned i = 0; i < places; ++i)
    if (peers_[i].out.ring) only = i, ++count;
  if (count == 1) return send_to(only, frame, true);
  for (unsigned i = 0; i < places; ++i)
    if (peers_[i].out.ring) send_to(i, frame, false);
  return 0;
}

// ---- receiving ----

int64_t SwitchPort::take_from(unsigned which, std::span<const IoVec> room) {
  Incoming& in = peers_[which].in;
  int64_t count;
  do {
    count = in.ring->take(room);
    if (count != -EAGAIN && in.ring->writer_wants_bell()) shut_counter(in.gate.get(), false);
  } while (count >= 0 && count < static_cast<int64_t>(kHeaderSize + kLeastFrame));
  if (count > 0) {
    std::array<std::byte, 6> from = {};
    copy_from(room, kHeaderSize + from.size(), from);
    if (!MacTable::is_group(from)) addresses_.learn(from, which);
  }
  return count;
}

int64_t SwitchPort::take(std::span<const IoVec> room) {
  const unsigned places = places_.load(std::memory_order_relaxed);
  for (unsigned i = 0; i < places; ++i) {
    const unsigned which = (next_ + i) % places;
    Incoming& in = peers_[which].in;
    if (!in.ring) continue;
    int64_t count;
    do count = take_from(which, room);
    while (count == -EMSGSIZE);
    if (count > 0) {
      next_ = which + 1;
      return count;
    }
    if (count == -EPROTO || in.ending) end_in(which);
  }
  return -EAGAIN;
}

int64_t SwitchPort::receive(unsigned, std::span<const IoVec> room) {
  if (++since_look_ > kLookEvery) look(false);
  if (const int64_t count = take(room); count != -EAGAIN) return count;
  const unsigned places = places_.load(std::memory_order_relaxed);
  for (unsigned i = 0; i < places; ++i)
    if (peers_[i].in.ring) peers_[i].in.ring->sleep();
  look(true);
  const int64_t count = take(room);
  // in() is ready as long as there is something
  if (count != -EAGAIN) add_to_counter(bell_.get());
  return count;
}

// What else has happened.
void SwitchPort::look(bool all_seen) {
  since_look_ = 0;
  std::array<epoll_event, 16> events;
  const int64_t count = raw_call(SYS_epoll_pwait, events_.get(), events.data(),
                                 static_cast<int>(events.size()), 0, nullptr, 0L);
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t data = events[static_cast<size_t>(i)].data.u64;
    const auto which = static_cast<unsigned>(data);
    switch (static_cast<Kind>(data >> 32)) {
      case kBell:
        if (all_seen) empty_counter(bell_.get());
        break;
      case kListener:
        accept_strangers();
        break;
      case kTimer:
        time_is_up();
        break;
      case kStranger:
        meet(which);
        break;
      case kOut:
        hear_out(which);
        break;
      case kIn:
        hear_in(which);
        break;
    }
  }
  // there may be frames that only a ring by a connection has told of, and that has been heard now
  if (!all_seen) add_to_counter(bell_.get());
}

void SwitchPort::accept_strangers() {
  for (unsigned i = 0; i < kMaxStrangers; ++i) {
    if (strangers_[i]) continue;
    const int64_t fd =
        raw_call(SYS_accept4, place_.listener(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    strangers_[i] = Descriptor(static_cast<int>(fd));
    if (watch(strangers_[i].get(), kStranger, i) != 0)
      strangers_[i].reset();
    else
      meet(i);  // it has said already who it is
  }
}

// Who has connected says what its number is, and gives its memory.
void SwitchPort::meet(unsigned which) {
  if (!strangers_[which]) return;
  Greeting greeting = {};
  std::array<Descriptor, kMostFiles> files;
  const int64_t count = receive_files(strangers_[which].get(), greeting, files);
  if (count == -EAGAIN || count == -EINTR) return;
  const bool known = is_greeting(count, greeting) && files[0] && files[1] && greeting.number != 0 &&
                     greeting.number != place_.own();
  const unsigned place = known ? place_of(greeting.number) : kNone;
  if (place == kNone) return close(strangers_[which]);
  if (!welcome(place, strangers_[which], files[0], files[1])) {
    close(strangers_[which]);
    return forget_if_gone(place);
  }
  if (!peers_[place].out.ring) connect(greeting.number);
}

bool SwitchPort::welcome(unsigned place, Descriptor& connection, Descriptor& memory,
                         Descriptor& gate) {
  Incoming& in = peers_[place].in;
  if (in.ring || in.memory.take(memory.get()) != 0) return false;
  const int bell = bell_.get();
  if (send_files(connection.get(), greeting_of(place_.own()), std::span(&bell, 1)) != 0 ||
      watch(connection.get(), kIn, place, true) != 0) {
    in.memory.reset();
    return false;
  }
  in.connection = std::move(connection);
  in.gate = std::move(gate);
  in.ring.emplace(*in.memory.get());
  in.ring->sleep();
  in.ending = false;
  return true;
}

// The other port's bell, or its end.
void SwitchPort::hear_out(unsigned which) {
  Outgoing& out = peers_[which].out;
  if (!out.connection) return;
  Greeting greeting = {};
  std::array<Descriptor, kMostFiles> files;
  const int64_t count = receive_files(out.connection.get(), greeting, files);
  if (count == -EAGAIN || count == -EINTR) return;
  if (!is_greeting(count, greeting) || !files[0]) return end_out(which);
  const std::lock_guard lock(mutex_);
  out.bell = std::move(files[0]);
}

void SwitchPort::hear_in(unsigned which) {
  Incoming& in = peers_[which].in;
  if (!in.connection) return;
  std::array<std::byte, 64> bells;
  int64_t count;
  do
    count = raw_call(SYS_recvfrom, in.connection.get(), bells.data(), bells.size(), MSG_DONTWAIT,
                     nullptr, nullptr);
  while (count > 0);
  if (count == -EAGAIN || count == -EINTR) return;
  in.ending = true;
  close(in.connection);
}

void SwitchPort::time_is_up() {
  empty_counter(timer_.get());
  const std::lock_guard lock(mutex_);
  timer_runs_ = false;
  if (blocked_ == kNone) return;
  Outgoing& out = peers_[blocked_].out;
  const uint64_t now = monotonic_ns(), taken = out.ring->taken();
  if (stall_.taken != taken) stall_ = {.which = blocked_, .taken = taken, .since_ns = now};
  if (now - stall_.since_ns < kPatience) return arm_timer(stall_.since_ns + kPatience);
  out.stuck = true;
  open_gate();
}

// ---- who is there ----

unsigned SwitchPort::place_of(uint64_t number) {
  unsigned free = kNone;
  for (unsigned i = 0; i < kMaxPeers; ++i) {
    if (peers_[i].number == number) return i;
    if (peers_[i].number == 0 && free == kNone) free = i;
  }
  if (free == kNone) return kNone;
  peers_[free].number = number;
  if (free >= places_.load(std::memory_order_relaxed))
    places_.store(free + 1, std::memory_order_relaxed);
  return free;
}

int SwitchPort::connect(uint64_t number) {
  Descriptor connection;
  if (const int error = place_.connect(number, connection)) return error;
  const unsigned which = place_of(number);
  if (which == kNone) return -ENOSPC;
  const int error = introduce(peers_[which], std::move(connection));
  if (error) forget_if_gone(which);
  return error;
}

int SwitchPort::introduce(Peer& peer, Descriptor connection) {
  Descriptor file;
  SharedRing memory;
  Outgoing& out = peer.out;
  const std::lock_guard lock(mutex_);
  int error = out.memory.make(file);
  const int files[] = {file.get(), gate_.get()};
  if (!error) error = send_files(connection.get(), greeting_of(place_.own()), files);
  if (!error) error = watch(connection.get(), kOut, static_cast<unsigned>(&peer - peers_.data()));
  if (error) {
    out.memory.reset();
    return error;
  }
  out.connection = std::move(connection);
  out.stuck = false;
  out.ring.emplace(*out.memory.get());
  return 0;
}

void SwitchPort::end_out(unsigned which) {
  {
    const std::lock_guard lock(mutex_);
    Outgoing& out = peers_[which].out;
    if (blocked_ == which) open_gate();
    out.ring.reset();
    out.memory.reset();
    close(out.connection);
    out.bell.reset();
  }
  forget_if_gone(which);
}

void SwitchPort::end_in(unsigned which) {
  Incoming& in = peers_[which].in;
  in.ring.reset();
  in.memory.reset();
  close(in.connection);
  in.gate.reset();
  forget_if_gone(which);
}

void SwitchPort::forget_if_gone(unsigned which) {
  Peer& peer = peers_[which];
  if (peer.in.ring || peer.out.ring) return;
  addresses_.forget(which);
  peer.number = 0;
}

int open_switch(NetUri& uri, std::unique_ptr<NetBackend>& result) {
  if (const int error = uri.end()) return error;
  auto port = std::make_unique<SwitchPort>();
  const int error = port->open(uri.target(), [&](std::string_view line) { uri.say(line); });
  if (!error) result = std::move(port);
  return error;
}

}  // namespace lkl::host
