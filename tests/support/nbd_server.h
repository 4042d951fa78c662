// SPDX-License-Identifier: GPL-2.0
// Serves a disk that a test implements to another process, by the NBD protocol
// (https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md).
#pragma once

#include <lkl.h>

#include <cstdint>
#include <string>
#include <thread>

namespace lkl_test {

// To one client, in order, until that leaves.
class NbdServer final {
 public:
  // On a socket at `path`. Throws std::runtime_error.
  NbdServer(lkl_disk& disk, const std::string& path);
  // Waits for the client's end, if there was one.
  ~NbdServer();
  NbdServer(const NbdServer&) = delete;
  NbdServer& operator=(const NbdServer&) = delete;

  std::string uri() const { return "nbd+unix:///?socket=" + path_; }
  // After a client has gone: what it has done wrong, or "".
  std::string wait();

 private:
  void serve();
  void greet(int client);
  bool answer(int client);
  uint32_t run(unsigned type, uint64_t offset, std::string& data);

  lkl_disk& disk_;
  const std::string path_;
  int listener_ = -1;
  std::string wrong_;
  std::thread thread_;
};

}  // namespace lkl_test
