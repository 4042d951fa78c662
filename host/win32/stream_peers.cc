// SPDX-License-Identifier: GPL-2.0
#include "win32/stream_peers.h"

#include <afunix.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "win32/path.h"
#include "win32/windows_error.h"

namespace lkl::host {
namespace {

std::string path_of(const SocketAddress& address) {
  if (address.family() != AF_UNIX) return {};
  return reinterpret_cast<const sockaddr_un*>(&address.storage)->sun_path;
}

bool refuses(const SocketAddress& address) {
  Socket socket;
  return make_socket(address.family(), SOCK_STREAM, socket) == 0 &&
         ::connect(socket.get(), address.get(), address.size) != 0 &&
         last_socket_errno() == -ECONNREFUSED;
}

// As it is without events: overlapped transfers go on by themselves.
void forget_events(const Socket& socket) {
  WSAEventSelect(socket.get(), nullptr, 0);
  u_long off = 0;
  ioctlsocket(socket.get(), static_cast<long>(FIONBIO), &off);
}

}  // namespace

int connect_stream(const std::vector<SocketAddress>& addresses, Socket& socket) {
  int error = -EADDRNOTAVAIL;
  for (const SocketAddress& address : addresses) {
    error = make_socket(address.family(), SOCK_STREAM, socket);
    if (!error && ::connect(socket.get(), address.get(), address.size) != 0)
      error = last_socket_errno();
    if (!error) {
      send_promptly(socket, address.family());
      return 0;
    }
  }
  socket.reset();
  return error;
}

StreamPeers::~StreamPeers() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  if (changed_) SetEvent(changed_.get());
  thread_.join();
  if (!path_.empty()) DeleteFileW(wide_path(path_).c_str());
}

int StreamPeers::bind(const SocketAddress& address) {
  if (const int error = make_socket(address.family(), SOCK_STREAM, listener_)) return error;
  const std::string path = path_of(address);
  int result = ::bind(listener_.get(), address.get(), address.size);
  if (result != 0 && last_socket_errno() == -EADDRINUSE && !path.empty() && refuses(address)) {
    // somebody has left it who is no more
    DeleteFileW(wide_path(path).c_str());
    result = ::bind(listener_.get(), address.get(), address.size);
  }
  if (result != 0) return last_socket_errno();
  path_ = path;
  return ::listen(listener_.get(), 1) == 0 ? 0 : last_socket_errno();
}

int StreamPeers::listen(const std::vector<SocketAddress>& addresses) {
  int error = -EADDRNOTAVAIL;
  for (const SocketAddress& address : addresses) {
    error = bind(address);
    if (!error) return start();
  }
  return error;
}

int StreamPeers::connect(std::vector<SocketAddress> addresses, unsigned every_ms, bool now) {
  addresses_ = std::move(addresses);
  every_ms_ = every_ms;
  wanted_ = !now;
  return start();
}

int StreamPeers::start() {
  changed_ = Handle(CreateEventW(nullptr, FALSE, FALSE, nullptr));
  happens_ = Handle(CreateEventW(nullptr, FALSE, FALSE, nullptr));
  if (!changed_ || !happens_) return last_errno();
  return thread_.start(
      "lkl-peers", [](void* self) { static_cast<StreamPeers*>(self)->run(); }, this);
}

bool StreamPeers::next(Socket& socket) {
  const std::lock_guard lock(mutex_);
  socket = std::move(ready_);
  return static_cast<bool>(socket);
}

void StreamPeers::lost() {
  const std::lock_guard lock(mutex_);
  wanted_ = true;
  SetEvent(changed_.get());
}

// Until something has changed, or is over: whether the thread is to go on.
bool StreamPeers::pause(DWORD ms) {
  WaitForSingleObject(changed_.get(), ms);
  const std::lock_guard lock(mutex_);
  return !ending_;
}

void StreamPeers::run() {
  for (bool goes_on = true; goes_on;) {
    bool wanted;
    {
      const std::lock_guard lock(mutex_);
      if (ending_) return;
      wanted = wanted_;
    }
    if (!wanted) {
      goes_on = pause(INFINITE);
      continue;
    }
    Socket socket = listener_ ? accept() : ask();
    if (!socket) {
      goes_on = listener_ || pause(every_ms_);
      continue;
    }
    {
      const std::lock_guard lock(mutex_);
      ready_ = std::move(socket);
      wanted_ = false;
    }
    found_.set(true);
  }
}

// Waits until somebody comes, or something has changed.
Socket StreamPeers::accept() {
  if (WSAEventSelect(listener_.get(), happens_.get(), FD_ACCEPT) != 0) return {};
  Socket socket(::accept(listener_.get(), nullptr, nullptr));
  if (!socket) {
    const std::array<HANDLE, 2> events = {changed_.get(), happens_.get()};
    WaitForMultipleObjects(events.size(), events.data(), FALSE, INFINITE);
    return {};
  }
  forget_events(socket);
  sockaddr_storage own = {};
  int size = sizeof own;
  getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own), &size);
  send_promptly(socket, own.ss_family);
  return socket;
}

Socket StreamPeers::ask() {
  for (const SocketAddress& address : addresses_) {
    Socket socket;
    if (make_socket(address.family(), SOCK_STREAM, socket) != 0) continue;
    if (WSAEventSelect(socket.get(), happens_.get(), FD_CONNECT) != 0) continue;
    if (::connect(socket.get(), address.get(), address.size) != 0) {
      if (WSAGetLastError() != WSAEWOULDBLOCK) continue;
      const std::array<HANDLE, 2> events = {changed_.get(), happens_.get()};
      if (WaitForMultipleObjects(events.size(), events.data(), FALSE, INFINITE) == WAIT_OBJECT_0) {
        SetEvent(changed_.get());  // for pause()
        return {};
      }
      WSANETWORKEVENTS seen = {};
      if (WSAEnumNetworkEvents(socket.get(), nullptr, &seen) != 0 ||
          !(seen.lNetworkEvents & FD_CONNECT) || seen.iErrorCode[FD_CONNECT_BIT] != 0)
        continue;
    }
    forget_events(socket);
    send_promptly(socket, address.family());
    return socket;
  }
  return {};
}

}  // namespace lkl::host
