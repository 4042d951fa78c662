// SPDX-License-Identifier: GPL-2.0
//
// Options of commands that have a network: lkl run and lkl server, and what lkl net has of them.
#ifndef LKL_TOOL_CMD_NETWORK_OPTIONS_H
#define LKL_TOOL_CMD_NETWORK_OPTIONS_H

#include "lkl/parser.h"
#include "run/guest_network.h"

namespace lkl::tool {

inline void add_router_options(Parser parser, std::vector<std::string>& gateways,
                               std::vector<std::string>& name_servers) {
  parser.add_option("--gateway", gateways, "The router (again for the other family)")
      .type_name("ADDRESS")
      .each_time();
  parser
      .add_option("--nameserver", name_servers,
                  "The name server, instead of who is named (again for more)")
      .type_name("ADDRESS")
      .each_time();
}

inline void add_network_options(Parser parser, served::NetworkOptions& options) {
  parser
      .add_option("--net", options.wires,
                  "Wire of a network card: slirp:, tap:NAME ... (again for more; slirp:)")
      .type_name("URI")
      .each_time();
  parser
      .add_option("--address", options.addresses,
                  "An address on the first wire, instead of asking for one (again for more)")
      .type_name("ADDRESS/BITS")
      .each_time();
  add_router_options(parser, options.gateways, options.name_servers);
  parser.add_option("--config", options.config, "Interfaces, routes, settings: a file of JSON")
      .type_name("FILE");
  parser.add_option("--sysctl", options.settings, "A setting of the kernel's (again for more)")
      .type_name("KEY=VALUE")
      .each_time();
  parser
      .add_option("--pcap", options.capture,
                  "Write what goes over the first wire to this file, in the pcapng format")
      .type_name("FILE");
}

}  // namespace lkl::tool

#endif  // LKL_TOOL_CMD_NETWORK_OPTIONS_H
