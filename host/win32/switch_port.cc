// SPDX-License-Identifier: GPL-2.0
#include "win32/switch_port.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "net/host_net.h"
#include "net/switch_name.h"
#include "net/vector.h"
#include "win32/own_user.h"
#include "win32/path.h"
#include "win32/take_signalled.h"
#include "win32/windows_error.h"

namespace lkl::host {
namespace {

constexpr size_t kLongestFrame = NetBackend::kHeaderSize + NetBackend::kMaxSegment;
constexpr size_t kLeastFrame = NetBackend::kHeaderSize + 14;
// Of a pipe, in each direction.
constexpr DWORD kPipeRoom = 1 << 18;
// Others are on their way in, or about to take who has come, for moments.
constexpr DWORD kPatienceMs = 2000;

// Who has it lets no other in or out of the switch.
class NamedMutex final {
 public:
  ~NamedMutex() {
    if (held_) ReleaseMutex(mutex_.get());
  }
  int take(const std::string& name, SECURITY_ATTRIBUTES& whose) {
    mutex_ = Handle(CreateMutexW(&whose, FALSE, wide(name).c_str()));
    if (!mutex_) return last_errno();
    // also if who had it has ended with it
    const DWORD result = WaitForSingleObject(mutex_.get(), kPatienceMs);
    held_ = result == WAIT_OBJECT_0 || result == WAIT_ABANDONED;
    return held_ ? 0 : -EBUSY;
  }

 private:
  Handle mutex_;
  bool held_ = false;
};

}  // namespace

// ---- its life ----

SwitchPort::~SwitchPort() {
  {
    const std::lock_guard lock(mutex_);
    leaving_ = true;
    listening_.cancel(pipe_);
  }
  listening_.wait();
}

int SwitchPort::open(const std::string& name, const std::function<void(std::string_view)>& say) {
  if (const int error = check_switch_name(name, say)) return error;
  name_ = name;
  const int error = enter(say);
  if (error && error != -ENOSPC)
    say("\"" + name + "\": " + std::generic_category().message(-error));
  return error;
}

// Of all sessions of the user, as pipes are.
std::string SwitchPort::mutex_name() const {
  return "Global\\lkl-switch-" + owner_ + "-" + name_;
}

std::string SwitchPort::pipe_name(unsigned number) const {
  return "\\\\.\\pipe\\lkl-switch-" + owner_ + "-" + name_ + "-" + std::to_string(number);
}

int SwitchPort::enter(const std::function<void(std::string_view)>& say) {
  int error = 0;
  port_ = WirePort::get(error);
  if (!error) error = own_user(owner_);
  LocalPointer<void> descriptor;
  if (!error) error = only_for(owner_, descriptor);
  if (error) return error;
  SECURITY_ATTRIBUTES whose = {};
  whose.nLength = sizeof whose;
  whose.lpSecurityDescriptor = descriptor.get();
  // Who is there when we come is met by us; who comes later meets us.
  NamedMutex mutex;
  if ((error = mutex.take(mutex_name(), whose))) return error;
  if ((error = take_number(whose))) {
    if (error == -ENOSPC)
      say("the switch has no port left: " + std::to_string(kMaxPeers + 1) + " are all");
    return error;
  }
  WireHandle pipe;
  if ((error = make_pipe(true, pipe))) return error;
  for (unsigned i = 0; i <= kMaxPeers; ++i)
    if (i != number_)
      if ((error = meet(i)) && error != -ENOENT) return error;
  if (const int64_t result = listen(std::move(pipe)); result != -EINPROGRESS) {
    if (result < 0) return static_cast<int>(result);
    has_come(true);
  }
  return 0;
}

// The first that nobody has: he has a mutex of its name then, as nothing else is known by all to be
// made once. (wine makes a pipe's first instance a second time.)
int SwitchPort::take_number(SECURITY_ATTRIBUTES& whose) {
  for (number_ = 0; number_ <= kMaxPeers; ++number_) {
    const std::string name = mutex_name() + "-" + std::to_string(number_);
    Handle claim(CreateMutexW(&whose, FALSE, wide(name).c_str()));
    const DWORD error = GetLastError();
    if (claim && error != ERROR_ALREADY_EXISTS) {
      claim_ = std::move(claim);
      return 0;
    }
    if (!claim && error != ERROR_ACCESS_DENIED) return errno_of(error);
  }
  return -ENOSPC;
}

// ---- who is there ----

// The next instance of our pipe, for the next one who comes. The first one has to be ours.
int SwitchPort::make_pipe(bool first, WireHandle& result) {
  LocalPointer<void> descriptor;
  if (const int error = only_for(owner_, descriptor)) return error;
  SECURITY_ATTRIBUTES whose = {};
  whose.nLength = sizeof whose;
  whose.lpSecurityDescriptor = descriptor.get();
  Handle pipe(CreateNamedPipeW(
      wide(pipe_name(number_)).c_str(),
      PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | (first ? FILE_FLAG_FIRST_PIPE_INSTANCE : 0),
      PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS,
      PIPE_UNLIMITED_INSTANCES, kPipeRoom, kPipeRoom, 0, &whose));
  if (!pipe) return last_errno();
  return result.open(std::move(pipe), port_);
}

// 0; -ENOENT: there is no port of this number.
int SwitchPort::meet(unsigned number) {
  const std::wstring name = wide(pipe_name(number));
  Handle pipe;
  for (int tries = 0; !pipe; ++tries) {
    pipe = Handle(CreateFileW(name.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_EXISTING,
                              FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS,
                              nullptr));
    if (pipe) break;
    const DWORD error = GetLastError();
    if (error != ERROR_PIPE_BUSY || tries > 10) return -ENOENT;  // or one that is just ending
    WaitNamedPipeW(name.c_str(), kPatienceMs);
  }
  // anybody may have made one with this name
  if (!is_of(pipe.get(), owner_)) return -ENOENT;
  WireHandle handle;
  if (const int error = handle.open(std::move(pipe), port_)) return error;
  add_peer(std::move(handle));
  return 0;
}

// For the next one who comes to this pipe: -EINPROGRESS, 0 if he is there already, or -errno.
int64_t SwitchPort::listen(WireHandle pipe) {
  const std::lock_guard lock(mutex_);
  if (leaving_) return -ECANCELED;
  pipe_ = std::move(pipe);
  return listening_.start_listening(pipe_);
}

// On the port's thread, or by enter(): somebody has, unless he has gone at once.
void SwitchPort::has_come(bool is_there) {
  for (int64_t result = 0; result == 0; is_there = true) {
    WireHandle pipe;
    {
      const std::lock_guard lock(mutex_);
      std::swap(pipe, pipe_);
    }
    if (is_there) add_peer(std::move(pipe));
    WireHandle next;
    if (make_pipe(false, next) != 0) return;
    result = listen(std::move(next));
  }
}

void SwitchPort::ended(WireTransfer&, int64_t result) {
  if (result != -ECANCELED) has_come(result >= 0);
}

void SwitchPort::add_peer(WireHandle handle) {
  const std::lock_guard lock(mutex_);
  const auto place = std::ranges::find_if(peers_, [](const Stream& peer) { return !peer; });
  if (place == peers_.end()) return;
  *place = std::make_unique<FrameStream>(std::move(handle), kLongestFrame, in_, out_);
  places_ = std::max(places_, static_cast<unsigned>(place - peers_.begin()) + 1);
}

int SwitchPort::accept(const NetOffloads& taken) {
  // the others send what they like
  return taken.checksum && taken.tso4 && taken.tso6 && taken.ecn ? 0 : -EOPNOTSUPP;
}

// ---- frames ----

int SwitchPort::send(unsigned, std::span<const IoVec> frame) {
  std::array<std::byte, 6> to = {};
  if (copy_from(frame, kHeaderSize, to) < to.size()) return 0;
  const std::lock_guard lock(mutex_);
  const auto send_to = [&](unsigned which, FrameStream::WhenFull when_full) {
    // other errors: as on any wire; take() hears of the end
    return peers_[which]->send(frame, when_full) == -EAGAIN ? -EAGAIN : 0;
  };
  if (!MacTable::is_group(to)) {
    const unsigned which = addresses_.find(to);
    if (which < places_ && peers_[which]) return send_to(which, FrameStream::WhenFull::kWaitABit);
  }
  // To all: who has no room does not get it. If there is one, it is a wire between two.
  const auto begin = peers_.begin(), end = begin + places_;
  const auto there = [](const Stream& peer) { return peer != nullptr; };
  if (std::count_if(begin, end, there) == 1) {
    const auto only = std::find_if(begin, end, there);
    return send_to(static_cast<unsigned>(only - begin), FrameStream::WhenFull::kWaitABit);
  }
  for (unsigned i = 0; i < places_; ++i)
    if (peers_[i]) send_to(i, FrameStream::WhenFull::kIsLost);
  return 0;
}

// A peer that has ended goes without the mutex: its end waits for the port's thread.
int64_t SwitchPort::take(std::span<const IoVec> room, Stream& gone) {
  const std::lock_guard lock(mutex_);
  for (unsigned i = 0; i < places_; ++i) {
    const unsigned which = (next_ + i) % places_;
    if (!peers_[which]) continue;
    int64_t count;
    do count = peers_[which]->receive(room);
    while (count > 0 && count < static_cast<int64_t>(kLeastFrame));
    if (count == -EAGAIN) continue;
    next_ = which + 1;
    if (count <= 0) {
      gone = std::move(peers_[which]);
      addresses_.forget(which);
      out_.set_alarm(UINT64_MAX);  // who waits for it
      out_.set(true);
      return -EAGAIN;
    }
    std::array<std::byte, 6> from = {};
    copy_from(room, kHeaderSize + from.size(), from);
    if (!MacTable::is_group(from)) addresses_.learn(from, which);
    return count;
  }
  return -EAGAIN;
}

int64_t SwitchPort::receive(unsigned, std::span<const IoVec> room) {
  return take_signalled(in_, [&] {
    for (;;) {
      Stream gone;
      const int64_t count = take(room, gone);
      if (!gone) return count;
    }
  });
}

int open_switch(NetUri& uri, std::unique_ptr<NetBackend>& result) {
  if (const int error = uri.end()) return error;
  auto port = std::make_unique<SwitchPort>();
  const int error = port->open(uri.target(), [&](std::string_view line) { uri.say(line); });
  if (!error) result = std::move(port);
  return error;
}

}  // namespace lkl::host
