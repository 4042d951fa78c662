// SPDX-License-Identifier: GPL-2.0
#include "drill/netlink.h"

#include <lkl/linux/genetlink.h>
#include <lkl/linux/tcp_metrics.h>

#include <algorithm>
#include <array>

namespace lkl::tool::drill {

namespace {

constexpr std::size_t kHeader = sizeof(lkl_nlmsghdr) + sizeof(lkl_genlmsghdr);

// The number of a family of generic netlink, or an error.
long family_number(RouteSocket& socket, const std::string& name) {
  const lkl_genlmsghdr get = {.cmd = LKL_CTRL_CMD_GETFAMILY, .version = 1, .reserved = 0};
  NetlinkMessage question(LKL_GENL_ID_CTRL, 0, get);
  question.add(LKL_CTRL_ATTR_FAMILY_NAME, name);
  std::vector<char> answer;
  if (const long error = socket.ask(question, &answer); error != 0) return error;
  for (std::size_t at = kHeader; at + sizeof(lkl_rtattr) <= answer.size();) {
    lkl_rtattr attribute;
    std::memcpy(&attribute, answer.data() + at, sizeof(attribute));
    if (attribute.rta_len < sizeof(attribute) || at + attribute.rta_len > answer.size()) break;
    if (attribute.rta_type == LKL_CTRL_ATTR_FAMILY_ID) {
      std::uint16_t number = 0;
      std::memcpy(&number, answer.data() + at + sizeof(attribute), sizeof(number));
      return number;
    }
    at += (attribute.rta_len + 3u) & ~3u;
  }
  return -LKL_ENOENT;
}

}  // namespace

RouteSocket::RouteSocket(int protocol)
    : socket_(check_call(lkl_sys_socket(LKL_AF_NETLINK, LKL_SOCK_RAW, protocol), "netlink")) {}

long RouteSocket::ask(NetlinkMessage& message, std::vector<char>* answer) {
  std::vector<char>& bytes = message.finish();
  const long sent = lkl_sys_sendto(socket_.get(), bytes.data(), bytes.size(), 0, nullptr, 0);
  if (sent < 0) return sent;
  std::array<char, 16384> buffer;
  for (;;) {
    const long size =
        lkl_sys_recvfrom(socket_.get(), buffer.data(), buffer.size(), 0, nullptr, nullptr);
    if (size < 0) return size;
    for (std::size_t at = 0; at + sizeof(lkl_nlmsghdr) <= static_cast<std::size_t>(size);) {
      lkl_nlmsghdr header;
      std::memcpy(&header, buffer.data() + at, sizeof(header));
      if (header.nlmsg_len < sizeof(header) ||
          at + header.nlmsg_len > static_cast<std::size_t>(size))
        return -LKL_EPROTO;
      if (header.nlmsg_type == LKL_NLMSG_ERROR) {
        int error = 0;
        std::memcpy(&error, buffer.data() + at + sizeof(header), sizeof(error));
        return error;
      }
      if (answer != nullptr)
        answer->assign(buffer.data() + at, buffer.data() + at + header.nlmsg_len);
      at += (header.nlmsg_len + 3) & ~std::size_t{3};
    }
  }
}

long set_root_qdisc(const std::string& interface, const std::string& kind, bool replace) {
  const int index = lkl_ifname_to_ifindex(interface.c_str());
  if (index < 0) return index;
  lkl_tcmsg what = {};
  what.tcm_family = LKL_AF_UNSPEC;
  what.tcm_ifindex = index;
  what.tcm_parent = LKL_TC_H_ROOT;
  NetlinkMessage request(LKL_RTM_NEWQDISC,
                         LKL_NLM_F_CREATE | (replace ? LKL_NLM_F_REPLACE : LKL_NLM_F_EXCL), what);
  request.add(LKL_TCA_KIND, kind);
  return RouteSocket(LKL_NETLINK_ROUTE).ask(request);
}

long flush_tcp_metrics() {
  RouteSocket socket(LKL_NETLINK_GENERIC);
  const long family = family_number(socket, LKL_TCP_METRICS_GENL_NAME);
  if (family < 0) return family;
  // without an address: all of them
  const lkl_genlmsghdr remove = {
      .cmd = LKL_TCP_METRICS_CMD_DEL, .version = LKL_TCP_METRICS_GENL_VERSION, .reserved = 0};
  NetlinkMessage request(static_cast<int>(family), 0, remove);
  return socket.ask(request);
}

}  // namespace lkl::tool::drill
