// SPDX-License-Identifier: GPL-2.0
// Who is at the other end of a stream, one after the other.
#pragma once

#include <memory>
#include <vector>

#include "descriptor.h"
#include "posix/socket_address.h"

namespace lkl::host {

// Sockets that are connected, one at a time: those who come, or one who is asked again and again.
// One thread at a time; no cancellation point, errno stays.
class StreamPeers final {
 public:
  // Waits for them at the first address that can be had. 0 or -errno.
  static int listen(const std::vector<SocketAddress>& addresses,
                    std::unique_ptr<StreamPeers>& result);
  // Asks each of the addresses, every so many milliseconds until there is one.
  static int connect(std::vector<SocketAddress> addresses, unsigned every_ms,
                     std::unique_ptr<StreamPeers>& result);

  // Readable when next() should be called.
  int fd() const { return set_.get(); }
  // 0 and the next one; or -EAGAIN.
  int next(Descriptor& socket);
  // It is no more; the next one may come.
  void lost();

 private:
  int open();
  int accept(Descriptor& socket);
  int ask(Descriptor& socket);
  int asked(Descriptor& socket);
  void wait();
  void watch(int operation, int fd, unsigned events);

  std::vector<SocketAddress> addresses_;
  size_t address_ = 0;  // the next to be asked
  unsigned every_ms_ = 1000;
  SocketPath path_;
  Descriptor listener_;
  Descriptor asked_;  // has not answered yet
  Descriptor timer_;
  Descriptor set_;  // of the three above
};

// Connects to the first of these that answers; waits for that. 0 or -errno.
int connect_stream(const std::vector<SocketAddress>& addresses, Descriptor& socket);

}  // namespace lkl::host
