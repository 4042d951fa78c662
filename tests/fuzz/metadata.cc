// SPDX-License-Identifier: GPL-2.0
#include "fuzz/metadata.h"

#include <cstdio>
#include <cstdlib>

namespace lkl_fuzz {

std::unique_ptr<Metadata> metadata_of(const std::string& type, std::span<const std::byte> image) {
  if (type == "ext4") return ext4_metadata(image);
  if (type == "btrfs") return btrfs_metadata(image);
  if (type == "xfs") return xfs_metadata(image);
  if (type == "f2fs") return f2fs_metadata(image);
  std::fprintf(stderr, "%s: where its metadata is nobody knows\n", type.c_str());
  std::exit(1);
}

}  // namespace lkl_fuzz
