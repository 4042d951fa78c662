// SPDX-License-Identifier: GPL-2.0
// Wires of this host: there are none yet. The kernel has its loopback interface, and its stack.
#include <cerrno>

#include "io/timer_descriptor.h"
#include "net/host_net.h"
#include "net/peer_nets.h"
#include "net/ready_set.h"

namespace lkl::host {
namespace {

int refuse(NetUri& uri) {
  uri.say("there are no wires of this kind on Windows");
  return -EPROTONOSUPPORT;
}

}  // namespace

int open_tap(const std::string&, unsigned, std::unique_ptr<NetBackend>&) {
  return -ENODEV;
}

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
int open_switch(NetUri& uri, std::unique_ptr<NetBackend>&) {
  return refuse(uri);
}
int open_unix(NetUri& uri, std::unique_ptr<NetBackend>&) {
  return refuse(uri);
}
int open_tcp(NetUri& uri, std::unique_ptr<NetBackend>&) {
  return refuse(uri);
}
int open_udp(NetUri& uri, std::unique_ptr<NetBackend>&) {
  return refuse(uri);
}
int open_pipe(NetUri& uri, std::unique_ptr<NetBackend>&) {
  return refuse(uri);
}
int ReadySet::open(int, int) {
  return -EOPNOTSUPP;
}
void ReadySet::set_alarm(uint64_t) {}
void ReadySet::want_room(bool) {}

// Of what comes by a wire: leases, for one.
int TimerDescriptor::open() {
  return -EOPNOTSUPP;
}
void TimerDescriptor::set(uint64_t) {}

}  // namespace lkl::host
