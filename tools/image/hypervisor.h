// SPDX-License-Identifier: GPL-2.0
//
// What libvirt knows: domains with their disks, and volumes of storage pools. Only reads.
#ifndef LKL_TOOL_HYPERVISOR_H
#define LKL_TOOL_HYPERVISOR_H

#include <optional>
#include <string>
#include <vector>

#include "image/domain_disk.h"
#include "image/libvirt_library.h"

namespace lkl::tool {

struct Domain {
  std::optional<int> id;  // of an active one
  std::string name;
  std::string uuid;
  std::string state;    // "running", "paused", "shut off" ...
  bool active = false;  // there is a process that has the disks open
  bool saved = false;   // not active, but its memory is kept and expects the disks as they are
  std::vector<DomainDisk> disks;

  // Why its disks do not change under its feet, nor may be changed: "is running"; else empty.
  std::string in_use() const;
};

class Hypervisor {
 public:
  // Connects. Empty: to what libvirt takes by default. Throws Failure.
  explicit Hypervisor(const std::string& uri);

  // In the order of their names.
  std::vector<Domain> domains() const;
  // By name, UUID or ID. Throws Failure.
  Domain find(const std::string& name) const;
  // The name for -a of a volume. Throws Failure.
  ImageAddress volume_image(const std::string& pool, const std::string& name) const;

 private:
  StoredImage volume(const std::string& pool, const std::string& name) const;
  Domain describe(virDomainPtr handle) const;
  std::vector<LibvirtDomain> handles() const;

  LibvirtConnection connection_;
  std::string uri_;
  std::string host_;  // it runs on; empty for this one
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_HYPERVISOR_H
