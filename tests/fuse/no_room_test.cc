// SPDX-License-Identifier: GPL-2.0
//
// What a file system runs out of besides bytes: links, and room for names.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "fuse/files.h"
#include "fuse/fuse_test.h"

namespace lkl_fuse_test {

namespace {

constexpr nlink_t kMostLinks = 65000;  // of ext4

void set_links(const std::string& file, int links) {
  shell("debugfs -w -R 'set_inode_field " + file + " links_count " + std::to_string(links) +
        "' e.img 2>/dev/null");
}

}  // namespace

class MountNoRoomTest : public FuseTest {};

// Counts near the limit are written to the image: to make so many links takes a while.
TEST_F(MountNoRoomTest, AsManyLinksAsExt4Counts) {
  shell("mkdir -p tree/full && (cd tree/full && seq 200 | xargs mkdir) && echo x >tree/f");
  shell("mke2fs -q -F -t ext4 -b 1024 -O ^dir_nlink -d tree e.img 16M");
  shell_status("e2fsck -fyD e.img");  // an index, without which directories count in any case
  check_ext4("e.img");
  set_links("/f", kMostLinks - 1);
  set_links("/full", kMostLinks - 1);
  ASSERT_EQ(mount("e.img"), "");
  EXPECT_EQ(link("m/f", "m/f2"), 0);
  EXPECT_EQ(status_of("m/f").st_nlink, kMostLinks);
  EXPECT_EQ(link("m/f", "m/f3"), -1);
  EXPECT_EQ(errno, EMLINK);
  EXPECT_EQ(mkdir("m/full/last", 0755), 0);
  EXPECT_EQ(mkdir("m/full/more", 0755), -1);
  EXPECT_EQ(errno, EMLINK);
  EXPECT_EQ(mkdir("m/other", 0755), 0);
  EXPECT_EQ(rename("m/other", "m/full/other"), -1);
  EXPECT_EQ(errno, EMLINK);
  // What has failed is not there, and did not cost what there was.
  EXPECT_EQ(access("m/f3", F_OK), -1);
  EXPECT_EQ(access("m/full/more", F_OK), -1);
  EXPECT_EQ(get("m/f2"), "x\n");
  EXPECT_EQ(unlink("m/f2"), 0);
  EXPECT_EQ(link("m/f", "m/f3"), 0);
  EXPECT_EQ(rmdir("m/full/last"), 0);
  EXPECT_EQ(rename("m/other", "m/full/other"), 0);
  umount();

  shell("tune2fs -O dir_nlink e.img");
  ASSERT_EQ(mount("e.img"), "");
  EXPECT_EQ(mkdir("m/full/more", 0755), 0);
  EXPECT_EQ(status_of("m/full").st_nlink, 1u);  // not counted any more
  EXPECT_EQ(shell("find m/full -mindepth 1 -type d | wc -l"), "202\n");
  umount();
  set_links("/f", 2);
  set_links("/full", 204);
  check_ext4("e.img");
}

TEST_F(MountNoRoomTest, SlowAllLinksOfAFile) {
  shell("mke2fs -q -F -t ext4 e.img 64M");
  ASSERT_EQ(mount("e.img"), "");
  put("m/f", "one");
  mkdir("m/d", 0755);
  const auto name = [](nlink_t i) { return "m/d/" + std::to_string(i); };
  for (nlink_t i = 1; i < kMostLinks; ++i) ASSERT_EQ(link("m/f", name(i).c_str()), 0) << i;
  EXPECT_EQ(link("m/f", "m/more"), -1);
  EXPECT_EQ(errno, EMLINK);
  EXPECT_EQ(unlink("m/f"), 0);
  EXPECT_EQ(link(name(1).c_str(), "m/more"), 0);
  umount();
  check_ext4("e.img");
  ASSERT_EQ(mount("e.img"), "");
  EXPECT_EQ(status_of("m/more").st_nlink, kMostLinks);
  EXPECT_EQ(get(name(kMostLinks - 1).c_str()), "one");
  shell("rm -r m/d");
  EXPECT_EQ(status_of("m/more").st_nlink, 1u);
  umount();
  check_ext4("e.img");
}

// All room but what names have taken first is given to data, of which hardly any is left: what was
// accepted is there, and removing gives room again.
TEST_F(MountNoRoomTest, NamesOnBtrfs) {
  shell("truncate -s 140M b.img && mkfs.btrfs -q -m single b.img >/dev/null");
  ASSERT_EQ(mount("b.img"), "");
  mkdir("m/d", 0755);
  // Each takes a block of 16 KiB that names are stored in.
  constexpr std::size_t kMuch = 12'000, kFirst = 400, kMost = 5000;
  std::vector<std::string> accepted;
  const auto text_of = [](std::size_t i) {
    return std::string(100 + i, static_cast<char>('a' + i % 26));
  };
  const auto make_until = [&](std::size_t count) {
    while (accepted.size() < count) {
      const std::size_t i = accepted.size();
      const std::string name = "m/d/" + std::to_string(i), text = text_of(i), value(kMuch, 'v');
      const int fd = open(name.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0644);
      int error = 0;
      if (fd < 0 || fsetxattr(fd, "user.much", value.data(), value.size(), 0) != 0 ||
          write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        error = errno;
      if (fd >= 0 && close(fd) != 0 && error == 0) error = errno;
      if (error != 0) return error;
      accepted.push_back(name);
    }
    return 0;
  };
  EXPECT_EQ(make_until(kFirst), 0);
  shell_status("head -c 200M /dev/urandom >m/big; sync m/big");
  ASSERT_EQ(truncate("m/big", 10 << 20), 0) << strerror(errno);
  umount();
  ASSERT_EQ(mount("b.img"), "");
  EXPECT_EQ(make_until(kMost), ENOSPC);
  umount();
  check_btrfs("b.img");
  ASSERT_EQ(mount("b.img"), "");
  for (std::size_t i = 0; i < accepted.size(); ++i) {
    ASSERT_EQ(get(accepted[i].c_str()), text_of(i));
    ASSERT_EQ(getxattr(accepted[i].c_str(), "user.much", nullptr, 0), static_cast<ssize_t>(kMuch));
  }
  for (std::size_t i = 0; i < accepted.size(); i += 2)
    ASSERT_EQ(unlink(accepted[i].c_str()), 0) << strerror(errno);
  umount();
  check_btrfs("b.img");
  ASSERT_EQ(mount("b.img"), "");
  put("m/d/again", "there is room");
  EXPECT_EQ(get("m/d/again"), "there is room");
  umount();
  check_btrfs("b.img");
}

}  // namespace lkl_fuse_test
