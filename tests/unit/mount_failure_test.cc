// SPDX-License-Identifier: GPL-2.0
// Why a mount failed, from what the kernel says. The lines are the kernel's own.
#include "session/mount_failure.h"

#include <gtest/gtest.h>

using namespace lkl::tool;

namespace {

std::error_code error(std::errc code) {
  return std::make_error_code(code);
}

MountAttempt attempt(const std::string& type, std::errc code, std::vector<std::string> log,
                     const std::string& data = "") {
  MountAttempt made{type, error(code), data, std::move(log), {}, {}};
  made.contents.kind = Contents::Kind::kFileSystem;
  made.contents.type = type;
  return made;
}

std::string explained(const std::string& type, std::errc code, std::vector<std::string> log,
                      const std::string& data = "") {
  return explain(attempt(type, code, std::move(log), data));
}

constexpr std::errc kInvalid = std::errc::invalid_argument;

TEST(MountFailure, OptionsThatAreNone) {
  for (const char* line :
       {"btrfs: Unknown parameter 'nosuch'", "BTRFS error: unrecognized mount option 'nosuch'",
        "EXT4-fs (vda): Unrecognized mount option \"nosuch\" or missing value"})
    EXPECT_EQ(explained("btrfs", kInvalid, {line}),
              "; btrfs knows no mount option 'nosuch': leave it out, or see its manual page");
  EXPECT_EQ(explained("ext4", kInvalid, {"ext4: Bad value for 'commit'"}),
            "; the mount option 'commit' cannot have this value");
  EXPECT_EQ(explained("vfat", kInvalid, {"FAT-fs (vda): IO charset x not found"}),
            "; this kernel does not have the character set");
}

TEST(MountFailure, PartsThatAreMissing) {
  const auto none = std::errc::no_such_file_or_directory;
  EXPECT_EQ(explained("btrfs", none, {}, "ro,subvol=a/b,x"), "; it has no subvolume 'a/b'");
  EXPECT_EQ(explained("btrfs", none, {}, "subvolid=300"), "; it has no subvolume of the id 300");
  EXPECT_NE(explained("btrfs", none,
                      {"BTRFS error (device vda): devid 2 uuid 3a is missing",
                       "BTRFS error (device vda): failed to read chunk tree: -2",
                       "BTRFS error (device vda): open_ctree failed: -2"})
                .find("name the others with -a"),
            std::string::npos);
}

TEST(MountFailure, WhatTheKernelDoesNotSupport) {
  EXPECT_EQ(explained("ext4", kInvalid, {"EXT4-fs (vda): bad block size 65536"}),
            "; it has blocks of 65536 bytes, which this kernel does not support");
  EXPECT_EQ(explained("btrfs", kInvalid,
                      {"BTRFS error (device vda): sectorsize 65536 not yet supported for page size "
                       "4096"}),
            "; it has sectors of 65536 bytes, which this kernel does not support");
  EXPECT_EQ(explained("ext4", kInvalid,
                      {"EXT4-fs (vda): Couldn't mount because of unsupported optional features "
                       "(80001)"}),
            "; it has features that this kernel does not support: compression, 0x80000");
  EXPECT_EQ(
      explained("ext4", kInvalid,
                {"EXT4-fs (vda): couldn't mount RDWR because of unsupported optional features "
                 "(800)"}),
      "; it has features that this kernel does not support: replica; it can be read, with "
      "--ro");
  EXPECT_EQ(
      explained("btrfs", kInvalid,
                {"BTRFS error (device vda): cannot mount because of unknown incompat features "
                 "(0x5000)"}),
      "; it has features that this kernel does not support: zoned, raid-stripe-tree");
  EXPECT_EQ(explained("squashfs", kInvalid,
                      {"squashfs: Filesystem uses \"lzma\" compression. This is not supported"}),
            "; it uses the compression lzma, which this kernel does not support");
}

TEST(MountFailure, DamageWhereTheKernelSpeaksOfIt) {
  EXPECT_EQ(explained("ext4", std::errc::bad_message, {}),
            "; it may be damaged: check it with e2fsck -n");
  EXPECT_EQ(
      explained("btrfs", kInvalid, {"BTRFS error (device vda): superblock checksum mismatch"}),
      "; it may be damaged: check it with btrfs check");
  // This line follows every failure.
  EXPECT_EQ(explained("btrfs", kInvalid, {"BTRFS error (device vda): open_ctree failed: -22"}), "");
  EXPECT_EQ(explained("ext4", kInvalid, {"EXT4-fs (vda): mount failed"}), "");
}

TEST(MountFailure, OtherContents) {
  MountAttempt made = attempt("vfat", kInvalid, {"FAT-fs (vda): invalid media value (0x00)"});
  made.contents.type = "ext3";
  EXPECT_EQ(explain(made), "; it looks like ext3: leave -t out");
  made.contents = {};
  EXPECT_EQ(explain(made), "; no file system is recognised there");
  made = attempt("ext4", std::errc::bad_message, {});
  made.contents.type = "ext2";
  Contents other;
  other.kind = Contents::Kind::kFileSystem;
  other.type = "btrfs";
  made.contents.also.push_back(other);
  EXPECT_NE(explain(made).find("-t btrfs takes it for that"), std::string::npos) << explain(made);
}

TEST(MountFailure, OthersThatAreNoDamage) {
  EXPECT_NE(explained("ext4", std::errc::not_enough_memory, {"EXT4-fs (vda): mount failed"})
                .find("more with -m"),
            std::string::npos);
  EXPECT_NE(explained("ext4", std::errc::read_only_file_system,
                      {"EXT4-fs (vda): write access unavailable, cannot proceed"})
                .find("read-only"),
            std::string::npos);
}

}  // namespace
