// SPDX-License-Identifier: GPL-2.0
//
// The commands of a script that packetdrill runs: its shell is the host's, the kernel is in its
// process. Who connects to this socket writes commands and shuts down its side; back come the
// status of the last one, the end of a line, and what they complain of.
#ifndef LKL_TOOL_DRILL_PLUGIN_CONTROL_H
#define LKL_TOOL_DRILL_PLUGIN_CONTROL_H

#include <string>
#include <thread>

#include "base/descriptor.h"
#include "drill/shell.h"

namespace lkl::tool::drill {

class Control {
 public:
  // Throws std::system_error if there can be no socket of this name.
  Control(const std::string& path, const std::string& folder);
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;
  ~Control();

 private:
  void serve();
  void answer(int connection);

  std::string path_;
  GuestShell shell_;
  Descriptor socket_;
  std::thread thread_;
};

}  // namespace lkl::tool::drill

#endif  // LKL_TOOL_DRILL_PLUGIN_CONTROL_H
