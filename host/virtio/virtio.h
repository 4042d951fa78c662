// SPDX-License-Identifier: GPL-2.0
// What virtio 1.2 says in numbers, of all devices. Our own words for it: the headers of the host's
// kernel are not there on every host.
#pragma once

#include <cstdint>

namespace lkl::host {

// Section 2.1, "Device Status Field".
namespace device_status {
inline constexpr uint32_t kDriverOk = 4;
inline constexpr uint32_t kFeaturesOk = 8;
inline constexpr uint32_t kNeedsReset = 64;
}  // namespace device_status

// Section 6, "Reserved Feature Bits".
namespace feature {
inline constexpr unsigned kIndirectDescriptors = 28;
inline constexpr unsigned kEventIndex = 29;
inline constexpr unsigned kVersion1 = 32;
}  // namespace feature

// Section 5, "Device Types".
namespace device_type {
inline constexpr uint32_t kNet = 1;
inline constexpr uint32_t kBlock = 2;
}  // namespace device_type

constexpr uint64_t feature_bit(unsigned feature) {
  return uint64_t{1} << feature;
}

}  // namespace lkl::host
