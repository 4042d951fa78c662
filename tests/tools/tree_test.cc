// SPDX-License-Identifier: GPL-2.0
//
// du, find and diff, against the host's commands of the same names, and what --json prints.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tool_test.h"

namespace lkl::tool_test {
namespace {

using Json = nlohmann::json;

class TreeTest : public ToolTest {
 protected:
  void make_image() {
    shell(
        "mkdir -p tree/dir/sub tree/other && echo one >tree/one && ln tree/one tree/dir/hard"
        " && ln -s ../one tree/dir/link && mkfifo tree/fifo && touch tree/.hidden"
        " && head -c 300000 /dev/urandom >tree/dir/sub/big && truncate -s 1M tree/other/sparse"
        " && touch 'tree/other/a b.conf' tree/dir/x.conf"
        // mke2fs drops the nanoseconds.
        " && find tree -depth -exec touch -h -d '2003-04-05 06:07:08' {} +");
    make_ext4("e.img", "16M", "tree");
    // Not there in the tree it was made from.
    lkl_ok({"rm", "-r", "e.img", "/lost+found"});
  }

  static void keep_output(const std::string& text) {
    std::ofstream("ours", std::ios::binary) << text;
  }
  static std::string sorted(const std::string& command) {
    return shell(command + " | LC_ALL=C sort");
  }
};

TEST_F(TreeTest, DuCountsWhatDebugfsCounts) {
  make_image();
  // Sectors of every inode below the directory, each once.
  const auto judge = [](const std::string& find_from) {
    const std::string inodes = shell("cd tree && find " + find_from + " -printf '%i /%P\\n'" +
                                     " | sort -u -k1,1 | cut -d' ' -f2- ");
    std::uint64_t sectors = 0;
    for (std::size_t at = 0; at < inodes.size();) {
      const std::size_t end = inodes.find('\n', at);
      const std::string path = inodes.substr(at, end - at);
      at = end + 1;
      const std::string count = shell("debugfs -R 'stat \"" + path +
                                      "\"' e.img 2>/dev/null | sed -n 's/.*Blockcount: //p'");
      sectors += std::stoull(count);
    }
    return sectors * 512;
  };
  const Json all = Json::parse(lkl_ok({"du", "--json", "e.img"}));
  EXPECT_EQ(all.back().at("path"), "/");
  EXPECT_EQ(all.back().at("bytes"), judge("."));
  EXPECT_GE(all.back().at("bytes"), 300000U);

  const std::string kib = std::to_string((judge(".") + 1023) / 1024);
  EXPECT_EQ(lkl_ok({"du", "-s", "e.img"}), kib + "\t/\n");
  const std::string text = lkl_ok({"du", "-d", "1", "e.img"});
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text;
  EXPECT_NE(text.find("\t/dir\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("/dir/sub"), std::string::npos) << text;
  EXPECT_NE(lkl_ok({"du", "e.img"}).find("\t/dir/sub\n"), std::string::npos);
  // The second name of a file adds nothing, nor does a hole.
  EXPECT_EQ(lkl_ok({"du", "e.img", "/one", "/dir/hard", "/other/sparse"}),
            "1\t/one\n0\t/dir/hard\n0\t/other/sparse\n");
  EXPECT_NE(lkl_ok({"du", "-h", "e.img:/dir/sub/big"}).find("K\t/dir/sub/big"), std::string::npos);

  const Result partly = lkl({"du", "-s", "e.img", "/none", "/one"});
  EXPECT_EQ(partly.status, 1);
  EXPECT_EQ(partly.out, "1\t/one\n");
  EXPECT_NE(partly.err.find("e.img:/none: No such file"), std::string::npos) << partly.err;
  EXPECT_EQ(lkl({"du", "-s", "-d", "2", "e.img"}).status, 2);
}

TEST_F(TreeTest, FindAsTheHostDoes) {
  make_image();
  const auto same = [](std::vector<std::string> options, const std::string& judge) {
    options.insert(options.begin(), {"find", "e.img", "/"});
    const std::string ours = lkl_ok(options);
    keep_output(ours);
    // "./x" and "." there are "/x" and "/" here.
    EXPECT_EQ(shell("LC_ALL=C sort ours"),
              sorted("cd tree && find . " + judge + " | sed 's,^\\./,/,;s,^\\.$,/,'"))
        << judge;
  };
  same({}, "");
  same({"--name", "*.conf"}, "-name '*.conf'");
  same({"--name", "[ox]*"}, "-name '[ox]*'");
  same({"--name", "[.]*"}, "-name '[.]h*'");
  same({"--type", "f"}, "-type f");
  same({"--type", "d,l"}, "-type d,l");
  same({"--type", "p"}, "-type p");
  same({"--max-depth", "1"}, "-maxdepth 1");
  same({"--size", "+100000", "--type", "f"}, "-type f -size +100000c");
  same({"--size", "-5", "--type", "f"}, "-type f -size -5c");
  same({"--size", "4", "--type", "f"}, "-type f -size 4c");
  same({"--size", "1M"}, "-type f -size 1048576c");

  // The same words as find(1), with its units.
  for (const std::string words :
       {"-name '*.conf'", "-iname '*.CONF' -type f", "-type d -name '[ox]*'", "-type d,l",
        "-maxdepth 1", "-mindepth 2 -maxdepth 2", "-type f -size +100k", "-type f -size 1",
        "-type f -size 1k", "-type f -size -1M", "-size 4c -type f", "-size +0 -type f",
        "-name 'a*' -name '*b*'", "-print"}) {
    std::vector<std::string> options;
    for (std::string rest = words; !rest.empty();) {
      std::string word = rest.substr(0, rest.find(' '));
      rest.erase(0, word.size() + 1);
      std::erase(word, '\'');
      options.push_back(word);
    }
    same(options, words);
  }
  EXPECT_EQ(lkl_ok({"find", "e.img", "/other", "-name", "a*", "-print0"}),
            std::string("/other/a b.conf\0", 16));
  for (const char* word : {"-exec", "-delete", "-newer"}) {
    const Result result = lkl({"find", "e.img", word, "x"});
    EXPECT_EQ(result.status, 2) << word;
    EXPECT_NE(result.err.find(std::string(word) + ": is not among -name"), std::string::npos)
        << result.err;
  }
  expect_failure({"find", "e.img", "-size", "1x"}, 2, "-size: '1x'");

  EXPECT_EQ(lkl_ok({"find", "e.img:/dir", "--type", "l"}), "/dir/link\n");
  EXPECT_EQ(lkl_ok({"find", "e.img", "other", "--name", "a*", "--print0"}),
            std::string("other/a b.conf\0", 15));
  const Json found = Json::parse(lkl_ok({"find", "--json", "e.img", "--name", "big"}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].at("path"), "/dir/sub/big");
  EXPECT_EQ(found[0].at("size"), 300000);

  const Result missing = lkl({"find", "e.img", "/none", "/one"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_EQ(missing.out, "/one\n");
  EXPECT_NE(missing.err.find("e.img:/none: No such file"), std::string::npos) << missing.err;
  EXPECT_EQ(lkl({"find", "--type", "ext4", "e.img"}).status, 2);
  EXPECT_EQ(lkl({"find", "--size", "big", "e.img"}).status, 2);
  EXPECT_EQ(lkl_ok({"-t", "ext4", "find", "e.img", "/one"}), "/one\n");
  EXPECT_EQ(lkl_ok({"find", "-t", "ext4", "e.img", "/one"}), "/one\n");
}

TEST_F(TreeTest, DiffOfEqualTrees) {
  make_image();
  EXPECT_EQ(lkl_ok({"diff", "tree", "e.img"}), "");
  EXPECT_EQ(lkl_ok({"diff", "--times", "e.img:/dir", "tree/dir"}), "");
  lkl_ok({"cp", "-r", "e.img:/.", "out"});
  EXPECT_EQ(lkl_ok({"diff", "--times", "out", "e.img:/"}), "");
  EXPECT_EQ(lkl_ok({"diff", "--json", "tree", "e.img"}), "[]\n");
  shell("cp e.img f.img");
  EXPECT_EQ(lkl_ok({"diff", "--times", "e.img", "f.img"}), "");
  EXPECT_EQ(lkl_ok({"diff", "-a", "e.img", ":/dir", "tree/dir"}), "");
}

TEST_F(TreeTest, DiffOfNamesAndContentsAsTheHostDoes) {
  make_image();
  shell(
      "cp -a tree changed && cd changed && rm other/sparse && echo other >one && mkdir new"
      " && rm dir/x.conf && mkdir dir/x.conf && ln -sfn elsewhere dir/link && touch dir/.more"
      // The same size, another byte, far behind.
      " && printf x | dd of=dir/sub/big bs=1 seek=299999 conv=notrunc status=none"
      " && chmod -R --reference=../tree/dir dir/x.conf");
  const Result ours = lkl({"diff", "e.img", "changed"});
  EXPECT_EQ(ours.err, "");
  EXPECT_EQ(ours.status, 1);
  Result judge = shell_status(
      "LC_ALL=C diff -rq --no-dereference tree changed"
      " | sed 's,\\(tree\\)\\(/[^ :]*\\),e.img:\\2,g;s,in tree:,in e.img:/:,'"
      " | sed 's,regular empty file,regular file,'"
      // It cannot compare them.
      " | grep -v fifo");
  keep_output(ours.out);
  write_file("theirs", judge.out);
  EXPECT_EQ(shell("LC_ALL=C sort ours"), shell("LC_ALL=C sort theirs"));
  EXPECT_NE(ours.out.find("Only in e.img:/other: sparse\n"), std::string::npos) << ours.out;
  EXPECT_NE(ours.out.find("File e.img:/dir/x.conf is a regular file while file changed/dir/x.conf "
                          "is a directory\n"),
            std::string::npos)
      << ours.out;

  const Json json = Json::parse(lkl({"diff", "--json", "e.img", "changed"}).out);
  EXPECT_EQ(json.size(),
            static_cast<std::size_t>(std::count(ours.out.begin(), ours.out.end(), '\n')));
  EXPECT_EQ(lkl({"diff", "-x", "*", "e.img", "changed"}).status, 0);
}

TEST_F(TreeTest, DiffOfAttributes) {
  make_image();
  shell("cp -a tree changed && chmod 600 changed/one && touch -d 2001-01-01 changed/dir/sub/big");
  Result result = lkl({"diff", "tree", "e.img"});
  EXPECT_EQ(result.status, 0);
  result = lkl({"diff", "e.img", "changed"});
  EXPECT_EQ(result.status, 1);
  // A hard link's other name too.
  EXPECT_EQ(result.out,
            "Files e.img:/dir/hard and changed/dir/hard differ in mode (0644, 0600)\n"
            "Files e.img:/one and changed/one differ in mode (0644, 0600)\n");
  result = lkl({"diff", "--times", "e.img:/dir/sub", "changed/dir/sub"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(
      result.out.rfind("Files e.img:/dir/sub/big and changed/dir/sub/big differ in time (", 0), 0U)
      << result.out;

  lkl_ok({"chown", "4321:5", "e.img", "/other"});
  result = lkl({"diff", "e.img", "tree"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out.rfind("Files e.img:/other and tree/other differ in owner (4321:5, ", 0), 0U)
      << result.out;
  EXPECT_EQ(lkl({"diff", "--no-owner", "e.img", "tree"}).status, 0);

  shell("printf value >v && debugfs -w -R 'ea_set -f v /dir user.note' e.img 2>/dev/null");
  result = lkl({"diff", "--no-owner", "e.img", "tree"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out, "Files e.img:/dir and tree/dir differ in attributes\n");
}

TEST_F(TreeTest, DiffInTrouble) {
  make_image();
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"diff", "tree", "none.img"},
                                             {"diff", "tree", "e.img:/none"},
                                             {"diff", "tree"},
                                             {"diff", "tree", "e.img", "e.img"},
                                             {"diff", "--no-such", "tree", "e.img"}}) {
    const Result result = lkl(arguments);
    EXPECT_EQ(result.status, 2) << result.err;
    EXPECT_EQ(result.err.rfind("lkl: ", 0), 0U) << result.err;
  }
}

TEST_F(TreeTest, JsonOfFiles) {
  make_image();
  const auto check = [](const Json& file, const std::string& path) {
    struct stat status = {};
    ASSERT_EQ(lstat(path.c_str(), &status), 0) << path;
    EXPECT_EQ(file.at("size"), status.st_size) << path;
    EXPECT_EQ(file.at("uid"), status.st_uid) << path;
    EXPECT_EQ(file.at("links"), status.st_nlink) << path;
    EXPECT_EQ(file.at("mode").get<std::string>() + "\n", shell("stat -c 0%a '" + path + "'"))
        << path;
    EXPECT_EQ(file.at("modified").get<std::string>().substr(0, 19) + "\n",
              shell("TZ=UTC stat -c %y '" + path + "' | sed 's/ /T/;s/\\..*//'"))
        << path;
  };
  const Json listed = Json::parse(lkl_ok({"ls", "--json", "e.img", "/dir", "/one"}));
  ASSERT_EQ(listed.size(), 5U);  // the hidden name is not shown, as without --json
  EXPECT_EQ(listed[0].at("path"), "/one");
  check(listed[0], "tree/one");
  EXPECT_EQ(listed[2].at("path"), "/dir/link");
  EXPECT_EQ(listed[2].at("target"), "../one");
  EXPECT_EQ(listed[2].at("type"), "symbolic link");
  const Json all = Json::parse(lkl_ok({"ls", "--json", "-R", "e.img"}));
  bool found = false;
  for (const Json& file : all) found = found || file.at("path") == "/dir/sub/big";
  EXPECT_TRUE(found) << all;

  const Json stats = Json::parse(lkl_ok({"stat", "--json", "e.img", "/dir/sub/big", "/fifo"}));
  ASSERT_EQ(stats.size(), 2U);
  check(stats[0], "tree/dir/sub/big");
  EXPECT_EQ(stats[1].at("type"), "fifo");

  const Json space = Json::parse(lkl_ok({"df", "--json", "e.img"}));
  ASSERT_EQ(space.size(), 1U);
  EXPECT_EQ(space[0].at("type"), "ext4");
  EXPECT_EQ(std::to_string(space[0].at("inodes_free").get<std::uint64_t>()) + "\n",
            shell("dumpe2fs -h e.img 2>/dev/null | sed -n 's/^Free inodes: *//p'"));
}

}  // namespace
}  // namespace lkl::tool_test
