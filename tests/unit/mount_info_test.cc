// SPDX-License-Identifier: GPL-2.0
#include "base/mount_info.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>
#include <filesystem>

#include "support/mounted.h"

namespace lkl::tool {
namespace {

TEST(MountInfo, IsReadByItsSpaces) {
  const auto mounts = parse_mount_info(
      "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 propagate_from:2 - ext3 /dev/root rw,errors=x\n"
      "37 35 0:40 / /no-tags rw - fuse.lklfuse  rw,user_id=7\n"
      "38 35 0:41 / /cut rw\n"
      "39 35 0:42 / /end rw - tmpfs none rw");
  ASSERT_EQ(mounts.size(), 3u);
  EXPECT_EQ(mounts[0].device, "98:0");
  EXPECT_EQ(mounts[0].root, "/mnt1");
  EXPECT_EQ(mounts[0].point, "/mnt2");
  EXPECT_EQ(mounts[0].type, "ext3");
  EXPECT_EQ(mounts[0].source, "/dev/root");
  EXPECT_EQ(mounts[0].options, "rw,errors=x");
  // without a source
  EXPECT_EQ(mounts[1].type, "fuse.lklfuse");
  EXPECT_EQ(mounts[1].source, "");
  EXPECT_EQ(mounts[1].options, "rw,user_id=7");
  EXPECT_EQ(mounts[2].point, "/end");
}

TEST(MountInfo, NamesAreWithoutEscapes) {
  const auto mounts = parse_mount_info(
      "1 2 0:1 /sub\\040volume /a\\011b\\012c\\134040d\\043 rw - btrfs /dev/a\\040b rw\n"
      "1 2 0:1 / /\\0409\\08\\ rw - x y z\n");
  ASSERT_EQ(mounts.size(), 2u);
  EXPECT_EQ(mounts[0].root, "/sub volume");
  EXPECT_EQ(mounts[0].point, "/a\tb\nc\\040d#");
  EXPECT_EQ(mounts[0].source, "/dev/a b");
  EXPECT_EQ(mounts[1].point, "/ 9\\08\\");
}

TEST(MountInfo, OfTheHost) {
  const bool mounted = lkl_test::with_mount("tmpfs", nullptr, [](const std::string& point) {
    const std::string odd = point + "/a b\\040\n#";
    std::filesystem::create_directory(odd);
    ASSERT_EQ(mount("the source", odd.c_str(), "tmpfs", 0, nullptr), 0);
    const auto mounts = host_mounts();
    const auto found = std::find_if(mounts.begin(), mounts.end(),
                                    [&](const MountInfo& one) { return one.point == odd; });
    ASSERT_NE(found, mounts.end());
    EXPECT_EQ(found->type, "tmpfs");
    EXPECT_EQ(found->source, "the source");
  });
  if (!mounted) GTEST_SKIP() << "this host lets us mount nothing";
}

}  // namespace
}  // namespace lkl::tool
