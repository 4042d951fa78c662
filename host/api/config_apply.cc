// SPDX-License-Identifier: GPL-2.0
// What a configuration says is done, and undone: lkl_load_config_pre(), _post() and
// lkl_unload_config().
#include <cstring>
#include <string>
#include <vector>

#include "api/config_print.h"
#include "api/util.h"
#include "config/read_config.h"
#include "config/value_check.h"
#include "lkl_config.h"
#include "netconf/ip_text.h"

using lkl::host::IpAddress;
using lkl::host::IpPrefix;
using lkl::host::parse_address;
using lkl::host::parse_number;
using lkl::host::parse_prefix;
using lkl::host::words_of;

namespace {

constexpr unsigned kDhcpMs = 30'000, kRouterMs = 15'000;

// Remembers the first error, and says each.
class Errors final {
 public:
  // Whether it went well.
  bool check(lkl_long error, const std::string& what) {
    if (error >= 0) return true;
    lkl::host::say_of_config(what + ": " + lkl_strerror(static_cast<int>(error)));
    if (!first_) first_ = static_cast<int>(error);
    return false;
  }
  // A text that a program has put into the structure itself.
  bool means(bool good, const std::string& what) { return check(good ? 0 : -LKL_EINVAL, what); }
  // The same of what has been said already.
  bool take(lkl_long error) {
    if (error < 0 && !first_) first_ = static_cast<int>(error);
    return error >= 0;
  }
  int first() const { return first_; }

 private:
  int first_ = 0;
};

int family_of(const IpAddress& address) {
  return address.v6 ? LKL_AF_INET6 : LKL_AF_INET;
}
unsigned word_of(const IpAddress& address) {
  unsigned word;
  std::memcpy(&word, address.bytes.data(), sizeof word);
  return word;
}

// ---- before the boot ----

bool open_disk(lkl_config_disk& disk, Errors& errors) {
  const unsigned flags =
      (disk.read_only ? LKL_DISK_READ_ONLY : 0) | (disk.snapshot ? LKL_DISK_SNAPSHOT : 0);
  disk.id = -1;
  if (!errors.means(disk.uri != nullptr, "a disk without a URI")) return false;
  const int id = lkl_disk_open(&disk.disk, disk.uri, flags);
  if (!errors.check(id, "disk " + std::string(disk.uri))) return false;
  disk.id = id;
  return true;
}

bool open_interface(lkl_config_iface& iface, Errors& errors) {
  iface.id = -1;
  const std::string wire = lkl::host::wire_of(iface);
  if (!errors.means(!wire.empty(), "an interface without a wire")) return false;
  lkl_netdev_options options = {};
  options.struct_size = sizeof options;
  if (iface.ifmtu_str) {
    const auto mtu = parse_number(iface.ifmtu_str);
    if (!errors.means(lkl::host::check_mtu(iface.ifmtu_str).empty(),
                      wire + ": mtu " + iface.ifmtu_str))
      return false;
    options.mtu = static_cast<__lkl__u16>(*mtu);
  }
  lkl_netdev_args arguments = {};
  std::array<uint8_t, 6> mac;
  if (iface.ifmac_str) {
    const auto given = lkl::host::parse_mac(iface.ifmac_str);
    if (!errors.means(given.has_value(), wire + ": mac " + iface.ifmac_str)) return false;
    mac = *given;
    arguments.mac = mac.data();
  }
  if (iface.ifoffload_str) {
    const auto offload = lkl::host::parse_c_number(iface.ifoffload_str);
    if (!errors.means(offload.has_value(), wire + ": offload " + iface.ifoffload_str)) return false;
    arguments.offload = static_cast<unsigned>(*offload);
  }
  const int error = lkl_netdev_open(wire.c_str(), &options, &iface.nd);
  // the opener has said why, unless it had no memory for that
  if (error == -LKL_ENOMEM ? !errors.check(error, "interface " + wire) : !errors.take(error))
    return false;
  const int id = lkl_netdev_add(iface.nd, &arguments);
  if (!errors.check(id, "network card on " + wire)) return false;
  iface.id = id;
  return true;
}

int load_pre(lkl_config& config) {
  Errors errors;
  if (config.debug && !errors.means(lkl::host::check_c_number(config.debug).empty(),
                                    "debug " + std::string(config.debug)))
    return errors.first();
  for (lkl_config_disk* disk = config.disks; disk; disk = disk->next)
    if (!open_disk(*disk, errors)) return errors.first();
  for (lkl_config_iface* iface = config.ifaces; iface; iface = iface->next)
    if (!open_interface(*iface, errors)) return errors.first();
  if (!config.debug || *lkl::host::parse_c_number(config.debug) == 0) lkl::host::silence();
  return 0;
}

// ---- after the boot ----

// Each folder on the way, too.
int make_folders(const std::string& path) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const lkl_long error = lkl_sys_mkdir(path.substr(0, slash).c_str(), 0755);
    if (error && error != -LKL_EEXIST) return static_cast<int>(error);
    if (slash == std::string::npos) return 0;
  }
}

void mount_disk(lkl_config_disk& disk, Errors& errors) {
  if (!disk.mount || disk.id < 0) return;
  const std::string what = std::string(disk.uri) + " on " + disk.mount;
  const auto part = parse_number(disk.part ? disk.part : "0");
  if (!errors.means(part.has_value(), what + ": part " + (disk.part ? disk.part : ""))) return;
  __lkl__u32 number;
  if (!errors.check(lkl_get_virtio_blkdev(disk.id, static_cast<unsigned>(*part), &number), what))
    return;
  if (!errors.check(make_folders(disk.mount), what)) return;
  char own[32];
  const int flags = disk.read_only ? LKL_MS_RDONLY : 0;
  if (!errors.check(lkl_mount_blkdev(number, disk.type, flags, disk.options, own, sizeof own),
                    what))
    return;
  if (errors.check(lkl_sys_mount(own, disk.mount, nullptr, LKL_MS_BIND, nullptr), what))
    disk.mounted = 1;
  // of the two places one is enough
  errors.check(lkl_umount_blkdev(number, LKL_MNT_DETACH, 0), what);
}

// For each "KEY|VALUE" of those between ';', whose errors are said one by one.
template <class Set>
void for_each_setting(std::string_view list, const std::string& what, Errors& errors, Set set) {
  for (const std::string_view entry : words_of(list, ";")) {
    const size_t bar = entry.find('|');
    const int error = bar == std::string_view::npos ? -LKL_EINVAL
                                                    : set(std::string(entry.substr(0, bar)),
                                                          std::string(entry.substr(bar + 1)));
    errors.check(error, what + std::string(entry));
  }
}

// Of an interface, and what it has been told of resolvers.
class Interface final {
 public:
  Interface(lkl_config_iface& iface, Errors& errors, std::string& servers, std::string& search)
      : iface_(iface),
        errors_(errors),
        servers_(servers),
        search_(search),
        name_("interface " + lkl::host::wire_of(iface)) {}

  void configure() {
    iface_.ifindex = lkl_netdev_get_ifindex(iface_.id);
    if (!errors_.check(iface_.ifindex, name_)) return;
    if (!errors_.check(lkl_if_up(iface_.ifindex), name_ + ": up")) return;
    set_v4();
    set_v6();
    for (const std::string_view text : words_of(text_of(iface_.ifaddresses), ","))
      add_address(text);
    if (iface_.dhcp) ask_dhcp();
    if (iface_.slaac) wait_for_router();
    for (const std::string_view text : words_of(text_of(iface_.ifroutes), ",")) add_route(text);
    for (const std::string_view entry : words_of(text_of(iface_.ifneigh_entries), ";"))
      add_neighbor(entry);
    for_each_setting(text_of(iface_.ifqdisc_entries), name_ + ": qdisc ", errors_,
                     [&](const std::string& root, const std::string& type) {
                       return lkl_qdisc_add(iface_.ifindex, root.c_str(), type.c_str());
                     });
  }

 private:
  static std::string_view text_of(const char* text) { return text ? text : ""; }

  // Address and router of one family.
  bool read(const char* text, bool v6, const char* what, IpAddress& address) {
    const auto parsed = parse_address(text);
    const bool good = parsed && parsed->v6 == v6;
    if (good) address = *parsed;
    return errors_.means(good, name_ + ": " + what + " " + text);
  }
  void set_v4() {
    if (!iface_.ifip || !iface_.ifnetmask_len) return;
    IpAddress address, gateway;
    if (!read(iface_.ifip, false, "ip", address)) return;
    const auto bits = parse_number(iface_.ifnetmask_len);
    errors_.check(
        bits ? lkl_if_set_ipv4(iface_.ifindex, word_of(address), static_cast<unsigned>(*bits))
             : -LKL_EINVAL,
        name_ + ": " + iface_.ifip + "/" + iface_.ifnetmask_len);
    if (iface_.ifgateway && read(iface_.ifgateway, false, "ifgateway", gateway))
      errors_.check(lkl_if_set_ipv4_gateway(iface_.ifindex, word_of(address), 0, word_of(gateway)),
                    name_ + ": ifgateway " + iface_.ifgateway);
  }
  void set_v6() {
    if (!iface_.ifipv6 || !iface_.ifnetmask6_len) return;
    IpAddress address, gateway;
    if (!read(iface_.ifipv6, true, "ipv6", address)) return;
    const auto bits = parse_number(iface_.ifnetmask6_len);
    errors_.check(
        bits ? lkl_if_set_ipv6(iface_.ifindex, address.bytes.data(), static_cast<unsigned>(*bits))
             : -LKL_EINVAL,
        name_ + ": " + iface_.ifipv6 + "/" + iface_.ifnetmask6_len);
    if (iface_.ifgateway6 && read(iface_.ifgateway6, true, "ifgateway6", gateway))
      errors_.check(
          lkl_if_set_ipv6_gateway(iface_.ifindex, address.bytes.data(), 0, gateway.bytes.data()),
          name_ + ": ifgateway6 " + iface_.ifgateway6);
  }
  void add_address(std::string_view text) {
    const std::string what = name_ + ": " + std::string(text);
    const auto prefix = parse_prefix(text);
    if (!errors_.means(prefix.has_value(), what)) return;
    const IpAddress& address = prefix->address;
    if (errors_.check(
            lkl_if_add_ip(iface_.ifindex, family_of(address), address.bytes.data(), prefix->length),
            what) &&
        address.v6)
      errors_.check(lkl_if_wait_ipv6_dad(iface_.ifindex, address.bytes.data()), what);
  }
  void add_route(std::string_view text) {
    const std::string what = name_ + ": route " + std::string(text);
    std::string_view network, gateway;
    const bool split = lkl::host::split_route(text, network, gateway);
    const auto to = parse_prefix(network);
    const auto via = parse_address(gateway);
    if (!errors_.means(split && (via || to) && (network.empty() || to) && (gateway.empty() || via),
                       what))
      return;
    IpPrefix masked = to ? *to : IpPrefix{.address = {.v6 = via->v6, .bytes = {}}, .length = 0};
    for (unsigned bit = masked.length; bit < 128; ++bit)
      masked.address.bytes[bit / 8] &= static_cast<uint8_t>(~(0x80u >> bit % 8));
    errors_.check(
        lkl_if_add_route(iface_.ifindex, family_of(masked.address), masked.address.bytes.data(),
                         masked.length, via ? via->bytes.data() : nullptr),
        what);
  }
  void add_neighbor(std::string_view entry) {
    const std::string what = name_ + ": neigh " + std::string(entry);
    const size_t bar = entry.find('|');
    const auto address = parse_address(entry.substr(0, bar));
    const auto mac =
        lkl::host::parse_mac(bar == std::string_view::npos ? "" : entry.substr(bar + 1));
    if (errors_.means(address && mac, what))
      errors_.check(
          lkl_add_neighbor(iface_.ifindex, family_of(*address), address->bytes.data(), mac->data()),
          what);
  }

  void remember(const IpAddress& server) {
    servers_ += (servers_.empty() ? "" : ",") + lkl::host::to_text(server);
  }
  void ask_dhcp() {
    lkl_dhcp_lease lease = {};
    lease.struct_size = sizeof lease;
    if (!errors_.check(lkl_if_dhcp(iface_.ifindex, &lease, kDhcpMs), name_ + ": DHCP")) return;
    for (unsigned i = 0; i < lease.nameserver_count; ++i) {
      IpAddress server;
      std::memcpy(server.bytes.data(), &lease.nameservers[i], sizeof lease.nameservers[i]);
      remember(server);
    }
    search_ += std::string(search_.empty() ? "" : ",") + lease.search;
  }
  void wait_for_router() {
    lkl_slaac slaac = {};
    slaac.struct_size = sizeof slaac;
    if (!errors_.check(lkl_if_wait_ipv6_slaac(iface_.ifindex, &slaac, kRouterMs),
                       name_ + ": IPv6 from a router"))
      return;
    for (unsigned i = 0; i < slaac.nameserver_count; ++i) {
      IpAddress server = {.v6 = true, .bytes = {}};
      std::memcpy(server.bytes.data(), slaac.nameservers[i], server.bytes.size());
      remember(server);
    }
    search_ += std::string(search_.empty() ? "" : ",") + slaac.search;
  }

  lkl_config_iface& iface_;
  Errors& errors_;
  std::string &servers_, &search_;
  const std::string name_;
};

void set_gateway(const char* text, bool v6, const char* what, Errors& errors) {
  if (!text) return;
  const auto gateway = parse_address(text);
  errors.check(gateway && gateway->v6 == v6
                   ? lkl_add_gateway(family_of(*gateway), gateway->bytes.data())
                   : -LKL_EINVAL,
               std::string(what) + " " + text);
}

int load_post(lkl_config& config) {
  Errors errors;
  for (const std::string_view type : words_of(config.mount ? config.mount : "", ","))
    errors.check(lkl_mount_fs(std::string(type).c_str()), "mount " + std::string(type));
  for (lkl_config_disk* disk = config.disks; disk; disk = disk->next) mount_disk(*disk, errors);
  if (config.hostname)
    errors.check(
        lkl_sys_sethostname(config.hostname, static_cast<int>(std::strlen(config.hostname))),
        "hostname " + std::string(config.hostname));
  std::string servers, search;
  for (lkl_config_iface* iface = config.ifaces; iface; iface = iface->next)
    Interface(*iface, errors, servers, search).configure();
  set_gateway(config.gateway, false, "gateway", errors);
  set_gateway(config.gateway6, true, "gateway6", errors);
  for_each_setting(config.sysctls ? config.sysctls : "", "sysctl ", errors,
                   [](const std::string& key, const std::string& value) {
                     return lkl_sysctl(key.c_str(), value.c_str());
                   });
  if (config.nameserver) servers = config.nameserver;
  if (config.search) search = config.search;
  if (!servers.empty())
    errors.check(lkl_set_nameservers(servers.c_str(), search.c_str()), "nameserver " + servers);
  if (config.delay_main) {
    const auto delay_us = parse_number(config.delay_main);
    if (errors.means(delay_us.has_value(), "delay_main " + std::string(config.delay_main))) {
      __lkl__kernel_timespec time = {};
      time.tv_sec = static_cast<decltype(time.tv_sec)>(*delay_us / 1'000'000);
      time.tv_nsec = static_cast<decltype(time.tv_nsec)>(*delay_us % 1'000'000 * 1000);
      lkl_sys_nanosleep(&time, nullptr);
    }
  }
  return errors.first();
}

// ---- the end ----

void dump(const std::string& path, Errors& errors) {
  std::string content;
  if (!errors.check(lkl::host::read_small_file(path.c_str(), content), "dump " + path)) return;
  const auto print = [](std::string_view text) {
    // what is longer than a line of the printer's comes in parts
    for (constexpr size_t kPart = 512; !text.empty();
         text.remove_prefix(std::min(kPart, text.size())))
      lkl::host::print_of_config(text.substr(0, kPart));
  };
  print("Reading from " + path + ":\n==========\n");
  print(content);
  print("==========\n");
}

int unload(lkl_config& config) {
  Errors lost, said;
  if (lkl_is_running())
    for (const std::string_view path : words_of(config.dump ? config.dump : "", ","))
      dump(std::string(path), said);
  for (lkl_config_disk* disk = config.disks; disk; disk = disk->next) {
    constexpr unsigned kBusyMs = 1000;
    if (disk->mounted && lkl_is_running())
      lost.check(lkl_umount_timeout(disk->mount, 0, kBusyMs), "umount " + std::string(disk->mount));
    // a program that has not come as far as lkl_load_config_pre() has none
    if (disk->id >= 0 && disk->disk.dev) lkl_disk_remove(disk->disk);
  }
  for (lkl_config_iface* iface = config.ifaces; iface; iface = iface->next) {
    if (!iface->nd) continue;
    if (iface->id >= 0) lkl_netdev_remove(iface->id);
    lkl_netdev_free(iface->nd);
  }
  lkl::host::free_config(config);
  lkl::host::end_silence();
  return lost.first();
}

}  // namespace

int lkl_load_config_pre(lkl_config* cfg) {
  return cfg ? lkl::host::or_no_memory([&] { return load_pre(*cfg); }) : 0;
}

int lkl_load_config_post(lkl_config* cfg) {
  return cfg ? lkl::host::or_no_memory([&] { return load_post(*cfg); }) : 0;
}

int lkl_unload_config(lkl_config* cfg) {
  return cfg ? lkl::host::or_no_memory([&] { return unload(*cfg); }) : 0;
}
