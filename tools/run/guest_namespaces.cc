// SPDX-License-Identifier: GPL-2.0
#include "run/guest_namespaces.h"

#include <fmt/format.h>
#include <lkl.h>
#include <lkl/linux/veth.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "base/error.h"

namespace lkl::tool::served {

namespace {

constexpr int kLoopback = 1;
constexpr char kInside[] = "eth0";

// What makes a pair of interfaces (rtnetlink(7)), the other one in another namespace.
struct Interface {
  lkl_ifinfomsg head;
  lkl_rtattr name_head;
  char name[LKL_IFNAMSIZ];
};
struct PairRequest {
  lkl_nlmsghdr head;
  Interface ours;
  lkl_rtattr info_head, kind_head;
  char kind[8];
  lkl_rtattr data_head, peer_head;
  Interface theirs;
  lkl_rtattr network_head;
  int network;
};

// It lasts from its head to the end of the request, or has so many bytes.
lkl_rtattr attribute(const PairRequest& request, const lkl_rtattr& head, int type,
                     std::size_t size = 0) {
  const std::size_t rest = static_cast<std::size_t>(reinterpret_cast<const char*>(&request + 1) -
                                                    reinterpret_cast<const char*>(&head));
  return {.rta_len = static_cast<unsigned short>(size != 0 ? sizeof head + size : rest),
          .rta_type = static_cast<unsigned short>(type)};
}

// The interface `name` here and "eth0" there are two ends.
int connect(const std::string& name, int network) {
  PairRequest request = {};
  request.head.nlmsg_len = sizeof request;
  request.head.nlmsg_type = LKL_RTM_NEWLINK;
  request.head.nlmsg_flags = LKL_NLM_F_REQUEST | LKL_NLM_F_ACK | LKL_NLM_F_CREATE | LKL_NLM_F_EXCL;
  for (Interface* const each : {&request.ours, &request.theirs})
    each->name_head = attribute(request, each->name_head, LKL_IFLA_IFNAME, sizeof each->name);
  name.copy(request.ours.name, sizeof request.ours.name - 1);
  std::strcpy(request.theirs.name, kInside);
  request.info_head = attribute(request, request.info_head, LKL_IFLA_LINKINFO);
  std::strcpy(request.kind, "veth");
  request.kind_head = attribute(request, request.kind_head, LKL_IFLA_INFO_KIND, sizeof "veth");
  request.data_head = attribute(request, request.data_head, LKL_IFLA_INFO_DATA);
  request.peer_head = attribute(request, request.peer_head, LKL_VETH_INFO_PEER);
  request.network_head =
      attribute(request, request.network_head, LKL_IFLA_NET_NS_FD, sizeof network);
  request.network = network;

  const auto fd = static_cast<int>(
      lkl_sys_socket(LKL_AF_NETLINK, LKL_SOCK_RAW | LKL_SOCK_CLOEXEC, LKL_NETLINK_ROUTE));
  if (fd < 0) return fd;
  struct {
    lkl_nlmsghdr head;
    int error;
    char rest[sizeof request + sizeof(lkl_nlmsghdr)];
  } answer = {};
  lkl_long result = lkl_sys_sendto(fd, &request, sizeof request, 0, nullptr, 0);
  if (result > 0) result = lkl_sys_recvfrom(fd, &answer, sizeof answer, 0, nullptr, nullptr);
  lkl_sys_close(static_cast<unsigned>(fd));
  return result < 0 ? static_cast<int>(result) : answer.error;
}

// Of the calling thread.
int open_own() {
  return static_cast<int>(
      lkl_sys_open("/proc/thread-self/ns/net", LKL_O_RDONLY | LKL_O_CLOEXEC, 0));
}

int make() {
  int result = 0;
  // a thread has one network: another's is to stay as it is
  std::thread([&result] {
    result = static_cast<int>(lkl_sys_unshare(LKL_CLONE_NEWNET));
    if (result == 0) result = open_own();
  }).join();
  return result;
}

}  // namespace

int GuestNamespaces::set_up(const std::string& name, const GuestNamespace& network) {
  act_as_root(find(""));
  int error = connect(name, network.descriptor);
  if (error == 0) error = lkl_if_up(lkl_ifname_to_ifindex(name.c_str()));
  act_as_root(network);
  if (error == 0) error = lkl_if_up(lkl_ifname_to_ifindex(kInside));
  if (error == 0) error = lkl_if_up(kLoopback);
  if (error == 0) error = static_cast<int>(lkl_sys_mkdir(network.sysfs.c_str(), 0755));
  if (error == 0)
    error = static_cast<int>(lkl_sys_mount("sysfs", network.sysfs.c_str(), "sysfs", 0, nullptr));
  return error;
}

GuestNamespaces::~GuestNamespaces() {
  for (const auto& [name, network] : known_)
    lkl_sys_close(static_cast<unsigned>(network.descriptor));
}

const GuestNamespace& GuestNamespaces::find(const std::string& name) {
  if (const auto known = known_.find(name); known != known_.end()) return known->second;
  constexpr char kSysfs[] = "/sysfs";
  const GuestNamespace network = {
      .descriptor = name.empty() ? open_own() : make(),
      .sysfs = name.empty() ? kSysfs : std::string(kSysfs) + "." + name};
  int error = std::min(network.descriptor, 0);
  if (error == 0 && !name.empty()) {
    error = set_up(name, network);
    if (error != 0) lkl_sys_close(static_cast<unsigned>(network.descriptor));
  }
  if (error != 0)
    throw Failure(fmt::format("network namespace \"{}\": {}", name, lkl_strerror(error)));
  return known_[name] = network;
}

std::string why_no_name(const std::string& name) {
  if (name.empty()) return "is empty";
  if (name.size() >= LKL_IFNAMSIZ)
    return fmt::format("is too long for an interface: {} characters at most", LKL_IFNAMSIZ - 1);
  const auto odd = [](char c) { return c <= ' ' || c == '/' || c == '\x7f'; };
  return std::ranges::any_of(name, odd) ? "has a slash, a space or a control character" : "";
}

}  // namespace lkl::tool::served
