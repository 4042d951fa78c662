// SPDX-License-Identifier: GPL-2.0
//
// The disks of libvirt's domains, and volumes. The hypervisor is libvirt's own test driver, which
// plays what a file says; and qemu, run by this user's libvirt, where that can be had.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tool_test.h"

namespace lkl::tool_test {
namespace {

using Json = nlohmann::json;

enum State { kRunning = 1, kPaused = 3, kShutOff = 5 };

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '\'':
        out += "&apos;";
        break;
      default:
        out += c;
    }
  return out;
}

class DomainTest : public ToolTest {
 protected:
  void SetUp() override {
    ToolTest::SetUp();
    if (!have("virsh")) GTEST_SKIP() << "there is no virsh, hence no libvirt";
    uri_ = "test://" + path("node.xml");
    mkdir("tree", 0755);
    write_file("tree/f", "hello\n");
  }

  static std::string disk(const std::string& target, const std::string& type,
                          const std::string& source, const std::string& more = "") {
    return "<disk type='" + type + "'>" + source + "<target dev='" + target + "' bus='virtio'/>" +
           more + "</disk>";
  }
  // A raw file, by its name in the test's directory.
  std::string file(const std::string& target, const std::string& name,
                   const std::string& more = "") const {
    return disk(target, "file", "<source file='" + escaped(path(name)) + "'/>",
                "<driver name='qemu' type='raw'/>" + more);
  }
  static std::string formatted(const std::string& target, const std::string& format,
                               const std::string& name) {
    return disk(target, "file", "<source file='" + name + "'/>",
                "<driver name='qemu' type='" + format + "'/>");
  }

  void add(const std::string& name, State state, const std::string& disks,
           const std::string& more = "") {
    node_ += "<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>" +
             escaped(name) + "</name><uuid>" + uuid(number_++) +
             "</uuid><memory>1024</memory><os><type>hvm</type></os><devices>" + disks +
             "</devices><test:runstate>" + std::to_string(state) + "</test:runstate>" + more +
             "</domain>";
    write_node();
  }
  void add_pool(const std::string& name, const std::string& volumes) {
    node_ += "<pool type='dir'><name>" + name + "</name><target><path>" + path(".") +
             "</path></target>" + volumes + "</pool>";
    write_node();
  }
  std::string volume(const std::string& name, const std::string& format) const {
    return "<volume type='file'><name>" + escaped(name) + "</name><capacity>1048576</capacity>" +
           "<target><path>" + escaped(path(name)) + "</path><format type='" + format +
           "'/></target></volume>";
  }

  std::vector<std::string> with_uri(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"-c", uri_});
    return arguments;
  }
  // lkl -c URI ...
  Result there(const std::vector<std::string>& arguments) const { return lkl(with_uri(arguments)); }
  std::string there_ok(const std::vector<std::string>& arguments) const {
    return lkl_ok(with_uri(arguments));
  }
  void expect_failure(const std::vector<std::string>& arguments,
                      const std::vector<std::string>& words, int status = 1) const {
    const Result result = there(arguments);
    EXPECT_EQ(result.status, status) << result.err;
    for (const std::string& word : words)
      EXPECT_NE(result.err.find(word), std::string::npos) << word << "\n" << result.err;
    EXPECT_EQ(result.err.rfind("lkl: ", 0), 0U) << result.err;
  }
  Json disks_of(const std::string& domain) const {
    const Json all = Json::parse(there_ok({"domains", "--json", domain}));
    return all.empty() ? Json() : all[0]["disks"];
  }

  // Of the domain that was added as this one, from 0. The driver makes up others each time.
  static std::string uuid(int number) {
    return "54d68f53-5704-4c44-8698-" + std::to_string(100000000000 + number);
  }

  std::string uri_;

 private:
  void write_node() const { write_file("node.xml", "<node>" + node_ + "</node>"); }

  std::string node_;
  int number_ = 0;
};

// An open file description lock such as other programs have, until the end of the block.
class Locked {
 public:
  explicit Locked(const std::string& name) : fd_(open(name.c_str(), O_RDWR | O_CLOEXEC)) {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    EXPECT_EQ(fcntl(fd_, F_OFD_SETLK, &lock), 0);
  }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;
  ~Locked() { close(fd_); }

 private:
  int fd_;
};

TEST_F(DomainTest, TheDriversOwnNode) {
  const std::string out = lkl_ok({"domains", "-c", "test:///default"});
  EXPECT_NE(out.find("1  test  running, its disks are in use\n"), std::string::npos) << out;
  EXPECT_NE(out.find("vda   raw     /guest/diskimage1"), std::string::npos) << out;
}

TEST_F(DomainTest, Lists) {
  make_ext4("a.img", "16M");
  add("running one", kRunning, file("vda", "a.img"));
  add("off", kShutOff,
      file("vda", "a.img", "<readonly/>") +
          "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>");
  const std::string out = there_ok({"domains"});
  EXPECT_EQ(out, "   -  off  shut off\n      vda   raw     " + path("a.img") +
                     "  (read-only)\n"
                     "   1  running one  running, its disks are in use\n      vda   raw     " +
                     path("a.img") + "\n");
  const Json all = Json::parse(there_ok({"domains", "--json"}));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0]["name"], "off");
  EXPECT_EQ(all[0]["state"], "shut off");
  EXPECT_EQ(all[0]["in_use"], false);
  EXPECT_TRUE(all[0]["id"].is_null());
  ASSERT_EQ(all[0]["disks"].size(), 2U);
  EXPECT_EQ(all[0]["disks"][0]["readonly"], true);
  EXPECT_EQ(all[0]["disks"][0]["image"], "raw:" + path("a.img"));
  EXPECT_EQ(all[0]["disks"][1]["device"], "cdrom");
  EXPECT_TRUE(all[0]["disks"][1]["source"].is_null());
  EXPECT_EQ(all[1]["id"], 1);
  EXPECT_EQ(all[1]["in_use"], true);
  EXPECT_EQ(all[0]["uuid"], uuid(1));
  // as many as are asked for
  EXPECT_EQ(Json::parse(there_ok({"domains", "--json", uuid(1), "1"})).size(), 2U);
  EXPECT_NE(there_ok({"domains", "-v"}).find("(empty)"), std::string::npos);
  expect_failure({"domains", "nobody"}, {"nobody: no such domain", "off, running one"});
}

TEST_F(DomainTest, ReadsByNameUuidAndId) {
  make_ext4("a.img", "16M", "tree");
  add("vm", kShutOff, file("vda", "a.img"), "");
  // A name that looks like the ID of another.
  add("7", kShutOff, file("vda", "a.img"));
  add("busy", kRunning, file("vda", "a.img"));
  EXPECT_EQ(there_ok({"-d", "vm", "cat", "/f"}), "hello\n");
  EXPECT_EQ(there_ok({"cat", "-d", "vm", "/f"}), "hello\n");
  EXPECT_EQ(there_ok({"cat", "--domain", "7", "/f"}), "hello\n");
  EXPECT_EQ(there_ok({"cat", "-d", uuid(0), "/f"}), "hello\n");
  const Result by_id = there({"cat", "-d", "1", "/f"});
  EXPECT_EQ(by_id.out, "hello\n");
  EXPECT_NE(by_id.err.find("busy: the domain is running"), std::string::npos) << by_id.err;
}

TEST_F(DomainTest, CommandsThatRead) {
  make_ext4("a.img", "16M", "tree");
  add("vm", kShutOff, file("vda", "a.img"));
  EXPECT_NE(there_ok({"--domain", "vm", "ls"}).find("f\n"), std::string::npos);
  EXPECT_NE(there_ok({"-d", "vm", "find", "/"}).find("/f\n"), std::string::npos);
  EXPECT_NE(there_ok({"-d", "vm", "df"}).find(path("a.img")), std::string::npos);
  EXPECT_NE(there_ok({"-d", "vm", "info"}).find("ext4"), std::string::npos);
  EXPECT_NE(there_ok({"-d", "vm", "stat", "/f"}).find("regular file"), std::string::npos);
  there_ok({"-d", "vm", "cp", ":/f", "copy"});
  EXPECT_EQ(shell("cat copy"), "hello\n");
  there_ok({"-d", "vm", "tar", "out", "-f", "t.tar"});
  EXPECT_EQ(shell("tar xOf t.tar ./f"), "hello\n");
  EXPECT_EQ(there({"-d", "vm", "diff", ":/f", ":/f"}).status, 0);
}

TEST_F(DomainTest, WritesToOneThatIsShutOff) {
  make_ext4("a.img", "16M");
  add("vm", kShutOff, file("vda", "a.img"));
  there_ok({"-d", "vm", "write", "--text", "new\n", "/g"});
  there_ok({"-d", "vm", "cp", "tree/f", ":/f"});
  shell("tar cf t.tar tree");
  there_ok({"-d", "vm", "tar", "in", "-f", "t.tar"});
  check_ext4("a.img");
  EXPECT_EQ(shell("debugfs -R 'cat /f' a.img 2>/dev/null"), "hello\n");
  EXPECT_EQ(shell("debugfs -R 'cat /tree/f' a.img 2>/dev/null"), "hello\n");
  EXPECT_EQ(shell("debugfs -R 'cat /g' a.img 2>/dev/null"), "new\n");
  expect_failure({"-d", "vm", "--ro", "rm", "/f"}, {"--ro"}, 2);
}

TEST_F(DomainTest, NothingWritesWhileItRuns) {
  make_ext4("a.img", "16M", "tree");
  add("run", kRunning, file("vda", "a.img"));
  add("pause", kPaused, file("vda", "a.img"));
  add("saved", kShutOff, file("vda", "a.img"), "<test:hasmanagedsave>1</test:hasmanagedsave>");
  const std::string before = shell("sha256sum a.img");
  expect_failure({"-d", "run", "rm", "/f"}, {"run: the domain is running", "shut it down", "--ro"});
  expect_failure({"-d", "pause", "rm", "/f"}, {"pause: the domain is paused", "shut it down"});
  expect_failure({"-d", "saved", "rm", "/f"}, {"saved: the domain is saved", "managedsave-remove"});
  expect_failure({"-d", "run", "cp", "tree/f", ":/g"}, {"is running"});
  shell("tar cf t.tar tree");
  expect_failure({"-d", "run", "tar", "in", "-f", "t.tar"}, {"is running"});
  expect_failure({"-d", "run", "sh"}, {"is running", "--ro"});
  EXPECT_EQ(shell("sha256sum a.img"), before);

  for (const std::string name : {"run", "pause", "saved"}) {
    const Result read = there({"-d", name, "--ro", "cat", "/f"});
    EXPECT_EQ(read.status, 0) << read.err;
    EXPECT_EQ(read.out, "hello\n");
    EXPECT_EQ(read.err.rfind("lkl: warning: " + name + ": the domain is ", 0), 0U) << read.err;
    EXPECT_NE(read.err.find("inconsistent"), std::string::npos) << read.err;
  }
  EXPECT_EQ(there({"-q", "-d", "run", "cat", "/f"}).err, "");
  EXPECT_EQ(there({"-d", "run", "--ro", "sh"}).status, 0);
  EXPECT_EQ(shell("sha256sum a.img"), before);
}

// Whoever runs the domain has its own locks; ours would only be in the way.
TEST_F(DomainTest, LocksOnlyWhatIsShutOff) {
  make_ext4("a.img", "16M", "tree");
  add("run", kRunning, file("vda", "a.img"));
  add("off", kShutOff, file("vda", "a.img"));
  const Locked lock("a.img");
  EXPECT_EQ(there({"-d", "run", "cat", "/f"}).out, "hello\n");
  expect_failure({"-d", "off", "cat", "/f"}, {"in use by another process"});
}

TEST_F(DomainTest, SeveralDisks) {
  make_ext4("a.img", "16M", "tree");
  make_ext4("b.img", "16M");
  shell("truncate -s 8M empty.img");
  // Two partitions, the second of which has a file system.
  shell(
      "truncate -s 40M parts.img && printf 'label: gpt\\nsize=8M\\nsize=20M\\n' | sfdisk -q "
      "parts.img && mke2fs -q -F -t ext4 -d tree -E offset=$((9 << 20)) parts.img 20M");
  add("one", kShutOff, file("vda", "empty.img") + file("vdb", "a.img"));
  EXPECT_EQ(there_ok({"-d", "one", "cat", "/f"}), "hello\n");
  there_ok({"-d", "one", "touch", "/new"});
  there_ok({"-d", "one", "cp", ":/new", "."});
  check_ext4("a.img");

  add("two", kShutOff, file("vda", "a.img") + file("vdb", "b.img") + file("vdc", "parts.img"));
  expect_failure({"-d", "two", "find", "/"}, {"two: 3 of the domain's disks", "--disk", "\n  vda ",
                                              "\n  vdb ", "\n  vdc ", "2: ext4"});
  EXPECT_EQ(there_ok({"-d", "two", "--disk", "vda", "cat", "/f"}), "hello\n");
  EXPECT_EQ(there_ok({"-d", "two", "-P", "2", "cat", "/f"}), "hello\n");
  EXPECT_EQ(there_ok({"-d", "two", "--disk", "vdc", "cat", "/f"}), "hello\n");
  there_ok({"-d", "two", "--disk", "vdb", "mkdir", "/here"});
  EXPECT_NE(shell("debugfs -R 'ls' b.img 2>/dev/null").find("here"), std::string::npos);
  expect_failure({"-d", "two", "--disk", "sda", "find", "/"},
                 {"two: sda: no such disk", "vda, vdb, vdc"});
  expect_failure({"--disk", "vda", "find", "/"}, {"--disk", "-d DOMAIN"}, 2);
  expect_failure({"-d", "two", "-P", "7", "find", "/"},
                 {"none of the domain's disks", "partition 7"});
  EXPECT_NE(there_ok({"-d", "two", "info"}).find(path("parts.img") + ": 40M"), std::string::npos);
}

TEST_F(DomainTest, BtrfsOnTwoDisks) {
  shell("truncate -s 128M b1.img b2.img && mkfs.btrfs -q -d raid1 b1.img b2.img >/dev/null");
  add("vm", kShutOff, file("vda", "b1.img") + file("vdb", "b2.img"));
  there_ok({"-d", "vm", "--disk", "vda", "write", "--text", "x", "/x"});
  EXPECT_EQ(there_ok({"-d", "vm", "--disk", "vdb", "cat", "/x"}), "x");
}

TEST_F(DomainTest, ReadOnlyDisks) {
  make_ext4("a.img", "16M", "tree");
  add("vm", kShutOff, file("vda", "a.img", "<readonly/>"));
  const std::string before = shell("sha256sum a.img");
  EXPECT_EQ(there_ok({"-d", "vm", "cat", "/f"}), "hello\n");
  expect_failure({"-d", "vm", "rm", "/f"}, {"read-only", "domain's definition"});
  expect_failure({"-d", "vm", "cp", "tree/f", ":/g"}, {"read-only"});
  shell("tar cf t.tar tree");
  expect_failure({"-d", "vm", "tar", "in", "-f", "t.tar"}, {"read-only"});
  EXPECT_EQ(shell("sha256sum a.img"), before);
}

TEST_F(DomainTest, NamesOfAllKinds) {
  make_ext4("plain", "16M", "tree");
  mkdir("x:", 0755);
  mkdir("y", 0755);
  int number = 0;
  for (const std::string name : {"with space", "a:b", "img:2", "x:/img", "[1,2]", "]", "raw:img",
                                 "vol:p", "é<&'\"> %41", "y/nbd:", "--ro"}) {
    shell("cp plain '" + std::string(name == "é<&'\"> %41" ? "é<&'\\''\"> %41" : "./" + name) +
          "'");
    const std::string domain = "vm " + std::to_string(number++) + "[<é>]";
    add(domain, kShutOff, file("vda", name));
    EXPECT_EQ(there_ok({"-d", domain, "cat", "/f"}), "hello\n") << name;
    EXPECT_EQ(there_ok({"-d", domain, "touch", "/g"}), "") << name;
    there_ok({"-d", domain, "cp", "tree/f", ":/h"});
    EXPECT_EQ(disks_of(domain)[0]["source"], path(name));
  }
  // A shorter name of the same beginning is there, too.
  write_file("x", "not an image");
  EXPECT_EQ(there_ok({"-d", "vm 3[<é>]", "cat", "/f"}), "hello\n");
}

TEST_F(DomainTest, NoDisks) {
  make_ext4("a.img", "16M");
  add("none", kShutOff, "");
  const std::string drives =
      "<disk type='file' device='cdrom'><source file='" + path("a.img") +
      "'/><target dev='sda' bus='sata'/></disk><disk type='file' device='floppy'><source file='" +
      path("a.img") + "'/><target dev='fda' bus='fdc'/></disk>";
  add("drives", kShutOff, drives);
  expect_failure({"-d", "none", "find", "/"}, {"none: the domain has no disks"});
  expect_failure({"-d", "drives", "find", "/"}, {"drives: the domain has no disks"});
  add("both", kShutOff, drives + file("vda", "a.img"));
  EXPECT_EQ(there({"-d", "both", "find", "/"}).status, 0);
}

TEST_F(DomainTest, WhatCannotBeOpened) {
  make_ext4("a.img", "16M");
  const auto network = [](const std::string& protocol) {
    return disk(
        "vda", "network",
        "<source protocol='" + protocol + "' name='pool/image'><host name='far'/></source>");
  };
  struct {
    const char* name;
    std::string disk;
    std::vector<std::string> says;
  } const cases[] = {
      {"gone", file("vda", "gone.img"), {"gone.img: no such image", "mounted"}},
      {"rbd", network("rbd"), {"no client for rbd", "rbd://far/pool/image", "qemu-nbd"}},
      {"gluster", network("gluster"), {"no client for gluster"}},
      {"https", network("https"), {"no client for https"}},
      {"iscsi",
       disk("vda", "network",
            "<source protocol='iscsi' name='iqn.2013-07.com.example:x/1'><host name='far' "
            "port='3260'/></source>"),
       {"no client for iscsi"}},
      {"luks",
       disk("vda", "file",
            "<source file='" + path("a.img") +
                "'><encryption format='luks'><secret type='passphrase' "
                "uuid='f52a81b2-424e-490c-823d-6bd4235bc57e'/></encryption></source>"),
       {"is encrypted"}},
      {"dir", disk("vda", "dir", "<source dir='/'/>"), {"type dir"}},
      {"bochs", formatted("vda", "bochs", path("a.img")), {"format bochs", "qemu-img convert"}},
      {"vol", disk("vda", "volume", "<source pool='nopool' volume='v'/>"), {"pool nopool"}},
  };
  for (const auto& one : cases) {
    add(one.name, kShutOff, one.disk);
    std::vector<std::string> says = one.says;
    says.push_back(std::string(one.name) + ": vda: ");
    expect_failure({"-d", one.name, "find", "/"}, says);
    EXPECT_FALSE(disks_of(one.name)[0].contains("image")) << one.name;
    EXPECT_TRUE(disks_of(one.name)[0].contains("problem")) << one.name;
  }
  // What is not asked for does not matter.
  add("some", kShutOff, network("rbd") + file("vdb", "a.img"));
  expect_failure({"-d", "some", "find", "/"}, {"no client for rbd", "--disk"});
  EXPECT_EQ(there({"-d", "some", "--disk", "vdb", "find", "/"}).status, 0);
}

TEST_F(DomainTest, NamesOfImages) {
  write_file("i", "x");
  const std::string i = path("i");
  const auto nbd = [](const std::string& attributes, const std::string& host) {
    return disk("vda", "network", "<source protocol='nbd'" + attributes + ">" + host + "</source>");
  };
  struct {
    std::string disk;
    std::string image;
  } const cases[] = {
      {disk("vda", "file", "<source file='" + i + "'/>"), "raw:" + i},
      {disk("vda", "block", "<source dev='/dev/null'/>"), "raw:/dev/null"},
      {formatted("vda", "qcow2", i), "qcow2:" + i},
      {formatted("vda", "vmdk", i), "vmdk:" + i},
      {formatted("vda", "vpc", i), "vhd:" + i},
      {formatted("vda", "vdi", i), "vdi:" + i},
      {nbd("", "<host name='far' port='10810'/>"), "nbd://far:10810/"},
      {nbd(" name='a b/c?'", "<host name='far'/>"), "nbd://far:10809/a%20b/c%3F"},
      {nbd(" name='e'", "<host name='fe80::1' port='1'/>"), "nbd://[fe80::1]:1/e"},
      {nbd(" name='e' tls='yes'", "<host name='far' port='1'/>"), "nbds://far:1/e"},
      {nbd(" name='e'", "<host transport='unix' socket='/run/a&amp;b'/>"),
       "nbd+unix:///e?socket=/run/a%26b"},
  };
  int number = 0;
  for (const auto& one : cases) {
    const std::string name = "vm" + std::to_string(number++);
    add(name, kShutOff, one.disk);
    const Json disks = disks_of(name);
    ASSERT_EQ(disks.size(), 1U) << one.image;
    EXPECT_EQ(disks[0].value("image", ""), one.image) << disks.dump();
  }
}

TEST_F(DomainTest, Volumes) {
  make_ext4("'a volume.img'", "16M", "tree");
  shell("cp 'a volume.img' busy.img");
  write_file("q.qcow2", "x");
  add_pool("p 1", volume("a volume.img", "raw") + volume("busy.img", "raw") +
                      volume("q.qcow2", "qcow2") + volume("gone", "raw"));
  EXPECT_EQ(there_ok({"cat", "vol:p 1/a volume.img:/f"}), "hello\n");
  EXPECT_EQ(there_ok({"-a", "vol:p 1/a volume.img", "cat", "/f"}), "hello\n");
  there_ok({"cp", "tree/f", "vol:p 1/a volume.img:/g"});
  there_ok({"cp", "vol:p 1/a volume.img:/g", "g"});
  EXPECT_EQ(shell("cat g"), "hello\n");
  check_ext4("'a volume.img'");
  expect_failure({"info", "vol:nopool/x"}, {"nopool"});
  expect_failure({"info", "vol:p 1/x"}, {"volume x of pool p 1"});
  expect_failure({"info", "vol:p 1/gone"}, {"gone: no such image"});
  for (const std::string name : {"vol:", "vol:p", "vol:p/"})
    expect_failure({"info", name}, {name, "vol:POOL/VOLUME"});

  const auto on = [](const std::string& name, const std::string& more = "") {
    return disk("vda", "volume", "<source pool='p 1' volume='" + name + "'/>", more);
  };
  add("off", kShutOff, on("a volume.img", "<driver name='qemu' type='raw'/>"));
  EXPECT_EQ(there_ok({"-d", "off", "cat", "/f"}), "hello\n");
  EXPECT_EQ(disks_of("off")[0]["source"], "vol:p 1/a volume.img");
  add("q", kShutOff, on("q.qcow2", "<driver name='qemu' type='qcow2'/>"));
  EXPECT_EQ(disks_of("q")[0].value("image", ""), "qcow2:" + path("q.qcow2"));
  // A volume that a domain is using is no less in use for being named itself.
  add("busy", kRunning, on("busy.img", "<driver name='qemu' type='raw'/>"));
  expect_failure({"rm", "vol:p 1/busy.img:/f"}, {"busy: the domain is running"});
  const Result read = there({"cat", "vol:p 1/busy.img:/f"});
  EXPECT_EQ(read.out, "hello\n");
  EXPECT_NE(read.err.find("inconsistent"), std::string::npos) << read.err;
  // A file of that name comes first.
  mkdir("vol:p 1", 0755);
  make_ext4("'vol:p 1/gone'", "16M", "tree");
  EXPECT_EQ(there_ok({"cat", "vol:p 1/gone:/f"}), "hello\n");
}

TEST_F(DomainTest, Connections) {
  const Result no_driver = lkl({"domains", "-c", "nosuch:///"});
  EXPECT_EQ(no_driver.status, 1);
  EXPECT_NE(no_driver.err.find("cannot connect to nosuch:///"), std::string::npos) << no_driver.err;
  const Result no_node = lkl({"domains", "-c", "test:///nowhere/node.xml"});
  EXPECT_EQ(no_node.status, 1);
  EXPECT_NE(no_node.err.find("/nowhere/node.xml"), std::string::npos) << no_node.err;
  // What libvirt says goes through lkl, once.
  EXPECT_EQ(no_driver.err.find('\n'), no_driver.err.size() - 1) << no_driver.err;
  write_file("node.xml", "<node><domain>");
  EXPECT_EQ(there({"domains"}).status, 1);
  write_file("node.xml", "<node/>");
  EXPECT_EQ(there_ok({"domains"}), "");
  EXPECT_EQ(there_ok({"domains", "--json"}), "[]\n");
  expect_failure({"-d", "vm", "find", "/"}, {"vm: no such domain", "there are none", "-c URI"});
}

// Everything else works where there is no libvirt.
TEST_F(DomainTest, WithoutLibvirt) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "a program with the address sanitizer is linked with libvirt";
#endif
  make_ext4("a.img", "16M", "tree");
  mkdir("lib", 0755);
  write_file("lib/libvirt.so.0", "no library");
  const std::string lkl = std::string("LD_LIBRARY_PATH=lib ") + LKL_TOOL_PATH;
  EXPECT_EQ(shell(lkl + " cat a.img /f"), "hello\n");
  const Result result = shell_status(lkl + " -d vm ls");
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("libvirt0"), std::string::npos) << result.err;
}

// Some commands have these letters for themselves.
TEST_F(DomainTest, LettersOfTheCommands) {
  make_ext4("a.img", "16M", "tree");
  add("vm", kShutOff, file("vda", "a.img"));
  EXPECT_EQ(there_ok({"--domain", "vm", "ls", "-d", "/"}), "/\n");
  there_ok({"--domain", "vm", "touch", "-c", "-d", "2020-01-01", "/f"});
  there_ok({"--domain", "vm", "truncate", "-c", "-s", "3", "/f"});
  there_ok({"--domain", "vm", "du", "-d", "1"});
  EXPECT_EQ(lkl_ok({"cat", "-d", "vm", "-c", uri_, "/f"}), "hel");
}

// qemu, run by a libvirt of our own.
class QemuTest : public DomainTest {
 protected:
  void SetUp() override {
    DomainTest::SetUp();
    if (IsSkipped()) return;
    for (const char* program : {"libvirtd", "qemu-system-x86_64", "setpriv"})
      if (!have(program)) GTEST_SKIP() << "there is no " << program;
    chmod(path(".").c_str(), 0777);
    const Result result = as_user({"virsh", "-c", kUri, "list"});
    if (result.status != 0) GTEST_SKIP() << "libvirt does not start qemu: " << result.err;
  }
  void TearDown() override {
    // The daemons that libvirt started stay for minutes otherwise.
    for (const char* name : {"libvirt/libvirtd.pid", "libvirt/virtlogd.pid"}) {
      std::ifstream file(path(name));
      if (int pid = 0; file >> pid && pid > 1) {
        kill(pid, SIGTERM);
        for (int i = 0; i < 250 && kill(pid, 0) == 0; i++) usleep(20'000);
      }
    }
    DomainTest::TearDown();
  }

  // Root has no session of its own.
  Result as_user(std::vector<std::string> arguments) const {
    std::vector<std::string> all = {"env", "HOME=" + path("."), "XDG_RUNTIME_DIR=" + path("."),
                                    "XDG_CONFIG_HOME=" + path("."), "XDG_CACHE_HOME=" + path(".")};
    if (getuid() == 0)
      all.insert(all.end(), {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"});
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run(all);
  }
  Result lkl_as_user(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {LKL_TOOL_PATH, "-c", kUri});
    return as_user(arguments);
  }
  std::string virsh(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"virsh", "-q", "-c", kUri});
    const Result result = as_user(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  }

  static constexpr char kUri[] = "qemu:///session";
};

TEST_F(QemuTest, ARealDomain) {
  make_ext4("a.img", "16M", "tree");
  chmod("a.img", 0666);
  write_file("vm.xml",
             "<domain type='qemu'><name>a vm</name><memory unit='MiB'>32</memory><os><type "
             "arch='x86_64' machine='pc'>hvm</type></os><devices>" +
                 file("vda", "a.img") + "</devices></domain>");
  virsh({"define", "vm.xml"});
  const Result wrote = lkl_as_user({"-d", "a vm", "write", "--text", "x", "/x"});
  EXPECT_EQ(wrote.status, 0) << wrote.err;
  EXPECT_EQ(wrote.err, "");

  const Result started = as_user({"virsh", "-q", "-c", kUri, "start", "--paused", "a vm"});
  if (started.status != 0) GTEST_SKIP() << "qemu does not start: " << started.err;
  const std::string listed = lkl_as_user({"domains"}).out;
  EXPECT_NE(listed.find("a vm  paused, its disks are in use"), std::string::npos) << listed;
  const Result refused = lkl_as_user({"-d", "a vm", "rm", "/x"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("a vm: the domain is paused"), std::string::npos) << refused.err;
  // By its path, qemu's own lock is what stops us.
  const Result by_path = lkl_as_user({"rm", "a.img", "/x"});
  EXPECT_EQ(by_path.status, 1);
  EXPECT_NE(by_path.err.find("in use"), std::string::npos) << by_path.err;
  const Result read = lkl_as_user({"-d", "a vm", "--ro", "cat", "/f"});
  EXPECT_EQ(read.out, "hello\n");
  EXPECT_NE(read.err.find("inconsistent"), std::string::npos) << read.err;

  virsh({"destroy", "a vm"});
  EXPECT_EQ(lkl_as_user({"-d", "a vm", "cat", "/x"}).out, "x");
  EXPECT_EQ(lkl_as_user({"-d", "a vm", "rm", "/x"}).status, 0);
  check_ext4("a.img");
  virsh({"undefine", "a vm"});
}

// The paths of another host mean nothing here.
TEST_F(QemuTest, AnotherHost) {
  if (!have("virt-ssh-helper")) GTEST_SKIP() << "there is no virt-ssh-helper";
  make_ext4("a.img", "16M", "tree");
  chmod("a.img", 0666);
  add("far", kShutOff, file("vda", "a.img"));
  add_pool("p", volume("a.img", "raw"));
  chmod("node.xml", 0644);
  write_file("transport", "#!/bin/sh\nexec virt-ssh-helper qemu:///session\n");
  chmod("transport", 0755);
  const std::string uri =
      "test+ext://elsewhere" + path("node.xml") + "?command=" + path("transport");
  const auto there = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {LKL_TOOL_PATH, "-c", uri});
    return as_user(arguments);
  };
  const Result listed = there({"domains"});
  ASSERT_EQ(listed.status, 0) << listed.err;
  EXPECT_NE(listed.out.find("far  shut off"), std::string::npos) << listed.out;
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"-d", "far", "find", "/"}, {"find", "vol:p/a.img"}}) {
    const Result result = there(arguments);
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("is on elsewhere"), std::string::npos) << result.err;
  }
}

}  // namespace
}  // namespace lkl::tool_test
