// SPDX-License-Identifier: GPL-2.0
//
// The C++ face of the library, on a real kernel: ownership, errors in both forms, files,
// directories and disks.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <lkl.hpp>
#include <numeric>
#include <set>

#include "support/host_tools.h"

namespace {

static_assert(!std::is_copy_constructible_v<lkl::Kernel> && !std::is_copy_assignable_v<lkl::Disk>);
static_assert(std::is_nothrow_move_constructible_v<lkl::File>);
static_assert(std::is_nothrow_move_constructible_v<lkl::Mount>);
static_assert(std::input_iterator<lkl::Dir::iterator>);

class HppTest : public testing::Test {
 protected:
  void SetUp() override { kernel_ = lkl::Kernel::boot({.memory = 128 << 20, .print = nullptr}); }

  static std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
  }

  // A new ext4 image in memory, made by mke2fs.
  static std::vector<std::byte> ext4_image() {
    const lkl_test::TempDir dir;
    const std::string name = dir / "image";
    EXPECT_EQ(lkl_test::run("mke2fs -q -F -t ext4 " + name + " 16M"), 0);
    std::ifstream file(name, std::ios::binary);
    const std::string contents(std::istreambuf_iterator<char>(file), {});
    const auto raw = std::as_bytes(std::span(contents));
    return {raw.begin(), raw.end()};
  }

  // What debugfs says to a request.
  static std::string said(std::span<const std::byte> image, const std::string& request) {
    const lkl_test::TempDir dir;
    const std::string name = dir / "image";
    std::ofstream(name, std::ios::binary)
        .write(reinterpret_cast<const char*>(image.data()),
               static_cast<std::streamsize>(image.size()));
    std::string text;
    EXPECT_EQ(lkl_test::run("debugfs -R '" + request + "' " + name, &text), 0);
    return text;
  }

  lkl::Kernel kernel_;
};

TEST_F(HppTest, OneKernelAtATime) {
  EXPECT_TRUE(kernel_);
  std::error_code ec;
  EXPECT_FALSE(lkl::Kernel::boot({}, ec));
  EXPECT_EQ(ec, std::errc::device_or_resource_busy);
  EXPECT_TRUE(lkl_is_running());  // the attempt did not harm it

  lkl::Kernel other = std::move(kernel_);
  EXPECT_TRUE(other);
  EXPECT_FALSE(kernel_);
  EXPECT_FALSE(other.halt());
  EXPECT_FALSE(lkl_is_running());
  std::string log;
  kernel_ =
      lkl::Kernel::boot({.loglevel = 8, .print = [&](std::string_view text) { log += text; }});
  EXPECT_NE(log.find("Linux version"), std::string::npos);
  EXPECT_FALSE(kernel_.halt());
  kernel_ = lkl::Kernel::boot({.print = nullptr});  // and again
  EXPECT_TRUE(lkl_is_running());
}

TEST_F(HppTest, ErrorsInBothForms) {
  std::error_code ec;
  lkl::File(std::string("/none"), LKL_O_RDONLY, 0, ec);
  EXPECT_EQ(ec, std::errc::no_such_file_or_directory);
  EXPECT_EQ(ec.value(), LKL_ENOENT);
  EXPECT_STREQ(ec.category().name(), "lkl");
  EXPECT_FALSE(ec.message().empty());
  try {
    lkl::File file("/none", LKL_O_RDONLY);
    FAIL() << "opened a file that is not there";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), ec);
    EXPECT_NE(std::string(error.what()).find("/none"), std::string::npos);
  }
  lkl::mkdir("/dir", 0755);
  lkl::mkdir("/dir", 0755, ec);
  EXPECT_EQ(ec, std::errc::file_exists);
  EXPECT_THROW(lkl::mkdir("/dir", 0755), std::system_error);
  lkl::rmdir("/dir", ec);
  EXPECT_FALSE(ec);
}

TEST_F(HppTest, FilesReadBackWhatWasWritten) {
  lkl::File file("/file", LKL_O_RDWR | LKL_O_CREAT, 0600);
  file.write_all(bytes("hello, world"));
  EXPECT_EQ(file.seek(0, LKL_SEEK_CUR), 12U);
  EXPECT_EQ(file.write_at(bytes("W"), 7), 1U);
  file.seek(0, LKL_SEEK_SET);
  std::array<std::byte, 32> buffer = {};
  EXPECT_EQ(file.read(buffer), 12U);
  EXPECT_EQ(std::string(reinterpret_cast<char*>(buffer.data())), "hello, World");
  EXPECT_EQ(file.read(buffer), 0U);
  EXPECT_EQ(file.read_at(std::span(buffer).first(5), 7), 5U);
  file.truncate(5);
  file.sync();
  EXPECT_EQ(file.stat().size, 5U);
  EXPECT_EQ(file.stat().mode & 07777, 0600U);
  EXPECT_TRUE(file.stat().is_regular());
  EXPECT_FALSE(file.close());
  EXPECT_FALSE(file);
  std::error_code ec;
  file.read(buffer, ec);
  EXPECT_EQ(ec, std::errc::bad_file_descriptor);
}

TEST_F(HppTest, PathCalls) {
  lkl::mkdir("/d", 0700);
  lkl::File("/d/a", LKL_O_WRONLY | LKL_O_CREAT);
  lkl::link("/d/a", "/d/b");
  EXPECT_EQ(lkl::stat("/d/a").nlink, 2U);
  EXPECT_EQ(lkl::stat("/d/a").inode, lkl::stat("/d/b").inode);
  lkl::symlink("a", "/d/s");
  EXPECT_EQ(lkl::readlink("/d/s"), "a");
  EXPECT_TRUE(lkl::lstat("/d/s").is_symlink());
  EXPECT_TRUE(lkl::stat("/d/s").is_regular());
  lkl::chmod("/d/a", 0640);
  lkl::lchown("/d/a", 12, 34);
  EXPECT_EQ(lkl::stat("/d/a").mode & 07777, 0640U);
  EXPECT_EQ(lkl::stat("/d/a").uid, 12U);
  EXPECT_EQ(lkl::stat("/d/a").gid, 34U);
  lkl::rename("/d/b", "/d/c");
  lkl::unlink("/d/a");
  EXPECT_EQ(lkl::stat("/d/c").nlink, 1U);
}

// What the calls have put into an image, as debugfs reads it.
TEST_F(HppTest, AttributesAreInTheImage) {
  std::vector<std::byte> image = ext4_image();
  {
    lkl::Disk disk = lkl::Disk::from_memory(image);
    lkl::Mount mount(disk, {.type = "ext4"});
    const std::string file = mount / "file";
    lkl::File(file, LKL_O_WRONLY | LKL_O_CREAT).write_all(bytes("12345678"));
    lkl::truncate(file, 54321);
    lkl::lutimens(file, {0x11111111, 0}, {0x22222222, 999'999'999});
    lkl::mknod(mount / "device", LKL_S_IFCHR | 0600, 259, 77777);
    lkl::mknod(mount / "fifo", LKL_S_IFIFO | 0600);
    const lkl::Stat device = lkl::stat(mount / "device");
    EXPECT_EQ(device.rdev_major, 259U);
    EXPECT_EQ(device.rdev_minor, 77777U);
    EXPECT_EQ(lkl::stat(file).modified, (lkl::Timestamp{0x22222222, 999'999'999}));

    lkl::lsetxattr(file, "user.one", bytes("value"));
    lkl::lsetxattr(file, "user.empty", {});
    lkl::lsetxattr(file, "user.large", std::vector<std::byte>(900, std::byte{'L'}));
    std::error_code ec;
    lkl::lsetxattr(file, "user.one", bytes("x"), LKL_XATTR_CREATE, ec);
    EXPECT_EQ(ec, std::errc::file_exists);
    const auto names = lkl::llistxattr(file);
    EXPECT_EQ(std::set<std::string>(names.begin(), names.end()),
              (std::set<std::string>{"user.one", "user.empty", "user.large"}));
    EXPECT_TRUE(std::ranges::equal(lkl::lgetxattr(file, "user.one"), bytes("value")));
    EXPECT_EQ(lkl::lgetxattr(file, "user.large").size(), 900U);
    EXPECT_TRUE(lkl::lgetxattr(file, "user.empty", ec).empty());
    EXPECT_FALSE(ec);
    lkl::lremovexattr(file, "user.large");
    EXPECT_TRUE(lkl::lgetxattr(file, "user.large", ec).empty());
    EXPECT_EQ(ec.value(), LKL_ENODATA);
    EXPECT_THROW(lkl::lremovexattr(file, "user.large"), std::system_error);
    EXPECT_TRUE(lkl::llistxattr(mount / "fifo").empty());

    const lkl::FileSystemStat all = lkl::statfs(mount / "");
    EXPECT_EQ(all.type, 0xEF53U);
    EXPECT_EQ(all.inodes - all.inodes_free, 11U + 3);  // those of mke2fs, and three more
    EXPECT_LE(all.blocks * all.block_size, 16U << 20);
    EXPECT_LT(all.blocks_available, all.blocks_free);
    EXPECT_EQ(all.name_length, 255U);
    lkl::statfs("/none", ec);
    EXPECT_EQ(ec, std::errc::no_such_file_or_directory);
  }
  const std::string file = said(image, "stat file");
  EXPECT_NE(file.find("Size: 54321\n"), std::string::npos) << file;
  EXPECT_NE(file.find("atime: 0x11111111"), std::string::npos) << file;
  EXPECT_NE(file.find("mtime: 0x22222222"), std::string::npos) << file;
  const std::string device = said(image, "stat device");
  EXPECT_NE(device.find("Type: character special"), std::string::npos) << device;
  EXPECT_NE(device.find("259:77777"), std::string::npos) << device;
  EXPECT_NE(said(image, "stat fifo").find("Type: FIFO"), std::string::npos);
  const std::string attributes = said(image, "ea_list file");
  EXPECT_NE(attributes.find("user.one (5) = \"value\""), std::string::npos) << attributes;
  EXPECT_NE(attributes.find("user.empty (0)"), std::string::npos) << attributes;
  EXPECT_EQ(attributes.find("user.large"), std::string::npos) << attributes;
}

TEST_F(HppTest, DirectoriesLargerThanTheBuffer) {
  lkl::mkdir("/many", 0755);
  std::set<std::string> expected;
  for (int i = 0; i < 3000; i++) {
    const std::string name = "a-name-of-some-length-" + std::to_string(i);
    lkl::File("/many/" + name, LKL_O_WRONLY | LKL_O_CREAT);
    expected.insert(name);
  }
  std::set<std::string> found;
  for (const lkl::DirEntry& entry : lkl::Dir("/many"))
    EXPECT_TRUE(found.insert(entry.name).second) << entry.name;
  EXPECT_EQ(found, expected);
  std::error_code ec;
  lkl::Dir none("/none", ec);
  EXPECT_EQ(ec, std::errc::no_such_file_or_directory);
}

TEST_F(HppTest, DiskInMemoryKeepsItsFileSystem) {
  std::vector<std::byte> image = ext4_image();
  {
    lkl::Disk disk = lkl::Disk::from_memory(image, {.serial = "memory-1"});
    EXPECT_NE(disk.device(), 0U);
    std::error_code ec;
    disk.device(5, ec);
    EXPECT_TRUE(ec);
    lkl::Mount mount(disk, {.type = "ext4"});
    lkl::File file(mount / "file", LKL_O_WRONLY | LKL_O_CREAT);
    file.write_all(bytes("kept"));
    // Busy as long as the file is open.
    lkl::Mount moved = std::move(mount);
    EXPECT_FALSE(mount);
    file.close();
    EXPECT_FALSE(moved.umount());
    EXPECT_FALSE(disk.remove());
  }
  lkl::Disk disk = lkl::Disk::from_memory(image, {.read_only = true});
  lkl::Mount mount(disk, {.type = "ext4", .flags = LKL_MS_RDONLY});
  std::array<std::byte, 8> buffer = {};
  EXPECT_EQ(lkl::File(mount / "/file", LKL_O_RDONLY).read(buffer), 4U);
  EXPECT_EQ(std::string(reinterpret_cast<char*>(buffer.data())), "kept");
  std::error_code ec;
  lkl::File(mount / "file", LKL_O_WRONLY, 0, ec);
  EXPECT_EQ(ec, std::errc::read_only_file_system);
}

TEST_F(HppTest, UmountOfABusyFileSystemFails) {
  std::vector<std::byte> image = ext4_image();
  lkl::Disk disk = lkl::Disk::from_memory(image);
  lkl::Mount mount(disk, {.type = "ext4", .umount_timeout_ms = 20});
  lkl::File file(mount / "file", LKL_O_WRONLY | LKL_O_CREAT);
  EXPECT_EQ(mount.umount(), std::errc::device_or_resource_busy);
  EXPECT_TRUE(mount);
  file.close();
  EXPECT_FALSE(mount.umount());
}

TEST_F(HppTest, WrongMountsAndDisks) {
  std::error_code ec;
  lkl::Disk::open("/nonexistent/image", {}, ec);
  EXPECT_EQ(ec, std::errc::no_such_file_or_directory);
  EXPECT_EQ(ec.category(), std::system_category());
  std::vector<std::byte> empty(1 << 20);
  lkl::Disk disk = lkl::Disk::from_memory(empty);
  EXPECT_FALSE(lkl::Mount(disk, {.type = "ext4"}, ec));
  EXPECT_EQ(ec, std::errc::invalid_argument);
  EXPECT_THROW(lkl::Mount(disk, {.type = "nosuchfs"}), std::system_error);
}

// Every errno of the kernel that has a portable meaning has it here too.
TEST(HppErrors, MapToTheHostsConditions) {
  // On a Linux host the numbers are the same, and so the host's own table is the judge.
  for (int number = 1; number < 134; number++) {
    const std::error_code ours(number, lkl::category());
    const std::error_condition theirs =
        std::error_code(number, std::system_category()).default_error_condition();
    if (theirs.category() == std::generic_category()) {
      EXPECT_EQ(ours, theirs) << number << " " << ours.message();
    }
  }
}

}  // namespace
