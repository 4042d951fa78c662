// SPDX-License-Identifier: GPL-2.0
//
// Copies in all directions. What is in an image is judged by debugfs, e2fsck, btrfs check and by
// images that mke2fs, mkfs.btrfs and mksquashfs made; what is on the host by find, stat, getfattr
// and sha256sum.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <regex>

#include "tool_test.h"

namespace lkl::tool_test {
namespace {

class CpTest : public ToolTest {
 protected:
  // A tree with one of everything that needs no root.
  void make_tree() {
    shell(
        "mkdir -p tree/dir/below tree/empty && echo one >tree/one && echo two >tree/dir/two"
        " && ln tree/one tree/dir/hard && ln -s ../one tree/dir/relative && ln -s /one "
        "tree/absolute"
        " && ln -s nowhere tree/dangling && mkfifo -m 640 tree/fifo && chmod 600 tree/dir/two"
        " && chmod 751 tree/dir && chmod 4711 tree/one && : >tree/nothing"
        " && truncate -s 8M tree/sparse && printf data | dd of=tree/sparse bs=1 seek=4194304"
        " conv=notrunc status=none && printf 'odd name' >\"tree/odd \n name\"");
    write_noise("tree/dir/below/noise", 3'000'000, 1);
    shell(
        "touch -h -d '2001-02-03 04:05:06.123456789' tree/one tree/dir/two tree/dangling"
        " && touch -d '1999-12-31 23:59:59.5' tree/dir/below tree/dir");
  }

  std::string debugfs(const std::string& image, const std::string& request) {
    return shell("debugfs -R '" + request + "' " + image + " 2>/dev/null");
  }
  // debugfs succeeds whatever happens; its answer has the inode only if the file is there.
  bool in_image(const std::string& image, const std::string& file) {
    return debugfs(image, "stat " + file).find("Inode:") != std::string::npos;
  }
};

TEST_F(CpTest, TreeIntoExt4) {
  make_tree();
  make_ext4("e.img", "64M");
  lkl_ok({"cp", "-r", "tree", "e.img:/"});
  check_ext4("e.img");

  // debugfs is the judge: it knows nothing of the kernel.
  shell("mkdir dump && debugfs -R 'rdump /tree dump' e.img 2>/dev/null");
  EXPECT_EQ(checksums("dump/tree"), checksums("tree"));
  const std::string one = debugfs("e.img", "stat /tree/one");
  EXPECT_NE(one.find("Mode:  04711"), std::string::npos) << one;
  EXPECT_NE(one.find("Links: 2"), std::string::npos) << one;
  const std::string user = std::to_string(getuid());
  EXPECT_TRUE(std::regex_search(one, std::regex("User: +" + user + " "))) << one;
  // 2001-02-03 04:05:06 in the zone the test runs in, as touch took it.
  const std::string when = shell("printf %x $(stat -c %Y tree/one)");
  EXPECT_NE(one.find("mtime: 0x" + when), std::string::npos) << one;
  const std::string hard = debugfs("e.img", "stat /tree/dir/hard");
  EXPECT_EQ(hard.substr(0, hard.find("Type")), one.substr(0, one.find("Type")));
  EXPECT_NE(debugfs("e.img", "stat /tree/absolute").find("Fast link dest: \"/one\""),
            std::string::npos);
  EXPECT_NE(debugfs("e.img", "stat /tree/fifo").find("Type: FIFO"), std::string::npos);
}

TEST_F(CpTest, RoundTripKeepsEverything) {
  make_tree();
  for (const bool btrfs : {false, true}) {
    const std::string image = btrfs ? make_btrfs("b.img") : make_ext4("e.img", "64M");
    const std::string out = image + ".out";
    lkl_ok({"cp", "-r", "tree", image + ":/"});
    lkl_ok({"cp", "--trusted", "-r", image + ":/tree", out});
    EXPECT_EQ(listing(out), listing("tree"));
    EXPECT_EQ(checksums(out), checksums("tree"));
    btrfs ? check_btrfs(image) : check_ext4(image);
  }
}

// What is linked to is found below the destination, also if that is the copy itself: a path from
// the root would find another file, on the host too.
TEST_F(CpTest, HardLinksBelowTheDestinationItself) {
  shell("mkdir -p tree/etc && echo ours >tree/etc/hostname && ln tree/etc/hostname tree/etc/zz");
  make_ext4("e.img", "32M");
  lkl_ok({"cp", "-r", "tree/.", "e.img:/"});
  EXPECT_NE(debugfs("e.img", "stat /etc/zz").find("Links: 2"), std::string::npos);
  check_ext4("e.img");
  shell("mkdir out");
  lkl_ok({"cp", "-r", "e.img:/etc/.", "out"});
  EXPECT_EQ(shell("cat out/hostname out/zz"), "ours\nours\n");
  EXPECT_EQ(shell("stat -c %h out/hostname out/zz"), "2\n2\n");
}

TEST_F(CpTest, OutOfImagesMadeByOthers) {
  make_tree();
  make_ext4("e.img", "64M", "tree");
  lkl_ok({"cp", "--trusted", "-r", "e.img:/.", "out"});
  shell("rmdir out/lost+found");
  EXPECT_EQ(checksums("out"), checksums("tree"));

  shell("mksquashfs tree s.img -noappend -quiet -no-progress >/dev/null");
  lkl_ok({"cp", "--trusted", "-r", "s.img:/.", "squash"});
  EXPECT_EQ(checksums("squash"), checksums("tree"));
}

TEST_F(CpTest, HolesStayHoles) {
  make_tree();
  make_ext4("e.img", "64M");
  lkl_ok({"cp", "tree/sparse", "e.img:/sparse"});
  // 512-byte sectors: one block of 4096 at most for the data, none for the holes.
  const std::string stat = debugfs("e.img", "stat /sparse");
  EXPECT_NE(stat.find("Size: 8388608"), std::string::npos) << stat;
  const std::size_t at = stat.find("Blockcount: ");
  ASSERT_NE(at, std::string::npos) << stat;
  EXPECT_LE(std::stoul(stat.substr(at + 12)), 16U) << stat;

  lkl_ok({"cp", "e.img:/sparse", "back"});
  EXPECT_EQ(shell("cmp tree/sparse back && echo same"), "same\n");
  struct stat status = {};
  ASSERT_EQ(::stat("back", &status), 0);
  EXPECT_LE(status.st_blocks, 64);
}

TEST_F(CpTest, SparseModes) {
  shell("head -c 4194304 /dev/zero >zeroes && truncate -s 4M hole");
  make_ext4("e.img", "64M");
  const auto blocks = [&](const std::string& file) {
    const std::string stat = debugfs("e.img", "stat " + file);
    return std::stoul(stat.substr(stat.find("Blockcount: ") + 12));
  };
  lkl_ok({"cp", "zeroes", "e.img:/auto"});
  EXPECT_GE(blocks("/auto"), 8192U);
  lkl_ok({"cp", "--sparse=always", "zeroes", "e.img:/always"});
  EXPECT_EQ(blocks("/always"), 0U);
  lkl_ok({"cp", "--sparse=never", "hole", "e.img:/never"});
  EXPECT_GE(blocks("/never"), 8192U);
  EXPECT_EQ(lkl({"cp", "--sparse=often", "hole", "e.img:/x"}).status, 2);
  check_ext4("e.img");
}

TEST_F(CpTest, ExtendedAttributes) {
  shell(
      "mkdir tree && echo x >tree/file && setfattr -n user.colour -v green tree/file"
      " && setfattr -n user.dir -v yes tree");
  make_ext4("e.img", "64M");
  lkl_ok({"cp", "-r", "tree", "e.img:/"});
  EXPECT_NE(debugfs("e.img", "ea_get /tree/file user.colour").find("green"), std::string::npos);
  EXPECT_NE(debugfs("e.img", "ea_get /tree user.dir").find("yes"), std::string::npos);
  EXPECT_NE(lkl_ok({"stat", "e.img", "/tree/file"}).find("user.colour"), std::string::npos);
  lkl_ok({"cp", "-r", "e.img:/tree", "out"});
  EXPECT_EQ(shell("cd out && getfattr -d -R ."), shell("cd tree && getfattr -d -R ."));
}

TEST_F(CpTest, Acls) {
  if (!have("setfacl")) GTEST_SKIP() << "needs acl";
  shell(
      "mkdir tree && echo x >tree/file && setfacl -m u:1234:rw tree/file"
      " && setfacl -d -m g:77:rx tree");
  make_ext4("e.img", "64M");
  lkl_ok({"cp", "-r", "tree", "e.img:/"});
  lkl_ok({"cp", "-r", "e.img:/tree", "out"});
  EXPECT_NE(shell("getfacl -nR out").find("user:1234:rw-"), std::string::npos);
  EXPECT_EQ(shell("cd out && getfacl -nR ."), shell("cd tree && getfacl -nR ."));
}

TEST_F(CpTest, DeviceNodesAndOwners) {
  if (geteuid() != 0) GTEST_SKIP() << "only root makes device nodes on the host";
  shell(
      "mkdir tree && mknod tree/null c 1 3 && mknod tree/disk b 259 70000"
      " && touch tree/file && chown 1234:70000 tree/file tree/null && chown -h 5:6 tree"
      " && ln -s x tree/link && chown -h 7:8 tree/link");
  make_ext4("e.img", "64M");
  lkl_ok({"cp", "-r", "tree", "e.img:/"});
  EXPECT_NE(debugfs("e.img", "stat /tree/null").find("01:03"), std::string::npos);
  EXPECT_NE(debugfs("e.img", "stat /tree/file").find("User:  1234   Group: 70000"),
            std::string::npos);
  lkl_ok({"cp", "--trusted", "-r", "e.img:/tree", "out"});
  EXPECT_EQ(listing("out"), listing("tree"));
  EXPECT_EQ(shell("stat -c '%t:%T' out/null out/disk"),
            shell("stat -c '%t:%T' tree/null tree/disk"));
}

TEST_F(CpTest, Capabilities) {
  if (geteuid() != 0 || !have("setcap")) GTEST_SKIP() << "needs root and setcap";
  shell("echo x >file && setcap cap_net_raw+ep file");
  make_ext4("e.img", "64M");
  lkl_ok({"cp", "file", "e.img:/file"});
  lkl_ok({"cp", "--trusted", "e.img:/file", "back"});
  EXPECT_NE(shell("getcap back").find("cap_net_raw=ep"), std::string::npos);
}

TEST_F(CpTest, OwnerOptions) {
  write_file("file", "x");
  make_ext4("e.img", "64M");
  lkl_ok({"cp", "--owner", "12:34", "file", "e.img:/given"});
  EXPECT_NE(debugfs("e.img", "stat /given").find("User:    12   Group:    34"), std::string::npos);
  if (geteuid() == 0) shell("chown 99:99 file");
  lkl_ok({"cp", "--no-owner", "file", "e.img:/none"});
  EXPECT_NE(debugfs("e.img", "stat /none").find("User:     0   Group:     0"), std::string::npos);
  EXPECT_EQ(lkl({"cp", "--owner", "me", "file", "e.img:/x"}).status, 2);
}

TEST_F(CpTest, PreserveLists) {
  shell(
      "mkdir tree && echo x >tree/a && chmod 600 tree/a && touch -d '2001-01-01' tree/a"
      " && ln tree/a tree/b");
  make_ext4("e.img", "64M");
  lkl_ok({"cp", "-r", "--no-preserve=mode,links", "tree", "e.img:/no"});
  EXPECT_NE(debugfs("e.img", "stat /no/a").find("Mode:  0644"), std::string::npos);
  EXPECT_NE(debugfs("e.img", "stat /no/a").find("Links: 1"), std::string::npos);
  const std::string when = shell("printf %x $(stat -c %Y tree/a)");
  EXPECT_NE(debugfs("e.img", "stat /no/a").find("mtime: 0x" + when), std::string::npos);
  lkl_ok({"cp", "-r", "--preserve=mode", "tree", "e.img:/only"});
  EXPECT_NE(debugfs("e.img", "stat /only/a").find("Mode:  0600"), std::string::npos);
  EXPECT_EQ(debugfs("e.img", "stat /only/a").find("mtime: 0x" + when), std::string::npos);
  const Result wrong = lkl({"cp", "--preserve=everything", "tree/a", "e.img:/x"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_NE(wrong.err.find("everything"), std::string::npos);
}

TEST_F(CpTest, DestinationRules) {
  shell("mkdir tree && echo a >tree/a && echo b >b");
  make_ext4("e.img", "64M");
  lkl_ok({"cp", "b", "tree/a", "e.img:/"});                    // into a directory
  lkl_ok({"cp", "b", "e.img:/renamed"});                       // to a new name
  lkl_ok({"cp", "-r", "tree", "e.img:/new"});                  // a directory to a new name
  lkl_ok({"cp", "-r", "tree", "e.img:/new"});                  // into the one that is there now
  lkl_ok({"cp", "-r", "-T", "tree", "e.img:/new"});            // onto it
  lkl_ok({"cp", "-r", "tree/.", "e.img:/new/tree"});           // its contents
  lkl_ok({"cp", "-r", "e.img:/new/tree/..", "e.img:/again"});  // ".." is a directory too
  EXPECT_EQ(lkl_ok({"ls", "-R", "e.img:/again"}), "/again:\na\ntree\n\n/again/tree:\na\n");
  EXPECT_EQ(lkl_ok({"ls", "e.img"}), "a\nagain\nb\nlost+found\nnew\nrenamed\n");
  EXPECT_EQ(lkl_ok({"cat", "e.img", "renamed"}), "b\n");

  const Result several = lkl({"cp", "b", "tree/a", "e.img:/nodir"});
  EXPECT_EQ(several.status, 1);
  EXPECT_NE(several.err.find("e.img:/nodir: is not a directory"), std::string::npos) << several.err;
  const Result no_parent = lkl({"cp", "b", "e.img:/no/such"});
  EXPECT_EQ(no_parent.status, 1);
  EXPECT_NE(no_parent.err.find("e.img:/no: No such file"), std::string::npos) << no_parent.err;
  const Result not_recursive = lkl({"cp", "tree", "e.img:/x"});
  EXPECT_EQ(not_recursive.status, 1);
  EXPECT_NE(not_recursive.err.find("use -r"), std::string::npos);
  const Result onto = lkl({"cp", "-r", "-T", "tree", "e.img:/renamed"});
  EXPECT_EQ(onto.status, 1);
  EXPECT_NE(onto.err.find("e.img:/renamed: is no directory"), std::string::npos) << onto.err;
  check_ext4("e.img");
}

TEST_F(CpTest, OverwritingRules) {
  shell("echo old >old && touch -d 2001-01-01 old && echo new >new && touch -d 2020-01-01 new");
  make_ext4("e.img", "64M");
  const auto contents = [&] { return lkl_ok({"cat", "e.img", "/file"}); };
  lkl_ok({"cp", "new", "e.img:/file"});
  lkl_ok({"cp", "-n", "old", "e.img:/file"});
  EXPECT_EQ(contents(), "new\n");
  lkl_ok({"cp", "-u", "old", "e.img:/file"});
  EXPECT_EQ(contents(), "new\n");
  lkl_ok({"cp", "old", "e.img:/file"});
  EXPECT_EQ(contents(), "old\n");
  lkl_ok({"cp", "-u", "new", "e.img:/file"});
  EXPECT_EQ(contents(), "new\n");
  check_ext4("e.img");
}

TEST_F(CpTest, ForceReplacesWhatCannotBeOpened) {
  write_file("file", "new");
  make_ext4("e.img", "64M");
  lkl_ok({"cp", "file", "e.img:/file"});
  shell("mkdir out && echo old >out/file && chmod 400 out/file");
  const Result plain = lkl({"cp", "e.img:/file", "out"});
  if (geteuid() != 0) {
    EXPECT_EQ(plain.status, 1);
  }
  lkl_ok({"cp", "-f", "e.img:/file", "out"});
  EXPECT_EQ(shell("cat out/file"), "new");
}

TEST_F(CpTest, SymbolicLinksOnTheCommandLine) {
  shell("echo target >target && ln -s target link && mkdir tree && ln -s ../target tree/link");
  make_ext4("e.img", "64M");
  lkl_ok({"cp", "link", "e.img:/followed"});
  lkl_ok({"cp", "--no-dereference", "link", "e.img:/kept"});
  lkl_ok({"cp", "-r", "tree", "e.img:/links"});
  lkl_ok({"cp", "-rL", "tree", "e.img:/files"});
  EXPECT_NE(debugfs("e.img", "stat /followed").find("Type: regular"), std::string::npos);
  EXPECT_NE(debugfs("e.img", "stat /kept").find("Type: symlink"), std::string::npos);
  EXPECT_NE(debugfs("e.img", "stat /links/link").find("Type: symlink"), std::string::npos);
  EXPECT_NE(debugfs("e.img", "stat /files/link").find("Type: regular"), std::string::npos);
  EXPECT_EQ(lkl_ok({"cat", "e.img", "/files/link"}), "target\n");
}

TEST_F(CpTest, HardLinksOfADirectoryGivenWithDot) {
  shell("mkdir -p tree/dir && echo x >tree/dir/one && ln tree/dir/one tree/two && mkdir out");
  make_ext4("e.img", "16M");
  lkl_ok({"cp", "-r", "tree/.", "e.img:/"});
  EXPECT_NE(debugfs("e.img", "stat /two").find("Links: 2"), std::string::npos);
  check_ext4("e.img");
  lkl_ok({"cp", "-r", "e.img:/.", "out"});
  EXPECT_EQ(shell("stat -c '%h %i' out/two"), shell("stat -c '%h %i' out/dir/one"));
  EXPECT_EQ(shell("stat -c %h out/two"), "2\n");
}

TEST_F(CpTest, DereferencedLoopEnds) {
  shell("mkdir -p tree/sub && ln -s .. tree/sub/up && echo x >tree/file");
  make_ext4("e.img", "64M");
  const Result result = lkl({"cp", "-rL", "tree", "e.img:/"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("tree/sub/up"), std::string::npos) << result.err;
  EXPECT_TRUE(in_image("e.img", "/tree/file"));
  check_ext4("e.img");
}

TEST_F(CpTest, LinksBelowTheDestinationAreNotFollowed) {
  // What lies in the way must not lead the copy out of the destination.
  shell(
      "mkdir -p tree/dir out/tree outside && echo evil >tree/file && echo evil >tree/dir/file"
      " && echo safe >outside/file && ln -s ../../outside/file out/tree/file"
      " && ln -s ../../outside out/tree/dir");
  make_ext4("e.img", "64M", "tree");
  const Result result = lkl({"cp", "-r", "e.img:/.", "out/tree"});
  EXPECT_EQ(shell("cat outside/file"), "safe\n");
  EXPECT_EQ(shell("cat out/tree/file"), "evil\n");
  EXPECT_EQ(result.status, 1);  // a directory does not replace the link
  EXPECT_NE(result.err.find("out/tree/dir"), std::string::npos) << result.err;
}

TEST_F(CpTest, AbsoluteLinksStayInTheImage) {
  shell(
      "mkdir -p tree/etc && echo inside >tree/etc/hostname && ln -s /etc/hostname tree/link"
      " && ln -s /../../etc tree/dir");
  make_ext4("e.img", "64M", "tree");
  EXPECT_EQ(lkl_ok({"cat", "e.img", "/link", "/dir/hostname"}), "inside\ninside\n");
  lkl_ok({"cp", "e.img:/link", "copied"});
  EXPECT_EQ(shell("cat copied"), "inside\n");
}

TEST_F(CpTest, BetweenAndWithinImages) {
  make_tree();
  make_ext4("e.img", "64M");
  make_btrfs("b.img");
  lkl_ok({"cp", "-r", "tree", "e.img:/"});
  lkl_ok({"cp", "-r", "e.img:/tree", "b.img:/"});
  lkl_ok({"cp", "-r", "-a", "b.img", ":/tree", ":/second"});
  lkl_ok({"cp", "--trusted", "-r", "b.img:/second", "out"});
  EXPECT_EQ(listing("out"), listing("tree"));
  EXPECT_EQ(checksums("out"), checksums("tree"));
  check_ext4("e.img");
  check_btrfs("b.img");

  const Result same = lkl({"cp", "-a", "e.img", ":/tree/one", ":/tree/dir/hard"});
  EXPECT_EQ(same.status, 1);
  EXPECT_NE(same.err.find("are the same file"), std::string::npos) << same.err;
  const Result itself = lkl({"cp", "-r", "-a", "e.img", ":/tree", ":/tree/dir/copy"});
  EXPECT_EQ(itself.status, 1);
  EXPECT_NE(itself.err.find("into itself"), std::string::npos) << itself.err;
  EXPECT_FALSE(in_image("e.img", "/tree/dir/copy/dir/copy/one"));
}

TEST_F(CpTest, VfatKeepsWhatItCan) {
  shell(
      "mkdir -p tree/dir && echo x >tree/dir/file && ln tree/dir/file tree/dir/hard"
      " && ln -s file tree/dir/link && truncate -s 64M v.img && mkfs.vfat v.img >/dev/null");
  write_noise("tree/noise", 2'000'000, 3);
  const Result result = lkl({"cp", "-r", "tree", "v.img:/"});
  EXPECT_EQ(result.status, 1);  // the symbolic link, and nothing else
  EXPECT_NE(result.err.find("v.img:/tree/dir/link: cannot make a symbolic link"), std::string::npos)
      << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  shell("fsck.vfat -n v.img");
  lkl_ok({"cp", "-r", "v.img:/tree", "out"});
  shell("rm tree/dir/link");
  EXPECT_EQ(checksums("out"), checksums("tree"));
}

TEST_F(CpTest, FullFileSystem) {
  write_noise("big", 20'000'000, 4);
  write_file("small", "small");
  make_ext4("e.img", "8M");
  const Result result = lkl({"cp", "big", "small", "e.img:/"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("e.img:/big: does not fit into the file system"), std::string::npos)
      << result.err;
  EXPECT_FALSE(in_image("e.img", "/big"));
  EXPECT_TRUE(in_image("e.img", "/small"));  // it went on
  check_ext4("e.img");
}

TEST_F(CpTest, NoInodesLeft) {
  shell("mkdir tree && cd tree && seq -f 'f%g' 1 200 | xargs touch");
  shell("mke2fs -q -F -t ext4 -N 64 e.img 8M");
  const Result result = lkl({"cp", "-r", "tree", "e.img:/"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("no inode left"), std::string::npos) << result.err.substr(0, 500);
  check_ext4("e.img");
}

TEST_F(CpTest, OneErrorDoesNotStopTheRest) {
  write_file("good", "good");
  make_ext4("e.img", "64M");
  const Result result = lkl({"cp", "missing", "good", "e.img:/"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "lkl: missing: No such file or directory\n");
  EXPECT_EQ(lkl_ok({"cat", "e.img", "good"}), "good");
}

TEST_F(CpTest, ManyFilesAndLittleMemory) {
  shell("mkdir tree && cd tree && seq -f 'file-%05g' 1 3000 | xargs touch");
  write_noise("tree/large", 60'000'000, 5);
  make_ext4("e.img", "128M");
  lkl_ok({"-m", "48M", "cp", "-r", "tree", "e.img:/"});
  check_ext4("e.img");
  lkl_ok({"-m", "48M", "cp", "-r", "e.img:/tree", "out"});
  EXPECT_EQ(listing("out"), listing("tree"));
  EXPECT_EQ(checksums("out"), checksums("tree"));
}

// Deeper than a path may be long: only directories opened one from the other lead down.
TEST_F(CpTest, DeepTree) {
  const std::string step(100, 'd');
  constexpr int kDepth = 60;
  // Goes down from `top`, making the directories if asked to; gives the lowest one.
  const auto descend = [&](const std::string& top, bool make) {
    int here = open(top.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < kDepth && here >= 0; i++) {
      if (make) {
        EXPECT_EQ(mkdirat(here, step.c_str(), 0755), 0);
      }
      const int next = openat(here, step.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      close(here);
      here = next;
    }
    return here;
  };
  ASSERT_EQ(mkdir("tree", 0755), 0);
  const int bottom = descend("tree", true);
  ASSERT_GE(bottom, 0);
  close(openat(bottom, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  close(bottom);

  make_ext4("e.img", "64M");
  lkl_ok({"cp", "-r", "tree", "e.img:/"});
  check_ext4("e.img");
  lkl_ok({"cp", "-r", "e.img:/tree", "out"});
  const int copied = descend("out", false);
  ASSERT_GE(copied, 0);
  EXPECT_EQ(faccessat(copied, "file", R_OK, 0), 0);
  close(copied);
}

TEST_F(CpTest, VerboseNamesFiles) {
  shell("mkdir tree && echo x >tree/file");
  make_ext4("e.img", "64M");
  EXPECT_EQ(lkl_ok({"cp", "-v", "-r", "tree", "e.img:/"}), "tree/file -> e.img:/tree/file\n");
}

TEST_F(CpTest, ProgressOnlyOnATerminal) {
  shell("truncate -s 400M zeroes");
  make_ext4("e.img", "600M");
  const std::vector<std::string> copy = {LKL_TOOL_PATH, "cp", "--sparse=never", "zeroes",
                                         "e.img:/zeroes"};
  const Result terminal = Process(copy, true).finish();
  EXPECT_EQ(terminal.status, 0) << terminal.err;
  EXPECT_NE(terminal.err.find("%"), std::string::npos) << terminal.err;
  EXPECT_NE(terminal.err.find("400M"), std::string::npos) << terminal.err;
  EXPECT_EQ(terminal.out, "");

  EXPECT_EQ(Process(copy, false).finish().err, "");
  std::vector<std::string> quiet = copy;
  quiet.insert(quiet.begin() + 1, "-q");
  EXPECT_EQ(Process(quiet, true).finish().err, "");
}

}  // namespace
}  // namespace lkl::tool_test
