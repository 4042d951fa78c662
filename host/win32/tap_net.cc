// SPDX-License-Identifier: GPL-2.0
// A network adapter of tap-windows6: what Windows sends by it comes to the card, and the other way
// round.
#include "win32/tap_net.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include "net/host_net.h"
#include "win32/bare_net.h"
#include "win32/single_frames.h"
#include "win32/take_signalled.h"
#include "win32/wintun_net.h"

namespace lkl::host {
namespace {

// The driver gives none of a read that has no room for it, and goes on.
bool passes(int64_t error) {
  return error == -EMSGSIZE;
}

class TapNet final : public BareNet {
 public:
  TapNet(WireHandle device, uint16_t mtu)
      : mtu_(mtu), frames_(std::move(device), in_, out_, passes) {}

  uint16_t mtu() const override { return mtu_; }

  int send(unsigned, std::span<const IoVec> frame) override { return frames_.send(frame); }
  int64_t receive(unsigned, std::span<const IoVec> room) override {
    return take_signalled(in_, [&] { return frames_.receive(room); });
  }

 private:
  const uint16_t mtu_;
  SingleFrames frames_;
};

int make_tap(Handle device, const TapDriver& driver, std::unique_ptr<NetBackend>& result) {
  uint32_t mtu = 0, plugged_in = 1;
  int error = driver.control(device.get(), kTapGetMtu, &mtu, sizeof mtu);
  if (!error)
    error = driver.control(device.get(), kTapSetMediaStatus, &plugged_in, sizeof plugged_in);
  if (error) return error;
  const std::shared_ptr<WirePort> port = WirePort::get(error);
  WireHandle handle;
  if (!error) error = handle.open(std::move(device), port);
  if (error) return error;
  result = std::make_unique<TapNet>(std::move(handle),
                                    mtu <= UINT16_MAX ? static_cast<uint16_t>(mtu) : 0);
  return 0;
}

}  // namespace

int open_tap_adapter(const NetUri& uri, const TapDriver& driver,
                     std::unique_ptr<NetBackend>& result) {
  const std::string& wanted = uri.target();
  const std::vector<TapAdapter> adapters = driver.adapters();
  if (adapters.empty()) {
    uri.say("there is no adapter of tap-windows6 (OpenVPN's installer has the driver)");
    return -ENODEV;
  }
  int error = -ENODEV;
  std::string names;
  for (const TapAdapter& adapter : adapters) {
    names += (names.empty() ? "\"" : ", \"") + adapter.name + "\"";
    if (!wanted.empty() && wanted != adapter.name && wanted != adapter.id) continue;
    Handle device;
    error = driver.open(adapter, device);
    if (!error) error = make_tap(std::move(device), driver, result);
    if (!error) return 0;
    if (error != -EBUSY || !wanted.empty()) break;
  }
  uri.say("\"" + wanted + "\": " +
          (error == -ENODEV  ? "no such adapter; there are " + names
           : error == -EBUSY ? "another program has it"
                             : std::generic_category().message(-error)));
  return error;
}

int open_tap(NetUri& uri, std::unique_ptr<NetBackend>& result) {
  const bool wintun = uri.take_flag("wintun");
  if (const int error = uri.end()) return error;
  if (wintun) return open_wintun(uri, result);
  return open_tap_adapter(uri, installed_tap_driver(), result);
}

}  // namespace lkl::host
