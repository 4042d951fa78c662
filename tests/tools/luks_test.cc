// SPDX-License-Identifier: GPL-2.0
//
// LUKS containers, made and judged by cryptsetup and qemu-img, which encrypt files without help of
// the host's kernel.
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "tool_test.h"

namespace lkl::tool_test {

namespace {

using Json = nlohmann::json;

constexpr char kCheap[] = " -q --pbkdf-memory 64 --pbkdf-force-iterations 4 --key-file key ";

class LuksTest : public ToolTest {
 protected:
  void SetUp() override {
    ToolTest::SetUp();
    std::filesystem::create_directory("tree");
    write_noise("tree/noise", 1'000'000, 1);
    write_file("tree/hello", "hello\n");
    write_file("key", "a secret");
    shell("mke2fs -q -F -t ext4 -b 4096 -d tree fs.img 8M");
  }

  // A container of LUKS2 with the contents of an image.
  static void encrypt(const std::string& image, const std::string& name,
                      const std::string& more = "") {
    shell("cp " + image + " " + name + " && truncate -s +32M " + name +
          " && cryptsetup reencrypt --encrypt --type luks2 --reduce-device-size 32M" + kCheap +
          more + " " + name + " 2>&1");
  }
  static void decrypt(const std::string& name) {
    shell(
        "cryptsetup reencrypt --decrypt --force-offline-reencrypt --header header -q --key-file "
        "key " +
        name + " && truncate -s 8M " + name);
  }
  // LUKS1. How long the key takes is measured by ticks of the host: on a fast machine two of three
  // attempts find none.
  static void encrypt_version_1(const std::string& image, const std::string& name) {
    shell(
        "for time in $(seq 100 20 1300); do qemu-img convert -f raw -O luks --object "
        "secret,id=s,file=key -o key-secret=s,iter-time=$time " +
        image + " " + name + " 2>err && exit 0; done; cat err; exit 1");
  }
  static void decrypt_version_1(const std::string& name, const std::string& to) {
    shell(
        "qemu-img convert --object secret,id=s,file=key --image-opts "
        "driver=luks,key-secret=s,file.filename=" +
        name + " -O raw " + to);
  }
  void expect_contents(const std::vector<std::string>& options) {
    std::vector<std::string> line = {"cat"};
    line.insert(line.end(), options.begin(), options.end());
    line.insert(line.end(), {"/hello", "/noise"});
    const Result result = lkl(line);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(result.out == shell("cat tree/hello tree/noise"));
  }
  // Runs lkl with a terminal for standard input, where `typed` is typed at each question.
  static Result on_terminal(const std::string& arguments, const std::string& typed) {
    return shell_status("python3 " LKL_ON_TERMINAL " '" + typed + "' " LKL_TOOL_PATH " " +
                        arguments);
  }
};

TEST_F(LuksTest, Version2IsReadAndWritten) {
  for (const std::string more : {"--sector-size 512", "--sector-size 4096"}) {
    encrypt("fs.img", "disk.img", more);
    const std::string before = shell("sha256sum disk.img");
    expect_contents({"--key-file", "key", "disk.img"});
    expect_contents({"--key-file", "key", "disk.img:luks:0"});
    EXPECT_EQ(shell("sha256sum disk.img"), before);
    write_noise("new", 700'000, 2);
    lkl_ok({"cp", "--key-file", "key", "-a", "disk.img", "new", ":/new"});
    decrypt("disk.img");
    check_ext4("disk.img");
    shell("debugfs -R 'dump /new got' disk.img 2>/dev/null && cmp new got && rm header");
  }
}

TEST_F(LuksTest, Version1IsReadAndWritten) {
  if (!have("qemu-img")) GTEST_SKIP() << "qemu-img is not installed";
  encrypt_version_1("fs.img", "disk.img");
  const std::string before = shell("sha256sum disk.img");
  expect_contents({"--key-file", "key", "raw:disk.img"});
  expect_contents({"--key-file", "key", "disk.img"});
  EXPECT_EQ(shell("sha256sum disk.img"), before);
  write_noise("new", 700'000, 2);
  lkl_ok({"cp", "--key-file", "key", "-a", "disk.img", "new", ":/new"});
  decrypt_version_1("disk.img", "out.img");
  check_ext4("out.img");
  shell("debugfs -R 'dump /new got' out.img 2>/dev/null && cmp new got");
}

TEST_F(LuksTest, OnAPartition) {
  encrypt("fs.img", "inner.img");
  shell(
      "truncate -s 44M disk.img && printf '2048,2M,L\\n6144,,L\\n' | sfdisk -q disk.img && "
      "dd if=inner.img of=disk.img bs=1M seek=3 conv=notrunc status=none");
  expect_contents({"--key-file", "key", "disk.img:luks:2"});
  expect_contents({"--key-file", "key", "-P", "luks:2", "-a", "disk.img"});
  expect_failure({"ls", "--key-file", "key", "disk.img:luks:1"}, 1, "no such device");
  expect_failure({"ls", "--key-file", "key", "disk.img:2"}, 1, "luks:2");
  // By what is in it.
  const std::string uuid = shell("blkid -p -s UUID -o value fs.img | tr -d '\\n'");
  expect_contents({"--key-file", "key", "-P", "UUID=" + uuid, "-a", "disk.img"});
}

TEST_F(LuksTest, InAVolumeOnAnArray) {
  encrypt("fs.img", "inner.img");
  write_file("group.json", R"({"name": "vg", "extents": 48, "files": ["p0"], "volumes": {"crypt":
      {"contents": "inner.img",
       "segments": [{"type": "striped", "count": 40, "areas": [["pv0", 3]]}]}}})");
  shell("python3 " LKL_MAKE_GROUP
        " group.json && "
        "python3 " LKL_MAKE_ARRAY " make 5 1.2 host:3 p0 m0 m1 m2");
  const std::string before = shell("sha256sum m0 m1 m2");
  const std::vector<std::string> disks = {"--key-file", "key", "-a", "m0", "-a", "m1", "-a", "m2"};
  expect_contents(disks);
  std::vector<std::string> line = disks;
  line.insert(line.end(), {"-P", "luks:vg/crypt"});
  expect_contents(line);
  EXPECT_EQ(shell("sha256sum m0 m1 m2"), before);
  line.insert(line.begin(), "rm");
  line.emplace_back("/noise");
  lkl_ok(line);
  // Taken apart by hand.
  shell("python3 " LKL_MAKE_ARRAY
        " read 5 1.2 51380224 m0 m1 m2 > p0 && "
        "dd if=p0 of=inner.img bs=1M skip=4 count=40 status=none");
  decrypt("inner.img");
  check_ext4("inner.img");
}

TEST_F(LuksTest, KeysThatDoNotFit) {
  encrypt("fs.img", "disk.img");
  write_file("wrong", "another");
  const std::string before = shell("sha256sum disk.img");
  expect_failure({"ls", "--key-file", "wrong", "disk.img"}, 1,
                 "no key slot opens with the key of wrong");
  expect_failure({"ls", "--key-file", "missing", "disk.img"}, 1, "missing");
  expect_failure({"ls", "disk.img"}, 1, "--key-file");
  expect_failure({"ls", "disk.img:luks:0"}, 1, "--key-file");
  expect_failure({"rm", "disk.img", "/hello"}, 1, "no terminal");
  EXPECT_EQ(shell("sha256sum disk.img"), before);
}

TEST_F(LuksTest, KeyWithANewline) {
  encrypt("fs.img", "disk.img");
  write_file("line", "a secret\n");
  expect_contents({"--key-file", "line", "disk.img"});
  // Where it is a part of the passphrase it counts.
  shell("printf 'x\\n' > exact && cryptsetup luksAddKey" + std::string(kCheap) +
        "disk.img exact 2>&1");
  expect_contents({"--key-file", "exact", "disk.img"});
}

TEST_F(LuksTest, KeyFromStandardInput) {
  encrypt("fs.img", "disk.img");
  EXPECT_EQ(shell("echo 'a secret' | " LKL_TOOL_PATH " cat --key-file - disk.img /hello"),
            "hello\n");
}

TEST_F(LuksTest, IsAskedForOnATerminal) {
  encrypt("fs.img", "disk.img");
  Result result = on_terminal("cat disk.img /hello", "a secret");
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_NE(result.out.find("Passphrase for disk.img: "), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("hello"), std::string::npos) << result.out;
  EXPECT_EQ(result.out.find("secret"), std::string::npos) << result.out;
  // Three attempts.
  result = on_terminal("cat disk.img /hello", "wrong");
  EXPECT_EQ(result.status, 1) << result.out;
  std::size_t count = 0;
  for (std::size_t at = 0; (at = result.out.find("Passphrase for", at)) != std::string::npos; at++)
    count++;
  EXPECT_EQ(count, 3U) << result.out;
  // Ctrl-C; the helper fails if echo is off afterwards.
  result = on_terminal("cat disk.img /hello", "\\x03");
  EXPECT_EQ(result.status, 130) << result.out;
}

TEST_F(LuksTest, IsShownWithoutAKey) {
  encrypt("fs.img", "disk.img", "--label secret");
  const std::string uuid = shell("cryptsetup luksUUID disk.img | tr -d '\\n'");
  Json info = Json::parse(lkl_ok({"info", "--json", "disk.img"}));
  const Json& container = info[0]["partitions"][0];
  EXPECT_EQ(container["contents"], "LUKS");
  EXPECT_EQ(container["uuid"], uuid);
  EXPECT_EQ(container["details"]["version"], "2");
  EXPECT_EQ(container["details"]["cipher"], "aes-xts-plain64");
  EXPECT_EQ(info[0]["assembled"].size(), 0U);
  info = Json::parse(lkl_ok({"info", "--json", "--key-file", "key", "disk.img"}));
  ASSERT_EQ(info[0]["assembled"].size(), 1U) << info;
  EXPECT_EQ(info[0]["assembled"][0]["name"], "luks:0");
  EXPECT_EQ(info[0]["assembled"][0]["fstype"], "ext4");
}

TEST_F(LuksTest, OneOfSeveralIsAskedFor) {
  // A plain file system beside the container: it is not silently taken.
  encrypt("fs.img", "inner.img");
  shell(
      "truncate -s 52M disk.img && printf '2048,8M,L\\n18432,,L\\n' | sfdisk -q disk.img && "
      "dd if=fs.img of=disk.img bs=1M seek=1 conv=notrunc status=none && "
      "dd if=inner.img of=disk.img bs=1M seek=9 conv=notrunc status=none");
  expect_failure({"ls", "disk.img"}, 1, "choose one");
  expect_failure({"ls", "--key-file", "key", "disk.img"}, 1, "luks:2");
  EXPECT_EQ(lkl_ok({"cat", "disk.img:1", "/hello"}), "hello\n");
}

TEST_F(LuksTest, DamageIsTold) {
  encrypt("fs.img", "good.img");
  shell(
      "cp good.img disk.img && dd if=/dev/zero of=disk.img bs=1 seek=10 count=4000 conv=notrunc "
      "status=none && dd if=/dev/zero of=disk.img bs=4k seek=4 count=4 conv=notrunc status=none");
  expect_failure({"ls", "--key-file", "key", "disk.img"}, 1, "damaged");
  // The second copy of the header is as good as the first.
  shell(
      "cp good.img disk.img && printf x | dd of=disk.img bs=1 seek=4200 conv=notrunc status=none");
  expect_contents({"--key-file", "key", "disk.img"});
  // Key slots overwritten.
  shell(
      "cp good.img disk.img && dd if=/dev/urandom of=disk.img bs=32k seek=1 count=500 "
      "conv=notrunc status=none");
  expect_failure({"ls", "--key-file", "key", "disk.img"}, 1, "no key slot opens");
  shell("truncate -s 10M disk.img");
  expect_failure({"ls", "--key-file", "key", "disk.img"}, 1, "disk.img");
}

// Inside, as well as outside.
TEST_F(LuksTest, APartitionTableInside) {
  shell(
      "truncate -s 20M gpt.img && printf 'label: gpt\nsize=8M\nsize=4M\n' | sfdisk -q gpt.img && "
      "dd if=fs.img of=gpt.img bs=1M seek=1 conv=notrunc status=none");
  encrypt_version_1("gpt.img", "disk.img");
  expect_contents({"--key-file", "key", "disk.img"});
  expect_contents({"--key-file", "key", "disk.img:luks:0"});
  expect_contents({"--key-file", "key", "disk.img:luks:0:1"});
  expect_failure({"ls", "--key-file", "key", "disk.img:luks:0:2"}, 1, "no file system recognised");
  expect_failure({"ls", "--key-file", "key", "disk.img:luks:0:3"}, 1, "no such device");
  lkl_ok({"cp", "--key-file", "key", "key", "disk.img:luks:0:1:/new"});
  EXPECT_EQ(lkl_ok({"cat", "--key-file", "key", "disk.img", "/new"}), "a secret");
  const std::string info = lkl_ok({"info", "--key-file", "key", "disk.img"});
  EXPECT_NE(info.find("luks:0:1: partition size 8.0M  ext4"), std::string::npos) << info;
  // Nothing in it.
  shell(
      "rm gpt.img && truncate -s 20M gpt.img && printf 'label: dos\nsize=8M\nsize=4M\n' | sfdisk "
      "-q "
      "gpt.img");
  encrypt_version_1("gpt.img", "disk.img");
  expect_failure({"ls", "--key-file", "key", "disk.img:luks:0"}, 1,
                 "disk.img:luks:0: has a partition table; choose one of its partitions");
}

TEST_F(LuksTest, ReencryptionIsRefused) {
  shell(
      "cp fs.img disk.img && truncate -s +32M disk.img && cryptsetup reencrypt --encrypt "
      "--init-only --type luks2 --reduce-device-size 32M" +
      std::string(kCheap) + "disk.img 2>&1");
  expect_failure({"ls", "--key-file", "key", "disk.img"}, 1, "re-encrypted");
}

TEST_F(LuksTest, SnapshotLeavesItAlone) {
  encrypt("fs.img", "disk.img");
  const std::string before = shell("sha256sum disk.img");
  lkl_ok({"rm", "--snapshot", "--commit", "out.img", "--key-file", "key", "disk.img", "/hello"});
  EXPECT_EQ(shell("sha256sum disk.img"), before);
  decrypt("out.img");
  check_ext4("out.img");
  EXPECT_EQ(shell("debugfs -R 'ls -p /' out.img 2>/dev/null").find("/hello/"), std::string::npos);
  expect_contents({"--key-file", "key", "disk.img"});
}

}  // namespace

}  // namespace lkl::tool_test
