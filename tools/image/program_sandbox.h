// SPDX-License-Identifier: GPL-2.0
//
// What a program of the host may do that reads an image, or data from the network, for us: qemu-nbd
// and nbdkit are as large as what they protect us from. See docs/tool.md.
#ifndef LKL_TOOL_PROGRAM_SANDBOX_H
#define LKL_TOOL_PROGRAM_SANDBOX_H

#include <linux/filter.h>

#include <optional>
#include <string>
#include <vector>

#include "image/landlock.h"

namespace lkl::tool {

struct ProgramRights {
  struct File {
    std::string path;
    bool writable = false;
  };
  // The files it serves; of a directory all that is in it. What it takes to start is added.
  std::vector<File> files = {};
  // It connects to servers, whose names it has to look up.
  bool network = false;
  // It runs other programs: those that the user's settings of ssh name.
  bool programs = false;
  // It looks for the user's own files and name. Else, of root's, it becomes nobody.
  bool as_user = false;
  // None of all this.
  bool unconfined = false;
};

// Made before the program is: all that takes memory or may fail. enter() is called in its process,
// between vfork() and execve(), and only calls the kernel.
class ProgramSandbox {
 public:
  // Throws Failure.
  ProgramSandbox(const std::string& program, const ProgramRights& rights);

  // Gives up, for good, what the program does not need. Descriptors are not its business. Returns
  // the name of the step that failed, or nullptr.
  const char* enter() noexcept;

 private:
  void allow_start(const std::string& program);
  void allow_network();
  void fill_filter();
  bool give_up_privileges() noexcept;

  const ProgramRights rights_;
  bool nobody_ = false;  // becomes that
  unsigned keeps_ = 0;   // capabilities that it keeps
  std::optional<Landlock> files_;
  std::vector<sock_filter> calls_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_PROGRAM_SANDBOX_H
