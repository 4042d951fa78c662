// SPDX-License-Identifier: GPL-2.0
// What tap-windows6, OpenVPN's driver, is asked for by its documented interface: adapters are found
// in the registry, an adapter is a device of which each read gives a frame of Ethernet and each
// write takes one, and DeviceIoControl() asks for the rest.
#pragma once

#include <windows.h>

#include <winioctl.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "win32/handle.h"

namespace lkl::host {

struct TapAdapter {
  std::string id;    // "{6AB8...}", of which the device's name is made
  std::string name;  // that of the connection, as Windows shows it
};

class TapDriver {
 public:
  // Those there are; none if the driver is not installed.
  virtual std::vector<TapAdapter> adapters() const;
  // Its device, for overlapped I/O. 0 or -errno; -EBUSY: another program has it.
  virtual int open(const TapAdapter& adapter, Handle& device) const;
  // 0 or -errno.
  virtual int control(HANDLE device, uint32_t code, void* in_and_out, uint32_t size) const;

 protected:
  ~TapDriver() = default;
};

// The one of this system.
const TapDriver& installed_tap_driver();

inline constexpr uint32_t tap_control(uint32_t request) {
  return CTL_CODE(FILE_DEVICE_UNKNOWN, request, METHOD_BUFFERED, FILE_ANY_ACCESS);
}
inline constexpr uint32_t kTapGetMtu = tap_control(3);          // a number of 32 bits
inline constexpr uint32_t kTapSetMediaStatus = tap_control(6);  // 1: the cable is plugged in

}  // namespace lkl::host
