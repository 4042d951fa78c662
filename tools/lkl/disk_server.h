// SPDX-License-Identifier: GPL-2.0
//
// A program of the host that makes a disk of something else, and serves it to us alone.
#ifndef LKL_TOOL_DISK_SERVER_H
#define LKL_TOOL_DISK_SERVER_H

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace lkl::tool {

// An NBD server on a socket in a directory that only this user can enter. It takes the socket as
// systemd hands it over (sd_listen_fds(3)), so there is no time at which it cannot be connected to.
// It ends with this process at the latest.
class DiskServer {
 public:
  // Throws Failure: no such program (`package` is the Debian package that has it), cannot start.
  // A relative path among the arguments is relative to the current directory, as ever.
  DiskServer(const std::vector<std::string>& arguments, std::string_view package);
  DiskServer(DiskServer&& other) noexcept;
  DiskServer& operator=(DiskServer&&) = delete;
  ~DiskServer();

  // Removes the socket once all connections are made: nobody else is to find it.
  void close_door();
  // Of the disk it serves.
  const std::string& uri() const { return uri_; }
  // What it has said so far; waits a little for a program that is about to end with an error.
  std::string complaints();
  // Ends it, which closes the image. Throws Failure if it fails then.
  void stop();

 private:
  void start(const std::string& program, std::vector<std::string> arguments);
  bool ended(int& status);

  std::string name_;
  std::string directory_;
  std::string uri_;
  int output_ = -1;
  pid_t process_ = -1;
  int handle_ = -1;  // of the process: in the sandbox a signal can be sent by it only
  bool stopped_ = false;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_DISK_SERVER_H
