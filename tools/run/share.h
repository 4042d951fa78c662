// SPDX-License-Identifier: GPL-2.0
//
// One kernel for programs of several commands: lkl server, lkl run --server.
#ifndef LKL_TOOL_RUN_SHARE_H
#define LKL_TOOL_RUN_SHARE_H

#include <string>

#include "base/descriptor.h"
#include "run/supervisor.h"

namespace lkl::tool::served {

// Takes listeners from commands.
class ServerSocket {
 public:
  // From those of the same user; or from everybody's, whom only root can serve.
  // Throws Failure: another server has the path, say.
  ServerSocket(const std::string& path, bool all_users, Supervisor& supervisor);
  ~ServerSocket();
  ServerSocket(const ServerSocket&) = delete;
  ServerSocket& operator=(const ServerSocket&) = delete;

 private:
  void accept_one();
  void take_listener(int fd);

  const std::string path_;
  const bool all_users_;
  Supervisor& supervisor_;
  Descriptor lock_, socket_;
  std::map<int, Descriptor> visitors_;
};

// Hands the listener to the server there, which serves it from now on, on the network of this name.
// The connection is to be kept: its end is the server's. Throws Failure.
Descriptor hand_over(const std::string& path, const Descriptor& listener,
                     const std::string& network);

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_SHARE_H
