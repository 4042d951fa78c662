// SPDX-License-Identifier: GPL-2.0
// Routes, rules, neighbours and queueing disciplines.
#include <cstdint>
#include <string>

#include "api/netlink.h"
#include "api/util.h"
#include "lkl.h"

using lkl::host::NetlinkRequest;

namespace {

// The interface's own table, one for each family.
unsigned table_of(int ifindex, int af) {
  return static_cast<unsigned>(ifindex) * 2 + (af == LKL_AF_INET6);
}

int add_default_route(unsigned table, int ifindex, int af, const void* gateway) {
  if (lkl::host::address_length(af) == 0) return -LKL_EAFNOSUPPORT;
  lkl_rtmsg header = {};
  header.rtm_family = static_cast<unsigned char>(af);
  header.rtm_table = LKL_RT_TABLE_UNSPEC;
  header.rtm_scope = LKL_RT_SCOPE_UNIVERSE;
  header.rtm_protocol = LKL_RTPROT_BOOT;
  header.rtm_type = LKL_RTN_UNICAST;
  NetlinkRequest request(LKL_RTM_NEWROUTE, LKL_NLM_F_CREATE, header);
  request.attribute(LKL_RTA_TABLE, table);
  request.attribute(LKL_RTA_GATEWAY, lkl::host::address_bytes(af, gateway));
  if (ifindex > 0) request.attribute(LKL_RTA_OIF, static_cast<__lkl__u32>(ifindex));
  return request.send();
}

}  // namespace

int lkl_add_gateway(int af, const void* gw_addr) {
  return add_default_route(LKL_RT_TABLE_MAIN, 0, af, gw_addr);
}

int lkl_if_add_gateway(int ifindex, int af, const void* gw_addr) {
  return add_default_route(table_of(ifindex, af), ifindex, af, gw_addr);
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
