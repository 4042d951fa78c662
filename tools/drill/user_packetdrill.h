// SPDX-License-Identifier: GPL-2.0
//
// The user's own packetdrill, with the kernel of this library by liblkl-packetdrill.so.
#ifndef LKL_TOOL_DRILL_USER_PACKETDRILL_H
#define LKL_TOOL_DRILL_USER_PACKETDRILL_H

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "drill/script.h"
#include "drill/settings.h"

namespace lkl::tool::drill {

class UserPacketdrill {
 public:
  // Makes a folder for copies of scripts, which goes with it. Throws Failure if there is no such
  // program, or the library is not where it belongs.
  explicit UserPacketdrill(const std::string& program);
  UserPacketdrill(const UserPacketdrill&) = delete;
  UserPacketdrill& operator=(const UserPacketdrill&) = delete;
  ~UserPacketdrill();

  // What runs the script. packetdrill has commands run by the host's shell: in the copy that it
  // gets, each hands its text to the kernel (see plugin/control.h).
  std::vector<std::string> command_line(
      const Script& script, const Settings& settings,
      const std::vector<std::pair<std::string, std::string>>& options);

  // Replaces this process, which writes to the descriptor; returns only if that is impossible.
  static void become(std::vector<std::string> arguments, int output);

 private:
  std::filesystem::path copy(const Script& script, const std::filesystem::path& control);

  std::string program_;
  std::filesystem::path plugin_;
  std::filesystem::path folder_;
  unsigned count_ = 0;
};

}  // namespace lkl::tool::drill

#endif  // LKL_TOOL_DRILL_USER_PACKETDRILL_H
