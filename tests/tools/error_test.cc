// SPDX-License-Identifier: GPL-2.0
//
// What goes wrong, and what the user is told: each case its own message, and a status that says
// whose fault it was.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "tool_test.h"

namespace lkl::tool_test {
namespace {

class ErrorTest : public ToolTest {
 protected:
  // Runs lkl, which must fail with this status and these words.
};

TEST_F(ErrorTest, Usage) {
  make_ext4("e.img", "16M");
  write_file("file", "x");
  expect_failure({}, 2, "no command given");
  expect_failure({"frobnicate"}, 2, "frobnicate");
  expect_failure({"ls", "--no-such-option", "e.img"}, 2, "--no-such-option");
  expect_failure({"ls"}, 2, "no image given");
  expect_failure({"cat", "e.img"}, 2, "needs a path");
  expect_failure({"cp", "e.img:/"}, 2, "needs a source and a destination");
  expect_failure({"cp", "file", "other"}, 2, "neither side is an image");
  expect_failure({"cp", "file", ":/x"}, 2, "there is no -a IMAGE");
  expect_failure({"cp", "-a", "e.img", "-a", "f.img", "file", ":/x"}, 2, "which image?");
  expect_failure({"cp", "--ro", "file", "e.img:/"}, 2, "--ro");
  expect_failure({"df"}, 2, "needs an image");
  expect_failure({"df", "e.img:/dir"}, 2, "leave the path out");
  expect_failure({"info"}, 2, "needs an image");
  expect_failure({"-m", "lots", "ls", "e.img"}, 2, "'lots' is not a size");
  expect_failure({"-m", "1M", "ls", "e.img"}, 2, "less than 16M");
  expect_failure({"-P", "two", "ls", "e.img"}, 2, "two");
  expect_failure({"test", "everything"}, 2, "there are 'kunit', 'boot', 'net', 'packetdrill' and 'list'");
  expect_failure({"test", "kunit", "--timeout", "0"}, 2, "--timeout");
}

TEST_F(ErrorTest, ALibraryWithoutKunitSaysWhichOneHasIt) {
  expect_failure({"test", "kunit"}, 1, "build the preset 'kunit'");
}

TEST_F(ErrorTest, Help) {
  EXPECT_NE(lkl_ok({"--help"}).find("cp"), std::string::npos);
  for (const char* command :
       {"cat",   "chmod", "chown", "cp",    "df", "diff", "du",   "find",  "info",     "ln",   "ls",
        "mkdir", "mv",    "rm",    "rmdir", "sh", "stat", "test", "touch", "truncate", "write"})
    EXPECT_NE(lkl_ok({command, "--help"}).find("--partition"), std::string::npos) << command;
}

TEST_F(ErrorTest, Images) {
  shell(
      "mkdir dir && : >empty && truncate -s 1M zero && printf 'QFI\\373' >q.img"
      " && truncate -s 1M q.img && mkfifo fifo");
  expect_failure({"ls", "missing.img"}, 1, "missing.img: no such image");
  expect_failure({"ls", "dir"}, 1, "dir: is a directory");
  expect_failure({"ls", "fifo"}, 1, "fifo: is neither a file nor a block device");
  expect_failure({"ls", "empty"}, 1, "empty: is 0 bytes long");
  expect_failure({"ls", "zero"}, 1, "zero: no file system recognised");
  expect_failure({"ls", "zero:3"}, 1, "zero: partition 3: no such partition (the image has no");
  expect_failure({"ls", "q.img"}, 1, "q.img: cannot open the image:");
  expect_failure({"ls", "raw:q.img"}, 1, "is not a raw image but qcow2");
  expect_failure({"cp", "dir/x", "missing.img:/"}, 1, "missing.img: no such image");
}

TEST_F(ErrorTest, NoPermission) {
  if (geteuid() != 0 || !have("setpriv")) GTEST_SKIP() << "needs root, to become somebody else";
  make_ext4("e.img", "16M");
  shell("chmod 755 . && chmod 600 e.img");
  const std::string nobody = "setpriv --reuid 65534 --clear-groups " LKL_TOOL_PATH;
  Result result = shell_status(nobody + " ls e.img");
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("e.img: cannot open the image for reading: Permission denied"),
            std::string::npos)
      << result.err;
  shell("chmod 644 e.img && echo x >file");
  result = shell_status(nobody + " cp file e.img:/");
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("for writing: Permission denied"), std::string::npos) << result.err;
  result = shell_status(nobody + " ls e.img");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "lost+found\n");
}

TEST_F(ErrorTest, WrongType) {
  make_ext4("e.img", "16M");
  expect_failure({"ls", "-t", "vfat", "e.img"}, 1, "it looks like ext4: leave -t out");
  expect_failure({"ls", "-t", "nosuchfs", "e.img"}, 1,
                 "file system type nosuchfs: not in this kernel's profile");
  EXPECT_EQ(lkl_ok({"ls", "-t", "ext4", "e.img"}), "lost+found\n");
}

TEST_F(ErrorTest, CorruptSuperblock) {
  make_ext4("e.img", "16M");
  // The magic stays, the checksummed rest does not.
  shell(
      "printf '\\377\\377\\377' | dd of=e.img bs=1 seek=1100 conv=notrunc status=none"
      " && printf '\\377\\377' | dd of=e.img bs=1 seek=1048 conv=notrunc status=none");
  const Result result = lkl({"ls", "e.img"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err.rfind("lkl: e.img: ", 0), 0U) << result.err;

  make_ext4("f.img", "16M");
  // One byte of the UUID may be what it is to be already: once in 256 times.
  shell("printf '\\001\\002\\003\\004' | dd of=f.img bs=1 seek=1128 conv=notrunc status=none");
  expect_failure({"ls", "f.img"}, 1, "f.img: cannot mount as ext4");

  make_ext4("g.img", "16M");
  shell("dd if=/dev/zero of=g.img bs=1024 count=8 conv=notrunc status=none");
  expect_failure({"ls", "g.img"}, 1, "g.img: no file system recognised");
}

TEST_F(ErrorTest, TruncatedImages) {
  make_ext4("e.img", "32M");
  shell("truncate -s 20M e.img");
  expect_failure({"ls", "e.img"}, 1, "the image is truncated");

  shell(
      "mkdir tree && echo x >tree/file && mksquashfs tree s.img -noappend -quiet -no-progress"
      " >/dev/null && truncate -s 4096 s.img");
  make_btrfs("b.img");
  shell("truncate -s 100M b.img");
  expect_failure({"ls", "b.img"}, 1, "the image is truncated");

  shell(
      "truncate -s 64M p.img && printf 'label: dos\\nstart=1MiB,size=20MiB\\nstart=40MiB,"
      "size=20MiB\\n' | sfdisk -q p.img && truncate -s 20M fs && mke2fs -q -F -t ext4 fs"
      " && dd if=fs of=p.img bs=1M seek=1 conv=notrunc status=none && truncate -s 10M p.img");
  expect_failure({"ls", "p.img:1"}, 1, "the image is truncated");
  expect_failure({"ls", "p.img:2"}, 1, "p.img:2: reaches to 60M but the image is only 10M long");
  const Result info = lkl({"info", "p.img"});
  EXPECT_EQ(info.status, 0) << info.err;
  EXPECT_NE(info.out.find("reaches to 60M but the image is only 10M long"), std::string::npos)
      << info.out;
}

TEST_F(ErrorTest, LockedByAnotherProcess) {
  make_ext4("e.img", "16M");
  write_file("file", "x");
  const int fd = open("e.img", O_RDWR | O_CLOEXEC);
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  ASSERT_EQ(fcntl(fd, F_OFD_SETLK, &lock), 0);
  expect_failure({"cp", "file", "e.img:/"}, 1, "e.img: the image is in use by another process");
  expect_failure({"ls", "e.img"}, 1, "e.img: the image is in use by another process");
  // Readers do not disturb each other, but a writer them.
  lock.l_type = F_RDLCK;
  ASSERT_EQ(fcntl(fd, F_OFD_SETLK, &lock), 0);
  EXPECT_EQ(lkl_ok({"ls", "e.img"}), "lost+found\n");
  expect_failure({"cp", "file", "e.img:/"}, 1, "in use by another process");
  close(fd);
  lkl_ok({"cp", "file", "e.img:/"});
}

TEST_F(ErrorTest, ReadOnlyFileSystem) {
  shell(
      "mkdir tree && echo x >tree/file && mksquashfs tree s.img -noappend -quiet -no-progress"
      " >/dev/null");
  expect_failure({"cp", "tree/file", "s.img:/new"}, 1, "s.img:/new: Read-only file system");
}

TEST_F(ErrorTest, UnreplayedJournal) {
  make_ext4("e.img", "32M");
  // A journal with something in it, as after a crash: debugfs writes one.
  shell(
      "printf 'journal_open\\njournal_write -b 20 /dev/zero\\njournal_close\\n' >commands"
      " && debugfs -w -f commands e.img >/dev/null 2>&1");
  if (shell("dumpe2fs -h e.img 2>/dev/null").find("needs_recovery") == std::string::npos)
    GTEST_SKIP() << "this debugfs makes no journal";
  const std::string before = shell("sha256sum e.img");
  const Result result = lkl({"ls", "e.img"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.err.find("was not unmounted cleanly"), std::string::npos) << result.err;
  EXPECT_EQ(lkl({"-q", "ls", "e.img"}).err, "");
  EXPECT_EQ(shell("sha256sum e.img"), before);
}

// Copies of a large file that are interrupted in the middle.
class InterruptTest : public ToolTest {
 protected:
  void SetUp() override {
    ToolTest::SetUp();
    shell("truncate -s 1500M large");
    make_ext4("e.img", "2G");
  }

  static std::int64_t allocated() {
    struct stat status = {};
    stat("e.img", &status);
    return status.st_blocks * 512;
  }

  // Waits until the image grows: the copy is in its middle then.
  static void wait_for_writing(std::int64_t before) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (allocated() < before + (24 << 20) && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }

  const std::vector<std::string> copy_ = {LKL_TOOL_PATH,    "-m",    "64M",         "cp",
                                          "--sparse=never", "large", "e.img:/large"};
};

TEST_F(InterruptTest, FirstSignalClosesInOrder) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::int64_t before = allocated();
    Process process(copy_, false);
    wait_for_writing(before);
    process.signal(signal);
    const Result result = process.finish();
    EXPECT_EQ(result.status, 128 + signal) << result.err;
    EXPECT_EQ(result.err, "lkl: interrupted; the images were closed in order\n");
    check_ext4("e.img");
    EXPECT_EQ(lkl_ok({"ls", "e.img"}), "lost+found\n");
    shell("fallocate --dig-holes e.img");  // so that the next round sees it grow again
  }
}

TEST_F(InterruptTest, SecondSignalEndsAtOnceAndJournalRecovers) {
  const std::int64_t before = allocated();
  Process process(copy_, false);
  wait_for_writing(before);
  process.signal(SIGINT);
  process.signal(SIGTERM);
  const Result result = process.finish();
  EXPECT_GE(result.status, 128) << result.err;
  // Recoverable: what the journal holds is replayed without questions, and all is clean then.
  EXPECT_LE(shell_status("e2fsck -fp e.img").status, 1);
  check_ext4("e.img");
}

TEST_F(InterruptTest, KilledInTheMiddleIsRecoverable) {
  const std::int64_t before = allocated();
  Process process(copy_, false);
  wait_for_writing(before);
  process.signal(SIGKILL);
  EXPECT_EQ(process.finish().status, 128 + SIGKILL);
  EXPECT_LE(shell_status("e2fsck -fp e.img").status, 1);
  check_ext4("e.img");
  write_file("file", "after\n");
  lkl_ok({"cp", "file", "e.img:/"});  // the lock went with the process
  EXPECT_EQ(lkl_ok({"cat", "e.img", "/file"}), "after\n");
}

}  // namespace
}  // namespace lkl::tool_test
