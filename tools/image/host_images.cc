// SPDX-License-Identifier: GPL-2.0
#include "image/host_images.h"

#include <fmt/format.h>

namespace lkl::tool {

HostImage HostImages::resolve(const ImageAddress& image, bool writable) {
  HostImage host{image.scheme == "vol" ? find_volume(image.text) : image,
                 writable && !options_.read_only, true};
  const auto known = options_.domain_images.find(host.image.text);
  if (known == options_.domain_images.end()) return host;

  const DomainImage& disk = known->second;
  if (disk.read_only) host.writable = false;
  host.lock = !disk.open_elsewhere;
  if (disk.in_use.empty()) return host;
  if (host.writable)
    throw Failure(fmt::format("{}, so its disks must not be written; {}, or only read with --ro",
                              disk.in_use, disk.cure));
  if (!warned_)
    diagnostics_.warning(fmt::format(
        "{}: what is read from its disks may be inconsistent or not up to date", disk.in_use));
  warned_ = true;
  return host;
}

}  // namespace lkl::tool
