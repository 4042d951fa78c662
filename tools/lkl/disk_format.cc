// SPDX-License-Identifier: GPL-2.0
#include "disk_format.h"

#include <algorithm>
#include <vector>

namespace lkl::tool {

namespace {

// https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.txt
bool qcow2_refers(const BlockReader& image) {
  const Block<104> header(image, 0);
  constexpr std::uint64_t kExternalData = 1 << 2;
  const std::uint64_t version = header.be(4, 4);
  const std::uint64_t backing_file = header.be(8, 8);
  return backing_file != 0 || (version >= 3 && (header.be(72, 8) & kExternalData) != 0);
}

// https://wiki.qemu.org/Features/QED/Specification
bool qed_refers(const BlockReader& image) {
  constexpr std::uint64_t kBackingFile = 1;
  return (Block<64>(image, 0).le64(16) & kBackingFile) != 0;
}

// A sparse extent holds its description, which names a parent if it has one, and other extents if
// the file itself has no size. (VMware Virtual Disks, Virtual Disk Format 1.1)
bool vmdk_refers(const BlockReader& image) {
  constexpr std::uint64_t kSector = 512;
  constexpr std::uint64_t kLongest = 1 << 20;
  const Block<64> header(image, 0);
  const std::uint64_t capacity = header.le64(12);
  const std::uint64_t offset = header.le64(28);
  const std::uint64_t sectors = header.le64(36);
  if (capacity == 0 || offset > image.size / kSector || sectors > kLongest / kSector) return true;
  std::vector<std::byte> bytes(
      std::min(sectors * kSector, image.size - std::min(image.size, offset * kSector)));
  if (!image.read(offset * kSector, bytes)) return true;
  const std::string_view description(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return description.find("parentCID=ffffffff") == std::string_view::npos ||
         description.find("parentFileNameHint") != std::string_view::npos;
}

}  // namespace

bool refers_to_other_files(const std::string& format, const BlockReader& image) {
  if (format == "qcow2") return qcow2_refers(image);
  if (format == "vmdk") return vmdk_refers(image);
  if (format == "qed") return qed_refers(image);
  // The others have no such thing, or qemu does not follow it.
  return format != "vdi" && format != "vhdx" && format != "vpc";
}

}  // namespace lkl::tool
