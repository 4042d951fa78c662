// SPDX-License-Identifier: GPL-2.0
#include "win32/overlapped.h"

#include <array>
#include <cstddef>
#include <memory>

namespace lkl::host {
namespace {

// As many descriptors as the C library has; a later one does without.
constexpr size_t kDescriptors = 2048;

struct Entry {
  std::atomic<HANDLE> handle = nullptr;
  std::atomic<HANDLE> port = nullptr;
  std::atomic<bool> only_pretends = false;
};
constinit std::array<Entry, kDescriptors> entries;

Entry* entry_of(int fd) {
  return fd >= 0 && static_cast<size_t>(fd) < kDescriptors ? &entries[static_cast<size_t>(fd)]
                                                           : nullptr;
}

}  // namespace

OverlappedHandle::OverlappedHandle(int fd, DWORD access)
    : fd_(fd),
      handle_(ReOpenFile(handle_of(fd), access,
                         FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                         FILE_FLAG_OVERLAPPED)) {
  Entry* const entry = entry_of(fd);
  if (!entry || !handle_) return;
  entry->port.store(nullptr);
  entry->only_pretends.store(probe());
  entry->handle.store(handle_.get());
}

// Windows says that a read has ended if it has: of what it has in its cache. The first one from the
// disk goes on for longer than the call. One that is not of the file is no answer.
bool OverlappedHandle::probe() const {
  constexpr int kReads = 3;
  constexpr DWORD kSize = 4096;
  struct alignas(kSize) Block {
    std::array<std::byte, kSize> bytes;
  };
  const auto block = std::make_unique<Block>();
  const Handle event(CreateEventW(nullptr, TRUE, FALSE, nullptr));
  if (!event) return false;
  for (int i = 0; i < kReads; ++i) {
    OVERLAPPED place = {};
    place.hEvent = event.get();
    if (ReadFile(handle_.get(), block->bytes.data(), kSize, nullptr, &place) ||
        GetLastError() != ERROR_IO_PENDING)
      return false;
    const bool through = HasOverlappedIoCompleted(&place);
    DWORD count = 0;
    if (!GetOverlappedResult(handle_.get(), &place, &count, TRUE) || !through) return false;
  }
  return true;
}

OverlappedHandle::~OverlappedHandle() {
  if (Entry* const entry = entry_of(fd_); entry && handle_) entry->handle.store(nullptr);
}

HANDLE OverlappedHandle::of(int fd, HANDLE port) {
  Entry* const entry = entry_of(fd);
  const HANDLE handle = entry ? entry->handle.load() : nullptr;
  if (!handle) return nullptr;
  HANDLE whose = nullptr;
  if (entry->port.compare_exchange_strong(whose, port)) {
    // what is through at once is not told of again
    if (CreateIoCompletionPort(handle, port, 0, 0) &&
        SetFileCompletionNotificationModes(
            handle, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE))
      return handle;
    entry->handle.store(nullptr);
    return nullptr;
  }
  return whose == port ? handle : nullptr;
}

bool OverlappedHandle::only_pretends(int fd) {
  const Entry* const entry = entry_of(fd);
  return entry && entry->handle.load() && entry->only_pretends.load();
}

}  // namespace lkl::host
