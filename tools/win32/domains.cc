// SPDX-License-Identifier: GPL-2.0
#include <fmt/format.h>

#include "image/host_images.h"

namespace lkl::tool {

void add_domain_images(ImageOptions& options) {
  throw Failure(
      fmt::format("{}: a domain of libvirt's: these are not known on Windows", options.domain));
}

const ImageAddress& HostImages::find_volume(const std::string& name) {
  throw Failure(fmt::format("{}: a volume of libvirt's: these are not known on Windows", name));
}

}  // namespace lkl::tool
