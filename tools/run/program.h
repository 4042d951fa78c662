// SPDX-License-Identifier: GPL-2.0
//
// A program of the user's, started under the filter.
#ifndef LKL_TOOL_RUN_PROGRAM_H
#define LKL_TOOL_RUN_PROGRAM_H

#include <signal.h>
#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "run/disk_mount.h"
#include "run/opens_library.h"

namespace lkl::tool::served {

// Exit codes of shells for programs that cannot be executed.
inline constexpr int kNoSuchProgram = 127, kNotExecutable = 126;

// The file of this name, which is looked for by PATH if it has no slash. Throws Failure if there is
// none, or if it is one that could not be served: of another architecture, or that would have
// rights which it does not get.
std::string find_program(const std::string& name);

// The process waits, before execve(), until it is let go. Made while the process has one thread.
class Program {
 public:
  // The first word is its file, which is looked for by PATH if it has no slash: by the process
  // itself, which may have other files than we have. `library`: to be in front of it, if it can
  // have one. Throws std::system_error.
  Program(const std::vector<std::string>& words, const std::vector<DiskMount>& disks,
          const std::optional<OpensLibrary>& library);
  // Ends a process that was not let go.
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Waits until it has its files, and is under its filter. `serve` is called for each disk, in
  // their order. Throws Failure: what cannot be mounted; that there is no such program, or that it
  // is one that could not be served: of another architecture, or that would have rights which it
  // does not get.
  using Serve = std::function<void(Descriptor fuse, Users users)>;
  void prepare(const Serve& serve);
  // Where it asks, once.
  Descriptor take_listener() { return std::move(listener_); }
  void let_go();

  // Of the process: readable when it has ended.
  int pidfd() const { return process_.get(); }
  pid_t pid() const { return pid_; }
  // Its status as of wait(2), when it has ended.
  std::optional<int> status();
  // Why execve() failed; 0 if it did not. When it has ended.
  int exec_error();

 private:
  pid_t pid_ = -1;
  bool gone_ = false;
  Descriptor process_, channel_, listener_;
};

// The signals that a process of ours is to have blocked when it becomes a program.
sigset_t mask_of_programs();

// Signals to us become signals to the program, unless the terminal has sent them, from where the
// program has them already. All are blocked as long as it exists: to be made before any thread.
class ForwardedSignals {
 public:
  ForwardedSignals();
  ~ForwardedSignals();
  ForwardedSignals(const ForwardedSignals&) = delete;
  ForwardedSignals& operator=(const ForwardedSignals&) = delete;

  int fd() const { return fd_.get(); }
  // The next one that was meant for the program; 0 if there is none.
  int take() { return next(false); }
  // The terminal's, too.
  int take_any() { return next(true); }

 private:
  int next(bool of_terminal);

  sigset_t before_;
  Descriptor fd_;
};

// Until it is gone a signal ends this process at once, and the one that waits to become a program:
// when a network is set up, that may take long, and nothing is there yet that has to be closed in
// order.
class EndedBySignal {
 public:
  explicit EndedBySignal(ForwardedSignals& signals, pid_t process = 0);
  ~EndedBySignal();
  EndedBySignal(const EndedBySignal&) = delete;
  EndedBySignal& operator=(const EndedBySignal&) = delete;

 private:
  Pipe stop_ = make_pipe();
  std::thread thread_;
};

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_PROGRAM_H
