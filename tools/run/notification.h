// SPDX-License-Identifier: GPL-2.0
//
// A system call that a program has made and that waits for our answer.
#ifndef LKL_TOOL_RUN_NOTIFICATION_H
#define LKL_TOOL_RUN_NOTIFICATION_H

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/descriptor.h"

namespace lkl::tool::served {

// Whom a call is answered by. Any thread may answer.
class Answers {
 public:
  virtual ~Answers() = default;
  // Whether it waits still. If not, the number of its thread may be somebody else's.
  virtual bool waits(std::uint64_t id) const = 0;
  // They return false if it waits no more: the program has not got the answer.
  virtual bool answer(std::uint64_t id, long result) const = 0;
  // The host's kernel is to do it.
  virtual bool go_on(std::uint64_t id) const = 0;
  // Its thread has a signal: it is to make the call again after that, or none, as the signal wants.
  // False if it sees to that itself.
  virtual bool let_go(std::uint64_t id) const = 0;
  // The answer is a new descriptor, which is ours: its number there. A negative error: EMFILE for
  // instance, which is to be answered then, and ENOENT if nobody waits any more.
  virtual int give(std::uint64_t id, int fd, bool close_on_exec) const = 0;
};

struct Notification {
  std::uint64_t id = 0;
  pid_t thread = 0;
  int call = 0;
  std::array<std::uint64_t, 6> arguments = {};
  std::shared_ptr<const Answers> by;

  // The kernel takes the low half of what is an int.
  int number(std::size_t argument) const { return static_cast<int>(arguments[argument]); }
};

// Calls of who is under a filter: seccomp_unotify(2). One thread receives.
class Listener final : public Answers, public std::enable_shared_from_this<Listener> {
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

  bool waits(std::uint64_t id) const override;
  bool answer(std::uint64_t id, long result) const override;
  bool go_on(std::uint64_t id) const override;
  bool let_go(std::uint64_t id) const override;
  int give(std::uint64_t id, int fd, bool close_on_exec) const override;

 private:
  bool send(std::uint64_t id, long result, unsigned flags) const;

  Descriptor fd_;
  std::vector<std::uint64_t> room_;
};

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_NOTIFICATION_H
