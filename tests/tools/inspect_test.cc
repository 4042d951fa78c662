// SPDX-License-Identifier: GPL-2.0
//
// lkl info: operating systems, and the partition tables within partitions.
#include <elf.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tool_test.h"

namespace lkl::tool_test {
namespace {

using Json = nlohmann::json;

class InspectTest : public ToolTest {
 protected:
  // A root file system as a distribution makes it.
  void make_root(const std::string& release) const {
    for (const char* name : {"root/etc", "root/usr/lib/modules/6.1.0-18-amd64", "root/usr/bin",
                             "root/usr/lib/modules/6.1.0-99-gone", "root/var/lib/dpkg"})
      std::filesystem::create_directories(name);
    std::filesystem::create_symlink("usr/bin", "root/bin");
    // An absolute link is one of the image.
    std::filesystem::create_symlink("/usr/lib", "root/lib");
    std::filesystem::create_symlink("dash", "root/usr/bin/sh");
    std::filesystem::create_symlink("../usr/lib/os-release", "root/etc/os-release");
    write_file("root/usr/lib/os-release", release);
    write_file("root/usr/lib/modules/6.1.0-18-amd64/modules.dep", "");
    write_file("root/var/lib/dpkg/status", "");
    write_file("root/etc/hostname", "# ours\nbox\n");
    write_file("root/usr/bin/dash", program(EM_AARCH64, ELFDATA2LSB));
  }
  static std::string program(unsigned machine, char order) {
    std::string head(64, '\0');
    head.replace(0, 4, ELFMAG);
    head[EI_CLASS] = ELFCLASS64;
    head[EI_DATA] = order;
    const bool big = order == ELFDATA2MSB;
    head[big ? 19 : 18] = static_cast<char>(machine & 0xff);
    head[big ? 18 : 19] = static_cast<char>(machine >> 8);
    return head;
  }
  static Json systems(const std::vector<std::string>& images) {
    std::vector<std::string> command = {"info", "--json"};
    command.insert(command.end(), images.begin(), images.end());
    return Json::parse(lkl_ok(command))[0]["operating_systems"];
  }
};

constexpr char kRelease[] =
    "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n"
    "VERSION_ID=\"12.5\"\nID=debian\nBUG_REPORT_URL=https://bugs.debian.org/\n";

TEST_F(InspectTest, FindsTheSystem) {
  make_root(kRelease);
  make_ext4("e.img", "16M", "root");
  const Json all = systems({"e.img"});
  ASSERT_EQ(all.size(), 1U);
  const Json& system = all[0];
  EXPECT_EQ(system["root"], "e.img");
  EXPECT_EQ(system["type"], "linux");
  EXPECT_EQ(system["distro"], "debian");
  EXPECT_EQ(system["product_name"], "Debian GNU/Linux 12 (bookworm)");
  EXPECT_EQ(system["major_version"], 12);
  EXPECT_EQ(system["minor_version"], 5);
  EXPECT_EQ(system["arch"], "aarch64");
  EXPECT_EQ(system["hostname"], "box");
  EXPECT_EQ(system["package_format"], "deb");
  EXPECT_EQ(system["package_management"], "apt");
  EXPECT_EQ(system["kernels"], Json({"6.1.0-18-amd64"}));
  EXPECT_EQ(system["mountpoints"].size(), 0U);

  const std::string text = lkl_ok({"info", "e.img"});
  for (const char* part : {"Debian GNU/Linux 12 (bookworm)", "debian 12.5", "aarch64", "box",
                           "deb, apt", "6.1.0-18-amd64"})
    EXPECT_NE(text.find(part), text.npos) << part << "\n" << text;
}

TEST_F(InspectTest, OthersHaveNone) {
  make_ext4("e.img", "16M");
  EXPECT_EQ(systems({"e.img"}), Json::array());
}

TEST_F(InspectTest, ResolvesFstab) {
  make_root("ID=alpine\nNAME='Alpine Linux'\nVERSION_ID=3\n");
  std::filesystem::remove_all("root/var/lib/dpkg");
  std::filesystem::create_directories("root/usr/lib/apk/db");
  write_file("root/usr/lib/apk/db/installed", "");
  write_file("root/usr/bin/dash", program(EM_S390, ELFDATA2MSB));
  shell(
      "truncate -s 100M p.img && printf 'label: gpt\\nstart=1MiB,size=16MiB\\n"
      "start=20MiB,size=32MiB,name=\"the data\"\\n"
      "start=60MiB,size=8MiB,uuid=D00DFEED-0000-4000-8000-00000000ABCD\\n' | sfdisk -q p.img");
  write_file("root/etc/fstab",
             "# comment\n\n"
             "UUID=0a1b2c3d-0000-4000-8000-00000000abcd / ext4 defaults 0 1\n"
             "LABEL=home\t/home\\040of\\040all ext4\n"
             "/dev/sda3 none swap sw 0 0\n"
             "PARTLABEL=\"the\\040data\" /data ext4 ro 0 0\n"
             "/dev/sdb1 /other xfs\n"
             "/dev/vdb /second ext4\n"
             "PARTUUID=d00dfeed-0000-4000-8000-00000000abcd none swap\n"
             "/dev/disk/by-partuuid/d00dfeed-0000-4000-8000-00000000abcd none swap\n"
             "/dev/disk/by-partlabel/the\\x20data /data ext4\n"
             "/dev/disk/by-label/home /home ext4\n"
             "PARTUUID=01020304-01 /old ext4\n"
             "PARTLABEL=nothing /none ext4\n"
             "tmpfs /tmp tmpfs\n"
             "one\n");
  make_ext4("r.img", "16M", "root");
  shell("tune2fs -U 0A1B2C3D-0000-4000-8000-00000000ABCD r.img");
  make_ext4("h.img", "32M");
  shell("tune2fs -L home h.img && truncate -s 8M s.img && mkswap -q s.img");
  shell(
      "dd if=r.img of=p.img bs=1M seek=1 conv=notrunc,sparse status=none && "
      "dd if=h.img of=p.img bs=1M seek=20 conv=notrunc,sparse status=none && "
      "dd if=s.img of=p.img bs=1M seek=60 conv=notrunc,sparse status=none");
  make_ext4("two.img", "16M");
  shell(
      "truncate -s 40M old.img && printf 'label: dos\\nlabel-id: 0x01020304\\nstart=1MiB\\n' | "
      "sfdisk -q old.img");

  const Json all = systems({"p.img", "two.img", "old.img"});
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0]["root"], "p.img:1");
  EXPECT_EQ(all[0]["product_name"], "Alpine Linux");
  EXPECT_EQ(all[0]["arch"], "s390x");
  EXPECT_EQ(all[0]["package_format"], "apk");
  EXPECT_EQ(all[0]["major_version"], 3);
  const Json points = all[0]["mountpoints"];
  ASSERT_EQ(points.size(), 13U) << points;
  const auto expect = [&](std::size_t i, const char* directory, const char* device) {
    EXPECT_EQ(points[i]["mountpoint"], directory);
    EXPECT_EQ(points[i].value("device", ""), device) << points[i];
  };
  expect(0, "/", "p.img:1");
  expect(1, "/home of all", "p.img:2");
  expect(2, "none", "p.img:3");
  expect(3, "/data", "p.img:2");
  expect(4, "/other", "");
  expect(5, "/second", "two.img");
  expect(6, "none", "p.img:3");
  expect(7, "none", "p.img:3");
  expect(8, "/data", "p.img:2");
  expect(9, "/home", "p.img:2");
  expect(10, "/old", "old.img:1");
  expect(11, "/none", "");
  expect(12, "/tmp", "");
  EXPECT_EQ(points[0]["source"], "UUID=0a1b2c3d-0000-4000-8000-00000000abcd");
  EXPECT_EQ(points[0]["fstype"], "ext4");
  EXPECT_EQ(points[0]["options"], "defaults");
}

// partx and sfdisk are the judges of what the UUIDs are.
TEST_F(InspectTest, PartitionsByTheirUuids) {
  shell(
      "truncate -s 100M gpt.img && printf 'label: gpt\\nstart=1MiB,size=16MiB,name=\"one\"\\n"
      "start=20MiB,size=16MiB,name=\"a: b\"\\n' | sfdisk -q gpt.img && "
      "truncate -s 200M mbr.img && printf 'label: dos\\nlabel-id: 0x0a1B2c3d\\n"
      "start=1MiB,size=16MiB\\nstart=20MiB,size=170MiB,type=5\\n\\n\\n' >script");
  for (int i = 0; i < 8; i++)
    shell("echo start=" + std::to_string(21 + 20 * i) + "MiB,size=16MiB >>script");
  shell("sfdisk -q mbr.img <script");
  // The second of the one and the twelfth of the other, whose number is not decimal there.
  make_ext4("e.img", "16M");
  std::filesystem::create_directory("tree");
  write_file("tree/found", "");
  make_ext4("f.img", "16M", "tree");
  shell(
      "for at in 1 20; do dd if=e.img of=gpt.img bs=1M seek=$at conv=notrunc status=none; done;"
      "for at in 1 21; do dd if=e.img of=mbr.img bs=1M seek=$at conv=notrunc status=none; done;"
      "dd if=f.img of=gpt.img bs=1M seek=20 conv=notrunc status=none;"
      "dd if=f.img of=mbr.img bs=1M seek=161 conv=notrunc status=none");

  std::string last[2];
  for (const std::string name : {"gpt.img", "mbr.img"}) {
    const Json image = Json::parse(lkl_ok({"info", "--json", name}))[0];
    std::string ours;
    for (const Json& p : image["partitions"])
      if (p["type"] != "0x05")  // it is none to Linux: nothing is in it
        ours += std::to_string(p["number"].get<int>()) + " " + p.value("partuuid", "") + "\n";
    EXPECT_EQ(ours, shell("partx -rgo NR,UUID " + name + " | grep -v -- -02$ || true"));
    last[name == "mbr.img"] = image["partitions"].back()["partuuid"];
    EXPECT_NE(lkl_ok({"info", name}).find("partuuid " + last[name == "mbr.img"]),
              std::string::npos);
  }
  EXPECT_EQ(last[1], "0a1b2c3d-0c");

  for (const std::string& choice :
       {"gpt.img:PARTUUID=" + last[0], "mbr.img:PARTUUID=" + last[1],
        std::string("mbr.img:PARTUUID=0A1B2C3D-0C"), std::string("gpt.img:PARTLABEL=a: b")}) {
    EXPECT_EQ(lkl_ok({"ls", choice}), "found\nlost+found\n") << choice;
    EXPECT_EQ(lkl_ok({"cat", choice + ":/found"}), "") << choice;
  }
  EXPECT_EQ(lkl_ok({"ls", "--add", "mbr.img", "-P", "PARTUUID=0a1b2c3d-0c"}),
            "found\nlost+found\n");
  EXPECT_EQ(lkl_ok({"ls", "--add", "mbr.img", "--add", "gpt.img", "-P", "PARTLABEL=a: b"}),
            "found\nlost+found\n");

  expect_failure({"ls", "mbr.img:PARTUUID=0a1b2c3d-0d"}, 1,
                 "PARTUUID=0a1b2c3d-0d: no such partition");
  expect_failure({"ls", "gpt.img:PARTLABEL=On"}, 1, "PARTLABEL=On: no such partition");
  expect_failure({"ls", "mbr.img:PARTUUID=0a1b2c3d-06"}, 1, "mbr.img:6: no file system recognised");
  expect_failure({"ls", "-P", "PARTUUID=", "mbr.img"}, 2, "is not among");
  // A copy has the same: which one is meant is not guessed.
  shell("cp gpt.img copy.img");
  expect_failure(
      {"ls", "--add", "mbr.img", "--add", "gpt.img", "--add", "copy.img", "-P", "PARTLABEL=a: b"},
      1, "2 devices are PARTLABEL=a: b");
}

// What an image says is not believed to be short, or text, or there.
TEST_F(InspectTest, HostileFiles) {
  make_root("ID=\"evil\\\"\nPRETTY_NAME=\"\x1b]0;title\x07\xff" + std::string(100'000, 'x') +
            "\"\nVERSION_ID=99999999999999999999.1\n");
  write_file("root/etc/fstab", std::string(200'000, '\\') + "\n" + std::string(70'000, '\n'));
  std::filesystem::remove("root/etc/hostname");
  std::filesystem::create_symlink("hostname", "root/etc/hostname");  // a loop
  std::filesystem::remove("root/usr/bin/dash");
  shell("mkfifo root/usr/bin/dash");
  make_ext4("e.img", "16M", "root");
  const std::string text = lkl_ok({"info", "e.img"});
  EXPECT_EQ(text.find('\x1b'), text.npos);
  EXPECT_LT(text.size(), 10'000U);
  const Json all = systems({"e.img"});
  ASSERT_EQ(all.size(), 1U);
  EXPECT_FALSE(all[0].contains("hostname"));
  EXPECT_FALSE(all[0].contains("arch"));
  EXPECT_FALSE(all[0].contains("major_version"));
}

void put32(std::string& to, std::size_t at, std::uint32_t value) {
  for (int i = 0; i < 4; i++) to[at + i] = static_cast<char>(value >> (8 * i));
}

// An MBR with an extended partition, and a FreeBSD slice with a disklabel: sfdisk is the judge of
// the one, the kernel's numbers of the other.
TEST_F(InspectTest, ExtendedAndBsdPartitions) {
  shell(
      "truncate -s 200M p.img && printf 'label: dos\\nstart=1MiB,size=8MiB\\n"
      "start=10MiB,size=40MiB,type=5\\nstart=60MiB,size=100MiB,type=a5\\n\\n"
      "start=11MiB,size=8MiB\\nstart=21MiB,size=8MiB,type=82\\n' | sfdisk -q p.img");
  constexpr std::uint32_t kMiB = 2048, kSlice = 60 * kMiB;
  std::string label(512, '\0');
  put32(label, 0, 0x82564557);
  put32(label, 132, 0x82564557);
  label[138] = 5;
  const auto partition = [&](std::size_t i, std::uint32_t start, std::uint32_t size, char type) {
    put32(label, 148 + 16 * i, size);
    put32(label, 148 + 16 * i + 4, start);
    label[148 + 16 * i + 12] = type;
  };
  partition(0, 1 * kMiB, 32 * kMiB, 7);
  partition(1, 40 * kMiB, 16 * kMiB, 1);
  partition(2, 0, 100 * kMiB, 7);         // the slice itself
  partition(3, 90 * kMiB, 64 * kMiB, 7);  // beyond its end
  partition(4, 60 * kMiB, 20 * kMiB, 17);
  {
    std::fstream image("p.img", std::ios::in | std::ios::out | std::ios::binary);
    image.seekp(static_cast<std::streamoff>(kSlice + 1) * 512);
    image.write(label.data(), 512);
  }
  make_ext4("e.img", "20M");
  shell("dd if=e.img of=p.img bs=1M seek=120 conv=notrunc status=none");

  const Json image = Json::parse(lkl_ok({"info", "--json", "p.img"}))[0];
  EXPECT_EQ(image["table"], "mbr");
  const Json& partitions = image["partitions"];
  struct {
    unsigned number;
    std::uint64_t start, size;  // MiB
    const char* type;
    const char* name;
  } const expected[] = {
      {1, 1, 8, "0x83", ""},         {2, 10, 40, "0x05", ""},       {3, 60, 100, "0xa5", ""},
      {5, 11, 8, "0x83", ""},        {6, 21, 8, "0x82", ""},        {7, 61, 32, "bsd:0x07", "a"},
      {8, 100, 16, "bsd:0x01", "b"}, {9, 120, 20, "bsd:0x11", "e"},
  };
  ASSERT_EQ(partitions.size(), std::size(expected)) << partitions;
  for (std::size_t i = 0; i < std::size(expected); i++) {
    const Json& p = partitions[i];
    EXPECT_EQ(p["number"], expected[i].number);
    EXPECT_EQ(p["start"], expected[i].start << 20) << p;
    if (expected[i].number != 2) {
      EXPECT_EQ(p["size"], expected[i].size << 20) << p;
    }
    EXPECT_EQ(p["type"], expected[i].type);
    EXPECT_EQ(p.value("name", ""), expected[i].name);
    EXPECT_EQ(p["present"], true);
  }
  EXPECT_EQ(partitions[7]["fstype"], "ext4");
  // Only the table of the disk gives UUIDs, and letters are no names.
  EXPECT_TRUE(partitions[2].contains("partuuid"));
  EXPECT_FALSE(partitions[7].contains("partuuid"));
  expect_failure({"ls", "p.img:PARTLABEL=e"}, 1, "no such partition");
  EXPECT_NE(lkl_ok({"info", "p.img"}).find("BSD FFS"), std::string::npos);
  lkl_ok({"ls", "p.img:9"});
}

// The hives are made by make_hive.py, and read by hivexget, too.
class WindowsTest : public InspectTest {
 protected:
  static Json version() {
    return {{"ProductName", "Windows 10 Pro"}, {"CurrentMajorVersionNumber", 10},
            {"CurrentMinorVersionNumber", 0},  {"CurrentBuildNumber", "22631"},
            {"CurrentVersion", "6.3"},         {"InstallationType", "Client"}};
  }
  void make_windows(const Json& current) const {
    std::filesystem::create_directories("root/Windows/System32/config");
    Json software;
    // So many that they are in several lists.
    for (const char* key : {"A", "B", "C", "D", "E", "Windows", "X", "Y", "Z"})
      software["Microsoft"][key] = Json::object();
    software["Microsoft"]["Windows NT"]["CurrentVersion"] = current;
    make_hive("SOFTWARE", software);
    Json machine;
    machine["Select"]["Current"] = 2;
    machine["ControlSet001"]["Services"]["Tcpip"]["Parameters"]["Hostname"] = "other";
    machine["ControlSet002"]["Services"]["Tcpip"]["Parameters"]["Hostname"] = "desk";
    machine["ControlSet002"]["Control"]["Session Manager"]["Environment"] = {
        {"PROCESSOR_ARCHITECTURE", "AMD64"}};
    make_hive("SYSTEM", machine);
  }
  void make_hive(const std::string& name, const Json& tree) const {
    write_file("hive.json", tree.dump());
    shell("python3 " LKL_MAKE_HIVE " hive.json root/Windows/System32/config/" + name);
  }
  static void make_image() {
#ifdef LKL_TEST_MAPPED
    lkl_ok({"build", "--force", "-t", "ntfs", "root", "w.img"});
#else
    lkl_ok({"build", "--force", "-t", "vfat", "root", "w.img"});
#endif
  }
};

TEST_F(WindowsTest, IsShown) {
  make_windows(version());
  if (have("hivexget")) {
    EXPECT_EQ(shell("hivexget root/Windows/System32/config/SOFTWARE "
                    "'Microsoft\\Windows NT\\CurrentVersion' ProductName"),
              "Windows 10 Pro\n");
  }
  make_image();
  const Json all = systems({"w.img"});
  ASSERT_EQ(all.size(), 1U) << all;
  EXPECT_EQ(all[0], Json({{"root", "w.img"},
                          {"type", "windows"},
                          {"distro", "windows"},
                          {"product_name", "Windows 11 Pro"},
                          {"product_variant", "Client"},
                          {"version", "10.0.22631"},
                          {"major_version", 10},
                          {"minor_version", 0},
                          {"hostname", "desk"},
                          {"arch", "x86_64"}}));
  EXPECT_NE(lkl_ok({"info", "w.img"}).find("Windows 11 Pro"), std::string::npos);
  // As older ones have it.
  make_windows({{"ProductName", "Windows 7 Ultimate"},
                {"CurrentVersion", "6.1"},
                {"CurrentBuildNumber", "7601"}});
  shell("mv root/Windows root/WINDOWS && cd root/WINDOWS/System32/config && mv SOFTWARE software");
  make_image();
  EXPECT_EQ(systems({"w.img"})[0]["version"], "6.1.7601");
}

// Every byte of a hive is changed: it is no system then, or one that says something else.
TEST_F(WindowsTest, DamagedHives) {
  for (unsigned seed = 1; seed <= 3; seed++) {
    make_windows(version());
    const std::string hive = "root/Windows/System32/config/SOFTWARE";
    if (seed == 1) {
      shell("truncate -s 5000 " + hive);
    } else {
      write_noise("noise", 4000, seed);
      shell("dd if=noise of=" + hive + " bs=1 seek=" + std::to_string(4096 + 40 * seed) +
            " conv=notrunc status=none");
    }
    make_image();
    const Json all = systems({"w.img"});
    EXPECT_LE(all.size(), 1U) << all;
  }
}

// A system's root is on other file systems than ext4.
TEST_F(InspectTest, RootsOfOtherTypes) {
  make_root(
      "NAME=\"Red Hat Enterprise Linux\"\nVERSION_ID=\"9.4\"\nID=\"rhel\"\n"
      "PRETTY_NAME=\"Red Hat Enterprise Linux 9.4 (Plow)\"\n");
  std::filesystem::remove_all("root/var/lib/dpkg");
  std::filesystem::create_directories("root/var/lib/rpm");
  write_file("root/usr/bin/dnf", "");
  shell("mksquashfs root s.img -noappend -quiet -no-progress >/dev/null");
  std::vector<std::string> images = {"s.img"};
#ifdef LKL_TEST_MAPPED
  for (const char* type : {"xfs", "erofs", "f2fs"}) {
    if (!have(std::string("mkfs.") + type)) continue;
    images.push_back(std::string(type) + ".img");
    lkl_ok({"build", "-t", type, "root", images.back()});
  }
#endif
  for (const std::string& image : images) {
    const Json all = systems({image});
    ASSERT_EQ(all.size(), 1U) << image;
    EXPECT_EQ(all[0]["distro"], "rhel") << image;
    EXPECT_EQ(all[0]["package_management"], "dnf") << image;
    EXPECT_EQ(all[0]["kernels"], Json({"6.1.0-18-amd64"})) << image;
  }
}

}  // namespace
}  // namespace lkl::tool_test
