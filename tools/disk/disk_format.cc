// SPDX-License-Identifier: GPL-2.0
#include "disk/disk_format.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace lkl::tool {

namespace {

constexpr std::uint64_t kSector = 512;
constexpr std::uint64_t kLongestName = 1023;

std::string read_text(const BlockReader& image, std::uint64_t offset, std::uint64_t length) {
  std::string text(length, '\0');
  if (!image.read(offset, std::as_writable_bytes(std::span(text))))
    throw Failure("a header points beyond the end of the file");
  return text;
}

std::string read_name(const BlockReader& image, std::uint64_t offset, std::uint64_t length) {
  if (length > kLongestName) throw Failure("a header holds a name that is too long");
  return read_text(image, offset, length);
}

// ---- qcow2: https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.txt
// The first version has the name of what it lies on at the same place.

constexpr std::uint64_t kExternalData = 1 << 2;

bool qcow2_has_external_data(const Block<104>& header) {
  return header.be(4, 4) >= 3 && (header.be(72, 8) & kExternalData) != 0;
}

bool qcow2_refers(const BlockReader& image) {
  const Block<104> header(image, 0);
  return header.be(8, 8) != 0 || qcow2_has_external_data(header);
}

NamedFiles qcow2_names(const BlockReader& image) {
  const Block<104> header(image, 0);
  NamedFiles names;
  const std::uint64_t version = header.be(4, 4), backing = header.be(8, 8);
  if (backing != 0) names.backing = read_name(image, backing, header.be(16, 4));
  if (version < 2) return names;
  constexpr std::uint64_t kEnd = 0, kBackingFormat = 0xe2792aca, kDataFile = 0x44415441;
  constexpr int kMostExtensions = 1000;
  std::uint64_t at = version >= 3 ? header.be(100, 4) : 72;
  for (int i = 0; i < kMostExtensions; i++) {
    const Block<8> extension(image, at);
    const std::uint64_t kind = extension.be(0, 4), length = extension.be(4, 4);
    if (kind == kEnd) return names;
    if (kind == kBackingFormat) names.backing_format = read_name(image, at + 8, length);
    if (kind == kDataFile && qcow2_has_external_data(header))
      names.data = read_name(image, at + 8, length);
    at += 8 + (length + 7) / 8 * 8;
  }
  throw Failure("its header has no end");
}

// ---- QED: https://wiki.qemu.org/Features/QED/Specification

constexpr std::uint64_t kQedBackingFile = 1, kQedNoProbe = 4;

bool qed_refers(const BlockReader& image) {
  return (Block<64>(image, 0).le64(16) & kQedBackingFile) != 0;
}

NamedFiles qed_names(const BlockReader& image) {
  const Block<64> header(image, 0);
  NamedFiles names;
  if (!qed_refers(image)) return names;
  names.backing = read_name(image, header.le32(56), header.le32(60));
  if ((header.le64(16) & kQedNoProbe) != 0) names.backing_format = "raw";
  return names;
}

// ---- VMware Virtual Disks, Virtual Disk Format 1.1: a description is the file, or in it.

// Where qemu looks for a parent in a sparse extent, whatever its header says.
constexpr std::uint64_t kVmdkDescription = 0x200, kVmdkDescriptionSize = 20 * kSector;
constexpr std::string_view kVmdkParent = "parentFileNameHint";

// A sparse extent that has a size is all there is of the disk, but for its parent.
bool vmdk_is_whole(const BlockReader& image) {
  const Block<64> header(image, 0);
  return header.has(0, "COWD") || (header.has(0, "KDMV") && header.le64(12) != 0);
}

std::string vmdk_text(const BlockReader& image, std::uint64_t offset, std::uint64_t size) {
  const std::uint64_t begin = std::min(image.size, offset);
  return read_text(image, begin, std::min(size, image.size - begin));
}

bool vmdk_refers(const BlockReader& image) {
  constexpr std::uint64_t kLongest = 1 << 20;
  const Block<64> header(image, 0);
  const std::uint64_t offset = header.le64(28), sectors = header.le64(36);
  if (!header.has(0, "KDMV") || !vmdk_is_whole(image)) return true;
  if (offset > image.size / kSector || sectors > kLongest / kSector) return true;
  const std::string described = vmdk_text(image, offset * kSector, sectors * kSector);
  const std::string found = vmdk_text(image, kVmdkDescription, kVmdkDescriptionSize);
  return described.find("parentCID=ffffffff") == std::string::npos ||
         described.find(kVmdkParent) != std::string::npos ||
         found.find(kVmdkParent) != std::string::npos;
}

// What stands between the first two quotes of a line.
std::string quoted(std::string_view line) {
  const std::size_t begin = line.find('"');
  if (begin == std::string_view::npos) return {};
  const std::size_t end = line.find('"', begin + 1);
  if (end == std::string_view::npos) throw Failure("its description has a name without an end");
  return std::string(line.substr(begin + 1, end - begin - 1));
}

NamedFiles vmdk_names(const BlockReader& image) {
  const Block<64> header(image, 0);
  const bool whole = vmdk_is_whole(image);
  std::uint64_t at = whole ? kVmdkDescription : 0;
  if (!whole && header.has(0, "KDMV")) at = header.le64(28) * kSector;
  const std::string text = vmdk_text(image, at, kVmdkDescriptionSize);
  NamedFiles names;
  std::string_view rest = std::string_view(text).substr(0, text.find('\0'));
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.find(kVmdkParent) != std::string_view::npos) {
      names.backing = quoted(line);
    } else if (!whole && (line.starts_with("RW ") || line.starts_with("RDONLY ") ||
                          line.starts_with("NOACCESS "))) {
      if (std::string extent = quoted(line); !extent.empty()) names.extents.push_back(extent);
    }
  }
  return names;
}

}  // namespace

bool refers_to_other_files(const std::string& format, const BlockReader& image) {
  if (format == "qcow2") return qcow2_refers(image);
  if (format == "vmdk") return vmdk_refers(image);
  if (format == "qed") return qed_refers(image);
  // The others have no such thing, or qemu does not follow it.
  return format != "vdi" && format != "vhdx" && format != "vpc";
}

bool has_backing_files(const std::string& format) {
  return format == "qcow2" || format == "qcow" || format == "qed" || format == "vmdk";
}

NamedFiles read_named_files(const std::string& format, const BlockReader& image) {
  if (format == "qcow2" || format == "qcow") return qcow2_names(image);
  if (format == "vmdk") return vmdk_names(image);
  if (format == "qed") return qed_names(image);
  return {};
}

}  // namespace lkl::tool
