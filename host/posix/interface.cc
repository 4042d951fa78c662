// SPDX-License-Identifier: GPL-2.0
#include "posix/interface.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "descriptor.h"

namespace lkl::host {

int find_interface(const std::string& name, Interface& result) {
  ifreq request = {};
  if (name.empty() || name.size() >= sizeof request.ifr_name) return -EINVAL;
  std::ranges::copy(name, request.ifr_name);
  const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return -errno;
  const auto ask = [&](unsigned long what) { return ::ioctl(socket.get(), what, &request) == 0; };
  Interface found = {.name = name};
  if (!ask(SIOCGIFINDEX)) return -errno;
  found.index = request.ifr_ifindex;
  if (!ask(SIOCGIFMTU)) return -errno;
  found.mtu = static_cast<uint16_t>(std::min(request.ifr_mtu, int{UINT16_MAX}));
  if (!ask(SIOCGIFHWADDR)) return -errno;
  found.ethernet = request.ifr_hwaddr.sa_family == ARPHRD_ETHER;
  std::memcpy(found.mac.data(), request.ifr_hwaddr.sa_data, found.mac.size());
  result = found;
  return 0;
}

}  // namespace lkl::host
