// SPDX-License-Identifier: GPL-2.0
//
// From the name of an image to what is opened on the host, and how: libvirt's volumes are found,
// and the disks of domains are left alone while they are in use.
#ifndef LKL_TOOL_HOST_IMAGES_H
#define LKL_TOOL_HOST_IMAGES_H

#include <map>
#include <string>

#include "base/error.h"
#include "image/image_options.h"

namespace lkl::tool {

struct HostImage {
  ImageAddress image;
  bool writable = false;
  bool lock = true;
};

class HostImages {
 public:
  HostImages(ImageOptions& options, Diagnostics& diagnostics)
      : options_(options), diagnostics_(diagnostics) {}

  // Throws Failure if the image must not be written now, or there is no such volume.
  HostImage resolve(const ImageAddress& image, bool writable);

 private:
  const ImageAddress& find_volume(const std::string& name);

  ImageOptions& options_;
  Diagnostics& diagnostics_;
  std::map<std::string, ImageAddress> volumes_;  // by their names
  bool warned_ = false;
};

// The disks of the domain that -d names become images, before those that there are.
// Throws Failure.
void add_domain_images(ImageOptions& options);

}  // namespace lkl::tool

#endif  // LKL_TOOL_HOST_IMAGES_H
