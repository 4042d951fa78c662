// SPDX-License-Identifier: GPL-2.0
//
// Operating systems in subvolumes of a btrfs, laid out as distributions do.
#include <fcntl.h>
#include <linux/btrfs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "fuse/fuse_test.h"

namespace lkl_fuse_test {
namespace {

using Json = nlohmann::json;

class SubvolumeTest : public FuseTest {
 protected:
  void SetUp() override {
    FuseTest::SetUp();
    if (IsSkipped()) return;
    make_btrfs("b.img");
    ASSERT_EQ(mount("b.img"), "");
  }

  // In the mount.
  static void make_subvolume(const std::string& parent, const std::string& name) {
    const int fd = open(("m/" + parent).c_str(), O_RDONLY | O_DIRECTORY);
    btrfs_ioctl_vol_args arguments = {};
    std::memcpy(arguments.name, name.data(), name.size());
    EXPECT_EQ(ioctl(fd, BTRFS_IOC_SUBVOL_CREATE, &arguments), 0) << strerror(errno);
    close(fd);
  }
  void make_root(const std::string& directory, const std::string& id) const {
    shell("mkdir -p m/" + directory + "/etc && cd m/" + directory + "/etc && echo " + id +
          "box >hostname && echo ID=" + id +
          " >os-release && echo UUID=" + strip(shell("blkid -p -s UUID -o value b.img")) +
          " / btrfs subvol=" + directory + " 0 0 >fstab");
  }
  // They are numbered from 256 on in the order they are made.
  static void set_default(std::uint64_t id) {
    const int fd = open("m", O_RDONLY | O_DIRECTORY);
    EXPECT_EQ(ioctl(fd, BTRFS_IOC_DEFAULT_SUBVOL, &id), 0) << strerror(errno);
    close(fd);
  }
  static std::string strip(std::string text) {
    text.erase(std::remove(text.begin(), text.end(), '\n'), text.end());
    return text;
  }
  // Unmounts, and lets btrfs check what was made.
  Json systems() {
    umount();
    check_btrfs("b.img");
    return Json::parse(lkl_ok({"info", "--json", "b.img"}))[0]["operating_systems"];
  }
  static void expect_system(const Json& system, const std::string& id,
                            const std::string& subvolume) {
    EXPECT_EQ(system["distro"], id);
    EXPECT_EQ(system["hostname"], id + "box");
    EXPECT_EQ(system["root"], "b.img");
    EXPECT_EQ(system.value("subvolume", ""), subvolume);
    ASSERT_EQ(system["mountpoints"].size(), 1U);
    EXPECT_EQ(system["mountpoints"][0]["device"], "b.img");
  }
};

// The default subvolume is the top level.
TEST_F(SubvolumeTest, AtAndHome) {
  make_subvolume("", "@");
  make_subvolume("", "@home");
  make_root("@", "ubuntu");
  const Json all = systems();
  ASSERT_EQ(all.size(), 1U) << all;
  expect_system(all[0], "ubuntu", "@");
  const std::string text = lkl_ok({"info", "b.img"});
  EXPECT_NE(text.find("subvolume @\n"), std::string::npos) << text;
}

TEST_F(SubvolumeTest, SeveralSystems) {
  make_subvolume("", "root");
  make_subvolume("", "home");
  make_subvolume("", "@rootfs");
  make_root("root", "fedora");
  make_root("@rootfs", "debian");
  // Directories and links are none, and what is further down is none of its own.
  make_root("directory", "no");
  make_root("home/backup", "no");
  shell("ln -s root m/link");
  const Json all = systems();
  ASSERT_EQ(all.size(), 2U) << all;
  expect_system(all[0], "debian", "@rootfs");
  expect_system(all[1], "fedora", "root");
}

TEST_F(SubvolumeTest, TheDefaultIsTheRoot) {
  make_subvolume("", "@");
  make_subvolume("@", ".snapshots");
  shell("mkdir m/@/.snapshots/1");
  make_subvolume("@/.snapshots/1", "snapshot");
  make_subvolume("", "@old");
  make_root("@/.snapshots/1/snapshot", "opensuse");
  make_root("@old", "old");
  set_default(258);
  const Json all = systems();
  ASSERT_EQ(all.size(), 1U) << all;
  expect_system(all[0], "opensuse", "@/.snapshots/1/snapshot");
}

// Links of a system end in its subvolume, whatever is mounted.
TEST_F(SubvolumeTest, TheDefaultIsAnother) {
  make_subvolume("", "@");
  make_subvolume("", "@home");
  make_root("@", "arch");
  shell(
      "mkdir -p m/@/usr/lib && mv m/@/etc/os-release m/@/usr/lib/ && "
      "ln -s /usr/lib/os-release m/@/etc/os-release");
  shell("mkdir -p m/usr/lib && echo ID=wrong >m/usr/lib/os-release");
  set_default(257);
  const Json all = systems();
  ASSERT_EQ(all.size(), 1U) << all;
  expect_system(all[0], "arch", "@");
  // What was mounted for that is gone: the image is free again.
  lkl_ok({"write", "--text", "x", "b.img", "/f"});
  check_btrfs("b.img");
}

// A system at the top is the system, and what is in subvolumes are copies.
TEST_F(SubvolumeTest, TheTopIsTheRoot) {
  make_subvolume("", "@");
  make_root("@", "copy");
  make_root(".", "slackware");
  const Json all = systems();
  ASSERT_EQ(all.size(), 1U) << all;
  expect_system(all[0], "slackware", "");
}

}  // namespace
}  // namespace lkl_fuse_test
