// SPDX-License-Identifier: GPL-2.0
#include <fmt/format.h>

#include <algorithm>

#include "image/host_images.h"
#include "image/hypervisor.h"

namespace lkl::tool {

namespace {

constexpr std::string_view kVolume = "vol:";

DomainImage image_of(const Domain& domain, const DomainDisk& disk) {
  DomainImage image;
  image.target = disk.target;
  image.read_only = disk.read_only;
  image.open_elsewhere = domain.active;
  const std::string in_use = domain.in_use();
  if (in_use.empty()) return image;
  image.in_use = fmt::format("{}: the domain {}", domain.name, in_use);
  image.cure = domain.active ? "shut it down first"
                             : "start it and shut it down first, or give up what is saved by virsh "
                               "managedsave-remove";
  return image;
}

std::string list_targets(const std::vector<const DomainDisk*>& disks) {
  std::string list;
  for (const DomainDisk* disk : disks) list += (list.empty() ? "" : ", ") + disk->target;
  return list;
}

}  // namespace

void add_domain_images(ImageOptions& options) {
  const Domain domain = Hypervisor(options.connect).find(options.domain);
  std::vector<const DomainDisk*> disks;
  for (const DomainDisk& disk : domain.disks)
    if (disk.wanted()) disks.push_back(&disk);
  if (disks.empty()) throw Failure(fmt::format("{}: the domain has no disks", domain.name));
  if (!options.disk.empty()) {
    const auto chosen = std::find_if(disks.begin(), disks.end(), [&](const DomainDisk* disk) {
      return disk->target == options.disk;
    });
    if (chosen == disks.end())
      throw Failure(fmt::format("{}: {}: no such disk; the domain has {}", domain.name,
                                options.disk, list_targets(disks)));
    std::rotate(disks.begin(), chosen, chosen + 1);
  }
  std::vector<ImageName> names;
  for (const DomainDisk* disk : disks) {
    if (disk->image.text.empty()) {
      // What is not asked for may stay out.
      if (!options.disk.empty() && disk->target != options.disk) continue;
      std::string problem = fmt::format("{}: {}: {}", domain.name, disk->target, disk->problem);
      if (disks.size() > 1 && options.disk.empty())
        problem += fmt::format("; another disk is chosen with {}", options.disk_option);
      throw Failure(problem);
    }
    names.push_back({disk->image.text, disk->image, std::nullopt, {}});
    options.domain_images.emplace(disk->image.text, image_of(domain, *disk));
  }
  options.images.insert(options.images.begin(), names.begin(), names.end());
}

const ImageAddress& HostImages::find_volume(const std::string& name) {
  const auto known = volumes_.find(name);
  if (known != volumes_.end()) return known->second;
  const std::size_t slash = name.find('/');
  if (slash == std::string::npos || slash == kVolume.size() || slash + 1 == name.size())
    throw Failure(fmt::format("{}: a volume is named as vol:POOL/VOLUME", name));
  const Hypervisor hypervisor(options_.connect);
  const ImageAddress image = hypervisor.volume_image(
      name.substr(kVolume.size(), slash - kVolume.size()), name.substr(slash + 1));
  // It may be a domain's disk, too; one that has it open counts before one that is saved.
  std::vector<Domain> domains = hypervisor.domains();
  std::stable_partition(domains.begin(), domains.end(), [](const Domain& d) { return d.active; });
  for (const Domain& domain : domains)
    for (const DomainDisk& disk : domain.disks)
      if (disk.image.text == image.text && !domain.in_use().empty())
        options_.domain_images.emplace(image.text, image_of(domain, disk));
  return volumes_.emplace(name, image).first->second;
}

}  // namespace lkl::tool
