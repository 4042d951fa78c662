// SPDX-License-Identifier: GPL-2.0
// What the kernel configures by itself from a router's advertisements: lkl_if_wait_ipv6_slaac().
#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "api/netlink_dump.h"
#include "api/util.h"
#include "lkl.h"
#include "netconf/router_options.h"

using lkl::host::InterfaceAddress;
using lkl::host::kernel_clock_ms;
using lkl::host::KernelFile;

namespace {

constexpr uint8_t kSolicitation = 133, kAdvertisement = 134;

// Of changes of addresses, and of what routers say beside them.
class Notices final {
 public:
  Notices()
      : file_(lkl_sys_socket(LKL_AF_NETLINK, LKL_SOCK_DGRAM | LKL_SOCK_CLOEXEC, LKL_NETLINK_ROUTE)),
        room_(32768) {}

  int open() {
    if (!file_.is_open()) return file_.error();
    lkl_sockaddr_nl here = {};
    here.nl_family = LKL_AF_NETLINK;
    here.nl_groups = 1u << (LKL_RTNLGRP_IPV6_IFADDR - 1) | 1u << (LKL_RTNLGRP_ND_USEROPT - 1);
    return static_cast<int>(lkl_sys_bind(file_.fd(), reinterpret_cast<const lkl_sockaddr*>(&here),
                                         static_cast<int>(sizeof here)));
  }

  // 0 if there may be news, -LKL_ETIMEDOUT, or another error.
  int wait(int ifindex, uint64_t until_ms, lkl::host::RouterNames& names) {
    const int ready = lkl::host::wait_readable(file_.fd(), until_ms);
    if (ready <= 0) return ready ? ready : -LKL_ETIMEDOUT;
    const lkl_long count = lkl_sys_recvfrom(file_.fd(), room_.data(), room_.size(),
                                            LKL_MSG_DONTWAIT, nullptr, nullptr);
    // ENOBUFS: there were too many of them; the addresses are looked at anyhow
    if (count == -LKL_EAGAIN || count == -LKL_EINTR || count == -LKL_ENOBUFS) return 0;
    if (count < 0) return static_cast<int>(count);
    lkl::host::for_each_message(
        std::span(room_.data(), static_cast<size_t>(count)), [&](const lkl_nlmsghdr& message) {
          if (message.nlmsg_type != LKL_RTM_NEWNDUSEROPT) return;
          const auto header = lkl::host::header_of<lkl_nduseroptmsg>(message);
          if (header.nduseropt_ifindex != ifindex || header.nduseropt_icmp_type != kAdvertisement)
            return;
          const auto* bytes = reinterpret_cast<const uint8_t*>(&message);
          const lkl::host::Bytes all(bytes, message.nlmsg_len);
          const lkl::host::Bytes options = all.subspan(sizeof message + sizeof header);
          read_router_options(
              options.first(std::min<size_t>(header.nduseropt_opts_len, options.size())), names);
        });
    return 0;
  }

 private:
  const KernelFile file_;
  std::vector<char> room_;
};

// Asks the routers, which answer to all hosts. What fails is not needed: they speak by themselves.
void solicit(int ifindex) {
  const KernelFile socket(
      lkl_sys_socket(LKL_AF_INET6, LKL_SOCK_RAW | LKL_SOCK_CLOEXEC, LKL_IPPROTO_ICMPV6));
  if (!socket.is_open()) return;
  const int hops = 255;
  lkl_sys_setsockopt(socket.fd(), LKL_IPPROTO_IPV6, LKL_IPV6_MULTICAST_HOPS,
                     reinterpret_cast<const char*>(&hops), static_cast<int>(sizeof hops));
  lkl_sockaddr_in6 routers = {};
  routers.sin6_family = LKL_AF_INET6;
  routers.sin6_scope_id = static_cast<__lkl__u32>(ifindex);
  constexpr std::array<uint8_t, 16> kAllRouters = {0xff, 2, 0, 0, 0, 0, 0, 0,
                                                   0,    0, 0, 0, 0, 0, 0, 2};
  std::memcpy(&routers.sin6_addr, kAllRouters.data(), kAllRouters.size());
  const std::array<uint8_t, 8> question = {kSolicitation};
  lkl_sys_sendto(socket.fd(), question.data(), question.size(), LKL_MSG_DONTWAIT,
                 reinterpret_cast<const lkl_sockaddr*>(&routers), static_cast<int>(sizeof routers));
}

bool is_ours(const InterfaceAddress& address) {
  return address.scope == LKL_RT_SCOPE_UNIVERSE && !(address.flags & LKL_IFA_F_PERMANENT);
}

// 0: there is one that may be used. -LKL_EAGAIN: not yet. -LKL_EADDRINUSE: others have it.
int find_address(int ifindex, InterfaceAddress& found) {
  std::vector<InterfaceAddress> all;
  if (const int error = lkl::host::read_addresses(ifindex, LKL_AF_INET6, all)) return error;
  int result = -LKL_EAGAIN;
  for (const InterfaceAddress& address : all) {
    if (!is_ours(address)) continue;
    if (address.flags & LKL_IFA_F_DADFAILED) {
      result = -LKL_EADDRINUSE;
    } else if (!(address.flags & (LKL_IFA_F_TENTATIVE | LKL_IFA_F_DEPRECATED))) {
      found = address;
      return 0;
    }
  }
  return result;
}

void tell(const InterfaceAddress& address, const lkl::host::RouterNames& names, lkl_slaac& to) {
  std::ranges::copy(address.bytes, to.address);
  to.prefix_len = address.prefix;
  for (const auto& server : names.servers)
    if (to.nameserver_count < std::size(to.nameservers))
      std::ranges::copy(server, to.nameservers[to.nameserver_count++]);
  std::string search;
  for (const std::string& name : names.search)
    if (search.size() + 1 + name.size() < sizeof to.search)
      search += (search.empty() ? "" : " ") + name;
  std::ranges::copy(search, to.search);
}

int run(int ifindex, uint64_t until_ms, InterfaceAddress& address, lkl::host::RouterNames& names) {
  Notices notices;
  if (const int error = notices.open()) return error;
  if (const int error = lkl_if_up(ifindex)) return error;
  int state = find_address(ifindex, address);
  if (state == 0) {
    // The advertisement came before we listened. A router answers within half a second (RFC 4861),
    // and one that names no server may not be waited for.
    constexpr unsigned kAnswerMs = 700;
    solicit(ifindex);
    const uint64_t end = std::min(until_ms, kernel_clock_ms() + kAnswerMs);
    while (names.servers.empty())
      if (const int error = notices.wait(ifindex, end, names))
        return error == -LKL_ETIMEDOUT ? 0 : error;
    return 0;
  }
  while (state == -LKL_EAGAIN || state == -LKL_EADDRINUSE) {
    if (const int error = notices.wait(ifindex, until_ms, names))
      return error == -LKL_ETIMEDOUT && state == -LKL_EADDRINUSE ? state : error;
    state = find_address(ifindex, address);
  }
  return state;
}

}  // namespace

int lkl_if_wait_ipv6_slaac(int ifindex, lkl_slaac* result, unsigned int timeout_ms) {
  constexpr size_t kFirst = sizeof(lkl_slaac);  // bytes when it came
  if (result && result->struct_size < kFirst) return -LKL_EINVAL;
  return lkl::host::or_no_memory([&] {
    InterfaceAddress address;
    lkl::host::RouterNames names;
    const int error = run(ifindex, kernel_clock_ms() + timeout_ms, address, names);
    if (error || !result) return error;
    lkl_slaac told = {};
    told.struct_size = result->struct_size;
    tell(address, names, told);
    std::memcpy(result, &told, sizeof told);
    return 0;
  });
}
