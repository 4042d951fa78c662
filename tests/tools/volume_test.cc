// SPDX-License-Identifier: GPL-2.0
//
// Disks made of others: md arrays and LVM volume groups. Made by make_array.py and make_group.py,
// whose superblocks and metadata mdadm and pvck judge.
#include <nlohmann/json.hpp>

#include "tool_test.h"

namespace lkl::tool_test {

namespace {

using Json = nlohmann::json;

class VolumeTest : public ToolTest {
 protected:
  void SetUp() override {
    ToolTest::SetUp();
    std::filesystem::create_directory("tree");
    write_noise("tree/noise", 3'000'000, 1);
    write_file("tree/hello", "hello\n");
    make_ext4("fs.img", "8M", "tree");
  }

  static std::string sums(const std::string& files) { return shell("sha256sum " + files); }

  static std::string words(const std::vector<std::string>& list) {
    std::string text;
    for (const std::string& word : list) text += " " + word;
    return text;
  }

  // -a for each
  static std::vector<std::string> with(const std::vector<std::string>& command,
                                       const std::vector<std::string>& images) {
    std::vector<std::string> line = command;
    for (const std::string& image : images) line.insert(line.end(), {"-a", image});
    return line;
  }

  void expect_contents(const std::vector<std::string>& options,
                       const std::vector<std::string>& images) {
    std::vector<std::string> line = with({"cat"}, images);
    line.insert(line.end(), options.begin(), options.end());
    line.insert(line.end(), {"/hello", "/noise"});
    const Result result = lkl(line);
    EXPECT_EQ(result.status, 0) << words(line) << "\n" << result.err;
    EXPECT_TRUE(result.out == shell("cat tree/hello tree/noise")) << words(line);
  }
};

// --- md

struct ArrayKind {
  std::string level;
  std::string version;
  std::size_t disks;
};

void PrintTo(const ArrayKind& kind, std::ostream* out) {
  *out << "level " << kind.level << ", version " << kind.version;
}

class ArrayTest : public VolumeTest, public testing::WithParamInterface<ArrayKind> {
 protected:
  std::vector<std::string> make() {
    std::vector<std::string> members;
    for (std::size_t i = 0; i < GetParam().disks; i++) members.push_back("m" + std::to_string(i));
    shell("python3 " LKL_MAKE_ARRAY " make " + GetParam().level + " " + GetParam().version +
          " host:3 fs.img" + words(members));
    return members;
  }
  static bool can_lose_one() { return GetParam().level != "linear" && GetParam().level != "0"; }
};

TEST_P(ArrayTest, IsReadAndStaysAsItIs) {
  const auto members = make();
  const std::string before = sums("m*");
  expect_contents({}, members);
  expect_contents({"-P", "md3"}, members);
  expect_contents({"-P", "/dev/md3"}, {members.rbegin(), members.rend()});
  EXPECT_EQ(sums("m*"), before);
}

TEST_P(ArrayTest, IsWritten) {
  const auto members = make();
  write_noise("new", 500'000, 2);
  auto line = with({"cp"}, members);
  line.insert(line.end(), {"new", "m0:md3:/new"});
  lkl_ok(line);
  line = with({"rm"}, members);
  line.emplace_back("/hello");
  lkl_ok(line);
  // What is on the members, put together by hand.
  shell("python3 " LKL_MAKE_ARRAY " read " + GetParam().level + " " + GetParam().version +
        " 8388608" + words(members) + " > out.img");
  check_ext4("out.img");
  shell("debugfs -R 'dump /new got' out.img 2>/dev/null && cmp new got");
  EXPECT_EQ(shell("debugfs -R 'ls -p /' out.img 2>/dev/null").find("/hello/"), std::string::npos);
}

// Before it is written and after.
TEST_P(ArrayTest, IsOneForMdadm) {
  if (!have("mdadm")) GTEST_SKIP() << "needs mdadm";
  const auto members = make();
  const std::string made = shell("mdadm --examine m1");
  EXPECT_NE(made.find(" correct"), std::string::npos) << made;
  lkl_ok(with({"rm", "/hello"}, members));
  const std::string written = shell("mdadm --examine m1");
  EXPECT_NE(written.find(" correct"), std::string::npos) << written;
  EXPECT_NE(written.find("State : clean"), std::string::npos) << written;
}

TEST_P(ArrayTest, LacksMembers) {
  auto members = make();
  members.erase(members.begin() + 1);
  const std::string before = sums("m*");
  const Result result = lkl(with({"cat", "-P", "md3", "/hello"}, members));
  if (can_lose_one()) {
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out, "hello\n");
    EXPECT_NE(result.err.find("without member 1"), std::string::npos) << result.err;
    expect_contents({}, members);
    // The one that is missing would be outdated.
    const Result refused = lkl(with({"rm", "/hello"}, members));
    EXPECT_EQ(refused.status, 1);
    EXPECT_NE(refused.err.find("only read"), std::string::npos) << refused.err;
  } else {
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("member 1 missing"), std::string::npos) << result.err;
  }
  EXPECT_EQ(sums("m*"), before);
}

INSTANTIATE_TEST_SUITE_P(Levels, ArrayTest,
                         testing::Values(ArrayKind{"linear", "1.2", 2}, ArrayKind{"0", "1.2", 3},
                                         ArrayKind{"0", "0.90", 2}, ArrayKind{"1", "0.90", 2},
                                         ArrayKind{"1", "1.0", 2}, ArrayKind{"1", "1.1", 3},
                                         ArrayKind{"1", "1.2", 2}, ArrayKind{"4", "1.2", 3},
                                         ArrayKind{"5", "1.2", 3}, ArrayKind{"5", "0.90", 4},
                                         ArrayKind{"6", "1.2", 4}, ArrayKind{"10", "1.2", 4}),
                         [](const auto& info) {
                           std::string name =
                               "Level" + info.param.level + "Version" + info.param.version;
                           std::erase(name, '.');
                           return name;
                         });

class MdTest : public VolumeTest {
 protected:
  static void make(const std::string& level, const std::string& name, const std::string& contents,
                   const std::string& members) {
    shell("python3 " LKL_MAKE_ARRAY " make " + level + " 1.2 " + name + " " + contents + " " +
          members);
  }
};

TEST_F(MdTest, TooManyMissing) {
  make("5", "host:home", "fs.img", "m0 m1 m2 m3");
  const Result result = lkl(with({"df"}, {"m1", "m3"}));
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("members 0, 2 missing"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("'host:home' (raid5, 4 disks)"), std::string::npos) << result.err;
}

TEST_F(MdTest, HasNames) {
  make("1", "host:home", "fs.img", "m0 m1");
  expect_contents({"-P", "md/home"}, {"m0", "m1"});
  expect_contents({"-P", "md127"}, {"m0", "m1"});
  expect_contents({"-P", "/dev/md/home"}, {"m0", "m1"});
  const Result result = lkl(with({"df", "-P", "md9"}, {"m0", "m1"}));
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("no such device"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("md127"), std::string::npos) << result.err;
}

TEST_F(MdTest, HasPartitions) {
  shell(
      "truncate -s 12M disk.img && echo '2048,8M,L\n,,L' | sfdisk -q disk.img && "
      "dd if=fs.img of=disk.img bs=1M seek=1 conv=notrunc status=none");
  make("5", "host:3", "disk.img", "m0 m1 m2");
  expect_contents({"-P", "md3p1"}, {"m0", "m1", "m2"});
  expect_contents({"-P", "md3:1"}, {"m0", "m1", "m2"});
  expect_contents({"-P", "md3"}, {"m0", "m1", "m2"});
  expect_contents({}, {"m0", "m1", "m2"});
}

// The superblock of the last partition is at the end of the disk, too.
TEST_F(MdTest, OnPartitions) {
  for (const std::string version : {"0.90", "1.0", "1.2"}) {
    shell("python3 " LKL_MAKE_ARRAY " make 1 " + version + " host:3 fs.img m0 m1");
    for (const std::string number : {"0", "1"})
      shell("rm -f d" + number + " && truncate -s 1M d" + number + " && cat m" + number + " >> d" +
            number + " && echo '2048,,R' | sfdisk -q --force d" + number + " 2>&1");
    expect_contents({}, {"d0", "d1"});
    const Json info = Json::parse(lkl_ok({"info", "--json", "d0", "d1"}));
    EXPECT_EQ(info[0]["partitions"][0]["contents"], "Linux RAID member") << version;
    ASSERT_EQ(info[0]["assembled"].size(), 1U) << info;
    EXPECT_EQ(info[0]["assembled"][0]["on"], Json({"d0:1", "d1:1"}));
  }
}

TEST_F(MdTest, IsShown) {
  make("5", "host:home", "fs.img", "m0 m1 m2");
  const Json info = Json::parse(lkl_ok({"info", "--json", "m0", "m1", "m2"}));
  ASSERT_EQ(info.size(), 3U);
  const Json& member = info[1]["partitions"][0];
  EXPECT_EQ(member["details"]["level"], "raid5");
  EXPECT_EQ(member["details"]["role"], "1");
  EXPECT_EQ(member["details"]["version"], "1.2");
  ASSERT_EQ(info[0]["assembled"].size(), 1U) << info;
  const Json& array = info[0]["assembled"][0];
  EXPECT_EQ(array["name"], "md127");
  EXPECT_EQ(array["alias"], "md/home");
  EXPECT_EQ(array["kind"], "array");
  EXPECT_EQ(array["type"], "raid5");
  EXPECT_EQ(array["fstype"], "ext4");
  EXPECT_EQ(array["on"], Json({"m0", "m1", "m2"}));
  EXPECT_TRUE(array.contains("used"));
}

// A mirror's member is not to be mounted by itself.
TEST_F(MdTest, MembersAreNotFileSystems) {
  shell("python3 " LKL_MAKE_ARRAY " make 1 1.0 host:3 fs.img m0 m1");
  const Result result = lkl({"ls", "m0:0"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("Linux RAID member"), std::string::npos) << result.err;
}

TEST_F(MdTest, CopiesOfAnArray) {
  make("1", "host:3", "fs.img", "m0 m1");
  shell("mkdir other && echo changed > tree/hello");
  make_ext4("fs2.img", "8M", "tree");
  make("1", "host:3", "fs2.img", "other/m0 other/m1");
  // The same UUIDs; each is complete.
  const Json info = Json::parse(lkl_ok({"info", "--json", "m0", "other/m0", "m1", "other/m1"}));
  EXPECT_EQ(info[0]["assembled"][0]["on"], Json({"m0", "m1"}));
  EXPECT_EQ(info[1]["assembled"][0]["on"], Json({"other/m0", "other/m1"}));
}

// The disks of an array are named one by one; it is one file system.
TEST_F(MdTest, SpaceOfAnArray) {
  make("5", "host:0", "fs.img", "m0 m1 m2");
  const Json rows = Json::parse(lkl_ok({"df", "--json", "m0", "m1", "fs.img", "m2"}));
  ASSERT_EQ(rows.size(), 2U) << rows;
  EXPECT_EQ(rows[0]["image"], "m0");
  EXPECT_EQ(rows[0]["device"], "md0");
  EXPECT_EQ(rows[1]["image"], "fs.img");
  EXPECT_EQ(rows[0]["used"], rows[1]["used"]);
}

// --- LVM

class LvmTest : public VolumeTest {
 protected:
  void make(const Json& group) {
    write_file("group.json", group.dump());
    shell("python3 " LKL_MAKE_GROUP " group.json");
  }
  using Areas = std::vector<std::pair<std::string, int>>;
  static Json striped(std::size_t count, const Areas& areas) {
    Json list = Json::array();
    for (const auto& [name, extent] : areas) list.push_back(Json::array({name, extent}));
    return {{"type", "striped"}, {"count", count}, {"areas", list}};
  }
  static Json volume(const std::vector<Json>& segments, const std::string& contents = {}) {
    Json result = {{"segments", segments}};
    if (!contents.empty()) result["contents"] = contents;
    return result;
  }
  // On one disk.
  void make_one(const std::map<std::string, Json>& volumes, const std::string& disk = "p0") {
    make({{"name", "vg"}, {"extents", 16}, {"files", Json::array({disk})}, {"volumes", volumes}});
  }
  // "root" in pieces over two disks, "stripes" over both, the description on one.
  void make_two() {
    const std::map<std::string, Json> volumes = {
        {"root",
         volume({striped(5, {{"pv0", 2}}), striped(3, {{"pv1", 1}}), striped(1, {{"pv0", 0}})},
                "fs.img")},
        {"stripes", volume({striped(10, {{"pv0", 12}, {"pv1", 8}})}, "fs.img")}};
    make({{"name", "vg"},
          {"extents", 24},
          {"files", Json::array({"p0", "p1"})},
          {"no_metadata", Json::array({"p1"})},
          {"volumes", volumes}});
  }
  // "root" as it is, on one disk.
  void make_root() { make_one({{"root", volume({striped(8, {{"pv0", 0}})}, "fs.img")}}); }
};

// What make_group.py makes is what it is for LVM.
TEST_F(LvmTest, AreVolumesForPvck) {
  if (!have("pvck")) GTEST_SKIP() << "needs lvm2";
  make_two();
  const std::string metadata = shell("pvck --dump metadata p0");
  EXPECT_NE(metadata.find("stripe_count = 2"), std::string::npos) << metadata;
  EXPECT_EQ(shell("pvck --dump headers p1 2>&1").find("CHECK:"), std::string::npos);
}

TEST_F(LvmTest, VolumesAreRead) {
  make_two();
  const std::string before = sums("p0 p1");
  for (const std::string name : {"vg/root", "/dev/vg/stripes", "/dev/mapper/vg-root"}) {
    expect_contents({"-P", name}, {"p0", "p1"});
    expect_contents({"-P", name}, {"p1", "p0"});
  }
  EXPECT_EQ(lkl_ok({"cat", "-a", "p1", "-a", "p0", "-P", "vg/root", "/hello"}), "hello\n");
  EXPECT_EQ(sums("p0 p1"), before);
}

TEST_F(LvmTest, VolumesAreWritten) {
  make_two();
  write_noise("new", 2'000'000, 3);
  for (const std::string name : {"root", "stripes"}) {
    lkl_ok({"cp", "-a", "p0", "-a", "p1", "new", "p0:vg/" + name + ":/new"});
    const std::string got = lkl_ok({"cat", "-a", "p0", "-a", "p1", "-P", "vg/" + name, "/new"});
    EXPECT_TRUE(got == shell("cat new"));
  }
  // "root", put together by hand.
  shell(
      "dd if=p0 bs=1M skip=3 count=5 of=out.img status=none; "
      "dd if=p1 bs=1M skip=2 count=3 seek=5 of=out.img status=none");
  check_ext4("out.img");
  shell("debugfs -R 'dump /new got' out.img 2>/dev/null && cmp new got");
}

TEST_F(LvmTest, NamesAreAskedFor) {
  make_two();
  const Result result = lkl({"cat", "-a", "p0", "-a", "p1", "/hello"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("vg/root"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("vg/stripes"), std::string::npos) << result.err;
}

TEST_F(LvmTest, MissingVolumesAreNamed) {
  make_two();
  const Result result = lkl({"ls", "p0:vg/root"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("physical volume"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("/dev/p1"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("-a"), std::string::npos) << result.err;
}

TEST_F(LvmTest, WritingNeedsAllDisks) {
  make_two();
  write_file("new", "new");
  // Only the one that is named may be written.
  const Result result = lkl({"cp", "-a", "p1", "new", "p0:vg/root:/"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("-a"), std::string::npos) << result.err;
}

TEST_F(LvmTest, ReadOnlyVolumesStayThat) {
  Json root = volume({striped(8, {{"pv0", 0}})}, "fs.img");
  root["status"] = Json::array({"READ", "VISIBLE"});
  make_one({{"root", root}});
  EXPECT_EQ(lkl_ok({"cat", "p0", "/hello"}), "hello\n");
  const Result result = lkl({"rm", "p0", "/hello"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("lvchange"), std::string::npos) << result.err;
}

TEST_F(LvmTest, VolumesHavePartitions) {
  for (const std::string label : {"dos", "gpt"}) {
    shell("rm -f disk.img && truncate -s 12M disk.img && printf 'label: " + label +
          "\nstart=2048,size=8M\nsize=1M\n' | sfdisk -q disk.img && "
          "dd if=fs.img of=disk.img bs=1M seek=1 conv=notrunc status=none");
    make_one({{"root", volume({striped(12, {{"pv0", 0}})}, "disk.img")}});
    expect_contents({"-P", "vg/root:1"}, {"p0"});
    expect_contents({"-P", "vg/root"}, {"p0"});
    expect_contents({}, {"p0"});
    lkl_ok({"cp", "tree/hello", "p0:vg/root:1:/new"});
    EXPECT_EQ(lkl_ok({"cat", "p0:vg/root:1", "/new"}), "hello\n");
  }
}

TEST_F(LvmTest, UnknownTypesAreRefusedByName) {
  make_one({{"root", volume({striped(8, {{"pv0", 0}})}, "fs.img")},
            {"fast", volume({{{"type", "vdo"}, {"count", 1}, {"areas", Json::array()}}})}});
  EXPECT_EQ(lkl_ok({"cat", "p0", "/hello"}), "hello\n");
  const Result result = lkl({"ls", "p0:vg/fast"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("type vdo"), std::string::npos) << result.err;
}

TEST_F(LvmTest, IsShown) {
  make_two();
  const Json info = Json::parse(lkl_ok({"info", "--json", "p0", "p1"}));
  EXPECT_EQ(info[0]["partitions"][0]["contents"], "LVM2 physical volume");
  EXPECT_EQ(info[0]["partitions"][0]["details"]["group"], "vg");
  ASSERT_EQ(info[0]["assembled"].size(), 2U) << info;
  const Json& root = info[0]["assembled"][0];
  EXPECT_EQ(root["name"], "vg/root");
  EXPECT_EQ(root["kind"], "logical volume");
  EXPECT_EQ(root["type"], "linear");
  EXPECT_EQ(root["size"], 9 << 20);
  EXPECT_EQ(root["on"], Json({"p0", "p1"}));
  // Also without one disk, and for people.
  const std::string text = lkl_ok({"info", "p0"});
  EXPECT_NE(text.find("vg/root: logical volume"), std::string::npos) << text;
  EXPECT_NE(text.find("is missing"), std::string::npos) << text;
}

TEST_F(LvmTest, DamagedMetadataIsTold) {
  make_root();
  shell("printf x | dd of=p0 bs=1 seek=4700 conv=notrunc status=none");  // in the text
  const Result result = lkl({"ls", "p0:vg/root"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("damaged"), std::string::npos) << result.err;
}

TEST_F(LvmTest, CopiesOfAGroup) {
  make_root();
  shell("cp p0 copy");
  lkl_ok({"rm", "copy:vg/root", "/hello"});
  EXPECT_EQ(lkl_ok({"cat", "p0:vg/root", "/hello"}), "hello\n");
  const Result result = lkl({"diff", "p0:vg/root:/", "copy:vg/root:/"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.out.find("hello"), std::string::npos) << result.out << result.err;
  EXPECT_EQ(result.out.find("noise"), std::string::npos) << result.out;
}

TEST_F(LvmTest, Snapshots) {
  const Json hidden = {{"status", Json::array({"READ", "WRITE"})},
                       {"segments", Json::array({{{"type", "snapshot"},
                                                  {"count", 8},
                                                  {"areas", Json::array()},
                                                  {"more",
                                                   "chunk_size = 8\norigin = \"root\"\ncow_store = "
                                                   "\"snap\""}}})}};
  make_one({{"root", volume({striped(8, {{"pv0", 0}})}, "fs.img")},
            {"snap", volume({striped(4, {{"pv0", 10}})})},
            {"snapshot0", hidden}});
  // The first use of a snapshot writes its header.
  lkl_ok({"rm", "p0:vg/snap", "/hello"});
  const std::string before = sums("p0");
  EXPECT_EQ(lkl_ok({"ls", "p0:vg/snap"}).find("hello"), std::string::npos);
  expect_contents({"-P", "vg/root"}, {"p0"});
  EXPECT_EQ(sums("p0"), before);
  const Result result = lkl({"rm", "p0:vg/root", "/hello"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("it has snapshots"), std::string::npos) << result.err;
  shell("dd if=p0 bs=1M skip=1 count=8 status=none | cmp - fs.img");
}

struct RaidKind {
  const char* type;
  const char* level;  // of make_array.py, for the same layout
  int disks;
  int extents;  // of each disk
};

void PrintTo(const RaidKind& kind, std::ostream* out) {
  *out << kind.type;
}

class LvmRaidTest : public LvmTest, public testing::WithParamInterface<RaidKind> {};

TEST_P(LvmRaidTest, IsReadAndWritten) {
  const auto& [type, level, disks, extents] = GetParam();
  std::string columns, names;
  std::vector<std::string> files;
  std::map<std::string, Json> volumes;
  for (int i = 0; i < disks; i++) columns += " c" + std::to_string(i);
  shell(std::string("python3 " LKL_MAKE_ARRAY " make ") + level + " 1.0 host:0 fs.img" + columns +
        " && truncate -s " + std::to_string(extents) + "M" + columns);
  for (int i = 0; i < disks; i++) {
    const std::string number = std::to_string(i), disk = "pv" + number;
    const std::string meta = "root_rmeta_" + number, data = "root_rimage_" + number;
    // LVM's raid4 has the parity first.
    const int column = type == std::string("raid4") ? (i + disks - 1) % disks : i;
    volumes[meta] = volume({striped(1, {{disk, 0}})});
    volumes[data] = volume({striped(static_cast<std::size_t>(extents), {{disk, 1}})},
                           "c" + std::to_string(column));
    for (const std::string& part : {meta, data})
      volumes[part]["status"] = Json::array({"READ", "WRITE"});
    names += (names.empty() ? "" : ", ") + ("\"" + meta) + "\", \"" + data + "\"";
    files.push_back("p" + number);
  }
  const std::string words = "device_count = " + std::to_string(disks) +
                            "\nstripe_size = 128\nregion_size = 1024\nraids = [" + names + "]";
  volumes["root"] =
      volume({{{"type", type}, {"count", 8}, {"areas", Json::array()}, {"more", words}}});
  make({{"name", "vg"}, {"extents", 12}, {"files", files}, {"volumes", volumes}});

  std::string before = sums("p*");
  expect_contents({}, files);
  EXPECT_EQ(sums("p*"), before);
  write_noise("new", 300'000, 4);
  auto line = with({"cp"}, files);
  line.insert(line.end(), {"new", "p0:vg/root:/new"});
  lkl_ok(line);
  before = sums("p*");
  line = with({"cat", "-P", "vg/root"}, files);
  line.emplace_back("/new");
  EXPECT_TRUE(lkl_ok(line) == shell("cat new"));
  expect_contents({}, files);
  EXPECT_EQ(sums("p*"), before);
}

INSTANTIATE_TEST_SUITE_P(Types, LvmRaidTest,
                         testing::Values(RaidKind{"raid1", "1", 2, 8}, RaidKind{"raid4", "4", 3, 4},
                                         RaidKind{"raid5_ls", "5", 3, 4},
                                         RaidKind{"raid10", "10", 4, 4}),
                         [](const auto& info) { return std::string(info.param.type); });

// Thin volumes and caches, whose metadata is made and judged by thin_restore, cache_check and so
// on.
class LvmPoolTest : public LvmTest {
 protected:
  static constexpr int kChunk = 128;  // in sectors: 64 KiB
  static constexpr int kChunks = 8 * 16;

  void SetUp() override {
    if (!have("thin_restore") || !have("cache_restore"))
      GTEST_SKIP() << "needs thin-provisioning-tools";
    LvmTest::SetUp();
  }

  static Json named(const std::string& type, std::size_t count, const std::string& more) {
    return {{"type", type}, {"count", count}, {"areas", Json::array()}, {"more", more}};
  }
  static Json hidden(std::size_t count, int extent, const std::string& contents) {
    Json result = volume({striped(count, {{"pv0", extent}})}, contents);
    result["status"] = Json::array({"READ", "WRITE"});
    return result;
  }

  // The file system's chunks in reverse, from the second chunk of the pool on.
  void make_thin(const std::string& more) {
    std::string mappings;
    shell("truncate -s 12M data");
    for (int i = 0; i < kChunks; i++)
      mappings += "<single_mapping origin_block=\"" + std::to_string(i) + "\" data_block=\"" +
                  std::to_string(kChunks - i) + "\" time=\"0\"/>\n";
    shell(
        "python3 -c '\nd = open(\"fs.img\", \"rb\").read()\nwith open(\"data\", \"r+b\") as f:\n"
        " for i in range(128):\n  f.seek((128 - i) << 16); f.write(d[i << 16:(i + 1) << 16])'");
    write_file("thin.xml",
               "<superblock uuid=\"\" time=\"0\" transaction=\"1\" data_block_size=\"128\" "
               "nr_data_blocks=\"192\">\n<device dev_id=\"5\" mapped_blocks=\"128\" "
               "transaction=\"0\" creation_time=\"0\" snap_time=\"0\">\n" +
                   mappings + "</device>\n</superblock>\n");
    shell("truncate -s 2M meta && thin_restore -i thin.xml -o meta >/dev/null");
    make_one_of({{"pool_tmeta", hidden(2, 0, "meta")},
                 {"pool_tdata", hidden(12, 2, "data")},
                 {"pool", volume({named("thin-pool", 12,
                                        "metadata = \"pool_tmeta\"\npool = \"pool_tdata\"\n"
                                        "transaction_id = 1\nchunk_size = 128\n"
                                        "discards = \"passdown\"\nzero_new_blocks = 1\n" +
                                            more)})},
                 {"root", volume({named("thin", 8,
                                        "thin_pool = \"pool\"\ntransaction_id = 0\n"
                                        "device_id = 5")})}});
  }
  void make_one_of(const std::map<std::string, Json>& volumes) {
    make({{"name", "vg"}, {"extents", 32}, {"files", Json::array({"p0"})}, {"volumes", volumes}});
  }
  static void take_out(const std::string& name, int extent, int count) {
    shell("dd if=p0 of=" + name + " bs=1M skip=" + std::to_string(1 + extent) +
          " count=" + std::to_string(count) + " status=none");
  }
};

TEST_F(LvmPoolTest, ThinVolumes) {
  make_thin("");
  const std::string before = sums("p0");
  expect_contents({"-P", "vg/root"}, {"p0"});
  expect_contents({}, {"p0"});  // the pool is none to choose
  EXPECT_EQ(sums("p0"), before);
  expect_failure({"ls", "p0:vg/pool"}, 1, "other volumes are in it");

  write_noise("new", 700'000, 5);
  lkl_ok({"cp", "new", "p0:vg/root:/new"});
  expect_contents({}, {"p0"});
  EXPECT_TRUE(lkl_ok({"cat", "p0", "/new"}) == shell("cat new"));
  take_out("meta.out", 0, 2);
  shell("thin_check -q meta.out");
  EXPECT_NE(shell("thin_dump meta.out").find("dev_id=\"5\""), std::string::npos);
  const Json info = Json::parse(lkl_ok({"info", "--json", "p0"}));
  EXPECT_EQ(info[0]["assembled"].size(), 2U) << info;
  for (const Json& one : info[0]["assembled"])
    EXPECT_EQ(one["type"], one["name"] == "vg/pool" ? "thin-pool" : "thin");
}

TEST_F(LvmPoolTest, DamagedThinMetadataIsTold) {
  make_thin("");
  shell(
      "tr '\\0' x </dev/zero | dd of=p0 bs=1M seek=1 count=1 conv=notrunc iflag=fullblock "
      "status=none");
  const std::string before = sums("p0");
  const Result result = lkl({"ls", "p0:vg/root"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("vg/pool: the kernel's device mapper does not take it"),
            std::string::npos)
      << result.err;
  EXPECT_EQ(sums("p0"), before);
}

#ifdef LKL_TEST_MAPPED

class LvmCacheTest : public LvmPoolTest, public testing::WithParamInterface<bool> {
 protected:
  // The first 4 MiB are dirty in the cache, and wrong in the origin, if it writes back.
  void make_cache(const std::string& mode, const std::string& format) {
    const bool back = mode == "writeback";
    std::string mappings, hints;
    for (int i = 0; back && i < 64; i++) {
      mappings += "<mapping cache_block=\"" + std::to_string(i) + "\" origin_block=\"" +
                  std::to_string(i) + "\" dirty=\"true\"/>\n";
      hints += "<hint cache_block=\"" + std::to_string(i) + "\" data=\"AAAAAA==\"/>\n";
    }
    write_file("cache.xml",
               "<superblock uuid=\"\" block_size=\"128\" nr_cache_blocks=\"64\" policy=\"smq\" "
               "hint_width=\"4\">\n<mappings>\n" +
                   mappings + "</mappings>\n<hints>\n" + hints + "</hints>\n</superblock>\n");
    shell("truncate -s 2M meta && cache_restore --metadata-version " + format +
          " -i cache.xml -o meta >/dev/null && cp fs.img origin && dd if=fs.img of=cached bs=1M "
          "count=4 status=none");
    if (back) shell("dd if=/dev/zero of=origin bs=1M count=4 conv=notrunc status=none");
    const std::string settings = "chunk_size = 128\ncache_mode = \"" + mode +
                                 "\"\npolicy = \"smq\"\nmetadata_format = " + format + "\n";
    std::map<std::string, Json> volumes = {{"root_corig", hidden(8, 0, "origin")}};
    if (GetParam()) {
      volumes["pool_cmeta"] = hidden(2, 8, "meta");
      volumes["pool_cdata"] = hidden(4, 10, "cached");
      volumes["pool"] = volume({named(
          "cache-pool", 4, "data = \"pool_cdata\"\nmetadata = \"pool_cmeta\"\n" + settings)});
      volumes["pool"]["status"] = Json::array({"READ", "WRITE"});
      volumes["root"] =
          volume({named("cache", 8, "cache_pool = \"pool\"\norigin = \"root_corig\"")});
    } else {
      shell("cat meta cached > both");
      volumes["fast_cvol"] = hidden(6, 8, "both");
      volumes["root"] = volume({named("cache+CACHE_USES_CACHEVOL", 8,
                                      "cache_pool = \"fast_cvol\"\norigin = \"root_corig\"\n"
                                      "metadata_start = 0\nmetadata_len = 4096\ndata_start = 4096\n"
                                      "data_len = 8192\n" +
                                          settings)});
    }
    make_one_of(volumes);
  }
};

TEST_P(LvmCacheTest, IsWrittenThrough) {
  make_cache("writethrough", "2");
  const std::string before = sums("p0");
  expect_contents({}, {"p0"});
  EXPECT_EQ(sums("p0"), before);
  write_noise("new", 700'000, 5);
  lkl_ok({"cp", "new", "p0:vg/root:/new"});
  // All of it is in the origin.
  take_out("out.img", 0, 8);
  check_ext4("out.img");
  shell("debugfs -R 'dump /new got' out.img 2>/dev/null && cmp new got");
  take_out("meta.out", 8, 2);
  shell("cache_check -q meta.out");
}

TEST_P(LvmCacheTest, IsWrittenBack) {
  for (const std::string format : {"1", "2"}) {
    make_cache("writeback", format);
    const std::string before = sums("p0");
    expect_failure({"ls", "p0:vg/root"}, 1, "use --snapshot with a command that writes");
    EXPECT_EQ(shell("echo 'cat /hello' | '" LKL_TOOL_PATH "' --snapshot sh p0:vg/root"), "hello\n");
    EXPECT_EQ(sums("p0"), before);
    write_noise("new", 700'000, 5);
    lkl_ok({"cp", "new", "p0:vg/root:/new"});
    EXPECT_EQ(shell("echo 'cat /hello' | '" LKL_TOOL_PATH "' --snapshot sh p0:vg/root"), "hello\n");
    take_out("meta.out", 8, 2);
    shell("cache_check -q meta.out");
  }
}

INSTANTIATE_TEST_SUITE_P(By, LvmCacheTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Pool" : "Volume"; });

TEST_F(LvmTest, WritecacheIsOpened) {
  shell("mke2fs -q -F -t ext4 -b 4096 -d tree origin 8M && truncate -s 4M cache");
  std::map<std::string, Json> volumes = {
      {"root_wcorig", volume({striped(8, {{"pv0", 0}})}, "origin")},
      {"fast_cvol", volume({striped(4, {{"pv0", 8}})}, "cache")},
      {"root", volume({{{"type", "writecache"},
                        {"count", 8},
                        {"areas", Json::array()},
                        {"more",
                         "origin = \"root_wcorig\"\nwritecache = \"fast_cvol\"\n"
                         "writecache_block_size = 4096"}}})}};
  for (const char* part : {"root_wcorig", "fast_cvol"})
    volumes[part]["status"] = Json::array({"READ", "WRITE"});
  make({{"name", "vg"}, {"extents", 32}, {"files", Json::array({"p0"})}, {"volumes", volumes}});
  expect_failure({"ls", "p0:vg/root"}, 1, "use --snapshot");
  write_noise("new", 100'000, 5);
  lkl_ok({"cp", "new", "p0:vg/root:/new"});
  EXPECT_EQ(shell("echo 'cat /hello' | '" LKL_TOOL_PATH "' --snapshot sh p0:vg/root"), "hello\n");
}

#endif

TEST_F(LvmTest, OnAnArray) {
  make_root();
  shell("python3 " LKL_MAKE_ARRAY " make 5 1.2 host:3 p0 m0 m1 m2");
  expect_contents({}, {"m0", "m1", "m2"});
  lkl_ok({"rm", "-a", "m0", "-a", "m1", "-a", "m2", "-P", "vg/root", "/hello"});
  shell("python3 " LKL_MAKE_ARRAY
        " read 5 1.2 17825792 m0 m1 m2 > out && "
        "dd if=out of=out.img bs=1M skip=1 count=8 status=none");
  check_ext4("out.img");
}

}  // namespace

}  // namespace lkl::tool_test
