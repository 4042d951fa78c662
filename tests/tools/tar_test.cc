// SPDX-License-Identifier: GPL-2.0
//
// lkl tar. GNU tar judges the archives and makes those that are unpacked; debugfs and e2fsck judge
// the images.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "tool_test.h"

namespace lkl::tool_test {
namespace {

constexpr char kGnuTar[] =
    "tar --format=pax --xattrs --xattrs-include='*' --acls --numeric-owner "
    "--warning=no-timestamp --warning=no-unknown-keyword ";

class TarTest : public ToolTest {
 protected:
  // A tree with one of everything; what needs root only for root.
  void make_tree() {
    shell(
        "mkdir -p tree/dir/below tree/empty && echo one >tree/one && echo two >tree/dir/two"
        " && ln tree/one tree/dir/hard && ln -s ../one tree/dir/relative && ln -s /one "
        "tree/absolute"
        " && ln -s nowhere tree/dangling && mkfifo -m 640 tree/fifo && chmod 600 tree/dir/two"
        " && chmod 751 tree/dir && chmod 4711 tree/one && : >tree/nothing"
        " && printf 'odd name' >\"tree/odd \n name\" && echo u >tree/\303\244\314\210"
        " && echo l >\"$(printf 'tree/bytes-\\377-\\344')\""
        " && mkdir -p tree/$(printf 'd%.0s' $(seq 200)) && echo far >tree/$(printf 'd%.0s' "
        "$(seq 200))/$(printf 'f%.0s' $(seq 200))"
        " && setfattr -n user.colour -v green tree/dir/two && setfattr -n user.d -v yes tree/dir"
        " && setfattr -n user.binary -v 0x00ff0a3d tree/nothing");
    write_noise("tree/dir/below/noise", 3'000'000, 1);
    // A hole first, in between and last; a file that is all hole.
    shell(
        "truncate -s 8M tree/sparse && head -c 4096 tree/dir/below/noise | dd of=tree/sparse "
        "bs=4096"
        " seek=512 conv=notrunc status=none && head -c 8192 tree/dir/below/noise | dd "
        "of=tree/sparse bs=4096 seek=1024 conv=notrunc status=none && truncate -s 5M tree/hole");
    shell(
        "setfacl -m u:1234:rw,g:70000:r tree/dir/two && setfacl -d -m u:5:rwx,g:77:rx tree/empty");
    if (geteuid() == 0)
      shell(
          "mknod tree/null c 1 3 && mknod tree/disk b 259 70000 && chown 1234:70000 tree/dir/two"
          " && chown -h 7:8 tree/dangling && chown 3000000:9 tree/empty"
          " && cp tree/nothing tree/cap && setfattr -n security.capability -v "
          "0x0100000200200000000000000000000000000000 tree/cap");
    shell(
        "touch -h -d '2001-02-03 04:05:06.123456789 UTC' tree/one tree/dir/two tree/dangling"
        " && touch -d '1965-12-31 23:59:59.5 UTC' tree/dir/below && touch -d '2040-01-01 UTC' "
        "tree/dir");
  }

  static std::string attributes(const std::string& directory) {
    return shell("cd " + directory +
                 " && find . | LC_ALL=C sort | tr '\\n' '\\0' |"
                 " xargs -0 getfattr -h -d -m - -e hex 2>/dev/null; true");
  }
  static std::uint64_t allocated(const std::string& file) {
    struct stat status = {};
    EXPECT_EQ(::stat(file.c_str(), &status), 0) << file;
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  std::string debugfs(const std::string& image, const std::string& request) {
    return shell("debugfs -R '" + request + "' " + image + " 2>/dev/null");
  }
  // debugfs succeeds whatever happens; its answer has the inode only if the file is there.
  bool in_image(const std::string& image, const std::string& file) {
    return debugfs(image, "stat " + file).find("Inode:") != std::string::npos;
  }
};

// GNU tar unpacks what lkl made. The image is filled by lkl cp, since mke2fs keeps no nanoseconds.
TEST_F(TarTest, OutOfAnImage) {
  make_tree();
  make_ext4("e.img", "64M");
  lkl_ok({"cp", "-rT", "tree", "e.img:/"});
  lkl_ok({"tar", "out", "e.img", "-f", "e.tar"});
  EXPECT_EQ(shell("mkdir out && " + std::string(kGnuTar) + "-C out -xpf e.tar 2>&1"), "");
  shell("rmdir out/lost+found && touch -r tree out");
  EXPECT_EQ(listing("out"), listing("tree"));
  EXPECT_EQ(checksums("out"), checksums("tree"));
  EXPECT_EQ(attributes("out"), attributes("tree"));
  if (geteuid() == 0) {
    EXPECT_EQ(shell("stat -c '%t:%T' out/null out/disk"), "1:3\n103:11170\n");
  }
  EXPECT_LE(allocated("out/sparse"), 64U * 1024);
  EXPECT_LE(allocated("out/hole"), 16U * 1024);
  EXPECT_LE(std::filesystem::file_size("e.tar"), 4'000'000U);
}

// GNU tar makes the archive; the image is then read by debugfs, which knows nothing of the kernel.
TEST_F(TarTest, IntoAnImage) {
  make_tree();
  shell(std::string(kGnuTar) + "--sparse -C tree -cf in.tar .");
  make_ext4("e.img", "64M");
  shell("mke2fs -q -F -t ext4 -d tree expected.img 64M");
  lkl_ok({"tar", "in", "e.img", "-f", "in.tar"});
  check_ext4("e.img");
  shell("mkdir dump && debugfs -R 'rdump / dump' e.img 2>/dev/null && rmdir dump/lost+found");
  EXPECT_EQ(checksums("dump"), checksums("tree"));
  for (const char* file : {"/one", "/dir/two", "/dir", "/dangling", "/fifo", "/null", "/disk",
                           "/empty", "/sparse", "/hole", "/absolute", "/nothing", "/cap"}) {
    // Type, mode, owner, links, size, attributes, targets; mke2fs keeps no nanoseconds.
    const std::string filter =
        " 2>/dev/null | sed -n -e 's/Inode: [0-9]* *//; s/Blockcount: .*//'"
        " -e '/Type:\\|User:\\|Links:\\|dest:\\|number:\\|^  [a-z.]* (/p'";
    const std::string stat = "debugfs -R 'stat " + std::string(file) + "' ";
    const std::string expected = shell(stat + "expected.img" + filter);
    if (geteuid() == 0) {
      EXPECT_NE(expected.find("User:"), std::string::npos) << file;
    }
    EXPECT_EQ(shell(stat + "e.img" + filter), expected) << file;
  }
  for (const char* attribute : {"/dir/two user.colour", "/dir user.d", "/nothing user.binary",
                                "/dir/two system.posix_acl_access",
                                "/empty system.posix_acl_default", "/cap security.capability"}) {
    const std::string request = "ea_get -x " + std::string(attribute);
    EXPECT_EQ(debugfs("e.img", request), debugfs("expected.img", request)) << attribute;
  }
  // The extra half: nanoseconds times four, plus what the years from 2038 on need.
  EXPECT_NE(debugfs("e.img", "stat /dangling").find("mtime: 0x3a7b8372:1d6f3454"),
            std::string::npos);
  EXPECT_NE(debugfs("e.img", "stat /dir").find("mtime: 0x83aa7e80:00000001"), std::string::npos);
  const std::string before_1970 = debugfs("e.img", "stat /dir/below");
  EXPECT_NE(before_1970.find("mtime: 0xf879e07f:77359400"), std::string::npos) << before_1970;
  const std::string sparse = debugfs("e.img", "stat /sparse");
  EXPECT_NE(sparse.find("Size: 8388608"), std::string::npos) << sparse;
  EXPECT_LE(std::stoul(sparse.substr(sparse.find("Blockcount: ") + 12)), 48U) << sparse;
  EXPECT_NE(debugfs("e.img", "stat /hole").find("Blockcount: 0"), std::string::npos);
  const auto inode = [&](const std::string& file) {
    const std::string stat = debugfs("e.img", "stat " + file);
    return stat.substr(0, stat.find("Type"));
  };
  EXPECT_EQ(inode("/one"), inode("/dir/hard"));
}

// Through two file systems and twice through an archive, all is as before.
TEST_F(TarTest, RoundTripThroughBtrfs) {
  make_tree();
  make_ext4("e.img", "64M", "tree");
  make_btrfs("b.img");
  lkl_ok({"tar", "out", "e.img", "-f", "1.tar"});
  lkl_ok({"tar", "in", "b.img", "-f", "1.tar"});
  check_btrfs("b.img");
  lkl_ok({"tar", "out", "b.img", "-f", "2.tar"});
  EXPECT_EQ(shell("cmp 1.tar 2.tar && echo same"), "same\n");
}

TEST_F(TarTest, PathsAndDirectories) {
  make_tree();
  make_ext4("e.img", "64M", "tree");
  lkl_ok({"tar", "out", "e.img", "/dir/", "one", "-f", "some.tar"});
  EXPECT_EQ(shell("tar -tf some.tar"),
            "dir/\ndir/below/\ndir/below/noise\ndir/hard\ndir/relative\ndir/two\none\n");
  make_ext4("t.img", "64M");
  shell("mkdir -p new/usr/local && debugfs -w -R 'mkdir /usr' t.img 2>/dev/null");
  lkl_ok({"tar", "-a", "t.img", "in", "/usr", "-f", "some.tar"});
  EXPECT_TRUE(in_image("t.img", "/usr/dir/below/noise"));
  EXPECT_FALSE(in_image("t.img", "/dir"));
  check_ext4("t.img");

  const Result no_dir = lkl({"tar", "in", "t.img", "/nowhere", "-f", "some.tar"});
  EXPECT_EQ(no_dir.status, 1);
  EXPECT_NE(no_dir.err.find("t.img:/nowhere: No such file"), std::string::npos) << no_dir.err;
  const Result no_path = lkl({"tar", "out", "e.img", "/nowhere", "/one", "-f", "x.tar"});
  EXPECT_EQ(no_path.status, 1);
  EXPECT_NE(no_path.err.find("e.img:/nowhere: No such file"), std::string::npos) << no_path.err;
  EXPECT_EQ(shell("tar -tf x.tar"), "one\n");
}

struct Compression {
  const char* program;
  const char* option;
  const char* suffix;
};

class CompressionTest : public TarTest, public testing::WithParamInterface<Compression> {};

TEST_P(CompressionTest, ByPipesAndByName) {
  const std::string program = GetParam().program;
  if (!have(program)) GTEST_SKIP() << "needs " << program;
  make_tree();
  make_ext4("e.img", "64M", "tree");
  lkl_ok({"tar", "out", "e.img", "-f", "plain.tar"});
  const std::string lkl = LKL_TOOL_PATH;
  const std::string archive = std::string("a.tar.") + GetParam().suffix;
  shell(lkl + " tar out e.img " + GetParam().option + " | " + program + " -dc | cmp - plain.tar");
  lkl_ok({"tar", "out", "e.img", "--auto-compress", "-f", archive});
  shell(program + " -dc <" + archive + " | cmp - plain.tar");
  make_ext4("t.img", "64M");
  shell(lkl + " tar in t.img -f - <" + archive);
  shell("mkdir dump && debugfs -R 'rdump / dump' t.img 2>/dev/null");
  EXPECT_EQ(checksums("dump"), checksums("tree"));
}

INSTANTIATE_TEST_SUITE_P(By, CompressionTest,
                         testing::Values(Compression{"gzip", "-z", "gz"},
                                         Compression{"bzip2", "-j", "bz2"},
                                         Compression{"xz", "-J", "xz"},
                                         Compression{"zstd", "--zstd", "zst"}),
                         [](const auto& info) { return std::string(info.param.program); });

TEST_F(TarTest, CompressesOnlyWhenTold) {
  make_tree();
  make_ext4("e.img", "64M", "tree");
  lkl_ok({"tar", "out", "e.img", "-f", "plain.tar"});
  lkl_ok({"tar", "out", "e.img", "-f", "not.gz"});
  EXPECT_EQ(shell("cmp not.gz plain.tar && echo same"), "same\n");
}

TEST_F(TarTest, HostileArchivesStayInside) {
  make_ext4("e.img", "32M");
  shell("mkdir evil && echo bad >evil/bad && ln -s / evil/out && ln -s /etc evil/link");
  // Absolute names, "..", and a symbolic link followed by a member behind it.
  shell(
      "tar -P -cf absolute.tar --transform 's,evil/bad,/etc/absolute,' evil/bad"
      " && tar -P -cf dots.tar --transform 's,evil/bad,x/../../../dots,' evil/bad"
      " && tar -cf link.tar -C evil out && tar -rf link.tar -C evil --transform "
      "'s,bad,out/through,'"
      " bad && tar -cf hard.tar -C evil bad && ln evil/bad evil/again"
      " && tar -P -cf hard.tar --transform 's,evil/bad,../target,' evil/bad evil/again");
  shell(
      "debugfs -w -R 'mkdir /in' e.img 2>/dev/null && debugfs -w -R 'mkdir /etc' e.img "
      "2>/dev/null && debugfs -w -R 'write evil/bad target' e.img 2>/dev/null");

  lkl_ok({"tar", "in", "e.img", "/in", "-f", "absolute.tar"});
  EXPECT_TRUE(in_image("e.img", "/in/etc/absolute"));
  EXPECT_FALSE(in_image("e.img", "/etc/absolute"));

  const Result dots = lkl({"tar", "in", "e.img", "/in", "-f", "dots.tar"});
  EXPECT_EQ(dots.status, 1);
  EXPECT_NE(dots.err.find("has '..' in its name"), std::string::npos) << dots.err;
  EXPECT_FALSE(in_image("e.img", "/dots"));
  EXPECT_FALSE(in_image("e.img", "/in/dots"));

  const Result link = lkl({"tar", "in", "e.img", "/in", "-f", "link.tar"});
  EXPECT_EQ(link.status, 1);
  EXPECT_NE(link.err.find("e.img:/in/out: is in the way"), std::string::npos) << link.err;
  EXPECT_TRUE(in_image("e.img", "/in/out"));
  EXPECT_FALSE(in_image("e.img", "/through"));

  const Result hard = lkl({"tar", "in", "e.img", "/in", "-f", "hard.tar"});
  EXPECT_EQ(hard.status, 1);
  EXPECT_NE(hard.err.find("leads out of the archive"), std::string::npos) << hard.err;
  EXPECT_FALSE(in_image("e.img", "/in/evil/again"));
  EXPECT_NE(debugfs("e.img", "stat /target").find("Links: 1"), std::string::npos);
  check_ext4("e.img");
}

// A link that an image holds leads nowhere but inside of it, and is not followed on the way to a
// member.
TEST_F(TarTest, LinksInTheImageAreNotFollowed) {
  shell(
      "mkdir -p tree/real new/link && echo old >tree/target && ln -s /real tree/link"
      " && ln -s /target tree/file && echo new >new/link/x && echo new >new/file");
  make_ext4("e.img", "32M", "tree");
  shell("tar -cf new.tar -C new link/x file && tar -cf dir.tar -C new .");
  const Result through = lkl({"tar", "in", "e.img", "-f", "new.tar"});
  EXPECT_EQ(through.status, 1);
  EXPECT_NE(through.err.find("a symbolic link, which is not followed"), std::string::npos)
      << through.err;
  EXPECT_FALSE(in_image("e.img", "/real/x"));
  EXPECT_EQ(debugfs("e.img", "cat /target"), "old\n");
  EXPECT_EQ(debugfs("e.img", "cat /file"), "new\n");
  // A directory in the archive takes the link's place.
  lkl_ok({"tar", "in", "e.img", "-f", "dir.tar"});
  EXPECT_EQ(debugfs("e.img", "cat /link/x"), "new\n");
  EXPECT_FALSE(in_image("e.img", "/real/x"));
  check_ext4("e.img");
}

TEST_F(TarTest, Overwriting) {
  make_ext4("e.img", "32M");
  shell(
      "mkdir a b && echo old >a/file && ln a/file a/other && mkdir a/dir && echo new >b/file"
      " && echo new >b/dir && tar -cf a.tar -C a . && tar -cf b.tar -C b .");
  lkl_ok({"tar", "in", "e.img", "-f", "a.tar"});
  const Result second = lkl({"tar", "in", "e.img", "-f", "b.tar"});
  EXPECT_EQ(second.status, 1);
  EXPECT_NE(second.err.find("e.img:/./dir: Is a directory"), std::string::npos) << second.err;
  // Not through the other name of the file.
  EXPECT_EQ(debugfs("e.img", "cat /file"), "new\n");
  EXPECT_EQ(debugfs("e.img", "cat /other"), "old\n");
  check_ext4("e.img");
}

// Directories get their times when the archive leaves them. It may come back, begin with what is in
// them, or have them twice.
TEST_F(TarTest, DirectoriesInAnyOrder) {
  shell(
      "mkdir -p tree/back/sub tree/last/sub tree/twice && cd tree && touch back/a back/b "
      "back/sub/c "
      "last/d last/sub/e twice/f && chmod 500 back back/sub && chmod 2777 last && "
      "touch -d '2001-02-03 04:05:06.5' back last back/sub last/sub twice .");
  const bool lists = shell_status("setfacl -d -m u:1234:rwx tree/back").status == 0;
  shell("touch -d '2001-02-03 04:05:06.5' tree/back");
  const std::string tar = "tar --xattrs --acls --format=pax --no-recursion -C tree ";
  shell(tar +
        "-cf t.tar . back back/sub twice back/a last/sub/e last/sub back/sub/c last/d last back/b");
  shell("touch -d 1999-01-01 tree/twice && chmod 711 tree/twice");
  shell(tar + "-rf t.tar twice twice/f");
  for (const std::string type : {"ext4", "btrfs"}) {
    const std::string image = type == "ext4" ? make_ext4("e.img", "16M") : make_btrfs("b.img");
    lkl_ok({"tar", "in", image, "-f", "t.tar"});
    lkl_ok({"cp", "-r", "--trusted", image + ":/.", "out"});
    shell("rm -rf out/lost+found && touch -r tree out");
    EXPECT_EQ(listing("out"), listing("tree"));
    if (lists) {
      const std::string of_all = " && find . | LC_ALL=C sort | xargs getfacl -n";
      EXPECT_EQ(shell("cd out" + of_all), shell("cd tree" + of_all));
    }
    shell("rm -rf out");
  }
}

TEST_F(TarTest, DamagedArchives) {
  shell("mkdir tree && echo x >tree/a");
  write_noise("tree/b", 1'000'000, 2);
  shell("tar -cf good.tar -C tree a b && gzip -k good.tar && xz -k good.tar");
  shell(
      "head -c 600000 good.tar >cut.tar && head -c 600000 good.tar.gz >cut.gz"
      " && head -c 600000 good.tar.xz >cut.xz && head -c 1024 good.tar >one.tar"
      " && cp good.tar bad.tar && printf XXXX | dd of=bad.tar bs=1 seek=1124 conv=notrunc "
      "status=none && head -c 100000 tree/b >noise.tar && : >empty.tar");
  for (const char* archive : {"cut.tar", "cut.gz", "cut.xz", "bad.tar"}) {
    make_ext4("e.img", "32M");
    const Result result = lkl({"tar", "in", "e.img", "-f", archive});
    EXPECT_EQ(result.status, 1) << archive;
    EXPECT_NE(result.err.find(archive + std::string(": the archive is damaged or cut off")),
              std::string::npos)
        << result.err;
    // What came before is there, the half file is not.
    if (std::string(archive) != "cut.xz") {
      EXPECT_EQ(debugfs("e.img", "cat /a"), "x\n") << archive;
    }
    EXPECT_FALSE(in_image("e.img", "/b")) << archive;
    check_ext4("e.img");
  }
  make_ext4("e.img", "32M");
  const Result no_end = lkl({"tar", "in", "e.img", "-f", "one.tar"});
  EXPECT_EQ(no_end.status, 1);
  EXPECT_NE(no_end.err.find("one.tar: has no end mark"), std::string::npos) << no_end.err;
  for (const char* archive : {"noise.tar", "empty.tar"}) {
    const Result result = lkl({"tar", "in", "e.img", "-f", archive});
    EXPECT_EQ(result.status, 1) << archive;
    EXPECT_NE(result.err.find("is no tar archive"), std::string::npos) << result.err;
  }
}

TEST_F(TarTest, Errors) {
  make_ext4("e.img", "8M");
  EXPECT_EQ(lkl({"tar", "e.img"}).status, 2);
  EXPECT_EQ(lkl({"tar", "out"}).status, 2);
  EXPECT_EQ(lkl({"tar", "out", "-z", "-J", "e.img", "-f", "x.tar"}).status, 2);
  EXPECT_EQ(lkl({"tar", "out", "e.img", "/../x", "-f", "x.tar"}).status, 2);
  EXPECT_EQ(lkl({"--ro", "tar", "in", "e.img", "-f", "x.tar"}).status, 2);
  const Result missing = lkl({"tar", "in", "e.img", "-f", "none.tar"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_NE(missing.err.find("none.tar: cannot open: No such file"), std::string::npos);
  write_file("kept.tar", "precious");
  EXPECT_EQ(lkl({"tar", "out", "no.img", "-f", "kept.tar"}).status, 1);
  EXPECT_EQ(shell("cat kept.tar"), "precious");

  // No room: said once, and the file system stays whole.
  shell("mkdir tree");
  for (const char* name : {"tree/a", "tree/b", "tree/c"}) write_noise(name, 4'000'000, 3);
  shell("tar -cf big.tar tree");
  const Result full = lkl({"tar", "in", "e.img", "-f", "big.tar"});
  EXPECT_EQ(full.status, 1);
  EXPECT_NE(full.err.find("does not fit into the file system"), std::string::npos) << full.err;
  EXPECT_EQ(std::count(full.err.begin(), full.err.end(), '\n'), 1) << full.err;
  check_ext4("e.img");

  const Result device = lkl({"tar", "out", "e.img", "-f", "/dev/full"});
  EXPECT_EQ(device.status, 1);
  EXPECT_NE(device.err.find("/dev/full: cannot write the archive"), std::string::npos)
      << device.err;
}

TEST_F(TarTest, InterruptedArchiveIsRemoved) {
  // Takes xz many seconds.
  shell("mkdir tree");
  write_noise("tree/big", 50'000'000, 1);
  make_ext4("e.img", "100M", "tree");
  Process process({LKL_TOOL_PATH, "tar", "out", "e.img", "-J", "-f", "x.tar"}, false);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!std::filesystem::exists("x.tar") && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  process.signal(SIGINT);
  const Result result = process.finish();
  EXPECT_EQ(result.status, 128 + SIGINT) << result.err;
  EXPECT_FALSE(std::filesystem::exists("x.tar"));
}

// Ctrl-C works too while nothing comes from a pipe.
TEST_F(TarTest, InterruptedWhileWaiting) {
  make_ext4("e.img", "32M");
  shell("mkfifo pipe");
  const std::string lkl = LKL_TOOL_PATH;
  Process process({"/bin/sh", "-c", "exec " + lkl + " tar in e.img <> pipe"}, false);
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  process.signal(SIGINT);
  EXPECT_EQ(process.finish().status, 128 + SIGINT);
  check_ext4("e.img");
}

}  // namespace
}  // namespace lkl::tool_test
