// SPDX-License-Identifier: GPL-2.0
//
// Memory and descriptors of a program whose call waits for us. All that is read there may be
// anything.
#ifndef LKL_TOOL_RUN_PROGRAM_MEMORY_H
#define LKL_TOOL_RUN_PROGRAM_MEMORY_H

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>

#include "base/descriptor.h"
#include "run/notification.h"

namespace lkl::tool::served {

// Of the thread that has made this call, as long as it waits.
class ProgramMemory {
 public:
  explicit ProgramMemory(const Notification& notification) : notification_(notification) {}

  // All of it, or false: EFAULT.
  bool read(std::uint64_t address, void* into, std::size_t size) const;
  bool write(std::uint64_t address, const void* from, std::size_t size) const;
  template <typename Value>
  std::optional<Value> value(std::uint64_t address) const {
    Value read_value;
    if (!read(address, &read_value, sizeof read_value)) return std::nullopt;
    return read_value;
  }
  // Up to its zero byte; nothing if there is none within the length of a path.
  std::optional<std::string> text(std::uint64_t address) const;

  // From one buffer into several parts of the program's memory, or back: as many bytes as both
  // have.
  bool scatter(std::span<const iovec> parts, std::span<const char> from) const;
  bool gather(std::span<const iovec> parts, std::span<char> into) const;

 private:
  bool move(bool in, std::span<const iovec> theirs, char* ours, std::size_t size) const;

  const Notification& notification_;
};

// Whether a signal is there that the thread does not block: it wants to leave its call.
bool has_signal(pid_t thread);

// Of a socket of this process: what all copies of its descriptor have, and no other one. 0 if it is
// none.
std::uint64_t cookie_of(int socket);

// Descriptors of a program's threads, by their numbers there. Any thread.
class ProgramDescriptors {
 public:
  // A copy of it. Empty with errno: EBADF, EPERM if the host lets nobody look into the process,
  // ESRCH.
  Descriptor copy(pid_t thread, int fd);

 private:
  std::mutex mutex_;  // guards what follows
  std::unordered_map<pid_t, Descriptor> threads_;
};

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_PROGRAM_MEMORY_H
