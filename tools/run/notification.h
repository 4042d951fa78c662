// SPDX-License-Identifier: GPL-2.0
//
// A system call that a program has made and that waits for our answer: seccomp_unotify(2).
#ifndef LKL_TOOL_RUN_NOTIFICATION_H
#define LKL_TOOL_RUN_NOTIFICATION_H

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/descriptor.h"

namespace lkl::tool::served {

struct Notification {
  std::uint64_t id = 0;
  pid_t thread = 0;
  int call = 0;
  std::array<std::uint64_t, 6> arguments = {};

  // The kernel takes the low half of what is an int.
  int number(std::size_t argument) const { return static_cast<int>(arguments[argument]); }
};

// Any thread may answer; one receives.
class Listener {
 public:
  explicit Listener(Descriptor fd);
  // Who sends one may send anything.
  static bool is_one(const Descriptor& fd);

  int fd() const { return fd_.get(); }
  // Waits for one. Nothing if its thread has gone, or a signal has ended its wait, meanwhile; or if
  // a signal has ended ours, or nobody is left.
  std::optional<Notification> receive();
  // Nobody is left who might call.
  bool abandoned() const;
  // Whether it waits still. If not, the number of its thread may be somebody else's.
  bool waits(std::uint64_t id) const;

  // They return false if it waits no more: the program has not got the answer.
  bool answer(std::uint64_t id, long result) const;
  // The host's kernel is to do it.
  bool go_on(std::uint64_t id) const;
  // The answer is a new descriptor, which is ours: its number there. A negative error: EMFILE for
  // instance, which is to be answered then, and ENOENT if nobody waits any more.
  int give(std::uint64_t id, int fd, bool close_on_exec) const;

 private:
  bool send(std::uint64_t id, long result, unsigned flags) const;

  Descriptor fd_;
  std::vector<std::uint64_t> room_;
};

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_NOTIFICATION_H
