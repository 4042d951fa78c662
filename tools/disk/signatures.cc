// SPDX-License-Identifier: GPL-2.0
#include "disk/signatures.h"

#include <iterator>
#include <vector>

namespace lkl::tool {

namespace {

using Kind = Contents::Kind;
using namespace std::string_view_literals;

constexpr Kind kFiles = Kind::kFileSystem;
constexpr Kind kOther = Kind::kOther;
constexpr Kind kFormat = Kind::kDiskFormat;

struct Place {
  std::int64_t at;  // negative: from the end
  std::string_view bytes;
  Signature what;
};

constexpr char kUnpack[] = "unpack it first";

// The order counts where one is in another.
constexpr Place kPlaces[] = {
    // images that qemu-nbd can serve
    {0, "QFI\xfb"sv, {kFormat, "qcow2", ""}},
    {0, "QED\0"sv, {kFormat, "qed", ""}},
    {0, "KDMV"sv, {kFormat, "vmdk", ""}},
    {0, "# Disk DescriptorFile"sv, {kFormat, "vmdk", ""}},
    {0, "vhdxfile"sv, {kFormat, "vhdx", ""}},
    {0, "conectix"sv, {kFormat, "vhd", ""}},
    {64, "\x7f\x10\xda\xbe"sv, {kFormat, "vdi", ""}},
    // of programs that make raw images of them
    {0,
     "\x3a\xff\x26\xed"sv,
     {kFormat, "Android sparse image", "make a raw image of it: simg2img FILE NEW"}},
    {0,
     "COWD"sv,
     {kFormat, "vmdk (ESX 2)", "make a raw image of it: qemu-img convert -O raw FILE NEW"}},
    {0, "WithoutFreeSpace"sv, {kFormat, "Parallels image", "name it parallels:FILE"}},
    {0, "WithouFreSpacExt"sv, {kFormat, "Parallels image", "name it parallels:FILE"}},
    {0, "Bochs Virtual HD Image"sv, {kFormat, "Bochs image", "name it bochs:FILE"}},
    {0, "#!/bin/sh\n#V2.0 Format"sv, {kFormat, "cloop image", "name it cloop:FILE"}},
    {-512, "koly"sv, {kFormat, "Apple disk image (dmg)", "name it dmg:FILE"}},
    {0, "VMA\0"sv, {kFormat, "Proxmox backup (vma)", "unpack it: vma extract FILE DIRECTORY"}},
    {0,
     "EVF\x09\x0d\x0a\xff\0"sv,
     {kFormat, "EnCase image (E01)", "make a raw image of it: ewfexport FILE, or ewfmount"}},
    {0,
     "EVF2\x0d\x0a\x81\0"sv,
     {kFormat, "EnCase image (Ex01)", "make a raw image of it: ewfexport FILE, or ewfmount"}},
    {0, "AFF10\x0d\x0a\0"sv, {kFormat, "AFF image", "make a raw image of it: affconvert -r FILE"}},
    {0,
     "partclone-image"sv,
     {kFormat, "partclone image", "make a raw image of it: partclone.restore -C -s FILE -o NEW"}},
    {0,
     "\0ntfsclone-image"sv,
     {kFormat, "ntfsclone image", "make a raw image of it: ntfsclone -r -O NEW FILE"}},
    {0, "FsA0"sv, {kFormat, "fsarchiver archive", "restore it with fsarchiver"}},
    {0, "MSWIM\0\0\0"sv, {kFormat, "Windows image (wim)", "unpack it: wimapply FILE DIRECTORY"}},
    {0,
     "ANDROID!"sv,
     {kFormat, "Android boot image", "take it apart: unpack_bootimg --boot_img FILE"}},
    {0, "CrAU"sv, {kFormat, "Android update (payload)", "take it apart: payload-dumper-go FILE"}},
    {4096,
     "gDla"sv,
     {kFormat, "Android super image", "take its partitions out: lpunpack FILE DIRECTORY"}},
    {0,
     "\x27\x05\x19\x56"sv,
     {kFormat, "U-Boot image", "take it apart: dumpimage -p 0 -o NEW FILE"}},
    {0,
     "UBI#"sv,
     {kFormat, "UBI image of a flash", "take it apart: ubireader_extract_images FILE"}},
    // compressed, and archives
    {0, "\x1f\x8b"sv, {kFormat, "gzip", kUnpack}},
    {0,
     "\xfd"
     "7zXZ\0"sv,
     {kFormat, "xz", kUnpack}},
    {0, "\x28\xb5\x2f\xfd"sv, {kFormat, "zstd", kUnpack}},
    {0, "BZh"sv, {kFormat, "bzip2", kUnpack}},
    {0, "\x04\x22\x4d\x18"sv, {kFormat, "lz4", kUnpack}},
    {0, "\x89LZO\0\x0d\x0a\x1a\x0a"sv, {kFormat, "lzop", kUnpack}},
    {0, "LZIP"sv, {kFormat, "lzip", kUnpack}},
    {0, "7z\xbc\xaf\x27\x1c"sv, {kFormat, "7z", kUnpack}},
    {0, "PK\3\4"sv, {kFormat, "zip", kUnpack}},
    {0, "Rar!\x1a\7"sv, {kFormat, "rar", kUnpack}},
    {0, "070701"sv, {kFormat, "cpio", "unpack it: cpio -idv < FILE"}},
    {0, "070707"sv, {kFormat, "cpio", "unpack it: cpio -idv < FILE"}},
    {0, "!<arch>\n"sv, {kFormat, "ar (or Debian package)", "unpack it: ar x FILE"}},
    {257, "ustar"sv, {kFormat, "tar", "unpack it: lkl tar in IMAGE / -f FILE"}},
    // other systems' disks, and what Linux makes of disks
    {4086, "SWAPSPACE2"sv, {kOther, "swap", ""}},
    {4086, "SWAP-SPACE"sv, {kOther, "swap", ""}},
    {3,
     "-FVE-FS-"sv,
     {kOther, "BitLocker volume", "cryptsetup bitlkDump and dislocker know how to open it"}},
    {3, "ReFS\0\0\0\0"sv, {kOther, "ReFS file system", "Linux cannot read it"}},
    {32, "NXSB"sv, {kOther, "APFS container", "apfs-fuse reads it"}},
    {0x4018,
     "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81"sv,
     {kOther, "bcache device", "its bcache has to be started by the host"}},
    {4096 + 24,
     "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81"sv,
     {kOther, "bcache device", "its bcache has to be started by the host"}},
    {0, "dmvdo001"sv, {kOther, "VDO volume", "it has to be started by the host"}},
    {16384 + 20, "\0\0\0\7version"sv, {kOther, "ZFS pool", "zpool import -d knows how to open it"}},
    {0x100000, "\x0d\xd0\1\xc0"sv, {kOther, "VMFS volume", "vmfs6-tools read it"}},
    // file systems that a kernel may have
    {1024, "H+\0\4"sv, {kFiles, "hfsplus", ""}},
    {1024, "HX\0\5"sv, {kFiles, "hfsplus", ""}},
    {65536 + 52, "ReIsEr2Fs"sv, {kFiles, "reiserfs", ""}},
    {65536 + 52, "ReIsEr3Fs"sv, {kFiles, "reiserfs", ""}},
    {65536 + 52, "ReIsErFs"sv, {kFiles, "reiserfs", ""}},
    {0, "\x45\x3d\xcd\x28"sv, {kFiles, "cramfs", ""}},
    {0, "-rom1fs-"sv, {kFiles, "romfs", ""}},
    {0, "\x31\x18\x10\6"sv, {kFiles, "ubifs", ""}},
    {0, "SFOZ"sv, {kFiles, "zonefs", ""}},
    {0, "\xce\xfa\xad\x1b"sv, {kFiles, "bfs", ""}},
    {272, "\xc2\x99\x3d\x87"sv, {kFiles, "omfs", ""}},
    {512 + 28, "\0\7\x29\x59"sv, {kFiles, "efs", ""}},
    {512 + 28, "\0\7\x29\x5a"sv, {kFiles, "efs", ""}},
    {512, "/\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv, {kFiles, "qnx4", ""}},
    {8192, "\x22\x11\x19\x68"sv, {kFiles, "qnx6", ""}},
    {512 + 504, "\x20\x7e\x18\xfd"sv, {kFiles, "sysv", ""}},
    {1024 + 1016, "\x44\x55\x2b\0"sv, {kFiles, "sysv", ""}},
    {0, "DOS\0"sv, {kFiles, "affs", ""}},
    {0, "DOS\1"sv, {kFiles, "affs", ""}},
    {0, "DOS\2"sv, {kFiles, "affs", ""}},
    {0, "DOS\3"sv, {kFiles, "affs", ""}},
    {0, "sqsh"sv, {kFiles, "squashfs of the other byte order", ""}},
};

}  // namespace

const Signature* find_signature(const BlockReader& device, bool file_systems) {
  constexpr std::size_t kLongest = 32;
  // The beginning holds most of them.
  const Block<4608> start(device, 0);
  for (const Place& place : kPlaces) {
    if ((place.what.kind == kFiles) != file_systems) continue;
    const std::size_t length = place.bytes.size();
    if (place.at >= 0 && static_cast<std::size_t>(place.at) + length <= 4608) {
      if (start.has(static_cast<std::size_t>(place.at), place.bytes)) return &place.what;
      continue;
    }
    const auto back = static_cast<std::uint64_t>(-place.at);
    if (place.at < 0 && device.size < back) continue;
    const std::uint64_t at =
        place.at < 0 ? device.size - back : static_cast<std::uint64_t>(place.at);
    const Block<kLongest> there(device, at);
    if (there.has(0, place.bytes)) return &place.what;
  }
  return nullptr;
}

}  // namespace lkl::tool
