// SPDX-License-Identifier: GPL-2.0
#include "win32/host_loop.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <string_view>
#include <utility>

#include "host.h"
#include "win32/ntdll.h"
#include "win32/overlapped.h"
#include "win32/pieces.h"
#include "win32/windows_error.h"

namespace lkl::host {
namespace {

// Of a completion that only wakes; those of files have 0.
constexpr ULONG_PTR kKick = 1;
// What a watch is told (as POLLERR of poll(2)).
constexpr short kFailed = 8;

DWORD milliseconds_until(uint64_t deadline_ns) {
  if (deadline_ns == UINT64_MAX) return INFINITE;
  const uint64_t now = monotonic_ns();
  const uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
  return static_cast<DWORD>(std::min<uint64_t>((left + 999'999) / 1'000'000, INFINITE - 1));
}

}  // namespace

// What is kept in an operation while the host does it: there is room for it.
struct HostLoop::Transfer {
  OVERLAPPED overlapped;  // first: all that comes back is its address
  IoOperation* operation;
  HANDLE file;
};

HostLoop::~HostLoop() {
  remove_watcher(*this);
  quiesce();
}

int HostLoop::open(bool with_port, bool always) {
  always_by_port_ = always;
  // Of timers: half a millisecond instead of 16. For this process only, since Windows 10.
  ULONG actual;
  NtSetTimerResolution(5000, TRUE, &actual);
  if (!with_port) return 0;
  port_ = Handle(CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1));
  return port_ ? 0 : last_errno();
}

// ---- operations ----

void HostLoop::start(IoOperationList&& operations) {
  const host::Unnoticed scope;
  while (IoOperation* const operation = operations.pop()) {
    const bool here = port_ && !always_by_port_ && OverlappedHandle::only_pretends(operation->fd);
    const HANDLE file = port_ && !here && is_in_pieces(*operation, Shape::kOne)
                            ? OverlappedHandle::of(operation->fd, port_.get())
                            : nullptr;
    if (here && is_in_pieces(*operation, Shape::kLarge))
      ended(*operation, host::perform(*operation));
    else if (file)
      start_transfer(*operation, file);
    else
      pool_.submit(*operation);
  }
}

// Others are gathered, by who waits for them.
bool HostLoop::is_in_pieces(const IoOperation& operation, Shape shape) {
  if (operation.kind != IoOperation::Kind::kRead && operation.kind != IoOperation::Kind::kWrite)
    return false;
  Pieces pieces(operation.vector);
  if (pieces.empty()) return false;
  for (;;) {
    const size_t size = pieces.next().size;
    if (pieces.empty()) return true;
    if (shape == Shape::kOne || size < Pieces::kLarge) return false;
  }
}

void HostLoop::start_transfer(IoOperation& operation, HANDLE file) {
  static_assert(sizeof(Transfer) <= sizeof operation.host_room);
  Transfer* const transfer = ::new (operation.host_room.data())
      Transfer{.overlapped = place_of(operation.offset), .operation = &operation, .file = file};
  const Piece piece = Pieces(operation.vector).next();
  pending_.fetch_add(1);
  DWORD count = 0;
  const BOOL good = operation.kind == IoOperation::Kind::kRead
                        ? ReadFile(file, piece.base, piece.size, &count, &transfer->overlapped)
                        : WriteFile(file, piece.base, piece.size, &count, &transfer->overlapped);
  const DWORD error = good ? ERROR_SUCCESS : GetLastError();
  if (error == ERROR_IO_PENDING) {
    // said first, then looked: who sleeps on the word does not see the port
    if (where_.load() == kOnWord) kick();
    return;
  }
  pending_.fetch_sub(1);
  ended(operation, result_of(error, count));
}

int64_t HostLoop::result_of(DWORD error, DWORD count) {
  const bool good = error == ERROR_SUCCESS || error == ERROR_HANDLE_EOF;
  return good ? int64_t{count} : errno_of(error);
}

void HostLoop::ended(IoOperation& operation, int64_t result) {
  operation.result = result;
  {
    const std::lock_guard lock(mutex_);
    ended_.push(operation);
  }
  kick();
}

unsigned HostLoop::collect() {
  for (const OVERLAPPED_ENTRY& entry : std::span(entries_).first(std::exchange(entry_count_, 0))) {
    if (entry.lpCompletionKey == kKick) continue;
    auto& transfer = *reinterpret_cast<Transfer*>(entry.lpOverlapped);
    pending_.fetch_sub(1);
    DWORD count = 0;
    const bool good = GetOverlappedResult(transfer.file, &transfer.overlapped, &count, FALSE);
    ended(*transfer.operation, result_of(good ? ERROR_SUCCESS : GetLastError(), count));
  }
  IoOperationList done = pool_.take_ended();
  {
    const std::lock_guard lock(mutex_);
    done.append(std::exchange(ended_, {}));
  }
  unsigned number = 0;
  while (IoOperation* const operation = done.pop()) {
    finish(*operation, operation->result);
    ++number;
  }
  return number + collect_ready();
}

// ---- readiness ----

void HostLoop::watch(Watch& watch) {
  watches_.add(watch);
  kick();
}

bool HostLoop::attended() {
  // asked in any case: that counts what has happened since the time before
  return watches_.attended() && in_flight() == 0;
}

// Of what is watched, the first: 0 if it is now.
uint64_t HostLoop::when_ready(uint64_t now_ns) {
  uint64_t earliest = UINT64_MAX;
  watches_.each([&](const Watch& watch) {
    const Signal* const signal = Signal::of(watch.fd);
    earliest = !signal || signal->ready(now_ns) ? 0 : std::min(earliest, signal->alarm());
  });
  return earliest;
}

unsigned HostLoop::collect_ready() {
  const uint64_t now = monotonic_ns();
  ready_.clear();
  watches_.each([&](Watch& watch) {
    const Signal* const signal = Signal::of(watch.fd);
    if (!signal || signal->ready(now)) ready_.emplace_back(&watch, signal ? watch.events : kFailed);
  });
  unsigned number = 0;
  for (const auto& [watch, events] : ready_) number += watches_.tell(watch, events);
  return number;
}

// ---- waiting ----

void HostLoop::kick() {
  if (kicked_.exchange(1) != 0) return;
  const int where = where_.load();
  if (where == kOnWord) wake_one(kicked_);
  if (where == kAtPort) PostQueuedCompletionStatus(port_.get(), 0, kKick, nullptr);
}

void HostLoop::take_entries(uint64_t deadline_ns) {
  if (!GetQueuedCompletionStatusEx(port_.get(), entries_.data(),
                                   static_cast<ULONG>(entries_.size()), &entry_count_,
                                   milliseconds_until(deadline_ns), FALSE))
    entry_count_ = 0;
}

void HostLoop::sleep(uint64_t deadline_ns, uint64_t) {
  // said first, then looked: start_transfer() and kick() look the other way round
  where_.store(kOnWord);
  deadline_ns = std::min(deadline_ns, when_ready(monotonic_ns()));
  if (kicked_.load() == 0 && pending_.load() == 0) {
    wait_on(kicked_, 0, deadline_ns);
  } else if (pending_.load() > 0) {
    where_.store(kAtPort);
    take_entries(kicked_.load() == 0 ? deadline_ns : 0);
  }
  where_.store(kAwake);
  kicked_.store(0);
}

void HostLoop::quiesce() {
  set_quiescing(true);
  for (;;) {
    collect();
    if (in_flight() == 0) break;
    sleep(UINT64_MAX);
  }
  set_quiescing(false);
}

std::unique_ptr<EventLoop> make_event_loop(EventLoopKind kind, int* error) {
  if (const char* const wish = kind == EventLoopKind::kAuto ? environment("LKL_IO") : nullptr) {
    if (std::string_view(wish) == "threads") kind = EventLoopKind::kThreads;
    if (std::string_view(wish) == "port") kind = EventLoopKind::kUring;
  }
  auto loop = std::make_unique<HostLoop>();
  const int result = loop->open(kind != EventLoopKind::kThreads, kind == EventLoopKind::kUring);
  if (error) *error = result;
  if (result != 0) return nullptr;
  return loop;
}

}  // namespace lkl::host
