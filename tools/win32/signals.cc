// SPDX-License-Identifier: GPL-2.0
//
// Ctrl-C, Ctrl-Break and the end of the console. Windows tells of them on a thread of its own.
#include "base/signals.h"

#include <windows.h>

#include <io.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <string>

#include "base/error.h"
#include "base/host_calls.h"
#include "host/win32/handle.h"
#include "host/win32/path.h"

namespace lkl::tool {

namespace {

std::atomic<int> first_signal{0};
// The thread that reads something which may never come.
std::atomic<HANDLE> reader{nullptr};
HANDLE main_thread = nullptr;

BOOL WINAPI on_event(DWORD event) {
  const bool closing = event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT;
  const int signal = closing ? SIGTERM : SIGINT;
  int none = 0;
  if (!first_signal.compare_exchange_strong(none, signal))
    ExitProcess(128 + static_cast<UINT>(signal));
  if (const HANDLE thread = reader.load()) CancelSynchronousIo(thread);
  // The process ends when this returns: the main thread does that.
  if (closing) Sleep(INFINITE);
  return TRUE;
}

// While it lives, a read by this thread ends when a signal comes.
class Interruptible {
 public:
  Interruptible() { reader.store(main_thread); }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;
  ~Interruptible() { reader.store(nullptr); }
};

// A line of a console. Nothing at its end, which is Ctrl-Z at the beginning of a line.
ssize_t read_console(HANDLE console, std::span<std::byte> into) {
  wchar_t line[4096];
  constexpr std::size_t kLongest = 3;  // bytes of a unit
  const auto room = static_cast<DWORD>(std::min(std::size(line), into.size() / kLongest));
  DWORD count = 0;
  if (!ReadConsoleW(console, line, std::max<DWORD>(room, 1), &count, nullptr)) return -1;
  if (count > 0 && line[0] == 26) return 0;
  std::string text = lkl::host::narrow({line, count});
  text.resize(std::min(text.size(), into.size()));
  std::copy_n(reinterpret_cast<const std::byte*>(text.data()), text.size(), into.begin());
  return static_cast<ssize_t>(text.size());
}

}  // namespace

void catch_signals() {
  if (main_thread == nullptr)
    DuplicateHandle(GetCurrentProcess(), GetCurrentThread(), GetCurrentProcess(), &main_thread, 0,
                    FALSE, DUPLICATE_SAME_ACCESS);
  SetConsoleCtrlHandler(on_event, TRUE);
}

int pending_signal() {
  return first_signal.load(std::memory_order_relaxed);
}

ssize_t read_or_signal(int fd, std::span<std::byte> into) {
  const Interruptible scope;
  while (pending_signal() == 0) {
    const ssize_t n = on_host::is_terminal(fd)
                          ? read_console(lkl::host::handle_of(fd), into)
                          : ::read(fd, into.data(), static_cast<unsigned>(into.size()));
    if (n >= 0 && (n > 0 || pending_signal() == 0)) return n;
    if (pending_signal() == 0 && errno != EINTR) return n;
  }
  errno = EINTR;
  return -1;
}

ssize_t write_or_signal(int fd, std::span<const std::byte> from) {
  if (pending_signal() != 0) {
    errno = EINTR;
    return -1;
  }
  return ::write(fd, from.data(), static_cast<unsigned>(from.size()));
}

void clear_signal() {
  first_signal.store(0, std::memory_order_relaxed);
}

void check_interrupted() {
  if (const int signal = pending_signal()) throw Interrupted{signal};
}

}  // namespace lkl::tool
