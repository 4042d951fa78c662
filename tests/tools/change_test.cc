// SPDX-License-Identifier: GPL-2.0
//
// mv, rm, mkdir, rmdir, ln, touch, chmod, chown, truncate and write, against debugfs, e2fsck and
// what the host's commands of the same names do.
#include <regex>

#include "tool_test.h"

namespace lkl::tool_test {
namespace {

class ChangeTest : public ToolTest {
 protected:
  // One image for most: a tree with a bit of everything.
  void make_image() {
    shell(
        "mkdir -p tree/dir/sub tree/empty && echo one >tree/one && echo two >tree/dir/two"
        " && ln -s one tree/link && ln -s dir tree/dirlink && ln -s nothing tree/dangling"
        " && ln -s /../../../../one tree/outward && chmod 644 tree/one");
    make_ext4("e.img", "8M", "tree");
  }

  static std::string debugfs(const std::string& request) {
    return shell("debugfs -R '" + request + "' e.img 2>/dev/null");
  }
  // Type and mode, octal, as debugfs shows them; empty if there is no such file.
  static std::string field(const std::string& path, const std::string& pattern) {
    const std::string text = debugfs("stat \"" + path + "\"");
    std::smatch found;
    return std::regex_search(text, found, std::regex(pattern)) ? found[1].str() : "";
  }
  static std::string inode(const std::string& path) { return field(path, "Inode: (\\d+)"); }
  static std::string mode(const std::string& path) { return field(path, "Mode: +0*(\\d+)"); }
  static std::string links(const std::string& path) { return field(path, "Links: (\\d+)"); }
  static std::string size(const std::string& path) { return field(path, "Size: (\\d+)"); }
  static std::string owner(const std::string& path) {
    return field(path, "User: +(\\d+)") + ":" + field(path, "Group: +(\\d+)");
  }
  static std::string contents(const std::string& path) { return debugfs("cat \"" + path + "\""); }
};

TEST_F(ChangeTest, Mv) {
  make_image();
  const std::string one = inode("/one"), two = inode("/dir/two"), dir = inode("/dir");
  lkl_ok({"mv", "e.img", "/one", "/uno"});
  EXPECT_EQ(inode("/uno"), one);
  EXPECT_EQ(inode("/one"), "");
  lkl_ok({"mv", "e.img", "/uno", "/dir/two", "/dirlink/sub"});  // the link is to a directory
  EXPECT_EQ(inode("/dir/sub/uno"), one);
  EXPECT_EQ(inode("/dir/sub/two"), two);
  lkl_ok({"mv", "e.img:/dir", "e.img:/renamed"});
  EXPECT_EQ(inode("/renamed"), dir);
  EXPECT_EQ(contents("/renamed/sub/uno"), "one\n");
  lkl_ok({"-a", "e.img", "mv", "dirlink", "moved-link"});  // a link itself
  EXPECT_EQ(mode("/moved-link"), "777");
  check_ext4("e.img");
}

TEST_F(ChangeTest, MvReplaces) {
  make_image();
  lkl_ok({"mv", "-n", "e.img", "/one", "/dir/two"});
  EXPECT_EQ(contents("/one"), "one\n");
  EXPECT_EQ(contents("/dir/two"), "two\n");
  lkl_ok({"mv", "e.img", "/one", "/dir/two"});
  EXPECT_EQ(contents("/dir/two"), "one\n");
  EXPECT_EQ(inode("/one"), "");
  // Two names of one file: the old one goes, as mv does it.
  lkl_ok({"ln", "e.img", "/dir/two", "/again"});
  lkl_ok({"mv", "e.img", "/dir/two", "/again"});
  EXPECT_EQ(inode("/dir/two"), "");
  EXPECT_EQ(links("/again"), "1");
  check_ext4("e.img");
}

TEST_F(ChangeTest, MvErrors) {
  make_image();
  shell("cp e.img other.img");
  const std::string before = shell("sha256sum other.img");
  expect_failure({"mv", "e.img", "/one", "other.img:/one"}, 1, "lkl cp copies between");
  expect_failure({"mv", "e.img", "/none", "/x"}, 1, "e.img:/none: No such file");
  expect_failure({"mv", "e.img", "/dir", "/dir/sub"}, 1, "cannot be moved into itself");
  expect_failure({"mv", "e.img", "/one", "/one"}, 1, "are the same");
  expect_failure({"mv", "e.img", "/one", "/dir/two", "/new"}, 1, "/new: is not a directory");
  expect_failure({"mv", "e.img", "/one", "/new/"}, 1, "no such directory");
  expect_failure({"mv", "e.img", "/", "/new"}, 1, "cannot be moved or removed");
  expect_failure({"mv", "e.img", "/one"}, 2, "where to move it");
  expect_failure({"mv", "-f", "-n", "e.img", "/one", "/x"}, 2, "choose");
  // A directory that is not empty is not replaced; the other source is moved nevertheless.
  lkl_ok({"mkdir", "-p", "e.img", "/to/dir/full"});
  expect_failure({"mv", "e.img", "/dir", "/one", "/to"}, 1, "not empty");
  EXPECT_EQ(contents("/to/one"), "one\n");
  EXPECT_EQ(contents("/dir/two"), "two\n");
  EXPECT_EQ(shell("sha256sum other.img"), before);
  check_ext4("e.img");
}

TEST_F(ChangeTest, Rm) {
  make_image();
  lkl_ok({"rm", "e.img", "/one", "/link"});
  EXPECT_EQ(inode("/one"), "");
  EXPECT_EQ(inode("/link"), "");
  expect_failure({"rm", "e.img", "/none", "/dangling"}, 1, "e.img:/none: No such file");
  EXPECT_EQ(inode("/dangling"), "");  // went on behind the error
  lkl_ok({"rm", "-f", "e.img", "/none"});
  expect_failure({"rm", "e.img", "/dir"}, 1, "is a directory; -r removes it");
  EXPECT_EQ(contents("/dir/two"), "two\n");
  lkl_ok({"rm", "-r", "e.img", "/dirlink"});  // the link, not where it leads
  EXPECT_EQ(contents("/dir/two"), "two\n");
  lkl_ok({"rm", "-r", "e.img", "/dir"});
  EXPECT_EQ(inode("/dir"), "");
  for (const char* root : {"/", "/.", "/empty/.."})
    expect_failure({"rm", "-r", "e.img", root}, 1, "cannot be moved or removed");
  EXPECT_NE(inode("/empty"), "");
  check_ext4("e.img");
}

TEST_F(ChangeTest, RmLargeTreeGivesAllBack) {
  shell("mkdir empty tree");
  make_ext4("e.img", "16M", "empty");
  const auto free = [] { return shell("dumpe2fs -h e.img 2>/dev/null | grep '^Free'"); };
  const std::string before = free();
  std::string deep = "tree";
  for (int i = 0; i < 60; i++) deep += "/a-directory-with-a-long-name-" + std::to_string(i);
  shell("mkdir -p " + deep + " && mkdir tree/many && cd tree/many && seq 1500 | xargs touch");
  lkl_ok({"cp", "-r", "tree", "e.img:/"});
  ASSERT_NE(free(), before);
  lkl_ok({"rm", "-r", "e.img:/tree"});
  EXPECT_EQ(free(), before);
  check_ext4("e.img");
}

TEST_F(ChangeTest, Mkdir) {
  make_image();
  lkl_ok({"mkdir", "e.img", "/new", "/dir/new"});
  EXPECT_EQ(mode("/new"), "755");
  EXPECT_EQ(mode("/dir/new"), "755");
  lkl_ok({"mkdir", "-p", "-m", "2751", "e.img", "/a/b/c", "/new"});
  EXPECT_EQ(mode("/a/b"), "755");
  EXPECT_EQ(mode("/a/b/c"), "2751");
  EXPECT_EQ(mode("/new"), "755");
  lkl_ok({"mkdir", "-m", "u=rwx,go=", "e.img", "/private"});
  EXPECT_EQ(mode("/private"), "700");
  lkl_ok({"mkdir", "e.img", "/a/b/c/heir"});
  EXPECT_EQ(mode("/a/b/c/heir"), "2755");  // the group's bit is handed down
  expect_failure({"mkdir", "e.img", "/one"}, 1, "e.img:/one: File exists");
  expect_failure({"mkdir", "e.img", "/x/y"}, 1, "e.img:/x/y: No such file");
  expect_failure({"mkdir", "-p", "e.img", "/one/x"}, 1, "e.img:/one: exists, but is a file");
  expect_failure({"mkdir", "-m", "999", "e.img", "/x"}, 2, "'999' is not a mode");
  EXPECT_EQ(inode("/x"), "");
  check_ext4("e.img");
}

TEST_F(ChangeTest, Rmdir) {
  make_image();
  lkl_ok({"rmdir", "e.img", "/empty"});
  EXPECT_EQ(inode("/empty"), "");
  expect_failure({"rmdir", "e.img", "/dir"}, 1, "e.img:/dir: Directory not empty; lkl rm -r");
  expect_failure({"rmdir", "e.img", "/one"}, 1, "e.img:/one: Not a directory");
  EXPECT_EQ(contents("/dir/two"), "two\n");
  lkl_ok({"mkdir", "-p", "e.img", "/a/b/c"});
  lkl_ok({"rmdir", "-p", "e.img", "a/b/c"});
  EXPECT_EQ(inode("/a"), "");
  expect_failure({"rmdir", "-p", "e.img", "/dir/sub"}, 1, "e.img:/dir: Directory not empty");
  EXPECT_EQ(inode("/dir/sub"), "");
  check_ext4("e.img");
}

TEST_F(ChangeTest, Ln) {
  make_image();
  lkl_ok({"ln", "e.img", "/one", "/hard"});
  EXPECT_EQ(inode("/hard"), inode("/one"));
  EXPECT_EQ(links("/one"), "2");
  lkl_ok({"ln", "-s", "e.img", "../any text", "/dir/soft"});
  EXPECT_EQ(field("/dir/soft", "Fast link dest: \"([^\"]*)\""), "../any text");
  lkl_ok({"ln", "e.img", "/one", "/dir/two", "/empty"});
  EXPECT_EQ(inode("/empty/two"), inode("/dir/two"));
  expect_failure({"ln", "e.img", "/one", "/link"}, 1, "e.img:/link: exists; -f replaces it");
  lkl_ok({"ln", "-f", "e.img", "/one", "/link"});
  EXPECT_EQ(inode("/link"), inode("/one"));
  lkl_ok({"ln", "-f", "e.img", "/one", "/hard"});  // already
  EXPECT_EQ(contents("/hard"), "one\n");
  lkl_ok({"ln", "-sfn", "e.img", "empty", "/dirlink"});
  EXPECT_EQ(field("/dirlink", "Fast link dest: \"([^\"]*)\""), "empty");
  expect_failure({"ln", "e.img", "/dir", "/x"}, 1, "e.img:/dir: is a directory");
  expect_failure({"ln", "e.img", "/none", "/x"}, 1, "link to /none: No such file");
  expect_failure({"ln", "-sf", "e.img", "text", "/dangling/x"}, 1, "No such file");
  expect_failure({"ln", "e.img", "/one"}, 2, "the link's name");
  check_ext4("e.img");
}

TEST_F(ChangeTest, Touch) {
  make_image();
  const auto modified = [](const std::string& path) {
    return field(path, "mtime: 0x([0-9a-f]+:[0-9a-f]+)");
  };
  // What debugfs shows for a time of the host: seconds, and nanoseconds over two epoch bits.
  const auto expected = [](const std::string& date, unsigned nanoseconds) {
    const std::string seconds = shell("date -d '" + date + "' +%s");
    char text[32];
    snprintf(text, sizeof(text), "%08x:%08x", static_cast<unsigned>(std::stoul(seconds)),
             nanoseconds << 2);
    return std::string(text);
  };
  lkl_ok({"touch", "-d", "2003-04-05T06:07:08.25Z", "e.img", "/one", "/new"});
  EXPECT_EQ(modified("/one"), expected("2003-04-05 06:07:08 UTC", 250'000'000));
  EXPECT_EQ(modified("/new"), expected("2003-04-05 06:07:08 UTC", 250'000'000));
  EXPECT_EQ(field("/one", "atime: 0x([0-9a-f]+:[0-9a-f]+)"), modified("/one"));
  EXPECT_EQ(mode("/new"), "644");
  EXPECT_EQ(contents("/one"), "one\n");
  lkl_ok({"touch", "-d", "2010-01-02 03:04+0530", "e.img", "/dir"});
  EXPECT_EQ(modified("/dir"), expected("2010-01-02 03:04 +0530", 0));
  shell("TZ=America/New_York " LKL_TOOL_PATH " touch -d 2020-07-01 e.img /link");
  EXPECT_EQ(modified("/one"), expected("2020-07-01 04:00 UTC", 0));  // followed
  lkl_ok({"touch", "-d", "@1234567890", "e.img", "/outward"});       // inside the image
  EXPECT_EQ(modified("/one"), expected("@1234567890", 0));
  lkl_ok({"touch", "-c", "e.img", "/none"});
  EXPECT_EQ(inode("/none"), "");
  lkl_ok({"touch", "e.img", "/dangling"});
  EXPECT_NE(inode("/nothing"), "");
  const auto now = std::stoll(shell("date +%s"));
  lkl_ok({"touch", "e.img", "/one"});
  EXPECT_NEAR(static_cast<double>(std::stoll(modified("/one").substr(0, 8), nullptr, 16)),
              static_cast<double>(now), 60);
  for (const char* wrong : {"yesterday", "2003-02-30", "2003-04-05T25:00", "@", "2003-04-05Tx",
                            "2003-04-05T06:07:08+", "2003-04-05 06:07:08 noon", "@1."})
    expect_failure({"touch", "-d", wrong, "e.img", "/one"}, 2, "is not a time");
  expect_failure({"touch", "e.img", "/none/x"}, 1, "e.img:/none/x: No such file");
  check_ext4("e.img");
}

// Each change on files and directories of several modes, here and by the host's chmod.
TEST_F(ChangeTest, ChmodAsTheHostDoes) {
  const std::vector<std::string> changes = {
      "755",        "4711", "0",        "u+x",     "go-w",     "a=r",    "u=rwx,go=rx",
      "+x",         "+w",   "a-x",      "u+s,g+s", "o+t",      "g=u",    "o=g-w",
      "u=,g+w,o=u", "a+X",  "u+rw-x+X", "=r",      "ug=rw,o=", "g-s,+t", "u=g,g=o,o=u"};
  shell("mkdir tree");
  std::string script;
  for (std::size_t i = 0; i < changes.size(); i++) {
    const std::string name = "tree/" + std::to_string(i);
    script += "mkdir " + name + " && for m in 0 644 750 111 4755 2640 1777; do : >" + name +
              "/f$m; chmod $m " + name + "/f$m; done; ";
    // GNU chmod keeps set-id bits of directories; not compared.
    script += "mkdir " + name + "/d; chmod 750 " + name + "/d; ";
  }
  shell(script);
  make_ext4("e.img", "8M", "tree");
  std::string commands;
  for (std::size_t i = 0; i < changes.size(); i++) {
    const std::string files = std::to_string(i) + "/f* " + std::to_string(i) + "/d";
    shell("cd tree && umask 022 && chmod -- '" + changes[i] + "' " + files);
    commands += "chmod " + changes[i];
    for (const char* name : {"f0", "f644", "f750", "f111", "f4755", "f2640", "f1777", "d"})
      commands += " " + std::to_string(i) + "/" + name;
    commands += "\n";
  }
  write_file("commands", commands);
  shell(LKL_TOOL_PATH " sh e.img <commands");
  lkl_ok({"rm", "-r", "e.img", "/lost+found"});
  lkl_ok({"cp", "--trusted", "-r", "e.img:/.", "out"});
  const std::string modes = " && find . -mindepth 2 -printf '%p %m\\n' | LC_ALL=C sort";
  EXPECT_EQ(shell("cd out" + modes), shell("cd tree" + modes));
}

TEST_F(ChangeTest, Chmod) {
  make_image();
  lkl_ok({"chmod", "640", "e.img", "/link"});  // followed
  EXPECT_EQ(mode("/one"), "640");
  lkl_ok({"chmod", "-R", "u=rwX,go=", "e.img:/dir"});
  EXPECT_EQ(mode("/dir"), "700");
  EXPECT_EQ(mode("/dir/sub"), "700");
  EXPECT_EQ(mode("/dir/two"), "600");
  lkl_ok({"-a", "e.img", "chmod", "-R", "a+x", "/"});  // over links that lead anywhere
  EXPECT_EQ(mode("/one"), "751");
  expect_failure({"chmod", "600", "e.img", "/none", "/one"}, 1, "e.img:/none: No such file");
  EXPECT_EQ(mode("/one"), "600");
  for (const char* wrong : {"888", "u+q", "rwx", "u", "77777", "u+r,"})
    expect_failure({"chmod", wrong, "e.img", "/one"}, 2, "is not a mode");
  check_ext4("e.img");
}

TEST_F(ChangeTest, Chown) {
  shell(
      "mkdir -p tree/etc tree/dir/sub && echo x >tree/file && ln -s file tree/link"
      " && printf 'root:x:0:0::/:/bin/sh\\nanna:x:1001:1002::/:/bin/sh\\n' >tree/etc/passwd"
      " && printf 'root:x:0:\\nstaff:x:50:\\nanna:x:1002:\\n' >tree/etc/group");
  make_ext4("e.img", "8M", "tree");
  lkl_ok({"chown", "70000:70001", "e.img", "/file"});
  EXPECT_EQ(owner("/file"), "70000:70001");
  lkl_ok({"chown", "anna:staff", "e.img", "/link"});
  EXPECT_EQ(owner("/file"), "1001:50");
  lkl_ok({"chown", ":7", "e.img", "/file"});
  EXPECT_EQ(owner("/file"), "1001:7");
  lkl_ok({"chown", "5", "e.img", "/file"});
  EXPECT_EQ(owner("/file"), "5:7");
  lkl_ok({"chown", "anna:", "e.img", "/file"});
  EXPECT_EQ(owner("/file"), "1001:1002");
  lkl_ok({"chown", "-h", "8:9", "e.img", "/link"});
  EXPECT_EQ(owner("/link"), "8:9");
  EXPECT_EQ(owner("/file"), "1001:1002");
  lkl_ok({"chown", "-R", "11:12", "e.img", "/dir"});
  EXPECT_EQ(owner("/dir"), "11:12");
  EXPECT_EQ(owner("/dir/sub"), "11:12");
  expect_failure({"chown", "nobody", "e.img", "/file"}, 1, "e.img:/etc/passwd: has no 'nobody'");
  expect_failure({"chown", "0:wheel", "e.img", "/file"}, 1, "e.img:/etc/group: has no 'wheel'");
  expect_failure({"chown", "1", "e.img", "/none"}, 1, "e.img:/none: No such file");
  expect_failure({"chown", "1:", "e.img", "/file"}, 2, "which group?");
  EXPECT_EQ(owner("/file"), "1001:1002");
  check_ext4("e.img");

  shell("truncate -s 8M v.img && mkfs.vfat v.img >/dev/null");
  expect_failure({"chown", "0", "v.img", "/"}, 1, "keeps no owners");
}

TEST_F(ChangeTest, TruncateAsTheHostDoes) {
  shell("mkdir tree && head -c 10000 /dev/urandom >tree/0");
  const std::vector<std::string> sizes = {"5000",  "20K", "+1",     "-1", "-99999",
                                          "<300",  "<1M", ">12345", ">1", "/4096",
                                          "%4096", "0",   "%10000"};
  for (std::size_t i = 1; i < sizes.size(); i++) shell("cp tree/0 tree/" + std::to_string(i));
  make_ext4("e.img", "8M", "tree");
  std::string commands;
  for (std::size_t i = 0; i < sizes.size(); i++) {
    shell("truncate -s '" + sizes[i] + "' tree/" + std::to_string(i));
    commands += "truncate -s '" + sizes[i] + "' /" + std::to_string(i) + "\n";
  }
  write_file("commands", commands);
  shell(LKL_TOOL_PATH " sh e.img <commands");
  check_ext4("e.img");
  lkl_ok({"truncate", "-s-1K", "e.img", "/0"});
  EXPECT_EQ(size("/0"), "3976");
  lkl_ok({"truncate", "-s", "5000", "e.img", "/0"});
  shell("truncate -s 3976 tree/0 && truncate -s 5000 tree/0");
  lkl_ok({"rm", "-r", "e.img", "/lost+found"});
  lkl_ok({"cp", "-r", "e.img:/.", "out"});
  EXPECT_EQ(checksums("out"), checksums("tree"));

  lkl_ok({"truncate", "-c", "-s", "1", "e.img", "/none"});
  EXPECT_EQ(inode("/none"), "");
  lkl_ok({"truncate", "-s", "3M", "e.img", "/new"});
  EXPECT_EQ(size("/new"), "3145728");
  EXPECT_EQ(field("/new", "Blockcount: (\\d+)"), "0");
  expect_failure({"truncate", "-s", "1", "e.img", "/"}, 1, "e.img:/: is a directory, not a file");
  expect_failure({"truncate", "e.img", "/0"}, 2, "needs -s");
  expect_failure({"truncate", "-s", "/0", "e.img", "/0"}, 2, "multiples of 0");
  expect_failure({"truncate", "-s", "much", "e.img", "/0"}, 2, "is not a size");
  expect_failure({"truncate", "-s", "8E", "e.img", "/0"}, 2, "is not a size");
}

TEST_F(ChangeTest, Write) {
  make_image();
  write_noise("noise", 3'000'000, 9);
  const std::string tool = LKL_TOOL_PATH;
  shell(tool + " write e.img /noise <noise");
  EXPECT_EQ(debugfs("cat /noise"), shell("cat noise"));
  EXPECT_EQ(mode("/noise"), "644");
  lkl_ok({"write", "--text", "new", "e.img", "/link"});  // through the link, nothing left over
  EXPECT_EQ(contents("/one"), "new");
  shell("echo more | " + tool + " write --append e.img:/one");
  EXPECT_EQ(contents("/one"), "newmore\n");
  lkl_ok({"write", "--offset", "1", "--text", "EW", "e.img", "/one"});
  EXPECT_EQ(contents("/one"), "nEWmore\n");
  lkl_ok({"write", "e.img", "/one"});  // standard input is empty
  EXPECT_EQ(size("/one"), "0");
  lkl_ok({"write", "--text", "in", "e.img", "/outward"});
  EXPECT_EQ(contents("/one"), "in");
  expect_failure({"write", "--text", "x", "e.img", "/dir"}, 1, "e.img:/dir: is a directory");
  expect_failure({"write", "--text", "x", "e.img", "/none/x"}, 1, "No such file");
  expect_failure({"write", "--append", "--offset", "1", "e.img", "/one"}, 2, "choose");
  expect_failure({"write", "e.img", "/one", "/dir/two"}, 2, "one path");
  check_ext4("e.img");

  // What does not fit is not left half.
  const Result full = shell_status("head -c 20M /dev/urandom | " + tool + " write e.img /large");
  EXPECT_EQ(full.status, 1);
  EXPECT_NE(full.err.find("e.img:/large: does not fit into the file system"), std::string::npos)
      << full.err;
  EXPECT_EQ(inode("/large"), "");
  check_ext4("e.img");
}

TEST_F(ChangeTest, DevicesOfAnImageAreNotWritten) {
  if (shell_status("mkdir tree && mknod tree/disk b 254 0 && mkfifo tree/fifo").status != 0)
    GTEST_SKIP() << "needs root, to make a device node";
  make_ext4("e.img", "8M", "tree");
  expect_failure({"write", "--text", "x", "e.img", "/disk"}, 1, "is a block device, not a file");
  expect_failure({"write", "--text", "x", "e.img", "/fifo"}, 1, "is a fifo, not a file");
  expect_failure({"truncate", "-s", "0", "e.img", "/fifo"}, 1, "is a fifo, not a file");
  lkl_ok({"chmod", "600", "e.img", "/fifo", "/disk"});
  EXPECT_EQ(mode("/fifo"), "600");
  check_ext4("e.img");
}

TEST_F(ChangeTest, ReadOnly) {
  make_image();
  const std::string before = shell("sha256sum e.img");
  const std::vector<std::vector<std::string>> commands = {
      {"mv", "e.img", "/one", "/x"},      {"rm", "e.img", "/one"},
      {"mkdir", "e.img", "/x"},           {"rmdir", "e.img", "/empty"},
      {"ln", "e.img", "/one", "/x"},      {"touch", "e.img", "/x"},
      {"chmod", "0", "e.img", "/one"},    {"chown", "1", "e.img", "/one"},
      {"truncate", "-s1", "e.img", "/x"}, {"write", "--text", "x", "e.img", "/x"}};
  for (std::vector<std::string> command : commands) {
    command.insert(command.begin(), "--ro");
    expect_failure(command, 2, "--ro: this command writes to the image");
  }
  EXPECT_EQ(shell("sha256sum e.img"), before);
  // A file system that cannot be written says so itself.
  shell("mksquashfs tree s.img -noappend -quiet -no-progress >/dev/null");
  expect_failure({"rm", "s.img", "/one"}, 1, "s.img:/one: Read-only file system");
}

TEST_F(ChangeTest, Usage) {
  make_image();
  for (const char* command : {"mv", "rm", "mkdir", "rmdir", "ln", "touch", "truncate", "write",
                              "du", "find", "diff", "sh"})
    expect_failure({command, "--no-such-option", "e.img", "/x"}, 2, "--no-such-option");
  for (const char* command : {"rm", "mkdir", "rmdir", "touch", "write"})
    expect_failure({command, "e.img"}, 2, "needs a path in the image");
  expect_failure({"chmod", "755"}, 2, "no image given");
  expect_failure({"rm", "missing.img", "/x"}, 1, "missing.img: no such image");
}

TEST_F(ChangeTest, NamesInBrackets) {
  shell("mkdir tree && touch 'tree/[one,two]' tree/one tree/two");
  make_ext4("e.img", "8M", "tree");
  lkl_ok({"rm", "e.img", "/[one,two]"});
  lkl_ok({"touch", "e.img", "[three]"});
  lkl_ok({"rm", "-r", "e.img", "/lost+found"});
  EXPECT_EQ(lkl_ok({"ls", "e.img"}), "[three]\none\ntwo\n");
  EXPECT_NE(inode("/one"), "");
  EXPECT_NE(inode("/[three]"), "");
  check_ext4("e.img");
}

TEST_F(ChangeTest, OtherFileSystems) {
  shell("truncate -s 8M v.img && mkfs.vfat v.img >/dev/null");
  make_btrfs("b.img");
  for (const char* image : {"v.img", "b.img"}) {
    lkl_ok({"mkdir", "-p", image, "/a/b"});
    lkl_ok({"write", "--text", "x", image, "/a/b/file"});
    lkl_ok({"mv", image, "/a/b/file", "/a/moved"});
    lkl_ok({"truncate", "-s", "100", image, "/a/moved"});
    lkl_ok({"rm", "-r", image, "/a/b"});
    EXPECT_EQ(lkl_ok({"find", image, "/a", "--size", "100"}), "/a/moved\n");
  }
  shell("fsck.vfat -n v.img");
  check_btrfs("b.img");
}

}  // namespace
}  // namespace lkl::tool_test
