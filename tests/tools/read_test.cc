// SPDX-License-Identifier: GPL-2.0
//
// ls, cat, stat, df and info, against debugfs, dumpe2fs, blkid, sfdisk and what the images were
// made from.
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "tool_test.h"

namespace lkl::tool_test {
namespace {

using Json = nlohmann::json;

class ReadTest : public ToolTest {
 protected:
  void make_simple() {
    shell(
        "mkdir -p tree/dir/sub && echo one >tree/one && head -c 1500000 /dev/zero >tree/dir/big"
        " && echo h >tree/.hidden && ln -s one tree/link && chmod 2640 tree/one"
        " && touch -h -d '2003-04-05 06:07:08' tree/one tree/link tree/dir/big tree/dir");
    make_ext4("e.img", "64M", "tree");
  }

  // An image with three partitions; the second starts at 18 MiB.
  void make_partitioned(const std::string& label) {
    write_file("file", "in two\n");
    shell("mkdir root && mv file root && truncate -s 320M p.img && printf '" +
          std::string(label == "gpt" ? "label: gpt\\n" : "label: dos\\n") +
          "start=1MiB,size=16MiB,type=" + (label == "gpt" ? "uefi" : "ef") +
          (label == "gpt" ? ",name=\"first one\"" : "") +
          "\\nstart=18MiB,size=32MiB\\nstart=52MiB,size=256MiB\\n' | sfdisk -q p.img");
    shell(
        "truncate -s 16M 1 && mkfs.vfat -n BOOT 1 >/dev/null && truncate -s 32M 2"
        " && mke2fs -q -F -t ext4 -L two -d root 2 && truncate -s 256M 3"
        " && mkfs.btrfs -q -L three 3 >/dev/null"
        " && dd if=1 of=p.img bs=1M seek=1 conv=notrunc,sparse status=none"
        " && dd if=2 of=p.img bs=1M seek=18 conv=notrunc,sparse status=none"
        " && dd if=3 of=p.img bs=1M seek=52 conv=notrunc,sparse status=none");
  }

  static std::string strip(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    return text;
  }
};

TEST_F(ReadTest, LsNames) {
  make_simple();
  EXPECT_EQ(lkl_ok({"ls", "e.img"}), "dir\nlink\nlost+found\none\n");
  EXPECT_EQ(lkl_ok({"ls", "-a", "e.img"}), ".\n..\n.hidden\ndir\nlink\nlost+found\none\n");
  EXPECT_EQ(lkl_ok({"ls", "-1", "e.img", "/dir"}), "big\nsub\n");
  EXPECT_EQ(lkl_ok({"ls", "e.img:/dir"}), "big\nsub\n");
  EXPECT_EQ(lkl_ok({"ls", "--add", "e.img", "dir"}), "big\nsub\n");
  EXPECT_EQ(lkl_ok({"-a", "e.img", "ls", "dir"}), "big\nsub\n");
  EXPECT_EQ(lkl_ok({"ls", "-d", "e.img", "/dir"}), "/dir\n");
  EXPECT_EQ(lkl_ok({"ls", "-R", "e.img", "/dir"}), "/dir:\nbig\nsub\n\n/dir/sub:\n");
  EXPECT_EQ(lkl_ok({"ls", "e.img", "/one", "/dir"}), "/one\n\n/dir:\nbig\nsub\n");
}

TEST_F(ReadTest, LsLong) {
  make_simple();
  const std::string out = lkl_ok({"ls", "-l", "e.img"});
  const std::string ids = std::to_string(getuid()) + " +" + std::to_string(getgid());
  EXPECT_TRUE(
      std::regex_search(out, std::regex("\n-rw-r-S--- +1 +" + ids + " +4 2003-04-05 06:07 one\n")))
      << out;
  EXPECT_TRUE(std::regex_search(out, std::regex("\nlrwxrwxrwx .* link -> one\n"))) << out;
  EXPECT_TRUE(std::regex_search(out, std::regex("\ndrwx------ .* lost\\+found\n"))) << out;
  EXPECT_TRUE(std::regex_search(lkl_ok({"ls", "-lh", "e.img", "/dir"}),
                                std::regex(" 1\\.5M 2003-04-05 06:07 big\n")));
  const std::string inode =
      shell("debugfs -R 'stat /one' e.img 2>/dev/null | sed -n 's/Inode: \\([0-9]*\\).*/\\1/p'");
  EXPECT_EQ(lkl_ok({"ls", "-i", "e.img", "/one"}), strip(inode) + " /one\n");
}

TEST_F(ReadTest, CatFiles) {
  shell("mkdir tree");
  write_noise("tree/noise", 5'000'000, 7);
  write_file("tree/text", "text\n");
  make_ext4("e.img", "64M", "tree");
  EXPECT_EQ(lkl_ok({"cat", "e.img", "/noise", "/text"}), shell("cat tree/noise tree/text"));

  const Result partly = lkl({"cat", "e.img", "/text", "/none", "/", "/text"});
  EXPECT_EQ(partly.status, 1);
  EXPECT_EQ(partly.out, "text\ntext\n");
  EXPECT_NE(partly.err.find("e.img:/none: No such file"), std::string::npos) << partly.err;
  EXPECT_NE(partly.err.find("e.img:/: is a directory"), std::string::npos) << partly.err;
}

TEST_F(ReadTest, CatIntoClosedPipeIsQuiet) {
  shell("mkdir tree");
  write_noise("tree/noise", 5'000'000, 7);
  make_ext4("e.img", "64M", "tree");
  const Result result =
      shell_status(std::string(LKL_TOOL_PATH) + " cat e.img /noise | head -c 3 | wc -c");
  EXPECT_EQ(strip(result.out), "3");
  EXPECT_EQ(result.err, "");
}

TEST_F(ReadTest, FullStandardOutputIsAnError) {
  make_simple();
  const Result result = shell_status(std::string(LKL_TOOL_PATH) + " ls e.img >/dev/full");
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("standard output"), std::string::npos) << result.err;
}

TEST_F(ReadTest, StatAgreesWithDebugfs) {
  make_simple();
  const std::string out = lkl_ok({"stat", "e.img", "/one"});
  const std::string judge = shell("debugfs -R 'stat /one' e.img 2>/dev/null");
  std::smatch found;
  ASSERT_TRUE(std::regex_search(judge, found, std::regex("Inode: (\\d+)")));
  EXPECT_NE(out.find("Inode: " + found[1].str()), std::string::npos) << out;
  EXPECT_NE(out.find("(2640/-rw-r-S---)"), std::string::npos) << out;
  EXPECT_NE(out.find("Size: 4 "), std::string::npos) << out;
  EXPECT_NE(out.find("Modify: 2003-04-05 06:07:08.000000000"), std::string::npos) << out;
  EXPECT_NE(lkl_ok({"stat", "e.img", "/link"}).find("/link -> one"), std::string::npos);
  EXPECT_NE(lkl_ok({"stat", "-L", "e.img", "/link"}).find("regular file"), std::string::npos);
}

TEST_F(ReadTest, DfAgreesWithDumpe2fs) {
  make_simple();
  const auto header = [&](const std::string& name) {
    return std::stoull(
        shell("dumpe2fs -h e.img 2>/dev/null | sed -n 's/^" + name + ": *\\([0-9]*\\).*/\\1/p'"));
  };
  const std::uint64_t inodes = header("Inode count"), inodes_free = header("Free inodes");
  std::smatch found;
  const std::string counts = lkl_ok({"df", "-i", "e.img"});
  ASSERT_TRUE(
      std::regex_search(counts, found, std::regex("e\\.img +ext4 +(\\d+) +(\\d+) +(\\d+)")));
  EXPECT_EQ(std::stoull(found[1]), inodes);
  EXPECT_EQ(std::stoull(found[3]), inodes_free);

  const std::uint64_t block = header("Block size");
  const std::uint64_t available =
      (header("Free blocks") - header("Reserved block count")) * block / 1024;
  const std::string space = lkl_ok({"df", "e.img"});
  ASSERT_TRUE(
      std::regex_search(space, found, std::regex("e\\.img +ext4 +(\\d+) +(\\d+) +(\\d+) +\\d+%")));
  // The kernel keeps up to 2 % or 4096 blocks more for itself.
  EXPECT_LE(std::stoull(found[3]), available);
  EXPECT_GE(std::stoull(found[3]), available - 4096 * block / 1024);
  EXPECT_NE(lkl_ok({"df", "-h", "e.img"}).find("M"), std::string::npos);
}

TEST_F(ReadTest, PartitionsOfGpt) {
  make_partitioned("gpt");
  const Json info = Json::parse(lkl_ok({"info", "--json", "p.img"}));
  ASSERT_EQ(info.size(), 1U);
  EXPECT_EQ(info.at(0).at("table"), "gpt");
  const Json& partitions = info.at(0).at("partitions");
  ASSERT_EQ(partitions.size(), 3U);

  const Json judge = Json::parse(shell("sfdisk -J p.img"))["partitiontable"]["partitions"];
  const char* const types[] = {"vfat", "ext4", "btrfs"};
  const char* const labels[] = {"BOOT", "two", "three"};
  for (std::size_t i = 0; i < 3; i++) {
    const Json& p = partitions[i];
    EXPECT_EQ(p.at("number"), i + 1);
    EXPECT_EQ(p.at("start"), judge[i]["start"].get<std::uint64_t>() * 512);
    EXPECT_EQ(p.at("size"), judge[i]["size"].get<std::uint64_t>() * 512);
    std::string type = judge[i]["type"];
    for (char& c : type) c = static_cast<char>(tolower(c));
    EXPECT_EQ(p.at("type"), type);
    EXPECT_EQ(p.at("fstype"), types[i]);
    EXPECT_EQ(p.at("label"), labels[i]);
    EXPECT_EQ(p.at("uuid"), strip(shell("blkid -p -o value -s UUID " + std::to_string(i + 1))));
    EXPECT_GT(p.at("available").get<std::uint64_t>(), 0U);
  }
  EXPECT_EQ(partitions[0].at("name"), "first one");

  const std::string text = lkl_ok({"info", "p.img"});
  EXPECT_NE(text.find("gpt partition table"), std::string::npos);
  EXPECT_NE(text.find("EFI system"), std::string::npos);
}

TEST_F(ReadTest, ChoosingAPartition) {
  make_partitioned("mbr");
  EXPECT_EQ(lkl_ok({"cat", "p.img:2", "/file"}), "in two\n");
  EXPECT_EQ(lkl_ok({"cat", "p.img:2:/file"}), "in two\n");
  EXPECT_EQ(lkl_ok({"cat", "-P", "2", "p.img", "/file"}), "in two\n");
  EXPECT_EQ(lkl_ok({"cat", "-P", "2", "-a", "p.img", "/file"}), "in two\n");
  EXPECT_EQ(lkl_ok({"-a", "p.img:2", "cat", "file"}), "in two\n");
  lkl_ok({"cp", "p.img:2:/file", "p.img:3:/"});
  EXPECT_EQ(lkl_ok({"cat", "p.img:3:/file"}), "in two\n");
  const std::string df = lkl_ok({"df", "p.img"});
  for (const char* row : {"p\\.img:1 +vfat ", "p\\.img:2 +ext4 ", "p\\.img:3 +btrfs "})
    EXPECT_TRUE(std::regex_search(df, std::regex(row))) << df;

  const Result none = lkl({"ls", "p.img"});
  EXPECT_EQ(none.status, 1);
  EXPECT_NE(none.err.find("has 3 partitions with 3 file systems; choose one with -P N"),
            std::string::npos)
      << none.err;
  EXPECT_NE(none.err.find("ext4  two"), std::string::npos) << none.err;
  const Result wrong = lkl({"ls", "p.img:7"});
  EXPECT_EQ(wrong.status, 1);
  EXPECT_NE(wrong.err.find("lkl: p.img: partition 7: no such partition (the image has 3)"),
            std::string::npos)
      << wrong.err;
}

TEST_F(ReadTest, OnlyFileSystemIsFoundByItself) {
  write_file("file", "found\n");
  shell(
      "mkdir root && mv file root && truncate -s 64M p.img"
      " && printf 'label: dos\\nstart=1MiB,size=8MiB,type=82\\nstart=10MiB,size=50MiB,type=5\\n"
      "start=12MiB,size=40MiB\\n' | sfdisk -q p.img && truncate -s 8M swap && mkswap -q swap"
      " && dd if=swap of=p.img bs=1M seek=1 conv=notrunc status=none && truncate -s 40M fs"
      " && mke2fs -q -F -t ext4 -d root fs"
      " && dd if=fs of=p.img bs=1M seek=12 conv=notrunc status=none");
  EXPECT_EQ(lkl_ok({"cat", "p.img", "/file"}), "found\n");
  EXPECT_EQ(lkl_ok({"cat", "p.img:5", "/file"}), "found\n");  // a logical partition
  const Json partitions = Json::parse(lkl_ok({"info", "--json", "p.img"})).at(0).at("partitions");
  ASSERT_EQ(partitions.size(), 3U);
  EXPECT_EQ(partitions[0].at("contents"), "swap");
  EXPECT_EQ(partitions[2].at("number"), 5);
  EXPECT_EQ(partitions[2].at("start"), 12 << 20);
  const Result swap = lkl({"ls", "p.img:1"});
  EXPECT_EQ(swap.status, 1);
  EXPECT_NE(swap.err.find("holds swap"), std::string::npos) << swap.err;
}

// Images that are made by other programs of "tree".
class OtherTypeTest : public ReadTest {
 protected:
  void SetUp() override {
    ReadTest::SetUp();
    shell("mkdir -p tree/dir && echo content >tree/dir/file");
  }
  static void check(const std::string& image, const std::string& type, const std::string& label) {
    const Json whole = Json::parse(lkl_ok({"info", "--json", image})).at(0).at("partitions").at(0);
    EXPECT_EQ(whole.at("fstype"), type);
    EXPECT_EQ(whole.value("label", ""), label) << type;
  }
  static void copy_into(const std::string& image) {
    lkl_ok({"cp", "-r", "tree", image + ":/"});
    EXPECT_EQ(lkl_ok({"cat", image, "/tree/dir/file"}), "content\n");
  }
};

TEST_F(OtherTypeTest, Squashfs) {
  shell("mksquashfs tree s.img -noappend -quiet -no-progress >/dev/null");
  check("s.img", "squashfs", "");
  EXPECT_EQ(lkl_ok({"cat", "s.img", "/dir/file"}), "content\n");
}

TEST_F(OtherTypeTest, Iso9660) {
  if (!have("genisoimage")) GTEST_SKIP() << "needs genisoimage";
  shell("genisoimage -quiet -R -V DISC -o i.img tree");
  check("i.img", "iso9660", "DISC");
  EXPECT_EQ(lkl_ok({"cat", "i.img", "/dir/file"}), "content\n");
}

TEST_F(OtherTypeTest, Udf) {
  if (!have("mkudffs")) GTEST_SKIP() << "needs udftools";
  shell("truncate -s 32M u.img && mkudffs -l udfname u.img >/dev/null");
  check("u.img", "udf", "udfname");
  copy_into("u.img");
}

TEST_F(OtherTypeTest, Exfat) {
  if (!have("mkfs.exfat")) GTEST_SKIP() << "needs exfatprogs";
  shell("truncate -s 32M x.img && mkfs.exfat -L exname x.img >/dev/null");
  check("x.img", "exfat", "exname");
  copy_into("x.img");
  shell("fsck.exfat -n x.img");
}

TEST_F(OtherTypeTest, OlderExts) {
  for (const char* type : {"ext2", "ext3"}) {
    const std::string image = std::string(type) + ".img";
    shell("truncate -s 32M " + image + " && mke2fs -q -F -L old -d tree -t " + type + " " + image);
    check(image, type, "old");
    EXPECT_EQ(lkl_ok({"cat", image, "/dir/file"}), "content\n");
  }
}

TEST_F(ReadTest, BtrfsOverTwoImages) {
  shell(
      "mkdir tree && truncate -s 160M 1.img 2.img"
      " && mkfs.btrfs -q -d raid1 -m raid1 1.img 2.img >/dev/null");
  write_noise("tree/noise", 1'000'000, 8);
  lkl_ok({"cp", "-a", "1.img", "-a", "2.img", "tree/noise", "1.img:/noise"});
  EXPECT_EQ(lkl_ok({"cat", "-a", "1.img", "-a", "2.img", "/noise"}), shell("cat tree/noise"));
  const Result alone = lkl({"ls", "1.img"});
  EXPECT_EQ(alone.status, 1);
  EXPECT_NE(alone.err.find("cannot mount as btrfs"), std::string::npos) << alone.err;
}

TEST_F(ReadTest, ReadingDoesNotWrite) {
  make_simple();
  const std::string before = shell("sha256sum e.img");
  lkl_ok({"ls", "-lR", "e.img"});
  lkl_ok({"cat", "e.img", "/one"});
  lkl_ok({"cp", "--trusted", "-r", "e.img:/.", "out"});
  lkl_ok({"info", "e.img"});
  EXPECT_EQ(shell("sha256sum e.img"), before);
}

TEST_F(ReadTest, NamesWithControlCharacters) {
  shell("mkdir tree && touch \"$(printf 'tree/a\\033[31mb')\"");
  make_ext4("e.img", "64M", "tree");
  // Not to a terminal: the bytes as they are.
  EXPECT_NE(lkl_ok({"ls", "e.img"}).find("a\x1b[31mb\n"), std::string::npos);
}

TEST_F(ReadTest, MountOptions) {
  make_simple();
  lkl_ok({"ls", "--mount-options", "ro,noexec,errors=continue", "e.img"});
  const Result result = lkl({"ls", "--mount-options", "nonsense=1", "e.img"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("cannot mount as ext4"), std::string::npos) << result.err;
}

// What an image says is a device is none, unless that is asked for.
TEST_F(ReadTest, DevicesOfTheImage) {
  make_ext4("e.img", "16M");
  shell("debugfs -w -R 'mknod null c 1 3' e.img && debugfs -w -R 'sif null mode 0020666' e.img");
  expect_failure({"cat", "e.img", "/null"}, 1, "e.img:/null: Permission denied");
  expect_failure({"cat", "--mount-options", "suid,exec", "e.img", "/null"}, 1,
                 "e.img:/null: Permission denied");
  EXPECT_EQ(lkl_ok({"cat", "--mount-options", "dev", "e.img", "/null"}), "");
  EXPECT_EQ(lkl_ok({"cat", "--mount-options", "suid,dev,exec", "e.img", "/null"}), "");
  expect_failure({"cat", "--mount-options", "dev,nodev", "e.img", "/null"}, 1, "Permission denied");
}

TEST_F(ReadTest, Version) {
  const std::string brief = lkl_ok({"--version"});
  EXPECT_TRUE(std::regex_match(brief, std::regex("lkl \\d+\\.\\d+\\.\\d+\n"))) << brief;
  const std::string full = lkl_ok({"--version", "-v"});
  EXPECT_NE(full.find("kernel:  Linux 6."), std::string::npos) << full;
  EXPECT_NE(full.find("profile: "), std::string::npos) << full;
  EXPECT_NE(full.find("code "), std::string::npos) << full;
}

}  // namespace
}  // namespace lkl::tool_test
