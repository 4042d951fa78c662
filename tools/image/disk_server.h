// SPDX-License-Identifier: GPL-2.0
//
// A program of the host that makes a disk of something else, and serves it to us alone.
#ifndef LKL_TOOL_DISK_SERVER_H
#define LKL_TOOL_DISK_SERVER_H

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor.h"

namespace lkl::tool {

class ProgramSandbox;
struct ProgramRights;

// An NBD server on a socket in a directory that only this user can enter. It takes the socket as
// systemd hands it over (sd_listen_fds(3)), so there is no time at which it cannot be connected to.
// It is to end by itself when its last client is gone: a signal cannot be sent from the sandbox.
class DiskServer {
 public:
  // The descriptor of the program that `handed_over` becomes.
  static constexpr int kHandedOver = 4;

  // Throws Failure: no such program (`package` is the Debian package that has it), cannot start.
  // A relative path among the arguments is relative to the current directory, as ever. Of our open
  // files it gets `handed_over`, unless that is -1, and no other.
  DiskServer(const std::vector<std::string>& arguments, std::string_view package,
             const ProgramRights& rights, int handed_over = -1);
  // The same where there are no such sockets (Windows): it listens where `uri` says, on this
  // machine. Waits until it does.
  DiskServer(std::string uri, unsigned port, const std::vector<std::string>& arguments);
  DiskServer(DiskServer&& other) noexcept;
  DiskServer& operator=(DiskServer&&) = delete;
  ~DiskServer();

  // A connection to it, for another server. Throws std::system_error.
  Descriptor connect();
  // Removes the socket once all connections are made: nobody else is to find it.
  void close_door();
  // Of the disk it serves.
  const std::string& uri() const { return uri_; }
  // What it has said so far; waits a little for a program that is about to end with an error.
  std::string complaints();
  // Waits for its end, when the image is closed: all connections are. One that never had any is
  // ended. Throws Failure if it failed.
  void stop();

 private:
  void start(const std::string& program, std::vector<std::string> arguments,
             ProgramSandbox& sandbox, int handed_over);
  bool ended(int& status);
  void remove_socket();

  std::string name_;
  std::string directory_;
  std::string uri_;
  Descriptor output_;
  pid_t process_ = -1;
  bool connected_ = false;
  bool stopped_ = false;
  std::shared_ptr<void> on_windows_;  // the process, and what belongs to it
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_DISK_SERVER_H
