// SPDX-License-Identifier: GPL-2.0
// Configurations as they are read and shown: include/lkl_config.h.
#include <string>
#include <string_view>

#include "api/config_print.h"
#include "api/util.h"
#include "config/read_config.h"
#include "host.h"
#include "lkl_config.h"

namespace {

void show(const char* name, const char* value) {
  if (value) lkl_printf("%s: %s\n", name, value);
}
void show(const char* name, int number, const char* value) {
  if (value) lkl_printf("%s[%d] = %s\n", name, number, value);
}

}  // namespace

int lkl_load_config_json(lkl_config* cfg, const char* json) {
  if (!cfg || !json) return -LKL_EINVAL;
  return lkl::host::or_no_memory(
      [&] { return lkl::host::read_config_json(json, *cfg, lkl::host::say_of_config); });
}

int lkl_load_config_env(lkl_config* cfg) {
  if (!cfg) return -LKL_EINVAL;
  return lkl::host::or_no_memory([&] {
    lkl::host::Environment environment;
    environment.value = lkl::host::environment;
    lkl::host::environment_names(
        lkl::host::kEnvironmentPrefix,
        [](const char* name, size_t length, void* names) {
          static_cast<std::vector<std::string>*>(names)->emplace_back(name, length);
        },
        &environment.names);
    return lkl::host::read_config_environment(environment, *cfg, lkl::host::say_of_config);
  });
}

void lkl_show_config(lkl_config* cfg) {
  if (!cfg) return;
  show("gateway", cfg->gateway);
  show("gateway6", cfg->gateway6);
  show("nameserver", cfg->nameserver);
  show("search", cfg->search);
  show("hostname", cfg->hostname);
  show("debug", cfg->debug);
  show("mount", cfg->mount);
  show("singlecpu", cfg->single_cpu);
  show("sysctl", cfg->sysctls);
  show("cmdline", cfg->boot_cmdline);
  show("dump", cfg->dump);
  show("delay", cfg->delay_main);
  int number = 0;
  for (const lkl_config_iface* iface = cfg->ifaces; iface; iface = iface->next, ++number) {
    show("iftap", number, iface->iftap);
    show("iftype", number, iface->iftype);
    show("ifparam", number, iface->ifparams);
    show("ifmac", number, iface->ifmac_str);
    show("ifmtu", number, iface->ifmtu_str);
    show("ifip", number, iface->ifip);
    show("ifmasklen", number, iface->ifnetmask_len);
    show("ifgateway", number, iface->ifgateway);
    show("ifip6", number, iface->ifipv6);
    show("ifmasklen6", number, iface->ifnetmask6_len);
    show("ifgateway6", number, iface->ifgateway6);
    show("ifoffload", number, iface->ifoffload_str);
    show("ifneigh", number, iface->ifneigh_entries);
    show("ifqdisc", number, iface->ifqdisc_entries);
    show("ifaddresses", number, iface->ifaddresses);
    show("ifroutes", number, iface->ifroutes);
    show("ifdhcp", number, iface->dhcp ? "1" : nullptr);
    show("ifslaac", number, iface->slaac ? "1" : nullptr);
  }
  number = 0;
  for (const lkl_config_disk* disk = cfg->disks; disk; disk = disk->next, ++number) {
    show("disk", number, disk->uri);
    show("disktype", number, disk->type);
    show("diskpart", number, disk->part);
    show("diskmount", number, disk->mount);
    show("diskoptions", number, disk->options);
    show("diskreadonly", number, disk->read_only ? "1" : nullptr);
    show("disksnapshot", number, disk->snapshot ? "1" : nullptr);
  }
}
