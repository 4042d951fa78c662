// SPDX-License-Identifier: GPL-2.0
// Where the ports of a switch find each other: a folder of the user's, in which each has a socket
// that takes connections. The folder is there as long as a port is.
#pragma once

#include <sys/un.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "descriptor.h"

namespace lkl::host {

class SwitchPlace final {
 public:
  // Connects to the port of this number, by connect(), whose result it returns.
  using Meet = std::function<int(uint64_t port)>;

  // A new port: its socket, and each that was there before is met. 0 or -errno, and `say` is told
  // why.
  int enter(const std::string& name, const std::function<void(std::string_view)>& say,
            const Meet& meet);
  void leave();

  uint64_t own() const { return own_; }
  int listener() const { return listener_.get(); }
  // To this port: 0, -ECONNREFUSED or -ENOENT if it is no more, or another -errno. Any stack.
  int connect(uint64_t port, Descriptor& connection) const;

 private:
  std::string path_of(std::string_view file) const { return folder_ + "/" + std::string(file); }
  bool address_of(uint64_t port, sockaddr_un& address) const;
  int make_folder(const std::string& base);
  int listen();
  void meet_others(const Meet& meet);

  std::string folder_;  // of this switch
  uint64_t own_ = 0;
  Descriptor listener_;
};

}  // namespace lkl::host
