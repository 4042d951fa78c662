// SPDX-License-Identifier: GPL-2.0
//
// Images that were made to do harm: to get at files of the host, at its devices, at the terminal,
// or to have us work without an end.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>

#include "tool_test.h"

namespace lkl::tool_test {
namespace {

class HostileTest : public ToolTest {
 protected:
  static std::string read_file(const std::string& name) {
    std::ifstream file(name, std::ios::binary);
    return {(std::istreambuf_iterator<char>(file)), {}};
  }
  void put(const std::string& name, std::string& bytes, std::size_t at,
           const std::string& what) const {
    bytes.replace(at, what.size(), what);
    write_file(name, bytes);
  }
  // On a terminal: what it shows.
  static std::string shown(const std::string& arguments) {
    return shell_status("/usr/bin/python3 " LKL_ON_TERMINAL " '' " LKL_TOOL_PATH " " + arguments)
        .out;
  }
};

// ---- images that name files of the host

TEST_F(HostileTest, AParentWhereOnlyQemuLooks) {
  if (!have("qemu-nbd")) GTEST_SKIP() << "needs qemu-utils";
  write_file("secret", std::string(4096, 'S'));
  shell("qemu-img create -q -f vmdk v.vmdk 8M");
  std::string image = read_file("v.vmdk");
  std::uint64_t offset = 0;
  std::memcpy(&offset, image.data() + 28, sizeof(offset));
  ASSERT_EQ(offset, 1U);
  // The header says that the description is at the end; qemu takes that at the old place.
  const std::string description = image.substr(512, 20 * 512);
  image.resize((image.size() + 511) / 512 * 512);
  const std::uint64_t moved = image.size() / 512;
  image += description;
  image.replace(28, 8, std::string(reinterpret_cast<const char*>(&moved), 8));
  std::string text = description.substr(0, description.find('\0'));
  text.replace(text.find("parentCID=ffffffff"), 18, "parentCID=11111111");
  text += "parentFileNameHint=\"" + path("secret") + "\"\n";
  put("v.vmdk", image, 512, text);
  expect_failure({"cat", "v.vmdk", "/x"}, 1, "names other files");
}

// qemu itself is told that there is nothing below, and could not open it.
TEST_F(HostileTest, NamesArePickedByUsNotByQemu) {
  if (!have("qemu-nbd")) GTEST_SKIP() << "needs qemu-utils";
  make_ext4("secret.img", "16M");
  shell(
      "qemu-img create -q -f qcow2 -b secret.img -F raw top.qcow2 && "
      "qemu-img rebase -u -b 'json:{\"driver\":\"file\",\"filename\":\"'$PWD'/secret.img\"}' "
      "-F raw -f qcow2 top.qcow2");
  expect_failure({"ls", "top.qcow2"}, 1, "names other files");
  expect_failure({"ls", "qcow2:top.qcow2"}, 1, "not a file of this host");
  shell("qemu-img rebase -u -b nbd://127.0.0.1:1/x -F raw -f qcow2 top.qcow2");
  expect_failure({"ls", "qcow2:top.qcow2"}, 1, "not a file of this host");
  shell("qemu-img rebase -u -b top.qcow2 -F qcow2 -f qcow2 top.qcow2");
  expect_failure({"ls", "qcow2:top.qcow2"}, 1, "or on itself");
  shell("qemu-img rebase -u -b missing.img -F raw -f qcow2 top.qcow2");
  expect_failure({"ls", "qcow2:top.qcow2"}, 1, "missing.img: No such file");
  shell("qemu-img rebase -u -b secret.img -F raw -f qcow2 top.qcow2");
  EXPECT_EQ(lkl_ok({"ls", "qcow2:top.qcow2"}), "lost+found\n");
}

TEST_F(HostileTest, ALongChainThatIsMeant) {
  if (!have("qemu-nbd")) GTEST_SKIP() << "needs qemu-utils";
  shell("mkdir tree sub && echo hello >tree/file");
  make_ext4("base.img", "16M", "tree");
  shell(
      "qemu-img create -q -f qcow2 -b ../base.img -F raw sub/1.qcow2 && "
      "qemu-img create -q -f qed -b 1.qcow2 -F qcow2 sub/2.qed && "
      "qemu-img create -q -f qcow2 -b $PWD/sub/2.qed -F qed '3, 4.qcow2'");
  EXPECT_EQ(lkl_ok({"cat", "qcow2:3, 4.qcow2", "/file"}), "hello\n");
  const std::string before = shell("sha256sum base.img sub/*");
  lkl_ok({"rm", "qcow2:3, 4.qcow2", "/file"});
  EXPECT_EQ(lkl({"cat", "qcow2:3, 4.qcow2", "/file"}).status, 1);
  EXPECT_EQ(shell("sha256sum base.img sub/*"), before);
  shell("qemu-img convert -O vmdk -o subformat=twoGbMaxExtentFlat base.img v.vmdk");
  EXPECT_EQ(lkl_ok({"cat", "vmdk:v.vmdk", "/file"}), "hello\n");
  shell(
      "truncate -s 16M raw && dd if=base.img of=raw conv=notrunc status=none && "
      "qemu-img create -q -f qcow2 -o data_file=raw,data_file_raw=on d.qcow2 16M && "
      "dd if=base.img of=raw conv=notrunc status=none");
  EXPECT_EQ(lkl_ok({"cat", "qcow2:d.qcow2", "/file"}), "hello\n");
}

TEST_F(HostileTest, AnImageOfRootAloneIsServedByNobody) {
  if (!have("qemu-nbd")) GTEST_SKIP() << "needs qemu-utils";
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  make_ext4("e.img", "16M");
  shell(
      "mkdir -m 700 private && qemu-img convert -O qcow2 e.img private/e.qcow2 && "
      "chmod 600 private/e.qcow2");
  write_file("file", "x");
  lkl_ok({"cp", "file", "private/e.qcow2:/file"});
  EXPECT_EQ(lkl_ok({"cat", "private/e.qcow2", "/file"}), "x");
  shell("chown 1234:1234 private/e.qcow2");
  EXPECT_EQ(lkl_ok({"cat", "private/e.qcow2", "/file"}), "x");
}

// ---- files that are dangerous outside of the image

TEST_F(HostileTest, RootMakesNoDevicesOfAnImage) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  shell(
      "mkdir tree && mknod tree/disk b 8 0 && mknod tree/mem c 1 1 && echo x >tree/run && "
      "echo y >tree/plain && mkfifo tree/pipe && chmod 6755 tree/run && mkdir -m 2755 tree/dir && "
      "cp tree/plain tree/able");
  const bool capabilities = shell_status("setcap cap_net_raw+ep tree/able").status == 0;
  make_ext4("e.img", "16M", "tree");
  const Result result = lkl({"cp", "-r", "e.img:/.", "out"});
  EXPECT_EQ(result.status, 1);
  for (const char* words : {"/disk: is a block device", "/mem: is a character device",
                            "/run: runs with its owner's", "--trusted"})
    EXPECT_NE(result.err.find(words), std::string::npos) << words << "\n" << result.err;
  EXPECT_EQ(shell("cd out && find . -type b -o -type c -o -type f -perm /6000"), "");
  EXPECT_EQ(shell("cat out/plain out/run"), "y\nx\n");
  EXPECT_EQ(shell("stat -c %a out/run out/dir"), "755\n2755\n");
  if (capabilities) {
    EXPECT_NE(result.err.find("/able: has capabilities"), std::string::npos) << result.err;
    EXPECT_EQ(shell("getcap out/able"), "");
  }
  lkl_ok({"cp", "-r", "--trusted", "e.img:/.", "all"});
  shell("rmdir all/lost+found");
  const std::string look = " && stat -c '%n %A %t:%T' *";
  EXPECT_EQ(shell("cd all" + look), shell("cd tree" + look));
}

// ---- names

constexpr char kEvilName[] =
    "a\x1b]0;title\x07\xc2\x9b"
    "31m";

TEST_F(HostileTest, NamesDoNotControlTheTerminal) {
  shell("mkdir d");
  write_file(std::string("d/") + kEvilName, "x");
  shell("mkdir d/sub && ln -s \"$(printf 'to\\033[2J')\" d/link");
  make_ext4("e.img", "16M", "d");
  shell("truncate -s 8M v.img && mkfs.vfat v.img >/dev/null");
  make_ext4("to.img", "16M");
  for (const char* arguments :
       {"ls e.img", "ls -l e.img", "ls -R e.img", "find e.img", "find --json e.img", "du e.img -a",
        "cp -r e.img:/. v.img:/", "cp -v -r e.img:/. to.img:/", "diff e.img:/ d/sub",
        "stat e.img /link", "rm -v -r e.img /", "tar out -v e.img /nothing$(printf '\\033')"}) {
    const std::string text = shown(arguments);
    EXPECT_EQ(text.find('\x1b'), text.npos) << arguments;
    EXPECT_EQ(text.find('\x07'), text.npos) << arguments;
    EXPECT_EQ(text.find("\xc2\x9b"), text.npos) << arguments;
  }
  // Programs get the bytes as they are.
  make_ext4("e.img", "16M", "d");
  EXPECT_NE(lkl_ok({"ls", "e.img"}).find(kEvilName), std::string::npos);
}

// As with cat(1): contents are for whoever asks for them.
TEST_F(HostileTest, ContentsReachTheTerminalAsTheyAre) {
  shell("mkdir d");
  const std::string contents("\x1b[31m\x07\xc2\x9b \xff\0.", 12);
  write_file("d/f", contents);
  make_ext4("e.img", "16M", "d");
  EXPECT_EQ(shown("cat e.img /f"), contents);
}

// What is printed is cut where stdio's buffer ends, characters too.
TEST_F(HostileTest, CharactersAreWholeOnATerminal) {
  std::string name;
  for (int i = 0; i < 35; i++) name += "\xe2\x82\xac\xf0\x9f\x98\x80";
  std::filesystem::create_directory("d");
  for (int i = 0; i < 100; i++)
    write_file("d/" + std::string(i % 7, 'x') + name + std::to_string(i), "");
  make_ext4("e.img", "16M", "d");
  const std::string names = lkl_ok({"find", "e.img", "-print0"});
  EXPECT_GT(names.size(), 20000u);
  EXPECT_EQ(shown("find e.img -print0"), names);
}

// ---- work without an end

// Entries whose names begin with NUL, which a sound file system does not have.
TEST_F(HostileTest, NamesThatAreEmpty) {
  shell(
      "mkdir -p d/AAAAAAAA/below && echo x >d/zz && truncate -s 16M e.img && "
      "mke2fs -q -F -t ext4 -O ^metadata_csum,^dir_index -d d e.img");
  std::string image = read_file("e.img");
  const std::size_t at = image.find("AAAAAAAA");
  ASSERT_NE(at, image.npos);
  put("e.img", image, at, std::string(1, '\0'));
  const std::string damaged = "Structure needs cleaning";
  for (const std::vector<std::string>& command : {std::vector<std::string>{"find", "e.img"},
                                                  {"du", "e.img"},
                                                  {"ls", "-R", "e.img"},
                                                  {"tar", "out", "e.img", "-f", "o.tar"},
                                                  {"cp", "-r", "e.img:/.", "out"},
                                                  {"diff", "e.img:/", "d"}}) {
    const Result result = lkl(command);
    EXPECT_NE(result.status, 0) << command[0];
    EXPECT_NE(result.err.find(damaged), result.err.npos) << command[0] << ": " << result.err;
  }
  EXPECT_NE(lkl({"find", "e.img"}).out.find("/zz\n"), std::string::npos);
  EXPECT_EQ(shell("cat out/zz"), "x\n");
}

// A directory of a FAT file system whose entry "loop" leads back to it.
TEST_F(HostileTest, ADirectoryInItself) {
  shell(
      "mkdir -p d/outer/loop && echo x >d/outer/file && truncate -s 8M v.img && "
      "mkfs.vfat v.img >/dev/null");
  lkl_ok({"cp", "-r", "d/outer", "v.img:/"});
  std::string image = read_file("v.img");
  const std::size_t outer = image.find("OUTER      \x10"), loop = image.find("LOOP       \x10");
  ASSERT_NE(outer, image.npos);
  ASSERT_NE(loop, image.npos);
  put("v.img", image, loop + 26, image.substr(outer + 26, 2));  // the first cluster
  for (const std::vector<std::string>& command : {std::vector<std::string>{"find", "v.img"},
                                                  {"du", "v.img"},
                                                  {"ls", "-R", "v.img"},
                                                  {"tar", "out", "v.img", "-f", "o.tar"},
                                                  {"diff", "v.img:/", "v.img:/"},
                                                  {"cp", "-r", "v.img:/.", "out"}}) {
    const Result result = lkl(command);
    EXPECT_NE(result.status, 0) << command[0];
    EXPECT_NE(result.err.find("loop"), result.err.npos) << command[0] << ": " << result.err;
    EXPECT_LT(result.out.size(), 4096U) << command[0];
  }
}

TEST_F(HostileTest, ASparseFileOfManyExabytes) {
  make_btrfs("b.img");
  lkl_ok({"truncate", "-s", "9000000000000000000", "b.img", "/huge"});
  lkl_ok({"tar", "out", "b.img", "-f", "o.tar"});
  EXPECT_LT(std::filesystem::file_size("o.tar"), 100'000U);
  EXPECT_NE(shell("tar -tvf o.tar").find(" 9000000000000000000 "), std::string::npos);
  lkl_ok({"diff", "b.img:/", "b.img:/"});
}

// ---- errors that nobody is there to take

TEST_F(HostileTest, ErrorsOfTheUnmounting) {
  if (!have("nbdkit")) GTEST_SKIP() << "needs nbdkit";
  make_ext4("e.img", "16M");
  shell(
      "nbdkit -U $PWD/s --pidfile pid --filter=error file e.img error-pwrite-rate=100% "
      "error-file=$PWD/fail");
  const std::string uri = "nbd+unix:///?socket=" + path("s");
  // Nothing is to be written back: only unmounting writes then.
  const Result result = shell_status(
      "mkfifo lines; " LKL_TOOL_PATH " sh '" + uri +
      "' <lines >out & exec 3>lines; echo pwd >&3; until grep -q / out || ! kill -0 $!; do "
      "sleep .05; done; touch fail; exec 3>&-; wait $!");
  EXPECT_NE(result.status, 0) << result.err;
  EXPECT_NE(result.err.find("the last changes may be lost"), result.err.npos) << result.err;
  shell("rm fail; kill $(cat pid)");
}

TEST_F(HostileTest, NobodyReadsTheMessages) {
  make_ext4("e.img", "16M");
  shell("cp --sparse=always e.img before.img");
  for (const char* where : {"2>/dev/full", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"}) {
    for (const char* arguments : {"ls e.img /nothing", "-vv cp e.img:/lost+found /nowhere/x",
                                  "--bogus", "umount nothing"}) {
      const int status =
          shell_status(std::string(LKL_TOOL_PATH " ") + arguments + " " + where).status;
      EXPECT_TRUE(status == 1 || status == 2) << arguments << " " << where << ": " << status;
    }
  }
  EXPECT_EQ(shell_status(LKL_TOOL_PATH " ls e.img >&-").status, 1);
  EXPECT_EQ(shell_status(LKL_TOOL_PATH " ls e.img >/dev/full").status, 1);
  shell("cmp e.img before.img");
  write_file("file", "x");
  EXPECT_EQ(shell_status(LKL_TOOL_PATH " cp file e.img:/file <&- >&- 2>&-").status, 0);
  check_ext4("e.img");
}

}  // namespace
}  // namespace lkl::tool_test
