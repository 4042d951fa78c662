// SPDX-License-Identifier: GPL-2.0
#include "net/wire_check.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "base/signals.h"
#include "net/lookup.h"
#include "net/net_kernel.h"
#include "net/ping.h"

namespace lkl::tool {

namespace {

using State = CheckStep::State;

constexpr char kUsualName[] = "example.com";

struct StaticAddress {
  std::string text;
  HostAddress host;
  unsigned bits = 0;
};

StaticAddress parse_static(const std::string& text) {
  const std::size_t slash = text.find('/');
  const auto host = parse_host_address(text.substr(0, slash));
  StaticAddress address = {.text = text, .host = host.value_or(HostAddress{})};
  const unsigned most = address.host.v6 ? 128 : 32;
  const char* const end = text.data() + text.size();
  const char* const begin = slash == text.npos ? end : text.data() + slash + 1;
  const auto [stop, error] = std::from_chars(begin, end, address.bits);
  if (!host || error != std::errc() || stop != end || address.bits > most)
    throw UsageFailure(
        fmt::format("{}: is not an address with the bits of its network, like 10.0.0.2/24", text));
  return address;
}
HostAddress parse_host(const std::string& text) {
  const auto host = parse_host_address(text);
  if (!host) throw UsageFailure(fmt::format("{}: is not an address", text));
  return *host;
}
std::string text_of(const HostAddress& address) {
  return address.v6 ? ipv6_text(address.bytes.data()) : ipv4_text(address.bytes.data());
}
HostAddress host_of(unsigned address) {
  HostAddress host;
  std::memcpy(host.bytes.data(), &address, sizeof address);
  return host;
}

// What can be done about a wire that cannot be opened.
std::string cure_of(const std::string& uri, int error) {
  const std::size_t colon = uri.find(':');
  const std::string scheme = uri.substr(0, colon);
  std::string target = colon == uri.npos ? "" : uri.substr(colon + 1);
  target = target.substr(0, target.find(','));
  if (target.empty()) target = "NAME";
  if (scheme == "tap") {
    if (error == -LKL_EPERM || error == -LKL_EACCES)
      return fmt::format("once, as root: ip tuntap add {} mode tap user {} && ip link set {} up",
                         target, getuid(), target);
    if (error == -LKL_EBUSY) return "another program has the interface: end it, or take another";
    if (error == -LKL_ENODEV) return "the host has no /dev/net/tun: as root, modprobe tun";
  }
  if (error == -LKL_EPERM || error == -LKL_EACCES)
    return "run it as root, or take a wire that needs no rights";
  if (error == -LKL_EPROTONOSUPPORT) return "man lkl-net lists the kinds of wires";
  return "";
}

// The next hop of the default route of IPv6, which a router has set.
std::optional<HostAddress> default_router() {
  std::istringstream lines(read_file_of_kernel("/proc/net/ipv6_route"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string destination, bits, source, source_bits, hop, metric, use, references, flags, name;
    words >> destination >> bits >> source >> source_bits >> hop >> metric >> use >> references >>
        flags >> name;
    if (bits != "00" || name == "lo" || hop.size() != 32 || hop == std::string(32, '0')) continue;
    HostAddress host = {.v6 = true};
    for (std::size_t i = 0; i < host.bytes.size(); i++)
      std::from_chars(&hop[2 * i], &hop[2 * i] + 2, host.bytes[i], 16);
    return host;
  }
  return std::nullopt;
}

class WireCheck {
 public:
  WireCheck(const WireCheckOptions& options, const SessionOptions& session)
      : options_(options), kernel_(session) {
    if (options.only_v4 && options.only_v6) throw UsageFailure("-4 and -6 are one too many");
    for (const std::string& text : options.addresses) addresses_.push_back(parse_static(text));
    for (const std::string& text : options.gateways) gateways_.push_back(parse_host(text));
    for (const std::string& text : options.name_servers) servers_.push_back(parse_host(text));
  }

  std::vector<CheckStep> run() {
    if (!open()) return steps_;
    kernel_.boot();
    check_interrupted();
    if (!bring_up()) return steps_;
    configure();
    check_interrupted();
    if (!has_v4_ && !has_v6_) {
      // of some wires it is found out when something is sent
      if (!has_carrier()) say_no_carrier();
      return steps_;
    }
    for (const bool v6 : {false, true})
      if (v6 ? has_v6_ : has_v4_) ping_gateway(v6);
    check_interrupted();
    resolve();
    return steps_;
  }

 private:
  void add(std::string name, State state, std::string what, std::string cure = {}) {
    steps_.push_back({std::move(name), state, std::move(what), std::move(cure)});
  }

  bool open() {
    const int error = kernel_.open(options_.uri, options_.mtu);
    const std::string said = NetKernel::said();
    if (error == 0) {
      add("wire", State::kWorks, options_.uri);
      return true;
    }
    add("wire", State::kFails,
        said.empty() ? fmt::format("{}: {}", options_.uri, lkl_strerror(error)) : said,
        cure_of(options_.uri, error));
    return false;
  }

  bool bring_up() {
    const int error = lkl_if_up(kernel_.ifindex());
    const std::string card =
        fmt::format("{}, MTU {}", kernel_.attribute("address"), kernel_.attribute("mtu"));
    if (error != 0) {
      add("link", State::kFails, fmt::format("{}: {}", card, lkl_strerror(error)));
      return false;
    }
    add("link", State::kWorks, card);
    if (!has_carrier()) say_no_carrier();
    return has_carrier();
  }

  bool has_carrier() const { return kernel_.attribute("carrier") == "1"; }
  void say_no_carrier() {
    const auto link = std::ranges::find(steps_, "link", &CheckStep::name);
    link->state = State::kFails;
    link->what += ": nobody is at the other end";
    link->cure = "start who is to be there, or take its interface up";
  }

  bool wants(bool v6) const { return v6 ? !options_.only_v4 : !options_.only_v6; }

  void configure() {
    for (const StaticAddress& address : addresses_) set_address(address);
    // both wait for somebody
    int v6_result = 0;
    lkl_slaac slaac = {};
    slaac.struct_size = sizeof slaac;
    const bool ask_router = wants(true) && addresses_.empty();
    std::thread router([&] {
      if (ask_router)
        v6_result = lkl_if_wait_ipv6_slaac(kernel_.ifindex(), &slaac, options_.seconds * 1000);
    });
    if (wants(false) && addresses_.empty()) ask_dhcp();
    router.join();
    if (ask_router) take_router(v6_result, slaac);
    for (const HostAddress& gateway : gateways_) set_gateway(gateway);
    // one is enough, if it is not said which
    if (has_v4_ || has_v6_)
      for (CheckStep& step : steps_)
        if (step.state == State::kFails && asked_ && (step.name == "ipv4" || step.name == "ipv6")) {
          step.state = State::kAbsent;
          step.cure.clear();
        }
  }

  void set_address(const StaticAddress& address) {
    if (!wants(address.host.v6))
      throw UsageFailure(
          fmt::format("{}: is of the family that -4 or -6 leaves out", address.text));
    const int family = address.host.v6 ? LKL_AF_INET6 : LKL_AF_INET;
    int error = lkl_if_add_ip(kernel_.ifindex(), family, address.host.bytes.data(), address.bits);
    if (error == 0 && address.host.v6)
      error = lkl_if_wait_ipv6_dad(kernel_.ifindex(), address.host.bytes.data());
    const std::string name = address.host.v6 ? "ipv6" : "ipv4";
    if (error != 0) {
      add(name, State::kFails, fmt::format("{}: {}", address.text, lkl_strerror(error)),
          error == -LKL_EADDRINUSE ? "another host has it: take another address" : "");
      return;
    }
    add(name, State::kWorks, address.text);
    (address.host.v6 ? has_v6_ : has_v4_) = true;
  }

  void ask_dhcp() {
    asked_ = !options_.only_v4;
    lkl_dhcp_lease lease = {};
    lease.struct_size = sizeof lease;
    const int error = lkl_if_dhcp(kernel_.ifindex(), &lease, options_.seconds * 1000);
    if (error != 0) {
      add("ipv4", State::kFails,
          error == -LKL_ETIMEDOUT ? "no DHCP server answers"
                                  : fmt::format("DHCP: {}", lkl_strerror(error)),
          "--address ADDRESS/BITS and --gateway, or start a DHCP server on the wire");
      return;
    }
    has_v4_ = true;
    add("ipv4", State::kWorks,
        fmt::format("{}/{} by DHCP from {}{}", text_of(host_of(lease.address)), lease.prefix_len,
                    text_of(host_of(lease.server)),
                    lease.lease_s == UINT32_MAX ? "" : fmt::format(", {} s", lease.lease_s)));
    if (lease.gateway != 0) v4_router_ = host_of(lease.gateway);
    if (options_.name_servers.empty())
      for (unsigned i = 0; i < lease.nameserver_count; i++)
        servers_.push_back(host_of(lease.nameservers[i]));
  }

  void take_router(int error, const lkl_slaac& slaac) {
    asked_ = !options_.only_v6;
    if (error != 0) {
      add("ipv6", State::kFails,
          error == -LKL_ETIMEDOUT ? "no router gives addresses"
                                  : fmt::format("from a router: {}", lkl_strerror(error)),
          "--address ADDRESS/BITS and --gateway, or let a router advertise on the wire");
      return;
    }
    has_v6_ = true;
    v6_router_ = default_router();
    add("ipv6", State::kWorks,
        fmt::format("{}/{} from a router{}", ipv6_text(slaac.address), slaac.prefix_len,
                    v6_router_ ? ", " + text_of(*v6_router_) : ""));
    if (options_.name_servers.empty())
      for (unsigned i = 0; i < slaac.nameserver_count; i++) {
        HostAddress server = {.v6 = true};
        std::memcpy(server.bytes.data(), slaac.nameservers[i], server.bytes.size());
        servers_.push_back(server);
      }
  }

  void set_gateway(const HostAddress& gateway) {
    const std::string text = text_of(gateway);
    const int family = gateway.v6 ? LKL_AF_INET6 : LKL_AF_INET;
    const int error = lkl_if_add_route(kernel_.ifindex(), family, nullptr, 0, gateway.bytes.data());
    if (error != 0 && error != -LKL_EEXIST) {
      add(gateway.v6 ? "gateway6" : "gateway", State::kFails,
          fmt::format("{}: {}", text, lkl_strerror(error)),
          "it has to be in the network of an address of the interface");
      return;
    }
    (gateway.v6 ? v6_router_ : v4_router_) = gateway;
  }

  void ping_gateway(bool v6) {
    const char* const name = v6 ? "gateway6" : "gateway";
    const auto& router = v6 ? v6_router_ : v4_router_;
    if (!router) {
      const bool failed =
          std::ranges::any_of(steps_, [&](const CheckStep& step) { return step.name == name; });
      if (!failed) add(name, State::kAbsent, "there is none: nothing beyond the wire is reached");
      return;
    }
    const auto seconds = ping(*router, kernel_.ifindex());
    if (seconds)
      add(name, State::kWorks,
          fmt::format("{} answers in {:.2f} ms", text_of(*router), *seconds * 1000));
    else
      add(name, State::kFails, fmt::format("{} does not answer to ping", text_of(*router)),
          "look whether it is up, and lets echoes of ICMP through");
  }

  void resolve() {
    const std::string name = options_.name.value_or(kUsualName);
    if (servers_.empty()) {
      add("name", options_.name ? State::kFails : State::kAbsent, "nobody has named a name server",
          options_.name ? "--nameserver ADDRESS" : "");
      return;
    }
    const Lookup lookup = look_up(name, servers_, kernel_.ifindex());
    if (lookup.problem.empty()) {
      std::string all;
      for (const std::string& address : lookup.addresses)
        all += (all.empty() ? "" : ", ") + address;
      add("name", State::kWorks, fmt::format("{} is {}, by {}", name, all, lookup.server));
      return;
    }
    add("name", options_.name ? State::kFails : State::kAbsent,
        fmt::format("{}: {}{}", name, lookup.problem,
                    lookup.server.empty() ? "" : ", by " + lookup.server),
        !options_.name || lookup.answered ? "" : "another server: --nameserver ADDRESS");
  }

  const WireCheckOptions& options_;
  NetKernel kernel_;
  std::vector<StaticAddress> addresses_;
  std::vector<HostAddress> gateways_, servers_;
  std::optional<HostAddress> v4_router_, v6_router_;
  bool has_v4_ = false, has_v6_ = false;
  bool asked_ = false;  // both families, of which one may be missing
  std::vector<CheckStep> steps_;
};

}  // namespace

std::vector<CheckStep> check_wire(const WireCheckOptions& options, const SessionOptions& session) {
  return WireCheck(options, session).run();
}

}  // namespace lkl::tool
