// SPDX-License-Identifier: GPL-2.0
//
// Which images one run works on, and how they are opened.
#ifndef LKL_TOOL_IMAGE_OPTIONS_H
#define LKL_TOOL_IMAGE_OPTIONS_H

#include <map>
#include <string>
#include <vector>

#include "image/image_name.h"

namespace lkl::tool {

// What is known of an image because it is a disk of a domain.
struct DomainImage {
  std::string target;           // "vda"
  std::string in_use;           // "vm1: the domain is running": must not be written; else empty
  std::string cure;             // of that
  bool open_elsewhere = false;  // and locked there
  bool read_only = false;       // for the domain, too
};

struct ImageOptions {
  std::vector<ImageName> images;  // -a/--add, in order; those of -d are put first
  std::string connect;            // libvirt's URI
  std::string domain;
  std::string disk;  // of the domain: the target; empty: the one that has a file system
  const char* disk_option = "--disk TARGET";         // how that is said on the command line
  std::map<std::string, DomainImage> domain_images;  // by their names
  std::string format;                                // of the images; empty: recognised
  bool read_only = false;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_IMAGE_OPTIONS_H
