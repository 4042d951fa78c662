// SPDX-License-Identifier: GPL-2.0
// Interfaces and their addresses.
#include <algorithm>
#include <cstring>
#include <vector>

#include "api/netlink_dump.h"
#include "api/util.h"
#include "lkl.h"

using lkl::host::NetlinkRequest;

namespace {

// ifreq calls go through any socket.
int interface_ioctl(unsigned request, lkl_ifreq& argument) {
  const lkl::host::KernelFile socket(
      lkl_sys_socket(LKL_AF_UNIX, LKL_SOCK_DGRAM | LKL_SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return socket.error();
  return static_cast<int>(
      lkl_sys_ioctl(socket.fd(), request, reinterpret_cast<lkl_ulong>(&argument)));
}

int set_flags(int ifindex, unsigned flags, unsigned mask) {
  lkl_ifinfomsg header = {};
  header.ifi_index = ifindex;
  header.ifi_flags = flags;
  header.ifi_change = mask;
  return NetlinkRequest(LKL_RTM_NEWLINK, 0, header).send();
}

int change_address(unsigned type, unsigned flags, int ifindex, int af, const void* addr,
                   unsigned prefix) {
  if (lkl::host::address_length(af) == 0) return -LKL_EAFNOSUPPORT;
  lkl_ifaddrmsg header = {};
  header.ifa_family = static_cast<__lkl__u8>(af);
  header.ifa_prefixlen = static_cast<__lkl__u8>(prefix);
  header.ifa_index = static_cast<__lkl__u32>(ifindex);
  NetlinkRequest request(type, flags, header);
  request.attribute(LKL_IFA_LOCAL, lkl::host::address_bytes(af, addr));
  request.attribute(LKL_IFA_ADDRESS, lkl::host::address_bytes(af, addr));
  return request.send();
}

// The flags of an IPv6 address. An error if it is not there.
int inet6_flags(int ifindex, const void* addr, unsigned& flags) {
  std::vector<lkl::host::InterfaceAddress> addresses;
  if (const int error = lkl::host::read_addresses(ifindex, LKL_AF_INET6, addresses)) return error;
  for (const lkl::host::InterfaceAddress& address : addresses)
    if (std::memcmp(address.bytes.data(), addr, address.bytes.size()) == 0) {
      flags = address.flags;
      return 0;
    }
  return -LKL_EADDRNOTAVAIL;
}

}  // namespace

int lkl_ifname_to_ifindex(const char* name) {
  lkl_ifreq request = {};
  if (std::strlen(name) >= sizeof request.lkl_ifr_name) return -LKL_ENODEV;
  std::strcpy(request.lkl_ifr_name, name);
  if (const int error = interface_ioctl(LKL_SIOCGIFINDEX, request)) return error;
  return request.lkl_ifr_ifindex;
}

int lkl_if_up(int ifindex) {
  return set_flags(ifindex, LKL_IFF_UP, LKL_IFF_UP);
}

int lkl_if_down(int ifindex) {
  return set_flags(ifindex, 0, LKL_IFF_UP);
}

int lkl_if_set_mtu(int ifindex, int mtu) {
  lkl_ifinfomsg header = {};
  header.ifi_index = ifindex;
  NetlinkRequest request(LKL_RTM_NEWLINK, 0, header);
  request.attribute(LKL_IFLA_MTU, static_cast<__lkl__u32>(mtu));
  return request.send();
}

int lkl_if_set_mac(int ifindex, const void* mac) {
  lkl_ifinfomsg header = {};
  header.ifi_index = ifindex;
  NetlinkRequest request(LKL_RTM_NEWLINK, 0, header);
  request.attribute(LKL_IFLA_ADDRESS, std::span(static_cast<const std::byte*>(mac), 6));
  return request.send();
}

int lkl_if_add_ip(int ifindex, int af, const void* addr, unsigned int netprefix_len) {
  return change_address(LKL_RTM_NEWADDR, LKL_NLM_F_CREATE | LKL_NLM_F_EXCL, ifindex, af, addr,
                        netprefix_len);
}

int lkl_if_del_ip(int ifindex, int af, const void* addr, unsigned int netprefix_len) {
  return change_address(LKL_RTM_DELADDR, 0, ifindex, af, addr, netprefix_len);
}

int lkl_if_set_ipv4(int ifindex, unsigned int addr, unsigned int netmask_len) {
  if (netmask_len == 0 || netmask_len > 31) return -LKL_EINVAL;
  return lkl_if_add_ip(ifindex, LKL_AF_INET, &addr, netmask_len);
}

int lkl_if_wait_ipv6_dad(int ifindex, const void* addr) {
  constexpr int kTries = 250;
  constexpr unsigned kStepMs = 20;
  for (int i = 0; i < kTries; ++i) {
    unsigned flags;
    if (const int error =
            lkl::host::or_no_memory([&] { return inet6_flags(ifindex, addr, flags); }))
      return error;
    if (flags & LKL_IFA_F_DADFAILED) return -LKL_EADDRINUSE;
    if (!(flags & LKL_IFA_F_TENTATIVE)) return 0;
    lkl::host::sleep_ms(kStepMs);
  }
  return -LKL_ETIMEDOUT;
}

int lkl_if_set_ipv6(int ifindex, const void* addr, unsigned int netprefix_len) {
  if (const int error = lkl_if_add_ip(ifindex, LKL_AF_INET6, addr, netprefix_len)) return error;
  return lkl_if_wait_ipv6_dad(ifindex, addr);
}

int lkl_if_add_linklocal(int ifindex, int af, const void* addr, int netprefix_len) {
  if (lkl::host::address_length(af) == 0) return -LKL_EAFNOSUPPORT;
  unsigned char local[16] = {};
  std::memcpy(local, addr, lkl::host::address_length(af));
  if (af == LKL_AF_INET) {
    local[0] = 169;
    local[1] = 254;
  } else {
    std::fill(local, local + 8, 0);
    local[0] = 0xfe;
    local[1] = 0x80;
  }
  return lkl_if_add_ip(ifindex, af, local, static_cast<unsigned>(netprefix_len));
}
