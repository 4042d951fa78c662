// SPDX-License-Identifier: GPL-2.0
//
// Where disks come from: formats of other programs, servers, snapshots.
#include <signal.h>

#include <memory>
#include <ostream>
#include <thread>
#include <vector>

#include "tool_test.h"

namespace lkl::tool_test {
namespace {

class SourceTest : public ToolTest {
 protected:
  void SetUp() override {
    ToolTest::SetUp();
    shell("mkdir tmp");
    setenv("TMPDIR", path("tmp").c_str(), 1);
    unsetenv("XDG_RUNTIME_DIR");
    shell("mkdir -p tree/dir && echo hello >tree/file");
    write_noise("tree/dir/noise", 3'000'000, 1);
    make_ext4("e.img", "64M", "tree");
  }

  // One that the test itself has started.
  static void end_server(const std::string& pid_file) {
    shell("p=$(cat " + pid_file +
          ") && kill $p && while kill -0 $p 2>/dev/null; do sleep .05; done");
  }

  // Nothing of a run may stay behind.
  static void expect_no_servers() {
    EXPECT_EQ(shell_status("pgrep -f \"[q]emu-nbd .*$PWD\"").out, "");
    EXPECT_EQ(shell("ls tmp"), "");
  }
};

struct Format {
  const char* name;
  const char* qemu;
  const char* check;  // an option of qemu-img check, or none where it cannot check
};

std::ostream& operator<<(std::ostream& out, const Format& format) {
  return out << format.name;
}

class FormatTest : public SourceTest, public testing::WithParamInterface<Format> {};

TEST_P(FormatTest, IsReadAndWritten) {
  if (!have("qemu-nbd")) GTEST_SKIP() << "needs qemu-utils";
  const std::string image = std::string("disk.") + GetParam().name;
  shell(std::string("qemu-img convert -O ") + GetParam().qemu + " e.img " + image);
  for (const std::string& name : {image, GetParam().name + (":" + image)}) {
    EXPECT_EQ(lkl_ok({"cat", name, "/file"}), "hello\n") << name;
    EXPECT_EQ(lkl_ok({"cat", name + ":/file"}), "hello\n") << name;
    EXPECT_EQ(lkl_ok({"cat", name + ":0:/file"}), "hello\n") << name;
  }
  EXPECT_EQ(lkl_ok({"cat", "--format", GetParam().name, image, "/file"}), "hello\n");
  lkl_ok({"cp", "-r", "tree", image + ":/copy"});
  lkl_ok({"cp", "-r", image + ":/copy", "out"});
  EXPECT_EQ(checksums("out"), checksums("tree"));
  // The other program's own view of it.
  if (GetParam().check) shell(std::string("qemu-img check ") + image);
  shell(std::string("qemu-img convert -f ") + GetParam().qemu + " -O raw " + image + " back.img");
  check_ext4("back.img");
  EXPECT_EQ(lkl_ok({"cat", "back.img", "/copy/file"}), "hello\n");
  expect_no_servers();
}

INSTANTIATE_TEST_SUITE_P(On, FormatTest,
                         testing::Values(Format{"qcow2", "qcow2", ""}, Format{"vmdk", "vmdk", ""},
                                         Format{"vdi", "vdi", ""}, Format{"vhd", "vpc", nullptr},
                                         Format{"vhdx", "vhdx", ""}, Format{"qed", "qed", ""}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_F(SourceTest, FilesThatAnImageNamesAreOnlyReadWhenTold) {
  if (!have("qemu-nbd")) GTEST_SKIP() << "needs qemu-utils";
  shell("qemu-img create -q -f qcow2 -b e.img -F raw top.qcow2");
  expect_failure({"ls", "top.qcow2"}, 1, "name it qcow2:top.qcow2");
  EXPECT_EQ(lkl_ok({"cat", "qcow2:top.qcow2:/file"}), "hello\n");
  EXPECT_EQ(lkl_ok({"cat", "--format=qcow2", "top.qcow2", "/file"}), "hello\n");
  shell("qemu-img create -q -f qcow2 -o data_file=data.raw,data_file_raw=on data.qcow2 8M");
  expect_failure({"ls", "data.qcow2"}, 1, "names other files");
  shell("qemu-img create -q -f qed -b e.img -F raw top.qed");
  expect_failure({"ls", "top.qed"}, 1, "name it qed:top.qed");
  shell(
      "qemu-img convert -O vmdk e.img base.vmdk &&"
      " qemu-img create -q -f vmdk -b base.vmdk -F vmdk top.vmdk");
  expect_failure({"ls", "top.vmdk"}, 1, "name it vmdk:top.vmdk");
  EXPECT_EQ(lkl_ok({"cat", "vmdk:top.vmdk", "/file"}), "hello\n");
  // A raw disk stays one.
  expect_failure({"ls", "raw:top.qcow2"}, 1, "qcow2");
}

TEST_F(SourceTest, Errors) {
  expect_failure({"ls", "qcow2:missing"}, 1, "missing: no such image");
  expect_failure({"ls", "foo://host/disk"}, 1, "foo:// is not among nbd");
  expect_failure({"ls", "ssh://host"}, 1, "ssh://[USER@]HOST[:PORT]/PATH");
  expect_failure({"ls", "nbd+unix:///?socket=nowhere"}, 1, "No such file");
  EXPECT_EQ(lkl({"ls", "--format", "odd", "e.img"}).status, 2);
  EXPECT_EQ(lkl({"ls", "--snapshot", "--ro", "e.img"}).status, 2);
  EXPECT_EQ(lkl({"ls", "--commit", "x.img", "e.img"}).status, 2);
}

TEST_F(SourceTest, ErrorsOfFormats) {
  if (!have("qemu-nbd")) GTEST_SKIP() << "needs qemu-utils";
  expect_failure({"ls", "qcow2:e.img"}, 1, "not in qcow2 format");
  shell("qemu-img convert -O qcow2 e.img e.qcow2 && head -c 200000 e.qcow2 >short.qcow2");
  expect_failure({"ls", "short.qcow2"}, 1, "short.qcow2");
  expect_no_servers();
}

TEST_F(SourceTest, ServersAreNotReachedByCtrlC) {
  if (!have("qemu-nbd")) GTEST_SKIP() << "needs qemu-utils";
  write_noise("big", 40'000'000, 2);
  shell("qemu-img convert -O qcow2 e.img e.qcow2");
  Process copy({LKL_TOOL_PATH, "cp", "big", "e.qcow2:/big"}, false);
  std::this_thread::sleep_for(std::chrono::milliseconds(120));
  copy.signal(SIGINT);
  const Result result = copy.finish();
  EXPECT_TRUE(result.status == 128 + SIGINT || result.status == 0) << result.err;
  shell("qemu-img check e.qcow2 && qemu-img convert -O raw e.qcow2 back.img");
  check_ext4("back.img");
  expect_no_servers();
}

TEST_F(SourceTest, OneWriterForAFormatToo) {
  if (!have("qemu-nbd")) GTEST_SKIP() << "needs qemu-utils";
  shell("qemu-img convert -O qcow2 e.img e.qcow2");
  shell("qemu-nbd -f qcow2 --fork --pid-file=pid --socket=$PWD/other e.qcow2");
  expect_failure({"write", "e.qcow2", "/x"}, 1, "lock");
  end_server("pid");
}

TEST_F(SourceTest, NetworkBlockDevice) {
  if (!have("nbdkit")) GTEST_SKIP() << "needs nbdkit";
  shell("nbdkit -U $PWD/s --pidfile pid file e.img");
  const std::string uri = "nbd+unix:///?socket=" + path("s");
  EXPECT_EQ(lkl_ok({"cat", uri, "/file"}), "hello\n");
  EXPECT_EQ(lkl_ok({"cat", uri + ":/file"}), "hello\n");
  EXPECT_EQ(lkl_ok({"cat", "-a", uri, "/file"}), "hello\n");
  lkl_ok({"cp", "-r", "tree", uri + ":/copy"});
  EXPECT_NE(lkl_ok({"info", uri}).find("ext4"), std::string::npos);
  end_server("pid");
  check_ext4("e.img");
  EXPECT_EQ(lkl_ok({"cat", "e.img", "/copy/file"}), "hello\n");
  // A port is no partition. One that the system gives out.
  const std::string port = shell(
      "python3 -c 'import socket; s = socket.socket(); s.bind((\"127.0.0.1\", 0));"
      " print(s.getsockname()[1], end=\"\")'");
  shell("nbdkit -i 127.0.0.1 -p " + port + " --pidfile pid2 file e.img");
  EXPECT_EQ(lkl_ok({"cat", "nbd://127.0.0.1:" + port, "/file"}), "hello\n");
  EXPECT_EQ(lkl_ok({"cat", "nbd://127.0.0.1:" + port + "/:/file"}), "hello\n");
  EXPECT_EQ(lkl_ok({"cat", "nbd://127.0.0.1:" + port + "/:0:/file"}), "hello\n");
  end_server("pid2");
}

// "e.img" on a web server of our own.
class WebTest : public SourceTest {
 protected:
  void SetUp() override {
    SourceTest::SetUp();
    if (!have("nbdkit")) GTEST_SKIP() << "needs nbdkit";
    if (shell_status("nbdkit --dump-plugin curl").status != 0)
      GTEST_SKIP() << "needs nbdkit's curl plugin";
  }
  void serve() {
    const std::vector<std::string> command = {"/usr/bin/python3", LKL_RANGE_SERVER, "e.img"};
    server_ = std::make_unique<Process>(command, false);
    site_ = "http://127.0.0.1:" + server_->first_line();
  }
  void end() {
    server_->signal(SIGTERM);
    server_->finish();
    expect_no_servers();
  }

  std::string site_;

 private:
  std::unique_ptr<Process> server_;
};

TEST_F(WebTest, IsReadByRanges) {
  serve();
  const std::string uri = site_ + "/disk";
  EXPECT_EQ(lkl_ok({"cat", uri, "/file"}), "hello\n");
  EXPECT_EQ(lkl_ok({"cat", uri + ":/file"}), "hello\n");
  expect_failure({"rm", uri, "/file"}, 1, "can only be read");
  lkl_ok({"rm", "--snapshot", "--commit", "less.img", uri, "/file"});
  check_ext4("less.img");
  EXPECT_EQ(lkl({"cat", "less.img", "/file"}).status, 1);
  expect_failure({"ls", site_ + "/nothing"}, 1, "404");
  end();
}

TEST_F(WebTest, IsReadInAFormat) {
  if (!have("qemu-nbd")) GTEST_SKIP() << "needs qemu-utils";
  shell("qemu-img convert -O qcow2 e.img e.qcow2 && mv e.qcow2 e.img");
  serve();
  EXPECT_EQ(lkl_ok({"cat", "qcow2:" + site_ + "/disk:/file"}), "hello\n");
  end();
}

TEST_F(SourceTest, Snapshot) {
  const std::string before = shell("sha256sum e.img");
  shell("chmod a-w e.img");
  lkl_ok({"cp", "-r", "--snapshot", "tree", "e.img:/copy"});
  lkl_ok({"rm", "-r", "--snapshot", "e.img", "/dir"});
  EXPECT_EQ(shell("sha256sum e.img"), before);
}

TEST_F(SourceTest, Commit) {
  const std::string before = shell("sha256sum e.img");
  lkl_ok({"cp", "-r", "--snapshot", "--commit", "new.img", "tree", "e.img:/copy"});
  EXPECT_EQ(shell("sha256sum e.img"), before);
  check_ext4("new.img");
  lkl_ok({"cp", "-r", "new.img:/copy", "out"});
  EXPECT_EQ(checksums("out"), checksums("tree"));
  // Zeroes are holes.
  EXPECT_LT(std::stoi(shell("du -k new.img | cut -f1")), 16 * 1024);
  EXPECT_EQ(shell("stat -c %s new.img"), shell("stat -c %s e.img"));

  expect_failure({"rm", "--snapshot", "--commit", "new.img", "e.img", "/file"}, 1, "exists");
  // What failed is not committed.
  expect_failure({"rm", "--snapshot", "--commit", "bad.img", "e.img", "/none"}, 1, "/none");
  EXPECT_EQ(shell_status("ls bad.img").status, 2);
  expect_failure({"rm", "--snapshot", "--commit", "no/such/dir/x", "e.img", "/file"}, 1,
                 "no/such/dir/x");
}

}  // namespace
}  // namespace lkl::tool_test
