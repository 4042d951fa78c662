// SPDX-License-Identifier: GPL-2.0
// Network cards, and the wires that they are connected to.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>
#include <string>

#include "api/options.h"
#include "api/util.h"
#include "core/kernel_clock.h"
#include "core/nics.h"
#include "core/registry.h"
#include "host.h"
#include "lkl.h"
#include "net/host_forwards.h"
#include "net/host_net.h"
#include "net/open.h"

using lkl::host::Registry;

struct lkl_netdev {
  std::shared_ptr<lkl::host::NetBackend> backend;
  lkl::host::VirtioNetOptions options;
};

namespace {

constexpr uint8_t kGroup = 1, kLocal = 2;  // bits of the first byte
constexpr unsigned kLeastMtu = 68;

bool is_address(std::span<const uint8_t, 6> mac) {
  return !(mac[0] & kGroup) && std::ranges::any_of(mac, [](uint8_t byte) { return byte != 0; });
}

void make_address(std::span<uint8_t, 6> mac) {
  if (!lkl::host::random_bytes(std::as_writable_bytes(mac))) {
    const uint64_t now = lkl::host::monotonic_ns();
    std::ranges::copy(std::span(reinterpret_cast<const uint8_t*>(&now), mac.size()), mac.begin());
  }
  mac[0] = static_cast<uint8_t>((mac[0] & ~kGroup) | kLocal);
}

// What nobody has chosen for the card is what the wire wants.
lkl_netdev* make_wire(std::unique_ptr<lkl::host::NetBackend> backend,
                      lkl::host::VirtioNetOptions card) {
  if (!is_address(card.mac) && is_address(backend->mac())) card.mac = backend->mac();
  if (!is_address(card.mac)) make_address(card.mac);
  if (card.mtu == 0) card.mtu = backend->mtu();
  return new lkl_netdev{.backend = std::move(backend), .options = card};
}

int open_wire(const char* uri, const lkl_netdev_options& options, lkl_netdev*& result) {
  lkl::host::VirtioNetOptions card = {.mac = std::to_array(options.mac), .mtu = options.mtu};
  const bool given = std::ranges::any_of(card.mac, [](uint8_t byte) { return byte != 0; });
  if ((card.mtu != 0 && card.mtu < kLeastMtu) || (given && !is_address(card.mac)))
    return -LKL_EINVAL;
  std::unique_ptr<lkl::host::NetBackend> backend;
  const auto say = [](std::string_view line) {
    lkl_printf("lkl: %.*s\n", static_cast<int>(line.size()), line.data());
  };
  if (const int error = lkl::host::open_net(uri, say, backend, lkl::host::kernel_realtime_ns))
    return error;
  result = make_wire(std::move(backend), card);
  return 0;
}

// By what the established functions take; nullptr if it can't be had.
lkl_netdev* open_target(std::string_view scheme, std::string_view target) {
  lkl_netdev* nd = nullptr;
  const int error = lkl::host::or_no_memory([&] {
    std::string uri = std::string(scheme) + ":";
    for (const char each : target) uri.append(each == ',' ? 2 : 1, each);
    return open_wire(uri.c_str(), {}, nd);
  });
  return error ? nullptr : nd;
}

lkl::host::HostForwards* forwards_of(lkl_netdev* nd) {
  return nd ? nd->backend->host_forwards() : nullptr;
}

bool is_port(int number) {
  return number > 0 && number <= UINT16_MAX;
}

}  // namespace

int lkl_netdev_open(const char* uri, const lkl_netdev_options* opts, lkl_netdev** nd) {
  if (!nd) return -LKL_EINVAL;
  constexpr size_t kFirst = 12;  // bytes when it came
  lkl_netdev_options options;
  if (const int error = lkl::host::read_options(opts, kFirst, options)) return error;
  return lkl::host::or_no_memory([&] { return open_wire(uri ? uri : "", options, *nd); });
}

lkl_netdev* lkl_netdev_fd_create(int fd_rx, int fd_tx) {
  std::array<char, 32> target;
  std::snprintf(target.data(), target.size(), "%d:%d", fd_rx, fd_tx);
  return open_target("fd", target.data());
}

lkl_netdev* lkl_netdev_pipe_create(const char* ifname, int) {
  return ifname ? open_target("pipe", ifname) : nullptr;
}

lkl_netdev* lkl_netdev_vde_create(const char* switch_path) {
  return switch_path ? open_target("vde", switch_path) : nullptr;
}

lkl_netdev* lkl_netdev_dpdk_create(const char* ifname, int, unsigned char* mac) {
  lkl_netdev* const nd = ifname ? open_target("dpdk", ifname) : nullptr;
  if (nd && mac) std::ranges::copy(nd->options.mac, mac);
  return nd;
}

lkl_netdev* lkl_netdev_tap_create(const char* ifname, int) {
  return ifname ? open_target("tap", ifname) : nullptr;
}

lkl_netdev* lkl_netdev_macvtap_create(const char* path, int) {
  return path ? open_target("macvtap", path) : nullptr;
}

lkl_netdev* lkl_netdev_raw_create(const char* ifname) {
  return ifname ? open_target("raw", ifname) : nullptr;
}

lkl_netdev* lkl_netdev_tap_init(const char* path, int, struct ifreq* ifr) {
  lkl_netdev* nd = nullptr;
  if (!path) return nullptr;
  const int error = lkl::host::or_no_memory([&] {
    std::unique_ptr<lkl::host::NetBackend> backend;
    const int result = lkl::host::open_tap_device(path, ifr, backend);
    if (result)
      lkl_printf("lkl: tap: %s: %s\n", path, lkl_strerror(result));
    else
      nd = make_wire(std::move(backend), {});
    return result;
  });
  return error ? nullptr : nd;
}

lkl_netdev* lkl_netdev_slirp_create(void) {
  lkl_netdev* nd = nullptr;
  const int error = lkl::host::or_no_memory([&] { return open_wire("slirp", {}, nd); });
  return error ? nullptr : nd;
}

int lkl_netdev_slirp_add_hostfwd(lkl_netdev* nd, int is_udp, const char* host_addr, int host_port,
                                 const char* guest_addr, int guest_port) {
  auto* const ports = forwards_of(nd);
  if (!ports || !is_port(host_port) || !is_port(guest_port)) return -LKL_EINVAL;
  return lkl::host::or_no_memory([&] {
    return ports->add_host_forward({.udp = is_udp != 0,
                                    .host_address = host_addr ? host_addr : "",
                                    .host_port = static_cast<uint16_t>(host_port),
                                    .guest_address = guest_addr ? guest_addr : "",
                                    .guest_port = static_cast<uint16_t>(guest_port)});
  });
}

int lkl_netdev_slirp_remove_hostfwd(lkl_netdev* nd, int is_udp, const char* host_addr,
                                    int host_port) {
  auto* const ports = forwards_of(nd);
  if (!ports || !is_port(host_port)) return -LKL_EINVAL;
  return lkl::host::or_no_memory([&] {
    return ports->remove_host_forward(is_udp != 0, host_addr ? host_addr : "",
                                      static_cast<uint16_t>(host_port));
  });
}

int lkl_netdev_add(lkl_netdev* nd, lkl_netdev_args* args) {
  const Registry::Use instance;
  if (!instance || !nd) return -LKL_EINVAL;
  lkl::host::VirtioNetOptions options = nd->options;
  if (args && args->mac) {
    const std::span<const uint8_t, 6> mac(static_cast<const uint8_t*>(args->mac), 6);
    if (!is_address(mac)) return -LKL_EINVAL;
    std::ranges::copy(mac, options.mac.begin());
  }
  if (nd->backend.use_count() > 1) return -LKL_EBUSY;
  return lkl::host::or_no_memory([&] {
    lkl::host::Nic* added = nullptr;
    return instance->nics().add(added, nd->backend, options);
  });
}

int lkl_netdev_remove(int id) {
  const Registry::Use instance;
  if (!instance) return -LKL_ENODEV;
  return instance->nics().remove([&](const lkl::host::Nic& nic) { return nic.id() == id; });
}

void lkl_netdev_free(lkl_netdev* nd) {
  const std::unique_ptr<lkl_netdev> gone(nd);
}

int lkl_netdev_get_ifindex(int id) {
  int irq = -LKL_ENODEV;
  {
    const Registry::Use instance;
    if (instance && instance->running()) irq = instance->nics().irq(id);
  }
  if (irq < 0) return irq;
  return lkl::host::or_no_memory([&] {
    std::string path, index;
    if (const int error = lkl::host::find_virtio_device(irq, path)) return error;
    path += "/net/";
    const std::string name = lkl::host::find_entry(path, "");
    if (name.empty()) return -LKL_ENODEV;
    if (const int error = lkl::host::read_small_file((path + name + "/ifindex").c_str(), index))
      return error;
    return std::atoi(index.c_str());
  });
}
