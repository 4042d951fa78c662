// SPDX-License-Identifier: GPL-2.0
// Routes, rules, neighbours and queueing disciplines.
#include <cstdint>
#include <string>

#include "api/netlink.h"
#include "api/route.h"
#include "api/util.h"
#include "lkl.h"

using lkl::host::NetlinkRequest;
using lkl::host::Route;

namespace {

// The interface's own table, one for each family.
unsigned table_of(int ifindex, int af) {
  return static_cast<unsigned>(ifindex) * 2 + (af == LKL_AF_INET6);
}

int change_route(unsigned type, unsigned flags, const Route& route) {
  if (lkl::host::address_length(route.family) == 0) return -LKL_EAFNOSUPPORT;
  if (route.prefix > lkl::host::address_length(route.family) * 8) return -LKL_EINVAL;
  lkl_rtmsg header = {};
  header.rtm_family = static_cast<unsigned char>(route.family);
  header.rtm_dst_len = static_cast<unsigned char>(route.prefix);
  header.rtm_table = LKL_RT_TABLE_UNSPEC;
  header.rtm_scope =
      route.family == LKL_AF_INET && !route.gateway ? LKL_RT_SCOPE_LINK : LKL_RT_SCOPE_UNIVERSE;
  header.rtm_protocol = route.protocol;
  header.rtm_type = LKL_RTN_UNICAST;
  if (route.on_link) header.rtm_flags = LKL_RTNH_F_ONLINK;
  NetlinkRequest request(type, flags, header);
  request.attribute(LKL_RTA_TABLE, route.table);
  if (route.prefix > 0)
    request.attribute(LKL_RTA_DST, lkl::host::address_bytes(route.family, route.destination));
  if (route.gateway)
    request.attribute(LKL_RTA_GATEWAY, lkl::host::address_bytes(route.family, route.gateway));
  if (route.ifindex > 0) request.attribute(LKL_RTA_OIF, static_cast<__lkl__u32>(route.ifindex));
  return request.send();
}

}  // namespace

namespace lkl::host {

int add_route(const Route& route) {
  return change_route(LKL_RTM_NEWROUTE, LKL_NLM_F_CREATE, route);
}

int remove_route(const Route& route) {
  return change_route(LKL_RTM_DELROUTE, 0, route);
}

}  // namespace lkl::host

int lkl_add_gateway(int af, const void* gw_addr) {
  return lkl::host::add_route({.family = af, .gateway = gw_addr});
}

int lkl_if_add_gateway(int ifindex, int af, const void* gw_addr) {
  return lkl::host::add_route(
      {.family = af, .gateway = gw_addr, .ifindex = ifindex, .table = table_of(ifindex, af)});
}

int lkl_if_add_route(int ifindex, int af, const void* dst, unsigned int prefix_len,
                     const void* gw_addr) {
  if (prefix_len > 0 && !dst) return -LKL_EINVAL;
  return lkl::host::add_route({.family = af,
                               .destination = dst,
                               .prefix = prefix_len,
                               .gateway = gw_addr,
                               .ifindex = ifindex});
}

int lkl_set_ipv4_gateway(unsigned int addr) {
  return lkl_add_gateway(LKL_AF_INET, &addr);
}

int lkl_set_ipv6_gateway(const void* addr) {
  return lkl_add_gateway(LKL_AF_INET6, addr);
}

int lkl_if_add_rule_from_saddr(int ifindex, int af, const void* saddr) {
  if (lkl::host::address_length(af) == 0) return -LKL_EAFNOSUPPORT;
  lkl_fib_rule_hdr header = {};
  header.family = static_cast<__lkl__u8>(af);
  header.src_len = static_cast<__lkl__u8>(lkl::host::address_length(af) * 8);
  header.action = LKL_FR_ACT_TO_TBL;
  NetlinkRequest request(LKL_RTM_NEWRULE, LKL_NLM_F_CREATE | LKL_NLM_F_EXCL, header);
  request.attribute(LKL_FRA_SRC, lkl::host::address_bytes(af, saddr));
  request.attribute(LKL_FRA_TABLE, table_of(ifindex, af));
  return request.send();
}

int lkl_if_set_ipv4_gateway(int ifindex, unsigned int addr, unsigned int, unsigned int gw_addr) {
  if (const int error = lkl_if_add_rule_from_saddr(ifindex, LKL_AF_INET, &addr)) return error;
  return lkl_if_add_gateway(ifindex, LKL_AF_INET, &gw_addr);
}

int lkl_if_set_ipv6_gateway(int ifindex, const void* addr, unsigned int, const void* gw_addr) {
  if (const int error = lkl_if_add_rule_from_saddr(ifindex, LKL_AF_INET6, addr)) return error;
  return lkl_if_add_gateway(ifindex, LKL_AF_INET6, gw_addr);
}

int lkl_add_neighbor(int ifindex, int af, const void* addr, const void* mac) {
  if (lkl::host::address_length(af) == 0) return -LKL_EAFNOSUPPORT;
  lkl_ndmsg header = {};
  header.ndm_family = static_cast<__lkl__u8>(af);
  header.ndm_ifindex = ifindex;
  header.ndm_state = LKL_NUD_PERMANENT;
  NetlinkRequest request(LKL_RTM_NEWNEIGH, LKL_NLM_F_CREATE | LKL_NLM_F_REPLACE, header);
  request.attribute(LKL_NDA_DST, lkl::host::address_bytes(af, addr));
  request.attribute(LKL_NDA_LLADDR, std::span(static_cast<const std::byte*>(mac), 6));
  return request.send();
}

int lkl_qdisc_add(int ifindex, const char* root, const char* type) {
  if (std::string_view(root) != "root") return -LKL_EINVAL;
  lkl_tcmsg header = {};
  header.tcm_ifindex = ifindex;
  header.tcm_parent = LKL_TC_H_ROOT;
  NetlinkRequest request(LKL_RTM_NEWQDISC, LKL_NLM_F_CREATE | LKL_NLM_F_REPLACE, header);
  request.attribute(LKL_TCA_KIND, std::string_view(type));
  return request.send();
}

int lkl_qdisc_parse_add(int ifindex, const char* entries) {
  return lkl::host::for_each_pair(entries, "qdisc", [&](const std::string& root, const char* type) {
    return lkl_qdisc_add(ifindex, root.c_str(), type);
  });
}
