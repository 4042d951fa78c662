// SPDX-License-Identifier: GPL-2.0
#include "lkl/cmd/ext_settle.h"

#include <errno.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

#include "base/error.h"
#include "base/signals.h"

namespace lkl::tool {

namespace {

// Offsets, in bytes, as in the documentation of the format. All numbers are little-endian.
namespace super {
constexpr std::size_t kAt = 1024, kSize = 1024;
constexpr std::size_t kInodes = 0x0, kBlocks = 0x4, kFirstDataBlock = 0x14, kLogBlockSize = 0x18;
constexpr std::size_t kBlocksPerGroup = 0x20, kInodesPerGroup = 0x28, kMounted = 0x2c;
constexpr std::size_t kWritten = 0x30, kMountCount = 0x34, kMagic = 0x38, kChecked = 0x40;
constexpr std::size_t kFirstInode = 0x54, kInodeSize = 0x58, kIncompatible = 0x60;
constexpr std::size_t kReadOnlyCompatible = 0x64, kLastMounted = 0x88, kDescriptorSize = 0xfe;
constexpr std::size_t kBlocksHigh = 0x150, kKilobytesWritten = 0x178, kOrphanFile = 0x280;
constexpr std::size_t kTimesHigh = 0x274;  // of four times, a byte each
}  // namespace super
namespace inode {
constexpr std::size_t kMode = 0x0, kChanged = 0xc, kLinks = 0x1a, kGeneration = 0x64;
constexpr std::size_t kVersion = 0x24, kVersionHigh = 0x98;  // counts changes
constexpr std::size_t kExtraSize = 0x80, kChangedExtra = 0x84, kBorn = 0x90, kBornExtra = 0x94;
constexpr std::size_t kOldSize = 128;
}  // namespace inode

constexpr std::uint32_t kMetadataChecksums = 0x400;                    // compatible for reading
constexpr std::uint32_t kChecksumSeed = 0x2000, k64Bit = 0x80;         // incompatible
constexpr std::uint32_t kMetaGroups = 0x10, kAttributeInodes = 0x400;  // incompatible
constexpr std::uint32_t kRootInode = 2;

class Bytes {
 public:
  Bytes(int fd, const std::string& name, std::uint64_t at, std::size_t size)
      : fd_(fd), name_(name), at_(at), bytes_(size) {
    transfer([&](std::size_t done) {
      return ::pread(fd_, bytes_.data() + done, bytes_.size() - done,
                     static_cast<off_t>(at_ + done));
    });
  }

  std::uint64_t get(std::size_t at, std::size_t size) const {
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8 | bytes_[at + i];
    return value;
  }
  std::uint32_t u32(std::size_t at) const { return static_cast<std::uint32_t>(get(at, 4)); }
  std::uint32_t u16(std::size_t at) const { return static_cast<std::uint32_t>(get(at, 2)); }
  void put(std::size_t at, std::size_t size, std::uint64_t value) {
    for (std::size_t i = 0; i < size; i++)
      bytes_[at + i] = static_cast<unsigned char>(value >> (8 * i));
  }
  void put32(std::size_t at, std::uint32_t value) { put(at, 4, value); }
  void clear(std::size_t at, std::size_t size) {
    std::fill_n(bytes_.begin() + static_cast<long>(at), size, 0);
  }

  void write() {
    transfer([&](std::size_t done) {
      return ::pwrite(fd_, bytes_.data() + done, bytes_.size() - done,
                      static_cast<off_t>(at_ + done));
    });
  }

 private:
  template <class Step>
  void transfer(Step step) {
    for (std::size_t done = 0; done < bytes_.size();) {
      const ssize_t n = step(done);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0)
        throw Failure(fmt::format("{}: {}", name_,
                                  n == 0 ? "the file system is longer than the image"
                                         : describe({errno, std::system_category()})));
      done += static_cast<std::size_t>(n);
    }
  }

  int fd_;
  const std::string& name_;
  std::uint64_t at_;
  std::vector<unsigned char> bytes_;
};

Bytes read_super(int fd, const std::string& name) {
  Bytes sb(fd, name, super::kAt, super::kSize);
  if (sb.u16(super::kMagic) != 0xef53)
    throw Failure(fmt::format("{}: is no ext2, ext3 or ext4", name));
  return sb;
}

}  // namespace

std::vector<std::string> checksum_features(int fd, const std::string& name) {
  const Bytes sb = read_super(fd, name);
  std::vector<std::string> features;
  if (sb.u32(super::kReadOnlyCompatible) & kMetadataChecksums) features.push_back("metadata_csum");
  if (sb.u32(super::kIncompatible) & kChecksumSeed) features.push_back("metadata_csum_seed");
  return features;
}

void settle_ext(int fd, const std::string& name, std::uint32_t seconds) {
  Bytes sb = read_super(fd, name);
  const std::uint32_t incompatible = sb.u32(super::kIncompatible);
  if ((sb.u32(super::kReadOnlyCompatible) & kMetadataChecksums) || (incompatible & kMetaGroups) ||
      (incompatible & kAttributeInodes))
    throw Failure(fmt::format(
        "{}: has features (metadata_csum, meta_bg, ea_inode) with which it cannot be made "
        "reproducible; leave them out of --mkfs-options",
        name));
  const std::uint64_t block = 1024ULL << sb.u32(super::kLogBlockSize);
  const bool wide = incompatible & k64Bit;
  const std::size_t descriptor_size = wide ? sb.u16(super::kDescriptorSize) : 32;
  const std::size_t inode_size = sb.u16(super::kInodeSize);
  const std::uint32_t per_group = sb.u32(super::kInodesPerGroup);
  const std::uint32_t orphan_file = sb.u32(super::kOrphanFile);
  const std::uint32_t first = sb.u32(super::kFirstDataBlock);
  std::uint64_t blocks = sb.u32(super::kBlocks);
  if (wide) blocks |= std::uint64_t{sb.u32(super::kBlocksHigh)} << 32;
  const std::uint64_t groups =
      (blocks - first + sb.u32(super::kBlocksPerGroup) - 1) / sb.u32(super::kBlocksPerGroup);
  const Bytes descriptors(fd, name, (first + 1ULL) * block,
                          static_cast<std::size_t>(groups) * descriptor_size);

  for (std::uint64_t group = 0; group < groups; group++) {
    check_interrupted();
    const std::size_t descriptor = static_cast<std::size_t>(group) * descriptor_size;
    std::uint64_t table = descriptors.u32(descriptor + 0x8);
    if (wide) table |= std::uint64_t{descriptors.u32(descriptor + 0x28)} << 32;
    bool changed = false;  // what was never used stays a hole of the image
    Bytes inodes(fd, name, table * block, per_group * inode_size);
    for (std::uint32_t i = 0; i < per_group; i++) {
      const std::uint64_t number = group * per_group + i + 1;
      const std::size_t at = i * inode_size;
      const bool ours = number == kRootInode || number >= sb.u32(super::kFirstInode);
      if (!ours || number == orphan_file || inodes.u16(at + inode::kMode) == 0 ||
          inodes.u16(at + inode::kLinks) == 0)
        continue;
      changed = true;
      inodes.put32(at + inode::kChanged, seconds);
      inodes.put32(at + inode::kGeneration, 0);
      inodes.put32(at + inode::kVersion, 0);
      if (inode_size <= inode::kOldSize) continue;
      const std::size_t end = inode::kOldSize + inodes.u16(at + inode::kExtraSize);
      if (end >= inode::kChangedExtra + 4) inodes.put32(at + inode::kChangedExtra, 0);
      if (end < inode::kBornExtra + 4) continue;
      inodes.put32(at + inode::kBorn, seconds);
      inodes.put32(at + inode::kBornExtra, 0);
      if (end >= inode::kVersionHigh + 4) inodes.put32(at + inode::kVersionHigh, 0);
    }
    if (changed) inodes.write();
  }

  for (const std::size_t at : {super::kMounted, super::kWritten, super::kChecked})
    sb.put32(at, seconds);
  sb.put(super::kMountCount, 2, 0);
  sb.put(super::kKilobytesWritten, 8, 0);
  sb.put(super::kTimesHigh, 4, 0);
  sb.clear(super::kLastMounted, 64);
  sb.write();
}

}  // namespace lkl::tool
