// SPDX-License-Identifier: GPL-2.0
// Who is at the other end of a stream, one after the other.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "host.h"
#include "win32/signal.h"
#include "win32/sockets.h"

namespace lkl::host {

// Sockets that are connected, one at a time: those who come, or one who is asked again and again. A
// thread waits for them.
class StreamPeers final {
 public:
  // `found` is set when next() has one. It outlives this.
  explicit StreamPeers(Signal& found) : found_(found) {}
  ~StreamPeers();
  // Waits for them at the first address that can be had. 0 or -errno.
  int listen(const std::vector<SocketAddress>& addresses);
  // Asks each of the addresses, every so many milliseconds until there is one. `now`: there is one
  // already, who is to be lost() first.
  int connect(std::vector<SocketAddress> addresses, unsigned every_ms, bool now);

  // Whether there is a next one.
  bool next(Socket& socket);
  // It is no more; the next one may come.
  void lost();

 private:
  int bind(const SocketAddress& address);
  int start();
  void run();
  Socket accept();
  Socket ask();
  bool pause(DWORD ms);

  Signal& found_;
  std::vector<SocketAddress> addresses_;
  unsigned every_ms_ = 1000;
  std::string path_;  // of our making
  Socket listener_;
  Handle changed_, happens_;  // what is wanted; something on a socket: events
  Thread thread_;

  std::mutex mutex_;  // guards what follows
  bool wanted_ = true, ending_ = false;
  Socket ready_;
};

// Connects to the first of these that answers; waits for that. 0 or -errno.
int connect_stream(const std::vector<SocketAddress>& addresses, Socket& socket);

}  // namespace lkl::host
