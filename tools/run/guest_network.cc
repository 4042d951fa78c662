// SPDX-License-Identifier: GPL-2.0
#include "run/guest_network.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <mutex>

#include "base/error.h"
#include "base/json.h"
#include "net/dns_message.h"
#include "net/net_kernel.h"
#include "session/session.h"

namespace lkl::tool::served {

namespace {

constexpr unsigned kDescriptors = 1 << 20;
// Who is alone on a wire with its router has the answer in no time.
constexpr unsigned kRouterMs = 200;

// Begins the library's own lines; the kernel's do not.
constexpr std::string_view kOwn = "lkl: ";

void print(void*, const char* text, lkl_ulong length) {
  const std::string_view words(text, length);
  if (words.starts_with(kOwn)) return print_error(words);
  print_console(words);
}

struct Lines {
  std::mutex mutex;
  std::string text;
};
void collect(void* lines, const char* text, lkl_ulong length) {
  const std::string_view words(text, length);
  if (!words.starts_with(kOwn)) return print_console(words);
  auto& to = *static_cast<Lines*>(lines);
  const std::lock_guard lock(to.mutex);
  to.text += words;
}

std::string read_host_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Failure(fmt::format("{}: cannot be read", path));
  return {std::istreambuf_iterator<char>(file), {}};
}

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
  lkl_sysctl(fmt::format("net.ipv6.conf.{}.accept_dad", interface).c_str(), "0");
}

std::string join(const std::vector<std::string>& texts, std::string_view between) {
  std::string all;
  for (const std::string& text : texts) all.append(all.empty() ? "" : between).append(text);
  return all;
}

// Nobody has written these in a kernel without files.
void write_hosts() {
  lkl_sys_mkdir("/etc", 0755);
  lkl_new_utsname names = {};
  std::string text = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
  if (lkl_sys_newuname(&names) == 0 && names.nodename[0] != '\0' && names.nodename[0] != '(')
    text += fmt::format("127.0.1.1\t{}\n", names.nodename);
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

}  // namespace

void GuestNetwork::read(const NetworkOptions& options) {
  const auto check = [](int error, const std::string& what) {
    if (error != 0) throw Failure(fmt::format("{}: {}", what, lkl_strerror(error)));
  };
  check(lkl_load_config_env(&config_), "LKL_HIJACK_*");
  std::string file = options.config;
  if (const char* const named = std::getenv("LKL_HIJACK_CONFIG_FILE"); named && file.empty())
    file = named;
  if (!file.empty()) check(lkl_load_config_json(&config_, read_host_file(file).c_str()), file);

  std::vector<std::string> wires = options.wires;
  if (wires.empty() && config_.ifnum == 0) wires = {"slirp:"};
  if (wires.empty() && (!options.addresses.empty() || !options.capture.empty()))
    throw UsageFailure("--address and --pcap are of a wire: name it with --net");
  if (!wires.empty() && !options.capture.empty()) wires.front() += ",pcap=" + options.capture;
  Json json = Json::object();
  for (std::size_t i = 0; i < wires.size(); i++) {
    Json wire = {{"uri", wires[i]}};
    if (i == 0 && !options.addresses.empty())
      wire["addresses"] = options.addresses;
    else
      wire["dhcp"] = true;
    json["interfaces"].push_back(std::move(wire));
  }
  for (const std::string& text : options.gateways) {
    const auto address = parse_host_address(text);
    if (!address) throw UsageFailure(fmt::format("--gateway: {}: is not an address", text));
    json[address->v6 ? "gateway6" : "gateway"] = text;
  }
  if (!options.name_servers.empty()) json["nameservers"] = options.name_servers;
  std::vector<std::string> settings;
  for (std::string setting : options.settings) {
    const std::size_t equals = setting.find('=');
    if (equals == setting.npos)
      throw UsageFailure(fmt::format("--sysctl: {}: is to be KEY=VALUE", setting));
    settings.push_back(setting.replace(equals, 1, "|"));
  }
  if (!settings.empty()) json["sysctl"] = join(settings, ";");
  if (!json.empty()) check(lkl_load_config_json(&config_, json.dump().c_str()), "the options");
}

GuestNetwork::GuestNetwork(const NetworkOptions& options, const SessionOptions& session) {
  open_console(session);
  std::error_code ec;
  kernel_ = Kernel::prepare(ec);
  if (ec) throw Failure(fmt::format("the library cannot be used: {}", describe(ec)));
  lkl_set_print(print, nullptr);
  try {
    read(options);
    bool private_wires = true;
    for (const lkl_config_iface* wire = config_.ifaces; wire; wire = wire->next)
      private_wires = private_wires && wire->iftype && is_private(wire->iftype);
    open_wires();
    start_kernel(kernel_, session);
    set_up(private_wires);
  } catch (...) {
    lkl_unload_config(&config_);
    lkl_set_print(nullptr, nullptr);
    throw;
  }
}

// What is wrong is said once, by the library, which knows most.
void GuestNetwork::open_wires() {
  Lines lines;
  lkl_set_print(collect, &lines);
  const int error = lkl_load_config_pre(&config_);
  lkl_set_print(print, nullptr);
  if (error == 0) {
    if (!lines.text.empty()) print_error(lines.text);
    return;
  }
  while (lines.text.ends_with('\n')) lines.text.pop_back();
  if (lines.text.empty())
    throw Failure(fmt::format("there is no network: {}", lkl_strerror(error)));
  throw Failure(lines.text.substr(kOwn.size()));
}

void GuestNetwork::set_up(bool private_wires) {
  for (const char* type : {"sysfs", "proc"}) lkl_mount_fs(type);
  set_clock();
  lkl_set_fd_limit(kDescriptors);
  lkl_if_up(lkl_ifname_to_ifindex("lo"));
  // Programs without rights ping by these sockets.
  lkl_sysctl("net.ipv4.ping_group_range", "0 2147483647");
  if (private_wires) {
    // Nobody else can have our address there: it need not be looked for.
    for (const std::string name : {"all", "default"}) skip_detection(name);
    for (int i = 0; i < config_.ifnum; i++) skip_detection(fmt::format("eth{}", i));
  }
  if (const int error = lkl_load_config_post(&config_))
    throw Failure(fmt::format("the network cannot be set up: {}", lkl_strerror(error)));
  for (const lkl_config_iface* wire = config_.ifaces; wire; wire = wire->next) {
    if (!has_router(*wire)) continue;
    lkl_slaac slaac = {};
    slaac.struct_size = sizeof slaac;
    lkl_if_wait_ipv6_slaac(wire->ifindex, &slaac, kRouterMs);
  }
  write_hosts();
}

GuestNetwork::~GuestNetwork() {
  lkl_unload_config(&config_);
  kernel_.halt();
  lkl_set_print(nullptr, nullptr);
}

}  // namespace lkl::tool::served
