// SPDX-License-Identifier: GPL-2.0
#include "win32/wire_port.h"

#include <cerrno>
#include <mutex>
#include <utility>

#include "win32/windows_error.h"

namespace lkl::host {
namespace {

constexpr ULONG_PTR kTransfer = 0, kStop = 1;

}  // namespace

// ---- the port ----

std::shared_ptr<WirePort> WirePort::get(int& error) {
  static std::mutex mutex;
  static std::weak_ptr<WirePort> current;
  const std::lock_guard lock(mutex);
  std::shared_ptr<WirePort> port = current.lock();
  error = 0;
  if (port) return port;
  port = std::make_shared<WirePort>();
  error = port->open();
  if (error) return nullptr;
  current = port;
  return port;
}

int WirePort::open() {
  port_ = Handle(CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1));
  if (!port_) return last_errno();
  return thread_.start(
      "lkl-wires", [](void* self) { static_cast<WirePort*>(self)->run(); }, this);
}

WirePort::~WirePort() {
  if (!thread_.running()) return;
  PostQueuedCompletionStatus(port_.get(), 0, kStop, nullptr);
  thread_.join();
}

void WirePort::run() {
  for (;;) {
    DWORD count = 0;
    ULONG_PTR key = kTransfer;
    OVERLAPPED* which = nullptr;
    const BOOL good = GetQueuedCompletionStatus(port_.get(), &count, &key, &which, INFINITE);
    if (key == kStop) return;
    if (which) static_cast<WireTransfer*>(which)->end(good ? int64_t{count} : last_errno());
  }
}

// ---- a handle ----

int WireHandle::open(Handle handle, const std::shared_ptr<WirePort>& port, Close close) {
  reset();
  port_ = port;
  handle_ = handle.release();
  close_ = close;
  if (!CreateIoCompletionPort(handle_, port->handle(), kTransfer, 0)) return last_errno();
  tells_later_only_ = SetFileCompletionNotificationModes(
      handle_, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE);
  return 0;
}

void WireHandle::reset() {
  if (!handle_) return;
  if (close_)
    close_(handle_);
  else
    CloseHandle(handle_);
  handle_ = nullptr;
}

void WireHandle::swap(WireHandle& other) noexcept {
  std::swap(port_, other.port_);
  std::swap(handle_, other.handle_);
  std::swap(close_, other.close_);
  std::swap(tells_later_only_, other.tells_later_only_);
}

// ---- a transfer ----

void WireTransfer::begin() {
  static_cast<OVERLAPPED&>(*this) = {};
  going_on_.fetch_add(1);
}

int64_t WireTransfer::started(const WireHandle& handle, DWORD error, DWORD count) {
  if (error == ERROR_IO_PENDING || (error == ERROR_SUCCESS && !handle.tells_later_only()))
    return -EINPROGRESS;
  going_on_.fetch_sub(1);
  return error == ERROR_SUCCESS ? int64_t{count} : errno_of(error);
}

int64_t WireTransfer::start_read(const WireHandle& handle, std::span<std::byte> to) {
  const Unnoticed scope;
  begin();
  DWORD count = 0;
  const BOOL good = ReadFile(handle.get(), to.data(), static_cast<DWORD>(to.size()), &count, this);
  return started(handle, good ? ERROR_SUCCESS : GetLastError(), count);
}

int64_t WireTransfer::start_write(const WireHandle& handle, std::span<const std::byte> from) {
  const Unnoticed scope;
  begin();
  DWORD count = 0;
  const BOOL good =
      WriteFile(handle.get(), from.data(), static_cast<DWORD>(from.size()), &count, this);
  return started(handle, good ? ERROR_SUCCESS : GetLastError(), count);
}

int64_t WireTransfer::start_read_from(const WireHandle& socket, std::span<std::byte> to,
                                      Sender& from) {
  const Unnoticed scope;
  begin();
  DWORD count = 0;
  WSABUF room = {.len = static_cast<ULONG>(to.size()), .buf = reinterpret_cast<char*>(to.data())};
  from.size = sizeof from.address;
  flags_ = 0;
  const int result =
      WSARecvFrom(reinterpret_cast<SOCKET>(socket.get()), &room, 1, &count, &flags_,
                  reinterpret_cast<sockaddr*>(&from.address), &from.size, this, nullptr);
  return started(socket, result == 0 ? ERROR_SUCCESS : static_cast<DWORD>(WSAGetLastError()),
                 count);
}

int64_t WireTransfer::start_write_to(const WireHandle& socket, std::span<const std::byte> from,
                                     const Sender& to) {
  const Unnoticed scope;
  begin();
  DWORD count = 0;
  WSABUF bytes = {.len = static_cast<ULONG>(from.size()),
                  .buf = const_cast<char*>(reinterpret_cast<const char*>(from.data()))};
  const int result =
      WSASendTo(reinterpret_cast<SOCKET>(socket.get()), &bytes, 1, &count, 0,
                reinterpret_cast<const sockaddr*>(&to.address), to.size, this, nullptr);
  return started(socket, result == 0 ? ERROR_SUCCESS : static_cast<DWORD>(WSAGetLastError()),
                 count);
}

// Who has come before that is no success, so nobody is told of it.
int64_t WireTransfer::start_listening(const WireHandle& pipe) {
  begin();
  const DWORD error = ConnectNamedPipe(pipe.get(), this) ? ERROR_SUCCESS : GetLastError();
  if (error != ERROR_PIPE_CONNECTED) return started(pipe, error, 0);
  going_on_.fetch_sub(1);
  return 0;
}

void WireTransfer::cancel(const WireHandle& handle) {
  if (going_on_.load() > 0) CancelIoEx(handle.get(), this);
}

void WireTransfer::wait() {
  while (const int value = going_on_.load()) wait_on(going_on_, value, UINT64_MAX);
}

// Who waits may go on before this has returned.
void WireTransfer::end(int64_t result) {
  told_.ended(*this, result);
  going_on_.fetch_sub(1);
  wake_one(going_on_);
}

}  // namespace lkl::host
