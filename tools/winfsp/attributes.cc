// SPDX-License-Identifier: GPL-2.0
#include "winfsp/attributes.h"

#include <algorithm>

namespace lkl::winfsp {

namespace {

constexpr std::int64_t kFrom1601 = 11'644'473'600;  // seconds until 1970
constexpr std::int64_t kUnitsOfSecond = 10'000'000;
constexpr std::uint32_t kWriteBits = 0222, kOwnerWrites = 0200;

}  // namespace

std::uint64_t file_time(const Timestamp& time) {
  constexpr std::int64_t kLast = INT64_MAX / kUnitsOfSecond - 1;
  const std::int64_t seconds = std::clamp<std::int64_t>(time.seconds + kFrom1601, 0, kLast);
  return static_cast<std::uint64_t>(seconds * kUnitsOfSecond + time.nanoseconds / 100);
}

Timestamp from_file_time(std::uint64_t time) {
  const auto units = static_cast<std::int64_t>(std::min<std::uint64_t>(time, INT64_MAX));
  return {units / kUnitsOfSecond - kFrom1601,
          static_cast<std::uint32_t>(units % kUnitsOfSecond * 100)};
}

std::uint32_t attributes_of(const Stat& file, const Appearance& appearance) {
  std::uint32_t attributes = 0;
  if (file.is_directory() || (file.is_symlink() && appearance.leads_to_directory))
    attributes |= FILE_ATTRIBUTE_DIRECTORY;
  if (file.is_symlink())
    attributes |= FILE_ATTRIBUTE_REPARSE_POINT;
  else if (!file.is_directory() && !file.is_regular())
    attributes |= FILE_ATTRIBUTE_SYSTEM;
  else if (file.is_regular() && (file.mode & kWriteBits) == 0)
    attributes |= FILE_ATTRIBUTE_READONLY;
  if (appearance.name.size() > 1 && appearance.name[0] == '.' && appearance.name != "..")
    attributes |= FILE_ATTRIBUTE_HIDDEN;
  return attributes != 0 ? attributes : FILE_ATTRIBUTE_NORMAL;
}

std::uint32_t mode_with_attributes(std::uint32_t mode, std::uint32_t attributes) {
  if (attributes & FILE_ATTRIBUTE_READONLY) return mode & 07777 & ~kWriteBits;
  return mode & kWriteBits ? mode & 07777 : (mode & 07777) | kOwnerWrites;
}

std::uint64_t device_of(const Stat& file) {
  return device_number(file.dev_major, file.dev_minor);
}

FileInfo info_of(const Stat& file, const Appearance& appearance, std::uint64_t unit,
                 std::uint64_t root_device) {
  constexpr std::uint64_t kSector = 512;
  constexpr unsigned kDeviceShift = 40;
  FileInfo info = {};
  info.attributes = attributes_of(file, appearance);
  if (file.is_symlink()) info.reparse_tag = static_cast<std::uint32_t>(IO_REPARSE_TAG_SYMLINK);
  if (file.is_regular()) {
    info.size = file.size;
    // Never less than the size, though a sparse file takes less.
    const std::uint64_t most = std::max(file.size, file.blocks * kSector);
    info.allocated = (most + unit - 1) / unit * unit;
  }
  info.accessed = file_time(file.accessed);
  info.written = file_time(file.modified);
  info.changed = file_time(file.changed);
  info.created = file.born ? file_time(*file.born) : std::min(info.written, info.changed);
  info.index = file.inode;
  if (device_of(file) != root_device) info.index ^= device_of(file) << kDeviceShift;
  return info;
}

}  // namespace lkl::winfsp
