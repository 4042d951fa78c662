// SPDX-License-Identifier: GPL-2.0
//
// The disks in a domain's XML, and the names by which this program opens them.
#ifndef LKL_TOOL_DOMAIN_DISK_H
#define LKL_TOOL_DOMAIN_DISK_H

#include <functional>
#include <string>
#include <vector>

#include "image/image_address.h"

namespace lkl::tool {

struct DomainDisk {
  std::string target;   // "vda"
  std::string device;   // "disk", "lun", "cdrom", "floppy"
  std::string type;     // "file", "block", "network", "volume" ...
  std::string format;   // libvirt's name for it
  std::string source;   // for people; empty: nothing is in the drive
  ImageAddress image;   // without a text if this program cannot open it
  std::string problem;  // why it cannot, and what to do
  bool read_only = false;

  // Whether -d attaches it.
  bool wanted() const { return (device == "disk" || device == "lun") && !source.empty(); }
};

// A file or block device of the host that libvirt runs on.
struct StoredImage {
  std::string path;
  std::string format;
};

// How volumes are found, which only libvirt can tell. Throws Failure.
using FindVolume = std::function<StoredImage(const std::string& pool, const std::string& name)>;

// Throws Failure if it is no XML. `host`: the one libvirt runs on; empty if it is this one.
std::vector<DomainDisk> read_domain_disks(const std::string& xml, const std::string& host,
                                          const FindVolume& find_volume);

// By a text that -a would take. Throws Failure if it is on another host,
// or of a format that is not read.
ImageAddress image_address(const StoredImage& image, const std::string& host);

}  // namespace lkl::tool

#endif  // LKL_TOOL_DOMAIN_DISK_H
