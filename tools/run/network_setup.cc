// SPDX-License-Identifier: GPL-2.0
#include "run/network_setup.h"

#include <lkl.h>
#include <time.h>

#include <string>

namespace lkl::tool::served {

namespace {

constexpr unsigned kDescriptors = 1 << 20;
// Who is alone on a wire with its router has the answer in no time.
constexpr unsigned kRouterMs = 200;

bool is_private(const std::string& wire) {
  return wire.starts_with("slirp") || wire.starts_with("passt");
}

// Whether there is a router of IPv6, if it is as asked for.
bool has_router(const lkl_config_iface& wire) {
  const std::string scheme = wire.iftype ? wire.iftype : "";
  const std::string words = wire.ifparams ? wire.ifparams : scheme;
  return scheme.starts_with("passt") ||
         (scheme.starts_with("slirp") && (scheme + words).find("ipv6") != scheme.npos);
}

// Times of packets are by the kernel's clock, and programs compare them with the host's.
void set_clock() {
  timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  __lkl__kernel_timespec same = {.tv_sec = now.tv_sec, .tv_nsec = now.tv_nsec};
  lkl_sys_clock_settime(CLOCK_REALTIME, &same);
}

void skip_detection(const std::string& interface) {
  lkl_sysctl(("net.ipv6.conf." + interface + ".accept_dad").c_str(), "0");
}

// Nobody has written these in a kernel without files.
void write_hosts() {
  lkl_sys_mkdir("/etc", 0755);
  lkl_new_utsname names = {};
  std::string text = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
  if (lkl_sys_newuname(&names) == 0 && names.nodename[0] != '\0' && names.nodename[0] != '(')
    text.append("127.0.1.1\t").append(names.nodename).append("\n");
  const auto write = [](const char* path, const std::string& content, int flags) {
    const auto fd = static_cast<int>(lkl_sys_open(path, LKL_O_WRONLY | LKL_O_CREAT | flags, 0644));
    if (fd < 0) return;
    lkl_sys_write(static_cast<unsigned>(fd), content.data(), content.size());
    lkl_sys_close(static_cast<unsigned>(fd));
  };
  write("/etc/hosts", text, LKL_O_EXCL);
  // there, if nobody has named a server
  write("/etc/resolv.conf", "", LKL_O_EXCL);
}

// Nobody else can have our address there: it need not be looked for.
void skip_detection_on_private(const lkl_config& config) {
  for (const lkl_config_iface* wire = config.ifaces; wire; wire = wire->next)
    if (!wire->iftype || !is_private(wire->iftype)) return;
  for (const char* name : {"all", "default"}) skip_detection(name);
  for (int i = 0; i < config.ifnum; i++) skip_detection("eth" + std::to_string(i));
}

}  // namespace

int set_up_network(lkl_config& config) {
  for (const char* type : {"sysfs", "proc"}) lkl_mount_fs(type);
  set_clock();
  lkl_set_fd_limit(kDescriptors);
  lkl_if_up(lkl_ifname_to_ifindex("lo"));
  // Programs without rights ping by these sockets.
  lkl_sysctl("net.ipv4.ping_group_range", "0 2147483647");
  skip_detection_on_private(config);
  if (const int error = lkl_load_config_post(&config)) return error;
  for (const lkl_config_iface* wire = config.ifaces; wire; wire = wire->next) {
    if (!has_router(*wire)) continue;
    lkl_slaac slaac = {};
    slaac.struct_size = sizeof slaac;
    lkl_if_wait_ipv6_slaac(wire->ifindex, &slaac, kRouterMs);
  }
  write_hosts();
  return 0;
}

}  // namespace lkl::tool::served
