// SPDX-License-Identifier: GPL-2.0
#include "run/program_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>

namespace lkl::tool::served {

namespace {

// PIDFD_THREAD, of Linux 6.9.
constexpr unsigned kOfThread = O_EXCL;
constexpr std::size_t kMostThreads = 1024;

// What the host says of a thread (proc(5)): calls take(word, number) for each line, "Tgid:" for
// instance; base is that of the numbers wanted.
template <typename Number, typename Take>
void read_status(pid_t thread, int base, Take take) {
  std::ifstream lines("/proc/" + std::to_string(thread) + "/status");
  for (std::string line; std::getline(lines, line);) {
    const std::size_t end = line.find('\t');
    Number number{};
    if (end != line.npos &&
        std::from_chars(line.data() + end + 1, line.data() + line.size(), number, base).ec ==
            std::errc())
      take(std::string_view(line).substr(0, end), number);
  }
}

pid_t process_of(pid_t thread) {
  pid_t process = -1;
  read_status<pid_t>(thread, 10, [&](std::string_view word, pid_t number) {
    if (word == "Tgid:") process = number;
  });
  return process;
}

Descriptor open_thread(pid_t thread) {
  auto fd = static_cast<int>(::syscall(SYS_pidfd_open, thread, kOfThread));
  if (fd < 0 && errno == EINVAL)
    fd = static_cast<int>(::syscall(SYS_pidfd_open, process_of(thread), 0));
  return Descriptor(fd);
}

}  // namespace

bool ProgramMemory::move(bool in, std::span<const iovec> theirs, char* ours,
                         std::size_t size) const {
  std::size_t done = 0;
  // Moves what it can without a fault, and at most so many parts.
  for (std::size_t part = 0, skip = 0; done < size && part < theirs.size();) {
    if (skip == theirs[part].iov_len) {
      part++, skip = 0;
      continue;
    }
    iovec there = {static_cast<char*>(theirs[part].iov_base) + skip,
                   std::min(theirs[part].iov_len - skip, size - done)};
    iovec here = {ours + done, there.iov_len};
    const pid_t thread = notification_.thread;
    const ssize_t count = in ? ::process_vm_readv(thread, &here, 1, &there, 1, 0)
                             : ::process_vm_writev(thread, &here, 1, &there, 1, 0);
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
    skip += static_cast<std::size_t>(count);
  }
  return true;
}

bool ProgramMemory::read(std::uint64_t address, void* into, std::size_t size) const {
  const iovec there = {reinterpret_cast<void*>(address), size};
  return gather({&there, 1}, {static_cast<char*>(into), size});
}

bool ProgramMemory::write(std::uint64_t address, const void* from, std::size_t size) const {
  const iovec there = {reinterpret_cast<void*>(address), size};
  return scatter({&there, 1}, {static_cast<const char*>(from), size});
}

bool ProgramMemory::scatter(std::span<const iovec> parts, std::span<const char> from) const {
  // Before: else it might be another process that has the number now.
  return notification_.by->waits(notification_.id) &&
         move(false, parts, const_cast<char*>(from.data()), from.size());
}

bool ProgramMemory::gather(std::span<const iovec> parts, std::span<char> into) const {
  // After: what was read is thrown away if it was another's.
  return move(true, parts, into.data(), into.size()) && notification_.by->waits(notification_.id);
}

std::optional<std::string> ProgramMemory::text(std::uint64_t address) const {
  std::string text;
  constexpr std::size_t kPart = 256;  // never past the end of a page
  while (text.size() < PATH_MAX) {
    char part[kPart];
    const std::size_t size = kPart - (address + text.size()) % kPart;
    const iovec there = {reinterpret_cast<void*>(address + text.size()), size};
    if (!move(true, {&there, 1}, part, size)) return std::nullopt;
    const char* const end = static_cast<const char*>(std::memchr(part, 0, size));
    text.append(part, end ? static_cast<std::size_t>(end - part) : size);
    if (end) return text;
  }
  return std::nullopt;
}

bool has_signal(pid_t thread) {
  std::uint64_t pending = 0, blocked = 0;
  read_status<std::uint64_t>(thread, 16, [&](std::string_view word, std::uint64_t set) {
    if (word == "SigPnd:" || word == "ShdPnd:") pending |= set;
    if (word == "SigBlk:") blocked = set;
  });
  return (pending & ~blocked) != 0;
}

std::uint64_t cookie_of(int socket) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  return ::getsockopt(socket, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

Descriptor ProgramDescriptors::copy(pid_t thread, int fd) {
  const std::lock_guard lock(mutex_);
  for (int attempt = 0;; attempt++) {
    auto known = threads_.find(thread);
    const bool fresh = known == threads_.end();
    if (fresh) {
      if (threads_.size() >= kMostThreads) threads_.clear();
      Descriptor opened = open_thread(thread);
      if (!opened) return {};
      known = threads_.emplace(thread, std::move(opened)).first;
    }
    const auto copied = static_cast<int>(::syscall(SYS_pidfd_getfd, known->second.get(), fd, 0));
    if (copied >= 0) return Descriptor(copied);
    const int error = errno;
    // the number is another thread's now
    if (error == ESRCH) threads_.erase(known);
    if (error != ESRCH || fresh) {
      errno = error;
      return {};
    }
  }
}

}  // namespace lkl::tool::served
