// SPDX-License-Identifier: GPL-2.0
// Wires that this host has not.
#include <cerrno>

#include "net/host_net.h"
#include "net/peer_nets.h"

namespace lkl::host {
namespace {

int refuse(NetUri& uri) {
  uri.say("there are no wires of this kind on Windows");
  return -EPROTONOSUPPORT;
}

}  // namespace

int open_tap_device(const char*, ifreq*, std::unique_ptr<NetBackend>&) {
  return -ENODEV;
}

int open_packets(int, int, PacketHeader, std::unique_ptr<NetBackend>&) {
  return -EOPNOTSUPP;
}

int open_macvtap(NetUri& uri, std::unique_ptr<NetBackend>&) {
  return refuse(uri);
}
int open_raw(NetUri& uri, std::unique_ptr<NetBackend>&) {
  return refuse(uri);
}
int open_passt(NetUri& uri, std::unique_ptr<NetBackend>&) {
  return refuse(uri);
}
int open_pipe(NetUri& uri, std::unique_ptr<NetBackend>&) {
  return refuse(uri);
}

}  // namespace lkl::host
