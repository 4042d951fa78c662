// SPDX-License-Identifier: GPL-2.0
#include "run/guest_network.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <mutex>

#include "base/error.h"
#include "base/json.h"
#include "net/dns_message.h"
#include "net/net_kernel.h"
#include "run/network_setup.h"
#include "session/session.h"

namespace lkl::tool::served {

namespace {

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

std::string join(const std::vector<std::string>& texts, std::string_view between) {
  std::string all;
  for (const std::string& text : texts) all.append(all.empty() ? "" : between).append(text);
  return all;
}

}  // namespace

NetworkTexts read_network(const NetworkOptions& options, lkl_config& config) {
  const auto check = [](int error, const std::string& what) {
    if (error != 0) throw Failure(fmt::format("{}: {}", what, lkl_strerror(error)));
  };
  check(lkl_load_config_env(&config), "LKL_HIJACK_*");
  NetworkTexts texts;
  std::string file = options.config;
  if (const char* const named = std::getenv("LKL_HIJACK_CONFIG_FILE"); named && file.empty())
    file = named;
  if (!file.empty()) {
    texts.file = read_host_file(file);
    check(lkl_load_config_json(&config, texts.file.c_str()), file);
  }

  std::vector<std::string> wires = options.wires;
  if (wires.empty() && config.ifnum == 0) wires = {"slirp:"};
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
  if (!json.empty()) {
    texts.options = json.dump();
    check(lkl_load_config_json(&config, texts.options.c_str()), "the options");
  }
  return texts;
}

GuestNetwork::GuestNetwork(const NetworkOptions& options, const SessionOptions& session) {
  open_console(session);
  std::error_code ec;
  kernel_ = Kernel::prepare(ec);
  if (ec) throw Failure(fmt::format("the library cannot be used: {}", describe(ec)));
  lkl_set_print(print, nullptr);
  try {
    read_network(options, config_);
    open_wires();
    start_kernel(kernel_, session);
    if (const int error = set_up_network(config_))
      throw Failure(fmt::format("the network cannot be set up: {}", lkl_strerror(error)));
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

GuestNetwork::~GuestNetwork() {
  lkl_unload_config(&config_);
  kernel_.halt();
  lkl_set_print(nullptr, nullptr);
}

}  // namespace lkl::tool::served
