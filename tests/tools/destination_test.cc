// SPDX-License-Identifier: GPL-2.0
//
// What is written to when the command line names it, and what is not: devices and fifos, devices
// and images that others use. And sources that are no plain files.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "tool_test.h"

namespace lkl::tool_test {
namespace {

class DestinationTest : public ToolTest {
 protected:
  void SetUp() override {
    ToolTest::SetUp();
    write_file("f", "hello\n");
    make_ext4("e.img", "16M");
    lkl_ok({"cp", "f", "e.img:/f"});
  }
  void TearDown() override {
    if (mounted_) shell_status("umount m");
    if (loop_) shell_status("losetup -d " + *loop_);
    ToolTest::TearDown();
  }

  // A loop device with the file behind it; none where there are none.
  std::optional<std::string> loop_on(const std::string& file) {
    const Result result = shell_status("losetup -f --show " + file + " 2>/dev/null");
    if (result.status != 0) return std::nullopt;
    loop_ = result.out.substr(0, result.out.find('\n'));
    return loop_;
  }
  bool mount_loop() {
    mounted_ = shell_status("mkdir m && mount " + *loop_ + " m").status == 0;
    return mounted_;
  }

 private:
  std::optional<std::string> loop_;
  bool mounted_ = false;
};

TEST_F(DestinationTest, DevicesStayWhatTheyAre) {
  if (shell_status("mknod -m 600 null c 1 3 && echo >null").status != 0)
    GTEST_SKIP() << "only root makes device nodes";
  lkl_ok({"cp", "e.img:/f", "null"});
  lkl_ok({"cp", "-r", "e.img:/f", "null"});
  lkl_ok({"cp", "-f", "e.img:/f", "null"});
  EXPECT_EQ(shell("stat -c '%F %a %t:%T' null"), "character special file 600 1:3\n");
  shell("mkdir d && mv null d/f && ln -s d/f link");
  lkl_ok({"cp", "e.img:/f", "d"});
  lkl_ok({"cp", "e.img:/f", "link"});
  EXPECT_EQ(shell("stat -c %F d/f link"), "character special file\nsymbolic link\n");
  // Below what is named, it is the image that says which names are written.
  lkl_ok({"cp", "-r", "e.img:/.", "d"});
  EXPECT_EQ(shell("stat -c %F d/f && cat d/f"), "regular file\nhello\n");
  // A device that takes nothing.
  shell("mknod full c 1 7");
  expect_failure({"cp", "e.img:/f", "full"}, 1, "full: the character device is full");
  EXPECT_EQ(shell("stat -c %F full"), "character special file\n");
}

TEST_F(DestinationTest, AFifoIsWrittenTo) {
  shell("mkfifo fifo");
  Process reader({"cat", "fifo"}, false);
  lkl_ok({"cp", "e.img:/f", "fifo"});
  EXPECT_EQ(reader.finish().out, "hello\n");
  EXPECT_EQ(shell("stat -c %F fifo"), "fifo\n");
  // While nobody reads it waits, and a signal ends that.
  Process waiting({LKL_TOOL_PATH, "cp", "e.img:/f", "fifo"}, false);
  EXPECT_EQ(shell("timeout 1 cat fifo >/dev/null; echo $?").find("124"), std::string::npos);
  waiting.finish();
}

TEST_F(DestinationTest, ABlockDeviceIsWrittenTo) {
  shell("truncate -s 1M l.img && head -c 600000 /dev/urandom >noise && truncate -s 700000 noise");
  const auto loop = loop_on("l.img");
  if (!loop) GTEST_SKIP() << "no loop devices here";
  lkl_ok({"cp", "noise", "e.img:/noise"});
  lkl_ok({"cp", "e.img:/noise", *loop});
  EXPECT_EQ(shell("stat -c %F " + *loop), "block special file\n");
  EXPECT_EQ(shell("cmp -n 700000 noise " + *loop + " && echo same"), "same\n");
  write_noise("big", 2'000'000, 1);
  lkl_ok({"cp", "big", "e.img:/big"});
  expect_failure({"cp", "e.img:/big", *loop}, 1, "the block device is full");
  shell("mkfs.ext4 -q -F " + *loop);
  if (!mount_loop()) GTEST_SKIP() << "mounting is not allowed here";
  expect_failure({"cp", "e.img:/f", *loop}, 1, "is in use by the host");
}

TEST_F(DestinationTest, NothingIsWrittenToDevicesOfAnImage) {
  shell("debugfs -w -R 'mknod null c 1 3' e.img && debugfs -w -R 'sif null mode 0020666' e.img");
  expect_failure({"cp", "f", "e.img:/null"}, 1,
                 "e.img:/null: is a character device, and nothing but the image is written to");
  lkl_ok({"cp", "-f", "f", "e.img:/null"});
  EXPECT_EQ(lkl_ok({"cat", "e.img", "/null"}), "hello\n");
  check_ext4("e.img");
}

TEST_F(DestinationTest, DevicesInUse) {
  const auto loop = loop_on("e.img");
  if (!loop || !mount_loop()) GTEST_SKIP() << "no loop devices, or no mounting here";
  shell("echo theirs >m/theirs && sync");
  expect_failure({"cp", "f", *loop + ":/new"}, 1, "mounted on");
  expect_failure({"cp", "f", "e.img:/new"}, 1, "is behind " + *loop + ", which the host uses");
  expect_failure({"rm", *loop + ":/f"}, 1, "unmount it first");
  // To read is allowed, and so is what is not kept.
  EXPECT_EQ(lkl({"cat", *loop, "/f"}).out, "hello\n");
  EXPECT_EQ(lkl({"cat", "e.img", "/f"}).out, "hello\n");
  EXPECT_EQ(lkl({"--snapshot", "cp", "f", "e.img:/new"}).status, 0);
  shell("echo again >m/again && umount m");
  check_ext4("e.img");
  // It is only there, and nobody uses it.
  const Result result = lkl({"cp", "f", "e.img:/new"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.err.find("is behind " + *loop), std::string::npos) << result.err;
  check_ext4("e.img");
}

TEST_F(DestinationTest, OtherProgramsThatWrite) {
  const int other = open("e.img", O_RDWR | O_CLOEXEC);
  ASSERT_GE(other, 0);
  const Result result = lkl({"cat", "e.img", "/f"});
  EXPECT_EQ(result.out, "hello\n");
  EXPECT_NE(result.err.find("warning: e.img: another program has the image open for writing"),
            std::string::npos)
      << result.err;
  close(other);
  const int reader = open("e.img", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(lkl_ok({"cat", "e.img", "/f"}), "hello\n");
  // As qemu has it open for a machine that runs.
  const int qemu = open("e.img", O_RDWR | O_CLOEXEC);
  for (const off_t byte : {100, 101, 103, 201, 203}) {
    struct flock lock = {};
    lock.l_type = F_RDLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = byte;
    lock.l_len = 1;
    ASSERT_EQ(fcntl(qemu, F_OFD_SETLK, &lock), 0);
  }
  EXPECT_NE(lkl({"cat", "e.img", "/f"}).err.find("another program has the image open"),
            std::string::npos);
  expect_failure({"cp", "f", "e.img:/new"}, 1, "is in use by another process");
  close(qemu);
  close(reader);
}

TEST_F(DestinationTest, FilesThatSayTheyAreEmpty) {
  lkl_ok({"cp", "/proc/version", "e.img:/version"});
  EXPECT_EQ(lkl_ok({"cat", "e.img", "/version"}), shell("cat /proc/version"));
  lkl_ok({"cp", "--sparse=always", "/proc/filesystems", "e.img:/always"});
  EXPECT_EQ(lkl_ok({"cat", "e.img", "/always"}), shell("cat /proc/filesystems"));
  shell(std::string("ln -s ") + LKL_TOOL_PATH + " cptofs");
  EXPECT_EQ(shell("./cptofs -i e.img /proc/filesystems / && echo done"), "done\n");
  EXPECT_EQ(lkl_ok({"cat", "e.img", "/filesystems"}), shell("cat /proc/filesystems"));
}

TEST_F(DestinationTest, PipesAreRead) {
  const std::string lkl_path = LKL_TOOL_PATH;
  EXPECT_EQ(shell("echo x | " + lkl_path + " cp /dev/stdin e.img:/stdin"), "");
  EXPECT_EQ(lkl_ok({"cat", "e.img", "/stdin"}), "x\n");
  EXPECT_EQ(shell("bash -c '" + lkl_path + " cp <(seq 100000) e.img:/seq'"), "");
  EXPECT_EQ(lkl_ok({"cat", "e.img", "/seq"}), shell("seq 100000"));
  EXPECT_NE(shell("debugfs -R 'stat /seq' e.img 2>/dev/null").find("Mode:  0644"),
            std::string::npos);
  // Who writes into it may come later.
  shell("mkfifo fifo");
  Process copy({LKL_TOOL_PATH, "cp", "fifo", "e.img:/late"}, false);
  shell("echo late >fifo");
  EXPECT_EQ(copy.finish().status, 0);
  EXPECT_EQ(lkl_ok({"cat", "e.img", "/late"}), "late\n");
  // Asked for as what they are, they are copied as that.
  lkl_ok({"cp", "-r", "fifo", "e.img:/fifo"});
  EXPECT_EQ(lkl_ok({"stat", "e.img", "/fifo"}).find("regular"), std::string::npos);
}

TEST_F(DestinationTest, AttributesThatDoNotFit) {
  // What the host's file system has room for does not matter then.
  write_file("make.py",
             "import tarfile, io\n"
             "with tarfile.open('t.tar', 'w', format=tarfile.PAX_FORMAT) as tar:\n"
             "  for name, xattrs in (('a', {'SCHILY.xattr.user.big': 'v' * 6000,\n"
             "                              'SCHILY.xattr.user.small': 's'}), ('b', {})):\n"
             "    info = tarfile.TarInfo(name)\n"
             "    info.size, info.mtime, info.pax_headers = 2, 981158400, xattrs\n"
             "    tar.addfile(info, io.BytesIO(b'1\\n'))\n");
  shell("python3 make.py");
  make_btrfs("b.img");
  lkl_ok({"tar", "in", "b.img", "-f", "t.tar"});
  make_ext4("i.img", "16M");
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"cp", "-r", "b.img:/.", "e.img:/"},
        std::vector<std::string>{"tar", "in", "i.img", "-f", "t.tar"}}) {
    const std::string image = command[0] == "cp" ? "e.img" : "i.img";
    const Result result = lkl(command);
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.err,
              "lkl: " + image +
                  ":/a: attribute user.big not kept: the file system has no room for "
                  "its 6000 bytes at this file; larger ones fit after tune2fs -O ea_inode\n");
    // All else of it is kept, and what comes after it.
    EXPECT_EQ(lkl_ok({"cat", image, "/a", "/b"}), "1\n1\n");
    EXPECT_EQ(shell("debugfs -R 'ea_get -V /a user.small' " + image + " 2>/dev/null"), "s\n");
    EXPECT_NE(shell("debugfs -R 'stat /a' " + image + " 2>/dev/null").find("mtime: 0x3a7b4a00"),
              std::string::npos);
    check_ext4(image);
  }
}

TEST_F(DestinationTest, NamesThatDoNotFit) {
  shell(
      "truncate -s 16M v.img && mkfs.vfat v.img >/dev/null && mkdir t && echo 1 >t/a:b"
      " && echo 2 >t/c");
  expect_failure({"cp", "-r", "t", "v.img:/"}, 1,
                 "v.img:/t/a:b: Invalid argument; this file system does not");
  EXPECT_EQ(lkl_ok({"ls", "-1", "v.img", "/t"}), "c\n");
}

}  // namespace
}  // namespace lkl::tool_test
