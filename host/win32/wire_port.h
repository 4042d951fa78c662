// SPDX-License-Identifier: GPL-2.0
// The completion port of wires, and the thread that waits there. Not an event loop's: a wire can be
// a card of one kernel and then of the next one, each with a loop of its own, and a handle belongs
// to its first port for ever.
#pragma once

#include <winsock2.h>

#include <windows.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "host.h"
#include "win32/handle.h"

namespace lkl::host {

class WirePort;

// A handle of the port's, closed with its owner.
class WireHandle final {
 public:
  WireHandle() = default;
  ~WireHandle() { reset(); }
  WireHandle(WireHandle&& other) noexcept { swap(other); }
  WireHandle& operator=(WireHandle&& other) noexcept {
    swap(other);
    return *this;
  }
  // It is closed in any case: by CloseHandle(), or by what a socket wants. 0 or -errno.
  using Close = void (*)(HANDLE);
  int open(Handle handle, const std::shared_ptr<WirePort>& port, Close close = nullptr);

  explicit operator bool() const { return handle_ != nullptr; }
  HANDLE get() const { return handle_; }
  // The port does not tell of what is through at once.
  bool tells_later_only() const { return tells_later_only_; }

 private:
  void swap(WireHandle& other) noexcept;
  void reset();

  std::shared_ptr<WirePort> port_;
  HANDLE handle_ = nullptr;
  Close close_ = nullptr;
  bool tells_later_only_ = false;
};

class WirePort final {
 public:
  // That of all wires that there are now. nullptr if the host gives none: `error` is -errno.
  static std::shared_ptr<WirePort> get(int& error);

  WirePort() = default;
  ~WirePort();
  HANDLE handle() const { return port_.get(); }

 private:
  int open();
  void run();

  Handle port_;
  Thread thread_;
};

// A read, a write or another operation on a handle, one at a time.
class WireTransfer final : OVERLAPPED {
 public:
  class Told {
   public:
    // Bytes, or -errno. On the port's thread; may start the next one.
    virtual void ended(WireTransfer& transfer, int64_t result) = 0;

   protected:
    ~Told() = default;
  };

  explicit WireTransfer(Told& told) : OVERLAPPED(), told_(told) {}
  ~WireTransfer() { wait(); }
  WireTransfer(const WireTransfer&) = delete;
  WireTransfer& operator=(const WireTransfer&) = delete;

  // -EINPROGRESS: it is told of; else what would be: it is through, and nobody is told. Any stack.
  int64_t start_read(const WireHandle& handle, std::span<std::byte> to);
  int64_t start_write(const WireHandle& handle, std::span<const std::byte> from);
  // The same of a socket of datagrams that has nobody at its other end: `from` stays until it is
  // through.
  struct Sender {
    sockaddr_storage address;
    int size;
  };
  int64_t start_read_from(const WireHandle& socket, std::span<std::byte> to, Sender& from);
  int64_t start_write_to(const WireHandle& socket, std::span<const std::byte> from,
                         const Sender& to);
  // Until somebody has come to this pipe.
  int64_t start_listening(const WireHandle& pipe);

  // Ends it sooner.
  void cancel(const WireHandle& handle);
  // Until nothing goes on.
  void wait();

 private:
  friend class WirePort;
  void begin();
  int64_t started(const WireHandle& handle, DWORD error, DWORD count);
  void end(int64_t result);

  Told& told_;
  DWORD flags_ = 0;  // of a read
  std::atomic<int> going_on_ = 0;
};

}  // namespace lkl::host
