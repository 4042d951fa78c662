// SPDX-License-Identifier: GPL-2.0
//
// Images that are not just a disk with a good table: of other sectors, damaged, truncated, with
// file systems where no table says so, and files that are no raw images at all.
#include "tool_test.h"

namespace lkl::tool_test {
namespace {

class OpenTest : public ToolTest {
 protected:
  void SetUp() override {
    ToolTest::SetUp();
    std::filesystem::create_directory("tree");
    write_file("tree/hello", "hello\n");
    write_noise("tree/noise", 300'000, 1);
  }

  static std::string cat(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "cat");
    const Result result = lkl(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  }

  // A GPT with an ext4 of 32 MiB in its first partition, which begins at 1 MiB.
  static void make_gpt(const std::string& name, const std::string& size, unsigned sector = 512) {
    const std::string first = std::to_string((1 << 20) / sector);
    shell("truncate -s " + size + " " + name + " && printf 'g\\nn\\n1\\n" + first +
          "\\n+32M\\nn\\n2\\n\\n+8M\\nw\\n' | fdisk -b " + std::to_string(sector) + " " + name +
          " >/dev/null && mke2fs -q -F -t ext4 -b 4096 -d tree -E offset=1048576 " + name +
          " 8192");
  }
  static void wipe(const std::string& name, const std::string& from, const std::string& count) {
    shell("dd if=/dev/zero of=" + name + " bs=512 seek=" + from + " count=" + count +
          " conv=notrunc status=none");
  }
};

TEST_F(OpenTest, TablesOfDisksWithLargerSectors) {
  if (!have("fdisk")) GTEST_SKIP() << "needs fdisk";
  for (const unsigned sector : {4096U, 2048U, 1024U}) {
    make_gpt("d.img", "64M", sector);
    EXPECT_EQ(cat({"d.img:1", "/hello"}), "hello\n") << sector;
    EXPECT_EQ(cat({"d.img", "/hello"}), "hello\n") << sector;
    write_file("new", "new\n");
    lkl_ok({"cp", "new", "d.img:1:/new"});
    EXPECT_EQ(cat({"d.img:1", "/new", "/noise"}), "new\n" + shell("cat tree/noise"));
    check_ext4("d.img?offset=1048576");
    const std::string info = lkl_ok({"info", "d.img"});
    EXPECT_NE(info.find("gpt partition table"), std::string::npos) << info;
    EXPECT_NE(info.find("  1  start 1048576      size 32M"), std::string::npos) << info;
    EXPECT_NE(info.find("  2  "), std::string::npos) << info;
    shell("rm d.img");
  }
}

TEST_F(OpenTest, TablesThatAreDamaged) {
  if (!have("fdisk")) GTEST_SKIP() << "needs fdisk";
  const std::string words = "its copy at the end is used";
  for (const unsigned sector : {512U, 4096U}) {
    const std::string last = std::to_string((64 << 20) / 512 - sector / 512);
    make_gpt("good.img", "64M", sector);
    const auto try_it = [&](const std::string& what, bool warns) {
      const Result result = lkl({"cat", "d.img:1", "/hello"});
      EXPECT_EQ(result.out, "hello\n") << what << "\n" << result.err;
      EXPECT_EQ(result.err.find(words) != std::string::npos, warns) << what << "\n" << result.err;
      if (!warns) {
        EXPECT_EQ(result.err, "") << what;
      }
    };
    shell("cp --sparse=always good.img d.img && truncate -s 100M d.img");
    try_it("grown", false);
    wipe("d.img", std::to_string(sector / 512), "1");
    try_it("grown, and the first header lost", true);
    shell("cp --sparse=always good.img d.img");
    wipe("d.img", last, std::to_string(sector / 512));
    try_it("the second header lost", false);
    shell("cp --sparse=always good.img d.img");
    wipe("d.img", std::to_string(sector / 512), "1");
    try_it("the first header lost", true);
    wipe("d.img", "0", "64");
    try_it("all of the beginning lost", true);
    // One bit of an entry.
    shell("cp --sparse=always good.img d.img && printf '\\001' | dd of=d.img bs=1 seek=" +
          std::to_string(2 * sector + 60) + " conv=notrunc status=none");
    try_it("an entry damaged", true);
    write_file("new", "new\n");
    EXPECT_EQ(lkl({"cp", "new", "d.img:1:/new"}).status, 0);
    EXPECT_EQ(cat({"-q", "d.img:1", "/new"}), "new\n");
    // Both lost: what is there is told.
    wipe("d.img", "0", "64");
    wipe("d.img", last, std::to_string(sector / 512));
    expect_failure({"ls", "d.img"}, 1, "ext4 seems to begin at 1048576: d.img@1048576");
    EXPECT_EQ(cat({"d.img@1048576", "/hello"}), "hello\n");
  }
  // Cut short, but for a partition.
  make_gpt("d.img", "64M");
  shell("truncate -s 40M d.img");
  EXPECT_EQ(cat({"d.img:1", "/hello"}), "hello\n");
  expect_failure({"ls", "d.img:2"}, 1, "no file system recognised");
}

TEST_F(OpenTest, AFileSystemAtAnOffset) {
  shell("mksquashfs tree s.sq -quiet -no-progress >/dev/null");
  for (const std::string offset : {"200704", "100001", "188392"}) {
    shell("head -c " + offset + " /dev/urandom > app && cat s.sq >> app");
    // Random bytes may look like anything, but for the first ones.
    wipe("app", "0", "8");
    EXPECT_EQ(cat({"app@" + offset, "/hello"}), "hello\n");
    EXPECT_EQ(cat({"app@" + offset + ":/hello"}), "hello\n");
    EXPECT_EQ(cat({"--offset", offset, "app", "/noise"}), shell("cat tree/noise"));
    EXPECT_EQ(cat({"-P", "@" + offset, "app", "/hello"}), "hello\n");
    EXPECT_EQ(
        cat({"--mount-options", "loop,ro,offset=" + offset, "-t", "squashfs", "app", "/hello"}),
        "hello\n");
    expect_failure({"ls", "app"}, 1, "squashfs seems to begin at " + offset + ": app@" + offset);
    lkl_ok({"cp", "app@" + offset + ":/hello", "got"});
    EXPECT_EQ(shell("cat got; rm got"), "hello\n");
  }
  expect_failure({"ls", "app@100G"}, 1, "app: @107374182400 is beyond its end");
  expect_failure({"ls", "--offset", "x", "app"}, 2, "'x' is no number of bytes");
  // A file of this name is that file.
  shell("cp s.sq s.sq@4096");
  EXPECT_EQ(cat({"s.sq@4096", "/hello"}), "hello\n");

  // Written, too; and a table at an offset.
  make_ext4("e.img", "8M", "tree");
  for (const std::string offset : {"1M", "1000001"}) {
    // Of what is written to, the last sector has to be a whole one.
    shell("truncate -s " + offset + " d.img && cat e.img >> d.img && truncate -s 12M d.img");
    lkl_ok({"cp", "tree/hello", "d.img@" + offset + ":/new"});
    EXPECT_EQ(cat({"d.img@" + offset, "/new"}), "hello\n");
    const std::string bytes = offset == "1M" ? "1048576" : offset;
    shell("tail -c +" + std::to_string(std::stoul(bytes) + 1) +
          " d.img | head -c 8M > out.img; rm d.img");
    check_ext4("out.img");
  }
  if (!have("fdisk")) return;
  make_gpt("g.img", "64M");
  shell("truncate -s 4096 d.img && cat g.img >> d.img");
  EXPECT_EQ(cat({"d.img@4096:1", "/hello"}), "hello\n");
  EXPECT_EQ(cat({"d.img@8s", "/hello"}), "hello\n");
  // Where a partition begins, it is that.
  EXPECT_EQ(cat({"g.img@1M", "/hello"}), "hello\n");
}

// The kernel's sectors are no reason to lose the end of a file: what squashfs needs first is there.
TEST_F(OpenTest, AnEndThatIsNoWholeSector) {
  for (int size = 1; size <= 3; size++) {
    write_noise("tree/noise", 300'000 + 100 * static_cast<std::size_t>(size), 2);
    shell("rm -f s.sq && mksquashfs tree s.sq -quiet -no-progress -nopad >/dev/null");
    EXPECT_EQ(cat({"s.sq", "/hello", "/noise"}), "hello\n" + shell("cat tree/noise"));
    shell("head -c 100001 /dev/zero > app && cat s.sq >> app");
    EXPECT_EQ(cat({"app@100001", "/hello", "/noise"}), "hello\n" + shell("cat tree/noise"));
  }
}

TEST_F(OpenTest, AProgramWithAFileSystemBehindIt) {
  shell("mksquashfs tree s.sq -quiet -no-progress >/dev/null");
  shell("cp $(readlink -f /bin/true) app && cat s.sq >> app");
  EXPECT_EQ(cat({"app", "/hello", "/noise"}), "hello\n" + shell("cat tree/noise"));
  expect_failure({"cp", "tree/hello", "app:/new"}, 1, "Read-only file system");
  const std::string info = lkl_ok({"info", "app"});
  EXPECT_NE(info.find("at an offset"), std::string::npos) << info;
  // The program alone is none.
  shell("cp $(readlink -f /bin/true) app");
  expect_failure({"ls", "app"}, 1, "app: no file system recognised");
}

TEST_F(OpenTest, TruncatedImagesAreReadWhenAskedTo) {
  shell("truncate -s 64M f.img && mkfs.vfat f.img >/dev/null");
  lkl_ok({"cp", "tree/hello", "f.img:/"});
  make_ext4("e.img", "64M", "tree");
  shell("truncate -s 256M b.img && mkfs.btrfs -q -m single -r tree b.img >/dev/null");
  for (const std::string image : {"f.img", "e.img", "b.img"}) {
    shell("truncate -s " + std::string(image == "b.img" ? "200M " : "40M ") + image);
    expect_failure({"cat", image, "/hello"}, 1, "or read what is left of it with --force");
    for (const std::string option : {"--force", "--truncated"}) {
      const Result result = lkl({"cat", option, image, "/hello"});
      EXPECT_EQ(result.out, "hello\n") << image << ": " << result.err;
      EXPECT_EQ(result.status, 0) << image;
      EXPECT_NE(result.err.find("only what is there is read"), std::string::npos) << result.err;
    }
    EXPECT_EQ(lkl({"cp", "--force", image + ":/hello", "got"}).status, 0);
    EXPECT_EQ(shell("cat got; rm got"), "hello\n");
    const std::string before = shell("sha256sum " + image);
    expect_failure({"cp", "--force", "tree/hello", image + ":/new"}, 1, "can only be read");
    EXPECT_EQ(shell("sha256sum " + image), before);
  }
  // Who names the type wants it.
  EXPECT_EQ(cat({"-t", "vfat", "f.img", "/hello"}), "hello\n");
  // What is not there is an error, not zeroes.
  shell(
      "truncate -s 64M g.img && mkfs.vfat -F 32 -s 1 g.img >/dev/null && head -c 45M /dev/zero "
      "| tr '\\0' x > big");
  lkl_ok({"cp", "big", "g.img:/big"});
  shell("truncate -s 40M g.img");
  const Result result = lkl({"cp", "--force", "g.img:/big", "got"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("/big: I/O error"), std::string::npos) << result.err;
}

TEST_F(OpenTest, AnAndroidSparseImageIsNamed) {
  if (!have("img2simg")) GTEST_SKIP() << "no img2simg (package android-sdk-libsparse-utils)";
  make_ext4("e.img", "32M");
  shell("img2simg e.img x");
  expect_failure({"ls", "x"}, 1, "x: is not a raw image but Android sparse image");
  expect_failure({"ls", "x"}, 1, "simg2img");
}

TEST_F(OpenTest, FilesThatAreNoRawImagesAreNamed) {
  const auto expect_named = [&](const std::string& bytes, const std::string& name,
                                const std::string& cure) {
    shell("printf '" + bytes + "' > x && truncate -s 1M x");
    expect_failure({"ls", "x"}, 1, "x: is not a raw image but " + name);
    expect_failure({"ls", "x"}, 1, cure);
    expect_failure({"ls", "raw:x"}, 1, name);
  };
  expect_named("\\072\\377\\046\\355", "Android sparse image", "simg2img");
  expect_named("\\037\\213\\010", "gzip", "unpack it first");
  expect_named("BZh91AY", "bzip2", "unpack it first");
  expect_named("PK\\003\\004", "zip", "unpack it first");
  expect_named("7z\\274\\257\\047\\034", "7z", "unpack it first");
  expect_named("ANDROID!", "Android boot image", "unpack_bootimg");
  expect_named("MSWIM\\000\\000\\000", "Windows image", "wimapply");
  expect_named("EVF\\011\\015\\012\\377\\000", "EnCase image", "ewfexport");
  shell("tar cf x tree && truncate -s 1M x");
  expect_failure({"ls", "x"}, 1, "x: is not a raw image but tar");
  // A description of other files, shorter than a sector.
  write_file("x.vmdk",
             "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n"
             "createType=\"monolithicFlat\"\nRW 2048 FLAT \"y-flat.vmdk\" 0\n");
  expect_failure({"ls", "x.vmdk"}, 1, "is a vmdk image that names other files");
  shell("printf '\\0\\0\\0-FVE-FS-' > x && truncate -s 1M x");
  expect_failure({"ls", "x"}, 1, "holds BitLocker volume");
  shell("truncate -s 1M x && mkswap x >/dev/null && truncate -s 2M x");
  expect_failure({"ls", "x"}, 1, "holds swap, which has no files");
}

TEST_F(OpenTest, LeftoversAreAChoice) {
  // The beginning of a LUKS header that nobody has wiped.
  make_ext4("e.img", "16M", "tree");
  shell("printf 'LUKS\\272\\276\\000\\001' | dd of=e.img conv=notrunc status=none");
  expect_failure({"ls", "--key-file", "tree/hello", "e.img"}, 1,
                 "also has the superblock of ext4, one of the two is left over: -t ext4");
  EXPECT_EQ(cat({"-t", "ext4", "e.img", "/hello"}), "hello\n");
  lkl_ok({"cp", "-t", "ext4", "tree/hello", "e.img:/new"});
  // That of an array which is no more.
  make_ext4("r.img", "16M", "tree");
  shell("python3 " LKL_MAKE_ARRAY " make 5 1.0 host:3 r.img m0 m1 m2");
  make_ext4("s.img", "4M", "tree");
  shell("dd if=s.img of=m0 conv=notrunc status=none");
  expect_failure({"ls", "m0"}, 1, "also has the superblock of ext4");
  EXPECT_EQ(cat({"-t", "ext4", "m0", "/hello"}), "hello\n");
}

TEST_F(OpenTest, FailedMountsSayWhy) {
  make_btrfs("b.img");
  const auto expect_reason = [](const std::vector<std::string>& arguments,
                                const std::string& words) {
    const Result result = lkl(arguments);
    EXPECT_EQ(result.status, 1) << result.err;
    EXPECT_NE(result.err.find(words), std::string::npos) << words << "\n" << result.err;
    EXPECT_EQ(result.err.find("damaged"), std::string::npos) << result.err;
  };
  expect_reason({"ls", "--mount-options", "subvol=nope", "b.img"}, "it has no subvolume 'nope'");
  expect_reason({"ls", "--mount-options", "subvolid=99", "b.img"}, "no subvolume of the id 99");
  expect_reason({"ls", "--mount-options", "nosuch", "b.img"}, "knows no mount option 'nosuch'");
  make_ext4("e.img", "16M");
  expect_reason({"ls", "--mount-options", "nosuch=1", "e.img"}, "knows no mount option 'nosuch'");
  expect_reason({"ls", "--mount-options", "commit=often", "e.img"}, "option 'commit' cannot have");
  shell("truncate -s 64M v.img && mkfs.vfat v.img >/dev/null");
  expect_reason({"ls", "--mount-options", "nosuch", "v.img"}, "knows no mount option 'nosuch'");
  shell("mksquashfs tree s.sq -quiet -no-progress >/dev/null");
  expect_reason({"ls", "--mount-options", "nosuch", "s.sq"}, "knows no mount option 'nosuch'");
  shell("truncate -s 256M c1 c2 && mkfs.btrfs -q -d raid0 -m raid1 c1 c2 >/dev/null");
  expect_reason({"ls", "c1"}, "lies on several devices");
  shell("mke2fs -q -F -t ext4 -b 65536 d.img 64M 2>/dev/null");
  expect_reason({"ls", "d.img"},
                "it has blocks of 65536 bytes, which this kernel does not support");
  // A feature that nobody has.
  make_ext4("u.img", "16M");
  shell("debugfs -w -R 'set_super_value feature_incompat 0x402c2' u.img 2>/dev/null");
  const Result unknown = lkl({"ls", "u.img"});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_NE(unknown.err.find("features that this kernel does not support: 0x40000"),
            std::string::npos)
      << unknown.err;
}

}  // namespace
}  // namespace lkl::tool_test
