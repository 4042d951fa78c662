// SPDX-License-Identifier: GPL-2.0
//
// The files of the host that a process may still get at: Landlock, see landlock(7).
#ifndef LKL_TOOL_LANDLOCK_H
#define LKL_TOOL_LANDLOCK_H

#include <cstdint>
#include <string>

#include "base/descriptor.h"

namespace lkl::tool {

// What the host's kernel knows of it; rights that it does not know are left out of each rule.
namespace landlock_right {
inline constexpr std::uint64_t kExecute = 1 << 0;
inline constexpr std::uint64_t kWriteFile = 1 << 1;
inline constexpr std::uint64_t kReadFile = 1 << 2;
inline constexpr std::uint64_t kReadDirectory = 1 << 3;
inline constexpr std::uint64_t kRefer = 1 << 13;        // since version 2
inline constexpr std::uint64_t kTruncate = 1 << 14;     // since 3
inline constexpr std::uint64_t kIoctlDevice = 1 << 15;  // since 5
inline constexpr std::uint64_t kRead = kReadFile | kReadDirectory;
}  // namespace landlock_right

// Rules for the calling process. First nothing is allowed: no file by its name, no TCP, no socket
// by an abstract name, no signal to a process that is under no such rules.
class Landlock {
 public:
  enum class Network { kNone, kTcp };
  // Descriptors below it are not the ruleset: a new process gives these numbers to what it hands
  // over, before it enters this.
  static constexpr int kFirstNumber = 10;

  // Throws Failure.
  explicit Landlock(Network network = Network::kNone);

  // False if the host's kernel has none; the rest does nothing then.
  bool available() const { return static_cast<bool>(ruleset_); }
  // All that there is to be allowed.
  std::uint64_t all() const { return all_; }
  // Allows it for what is at the path, and below it. What is not there needs no rule.
  void allow(const std::string& path, std::uint64_t rights);
  // From now on, and for all programs that are executed. The process must have no_new_privs.
  // Two calls of the kernel: may be done between vfork() and execve(). Returns 0 or an error.
  int enter() const noexcept;

 private:
  std::uint64_t all_ = 0;
  Descriptor ruleset_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_LANDLOCK_H
