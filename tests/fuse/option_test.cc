// SPDX-License-Identifier: GPL-2.0
//
// The command line, and ends of all kinds.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "fuse/files.h"
#include "fuse/fuse_test.h"

namespace lkl_fuse_test {

TEST_F(FuseTest, HelpAndVersion) {
  EXPECT_EQ(lklfuse({"--help"}).status, 0);
  EXPECT_NE(lklfuse({"-h"}).out.find("MOUNTPOINT"), std::string::npos);
  EXPECT_NE(lklfuse({"-V"}).out.find("lklfuse "), std::string::npos);
}

TEST_F(FuseTest, BadCommandLines) {
  const std::string image = make_ext4("image", "32M");
  struct {
    std::vector<std::string> arguments;
    const char* says;
  } const cases[] = {
      {{}, "no image"},
      {{image}, "no mount point"},
      {{image, "nowhere"}, "nowhere"},
      {{image, "/dev/fd/0"}, "/dev/fd/0: is no open descriptor of /dev/fuse"},
      {{image, "/dev/fd/9999"}, "/dev/fd/9999: is no open descriptor of /dev/fuse"},
      {{image, "m", "-o", "nonsense=1"}, "nonsense"},
      {{"missing", "m"}, "missing: no such image"},
      {{image, "m", "-o", "part=3"}, "partition 3"},
      {{image, "m", "-o", "type=nofs"}, "nofs"},
      {{image, "m", "-o", "type=vfat"}, "looks like ext4"},
      {{image, "m", "-o", "mb=1"}, "mb=1"},
      {{image, "m", "-o", "opts=nonsense"}, "nonsense"},
      {{"-o", "domain=vm"}, "no mount point"},
      {{"m", "-o", "domain=vm,connect=test:///default"}, "vm: no such domain"},
      {{"m", "-o", "domain=test,connect=test:///default"}, "diskimage1: no such image"},
      {{"vdx", "m", "-o", "domain=test,connect=test:///default"}, "test: vdx: no such disk"},
  };
  for (const auto& one : cases) {
    const Result result = lklfuse(one.arguments);
    EXPECT_NE(result.status, 0) << one.says;
    EXPECT_NE(result.err.find(one.says), std::string::npos) << one.says << "\n" << result.err;
  }
  EXPECT_EQ(rmdir("m"), 0) << "something is mounted";
}

TEST_F(FuseTest, InTheBackground) {
  const std::string image = make_ext4("image", "32M");
  const Result result = lklfuse({image, "m"});
  ASSERT_EQ(result.status, 0) << result.err;
  // mounted when the command returns
  shell("test -d m/lost+found");
  shell("echo hello > m/f");
  shell("fusermount3 -u m");
  // the process that serves it has the image locked until it is through
  for (int i = 0; i < 200; ++i) {
    const Result second = lklfuse({image, "m"});
    if (second.status == 0) break;
    EXPECT_NE(second.err.find("in use"), std::string::npos) << second.err;
    usleep(20'000);
  }
  EXPECT_EQ(shell("cat m/f"), "hello\n");
  shell("fusermount3 -u m");
  for (int i = 0; i < 200 && lkl({"ls", image}).status != 0; ++i) usleep(20'000);
  check_ext4(image);
}

TEST_F(FuseTest, TheImageIsLocked) {
  const std::string image = make_ext4("image", "32M");
  ASSERT_EQ(mount(image), "");
  const Result second = lklfuse({image, "m"});
  EXPECT_EQ(second.status, 1);
  EXPECT_NE(second.err.find("in use"), std::string::npos) << second.err;
  umount();
  // any number of readers
  ASSERT_EQ(mount(image, "ro"), "");
  EXPECT_EQ(lkl({"ls", "--ro", image}).status, 0);
  umount();
}

TEST_F(FuseTest, LockFile) {
  const std::string image = make_ext4("image", "32M");
  const int fd = open("lock", O_CREAT | O_RDWR, 0600);
  ASSERT_EQ(flock(fd, LOCK_EX), 0);
  const Result result = lklfuse({image, "m", "-o", "lock=lock"});
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.err.find("lock"), std::string::npos);
  close(fd);
  ASSERT_EQ(mount(image, "lock=lock"), "");
  umount();
}

TEST_F(FuseTest, ReadOnly) {
  const std::string image = make_ext4("image", "32M");
  const std::string before = shell("sha256sum image");
  ASSERT_EQ(mount(image, "ro"), "");
  EXPECT_EQ(open("m/f", O_CREAT | O_WRONLY, 0644), -1);
  EXPECT_EQ(errno, EROFS);
  shell("ls -la m > /dev/null");
  umount();
  EXPECT_EQ(shell("sha256sum image"), before);
}

TEST_F(FuseTest, LogAndKernelOptions) {
  const std::string image = make_ext4("image", "32M");
  ASSERT_EQ(mount(image, "log=log,opts=data=journal\\,commit=1,noatime,mb=64"), "");
  shell("echo x > m/f");
  umount();
  const std::string log = shell("cat log");
  EXPECT_NE(log.find("Linux version"), std::string::npos);
  EXPECT_NE(log.find("journalled data mode"), std::string::npos) << log;
}

TEST_F(FuseTest, RootOfTheImageIsMe) {
  const std::string image = make_ext4("image", "32M");
  ASSERT_EQ(mount(image, "uid=4321,gid=8765"), "");
  struct stat status = {};
  ASSERT_EQ(stat("m/lost+found", &status), 0);
  EXPECT_EQ(status.st_uid, 4321u);
  EXPECT_EQ(status.st_gid, 8765u);
  shell("echo mine > m/f");
  umount();
  // whoever made it was not 4321, but as a file of 4321 it would be root's
  ASSERT_EQ(mount(image), "");
  ASSERT_EQ(stat("m/f", &status), 0);
  EXPECT_EQ(status.st_uid, geteuid() == 0 ? 4321u : geteuid());
  umount();
}

TEST_F(FuseTest, AllAreMine) {
  write_file("commands",
             "write commands f\nset_inode_field f uid 1000\nset_inode_field f gid 100\n");
  const std::string image = make_ext4("image", "32M");
  shell("debugfs -w -f commands image >/dev/null 2>&1");
  ASSERT_EQ(mount(image, "uid=4321,gid=8765,all_squash"), "");
  EXPECT_EQ(shell("stat -c %u:%g m/f m/lost+found"), "4321:8765\n4321:8765\n");
  shell("echo more >>m/f && mv m/f m/g");
  umount();
  // it is whose it was
  EXPECT_NE(shell("debugfs -R 'stat /g' image 2>/dev/null").find("User:  1000   Group:   100"),
            std::string::npos);
}

TEST_F(FuseTest, PartitionsOfATable) {
  const std::string part = make_ext4("part", "32M");
  shell(
      "truncate -s 80M disk && printf 'label: "
      "gpt\\nsize=32M,name=one,uuid=d00dfeed-0000-4000-8000-00000000abcd\\n"
      "size=32M\\n' | /sbin/sfdisk -q disk "
      "&& dd if=part of=disk bs=1M seek=1 conv=notrunc status=none");
  ASSERT_EQ(mount("disk"), "");  // there is one file system
  shell("echo x > m/f");
  umount();
  for (const char* part : {"1", "PARTUUID=d00dfeed-0000-4000-8000-00000000abcd", "PARTLABEL=one"}) {
    ASSERT_EQ(mount("disk", std::string("part=") + part), "");
    EXPECT_EQ(shell("cat m/f"), "x\n");
    umount();
  }
  EXPECT_NE(mount("disk", "part=PARTLABEL=two").find("PARTLABEL=two: no such partition"),
            std::string::npos);
  lkl_ok({"mount", "-P", "PARTLABEL=one", "disk", "m"});
  EXPECT_EQ(shell("cat m/f"), "x\n");
  lkl_ok({"umount", "m"});
}

TEST_F(FuseTest, AtAnOffset) {
  make_ext4("part", "32M");
  for (const std::string offset : {"1048576", "1000001"}) {
    shell("truncate -s " + offset + " disk && cat part >> disk && truncate -s 40M disk");
    ASSERT_EQ(mount("disk", "offset=" + offset), "");
    shell("echo x > m/f");
    umount();
    ASSERT_EQ(mount("disk@" + offset), "");
    EXPECT_EQ(shell("cat m/f"), "x\n");
    umount();
    lkl_ok({"mount", "--offset", offset, "disk", "m"});
    EXPECT_EQ(shell("cat m/f"), "x\n");
    lkl_ok({"umount", "m"});
    shell("tail -c +" + std::to_string(std::stoul(offset) + 1) +
          " disk | head -c 32M > out; rm disk");
    check_ext4("out");
  }
  EXPECT_NE(mount("part", "offset=x").find("offset: 'x'"), std::string::npos);
  EXPECT_NE(mount("part", "offset=1,part=1").find("choose one"), std::string::npos);
}

TEST_F(FuseTest, TruncatedImages) {
  make_ext4("image", "64M");
  shell("truncate -s 40M image");
  EXPECT_NE(mount("image", "ro").find("-o force"), std::string::npos);
  EXPECT_NE(mount("image", "force").find("can only be read"), std::string::npos);
  ASSERT_EQ(mount("image", "ro,force"), "");
  EXPECT_EQ(shell("ls m"), "lost+found\n");
  shell("fusermount3 -u m");
  const Result end = wait_for_end();
  EXPECT_EQ(end.status, 0);
  EXPECT_NE(end.err.find("only what is there is read"), std::string::npos) << end.err;
}

TEST_F(FuseTest, SignalsUnmount) {
  const std::string image = make_ext4("image", "64M");
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    ASSERT_EQ(mount(image), "");
    shell("echo " + std::to_string(signal) + " > m/f");
    // an open file does not hold it up, nor does its data get lost
    const int fd = open("m/open", O_CREAT | O_WRONLY, 0644);
    ASSERT_EQ(write(fd, "x", 1), 1);
    ASSERT_EQ(fsync(fd), 0);
    process().signal(signal);
    const Result end = wait_for_end();
    EXPECT_EQ(end.status, 0) << signal << end.err;
    close(fd);
    check_ext4(image);
    EXPECT_EQ(lkl_ok({"cat", image, "/f"}), std::to_string(signal) + "\n");
  }
}

// The image stays as it is; what was changed is another one.
TEST_F(FuseTest, SnapshotAndCommit) {
  const std::string image = make_ext4("image", "32M");
  const std::string before = shell("sha256sum image");
  ASSERT_EQ(mount(image, "snapshot"), "");
  shell("echo hello > m/f && sync m/f");
  umount();
  EXPECT_EQ(shell("sha256sum image"), before);
  ASSERT_EQ(mount(image, "snapshot,commit=changed"), "");
  shell("echo hello > m/f");
  umount();
  EXPECT_EQ(shell("sha256sum image"), before);
  check_ext4("changed");
  EXPECT_EQ(lkl_ok({"cat", "changed", "/f"}), "hello\n");
  EXPECT_NE(lklfuse({image, "m", "-o", "commit=other"}).err.find("needs snapshot"),
            std::string::npos);
  EXPECT_NE(lklfuse({image, "m", "-o", "snapshot,commit=changed"}).err.find("exists"),
            std::string::npos);
  EXPECT_NE(lklfuse({image, "m", "-o", "ro,snapshot"}).err.find("exclude"), std::string::npos);
}

// What becomes of writes is tested with the library (FullHostTest): here is how it is said.
TEST_F(FuseTest, WhenTheHostsDiskIsFull) {
  const std::string image = make_ext4("image", "32M");
  for (const char* word : {"werror=enospc", "werror=report"}) {
    ASSERT_EQ(mount(image, word), "");
    shell("echo hello > m/f && sync m/f");
    umount();
  }
  EXPECT_NE(lklfuse({image, "m", "-o", "werror=ignore"}).err.find("it can be enospc or report"),
            std::string::npos);
  if (!have("qemu-nbd")) GTEST_SKIP() << "needs qemu-utils";
  shell("qemu-img convert -O qcow2 image image.qcow2");
  EXPECT_NE(lklfuse({"image.qcow2", "m", "-o", "werror=enospc"}).err.find("can't wait for room"),
            std::string::npos);
}

TEST_F(FuseTest, OtherFormats) {
  if (!have("qemu-nbd")) GTEST_SKIP() << "needs qemu-utils";
  make_ext4("image", "32M");
  shell("qemu-img convert -O qcow2 image image.qcow2");
  ASSERT_EQ(mount("image.qcow2"), "");
  shell("cp -r /usr/include/linux m/ && diff -r /usr/include/linux m/linux");
  umount();
  shell("qemu-img check image.qcow2 && qemu-img convert -O raw image.qcow2 image");
  check_ext4("image");
  ASSERT_EQ(mount("qcow2:image.qcow2", "ro"), "");
  shell("diff -r /usr/include/linux m/linux");
  umount();
}

// lkl mount: read-only, or a snapshot, if not told otherwise; when lkl umount returns, the image is
// there as a whole.
TEST_F(FuseTest, EncryptedDisk) {
  shell(
      "printf secret > key && printf wrong > bad && mke2fs -q -F -t ext4 -b 4096 image 8M && "
      "truncate -s +32M image && cryptsetup reencrypt --encrypt --type luks2 "
      "--reduce-device-size 32M -q --pbkdf-memory 64 --pbkdf-force-iterations 4 --key-file key "
      "image 2>&1");
  EXPECT_NE(mount("image", "key_file=bad").find("no key slot opens"), std::string::npos);
  EXPECT_NE(mount("image").find("no terminal"), std::string::npos);
  ASSERT_EQ(mount("image", "key_file=key"), "");
  shell("echo hello > m/f");
  umount();
  const Result result = lkl({"mount", "--key-file", "key", "-P", "luks:0", "image", "m"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(shell("cat m/f"), "hello\n");
  EXPECT_EQ(lkl_ok({"umount", "m"}), "");
  shell(
      "cryptsetup reencrypt --decrypt --force-offline-reencrypt --header header -q --key-file key "
      "image && truncate -s 8M image");
  check_ext4("image");
}

TEST_F(FuseTest, ArrayOfSeveralDisks) {
  make_ext4("fs", "8M");
  shell("python3 " LKL_MAKE_ARRAY " make 5 1.2 host:0 fs m0 m1 m2");
  EXPECT_NE(mount("m0", "add=m1").find("only read"), std::string::npos);
  ASSERT_EQ(mount("m0", "add=m1,add=m2"), "");
  shell("echo hello > m/f");
  umount();
  const Result result = lkl({"mount", "-a", "m0", "-a", "m1", "-a", "m2", "-P", "md0", "m"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(shell("cat m/f"), "hello\n");
  EXPECT_EQ(lkl_ok({"umount", "m"}), "");
  shell("python3 " LKL_MAKE_ARRAY " read 5 1.2 8388608 m0 m1 m2 > fs");
  check_ext4("fs");
}

// The new image is complete when lkl umount returns, though the process is in the background; what
// it holds is read by other programs.
TEST_F(FuseTest, CommitInTheBackground) {
  shell("mkdir tree && cp -r /usr/include/linux tree/old");
  write_noise("tree/big", 20'000'000, 1);
  write_noise("noise", 30'000'000, 2);
  const std::string image = make_ext4("committed", "128M", "tree");
  const std::string before = shell("sha256sum committed");
  // In the tree as in the mount.
  const auto change = [](const std::string& place) {
    shell("cp noise " + place + "/new && rm -r " + place + "/old/netfilter && mv " + place +
          "/old " + place + "/moved && dd if=noise of=" + place +
          "/big bs=1000 seek=3333 count=5000 conv=notrunc status=none && truncate -s 12345678 " +
          place + "/big");
  };
  change("tree");
  // The oldest: others stay outside of its sandbox.
  const std::string process = "$(pgrep -of '^lklfuse " + image + " m ')";
  for (const bool by_command : {true, false}) {
    lkl_ok({"mount", "--snapshot", "--commit", "changed", image, "m"});
    EXPECT_EQ(shell("ps -o ppid= -p " + process + " | tr -d ' '"), "1\n");
    change("m");
    if (by_command)
      lkl_ok({"umount", "m"});
    else
      shell("p=" + process + " && kill -TERM $p && while kill -0 $p 2>&-; do sleep .05; done");
    EXPECT_NE(shell_status("mountpoint -q m").status, 0);
    EXPECT_EQ(shell("sha256sum committed"), before);
    check_ext4("changed");
    shell("mkdir out && debugfs -R 'rdump / out' changed 2>&1 && rmdir out/lost+found");
    EXPECT_TRUE(checksums("out") == checksums("tree"));
    EXPECT_EQ(shell_status("diff -r out tree").out, "");
    shell("rm -r out changed");
  }
}

TEST_F(FuseTest, MountCommand) {
  const std::string image = make_ext4("image", "32M");
  const std::string before = shell("sha256sum image");
  lkl_ok({"mount", image, "m"});
  EXPECT_NE(shell("grep \" $PWD/m \" /proc/mounts").find("ro,nosuid,nodev,noexec"),
            std::string::npos);
  EXPECT_NE(shell_status("touch m/x").status, 0);
  lkl_ok({"umount", "m"});
  lkl_ok({"mount", "--snapshot", "--commit", "changed", image, "m"});
  shell("echo hello > m/f");
  lkl_ok({"umount", "m"});
  check_ext4("changed");
  EXPECT_EQ(lkl_ok({"cat", "changed", "/f"}), "hello\n");
  EXPECT_EQ(shell("sha256sum image"), before);
  lkl_ok({"mount", "-w", "-o", "exec", "-t", "ext4", "-P", "0", image, "m"});
  shell("cp /bin/true m/ && m/true");
  lkl_ok({"umount", "m"});
  check_ext4(image);

  const Result none = lkl({"umount", "m"});
  EXPECT_EQ(none.status, 1);
  EXPECT_NE(none.err.find("no image is mounted there"), std::string::npos);
  EXPECT_EQ(lkl({"mount", image}).status, 2);
  EXPECT_EQ(lkl({"mount", "--rw", "--ro", image, "m"}).status, 2);
  EXPECT_NE(lkl({"mount", "missing", "m"}).err.find("no such image"), std::string::npos);
}

// What an image holds gives no rights and is not run, unless that is asked for.
TEST_F(FuseTest, SuidDevExec) {
  const std::string image = make_ext4("image", "32M");
  const bool root = geteuid() == 0;
  const auto flags = [] { return shell("findmnt -no OPTIONS m"); };
  const auto status = [](const std::string& command) { return shell_status(command).status; };
  // By whom a program with the set-user-ID bit is run when nobody runs it.
  const auto user_of_suid = [] {
    return shell("setpriv --reuid=65534 --regid=65534 --clear-groups m/id -u");
  };
  shell("chmod 755 .");
  ASSERT_EQ(mount(image), "");
  shell("cp /usr/bin/id m/id && chmod 4755 m/id");
  if (root) shell("mknod -m 666 m/null c 1 3");
  umount();

  lkl_ok({"mount", "-o", "allow_other", image, "m"});
  EXPECT_NE(flags().find("nosuid,nodev,noexec"), std::string::npos) << flags();
  EXPECT_EQ(status("m/id"), 126);
  EXPECT_NE(status("cat m/null"), 0);
  lkl_ok({"umount", "m"});

  lkl_ok({"mount", "-o", "allow_other,exec", image, "m"});
  EXPECT_EQ(flags().find("noexec"), std::string::npos) << flags();
  EXPECT_NE(flags().find("nosuid,nodev"), std::string::npos) << flags();
  EXPECT_EQ(status("m/id"), 0);
  EXPECT_NE(status("cat m/null"), 0);
  if (root) {
    EXPECT_EQ(user_of_suid(), "65534\n");
  }
  lkl_ok({"umount", "m"});

  // lklfuse itself has libfuse's defaults.
  ASSERT_EQ(mount(image, "allow_other,noexec"), "");
  EXPECT_NE(flags().find("nosuid,nodev,noexec"), std::string::npos) << flags();
  EXPECT_EQ(status("m/id"), 126);
  umount();
  ASSERT_EQ(mount(image, "allow_other"), "");
  EXPECT_EQ(status("m/id"), 0);
  EXPECT_NE(status("cat m/null"), 0);
  if (root) {
    EXPECT_EQ(user_of_suid(), "65534\n");
  }
  umount();

  if (!root) GTEST_SKIP() << "only root mounts with suid and dev";
  lkl_ok({"mount", "-o", "allow_other,suid,dev,exec", image, "m"});
  for (const char* word : {"nosuid", "nodev", "noexec"})
    EXPECT_EQ(flags().find(word), std::string::npos) << flags();
  EXPECT_EQ(shell("cat m/null"), "");
  EXPECT_EQ(user_of_suid(), "0\n");
  lkl_ok({"umount", "m"});
  ASSERT_EQ(mount(image, "allow_other,suid,dev,exec"), "");
  EXPECT_EQ(shell("cat m/null"), "");
  EXPECT_EQ(user_of_suid(), "0\n");
  umount();
}

// The process that serves the mount can open nothing: tried by gdb in its name.
TEST_F(FuseTest, OpensNothing) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the leak checker looks for leaks of gdb's calls";
#endif
  if (!have("gdb")) GTEST_SKIP() << "gdb is missing";
  const std::string image = make_ext4("image", "32M");
  ASSERT_EQ(mount(image), "");
  const Result tried = lkl::tool_test::debug(
      process().pid(), {"(int)open(\"/etc/passwd\", 0)", "(int)socket(1, 1, 0)"});
  umount();
  if (tried.status != 0) GTEST_SKIP() << "gdb cannot attach: " << tried.err;
  EXPECT_NE(tried.out.find("$1 = -1"), std::string::npos) << tried.out;
  EXPECT_NE(tried.out.find("$2 = -1"), std::string::npos) << tried.out;
}

// It is confined, and unmounts all the same.
TEST_F(FuseTest, IsConfined) {
  const std::string image = make_ext4("image", "32M");
  ASSERT_EQ(mount(image), "");
  const std::string tasks = "/proc/" + std::to_string(process().pid()) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks)) {
    const std::string status = shell("cat " + task.path().string() + "/status");
    EXPECT_NE(status.find("NoNewPrivs:\t1\n"), status.npos) << status;
    EXPECT_NE(status.find("Seccomp:\t2\n"), status.npos) << status;
  }
  EXPECT_NE(shell("grep \" $PWD/m \" /proc/mounts").find("rw,nosuid,nodev"), std::string::npos);
  shell("echo hello > m/f");
  EXPECT_EQ(shell("cat m/f"), "hello\n");
  // By a signal, which is the way that takes a program of the host.
  process().signal(SIGTERM);
  EXPECT_EQ(wait_for_end().status, 0);
  EXPECT_NE(shell_status("mountpoint -q m").status, 0);
  check_ext4(image);

  ASSERT_EQ(mount(image, "no_sandbox"), "");
  const std::string status = shell("cat /proc/" + std::to_string(process().pid()) + "/status");
  EXPECT_NE(status.find("Seccomp:\t0\n"), status.npos) << status;
  umount();
}

// As mount(8) calls it, and by mount(8) itself.
TEST_F(FuseTest, MountHelper) {
  const std::string image = make_ext4("image", "32M");
  const std::string helper = std::filesystem::path(LKL_FUSE_PATH).parent_path() / "mount.fuse.lkl";
  const auto is_mounted = [] { return shell_status("mountpoint -q m").status == 0; };
  EXPECT_EQ(run({helper, image, "m", "-f", "-o", "rw"}).status, 0);
  EXPECT_FALSE(is_mounted());
  const Result result = run({helper, image, "m", "-sn", "-t", "fuse.lkl", "-o", "ro,noauto,user"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(is_mounted());
  lkl_ok({"umount", "m"});
  EXPECT_NE(run({helper, "missing", "m", "-o", "rw"}).status, 0);

  if (geteuid() != 0) GTEST_SKIP() << "mount(8) needs root for this type";
  if (!have("/sbin/mount.fuse3")) GTEST_SKIP() << "needs fuse3";
  // The type "fuse.lklfuse" would be looked for in the system's path.
  shell("mount -t fuse -o ro " LKL_FUSE_PATH "#$PWD/" + image + " m");
  EXPECT_NE(shell("grep \" $PWD/m \" /proc/mounts").find("ro,"), std::string::npos);
  shell("umount m");
}

TEST_F(FuseTest, Remount) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  make_ext4("image", "32M");
  const auto flags = [] { return shell("grep \" $PWD/m \" /proc/mounts | cut -d' ' -f4"); };
  ASSERT_EQ(mount("image"), "");
  const int fd = make("m/f", "collected");
  Result result = lklfuse({"image", "m", "-o", "remount,ro"});
  EXPECT_NE(result.status, 0) << "a file is open for writing";
  close(fd);
  result = lklfuse({"image", "m", "-o", "rw,remount,user_id=0,default_permissions,ro"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(flags().starts_with("ro,nosuid,nodev,")) << flags();
  EXPECT_EQ(open("m/g", O_CREAT | O_WRONLY, 0644), -1);
  EXPECT_EQ(errno, EROFS);
  // Soon all is in the image, and no journal has to be replayed.
  const auto settled = [] {
    for (int i = 0; i < 1000; i++) {
      if (shell("dumpe2fs -h image 2>/dev/null").find("needs_recovery") == std::string::npos)
        return true;
      usleep(10'000);
    }
    return false;
  };
  EXPECT_TRUE(settled());
  check_ext4("image");
  EXPECT_EQ(shell("debugfs -R 'cat f' image 2>/dev/null"), "collected");
  result = lklfuse({"image", "m", "-o", "remount,rw,sync"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(flags().starts_with("rw,sync,nosuid,nodev,")) << flags();
  put("m/g", "again");
  EXPECT_EQ(get("m/f"), "collected");
  // By mount(2) alone. Files that are open for reading do not matter.
  const int reader = open("m/f", O_RDONLY);
  for (int i = 0; i < 3; i++) {
    shell("mount -i -o remount,ro m");
    EXPECT_TRUE(settled());
    check_ext4("image");
    shell("mount -i -o remount,rw m");
    put("m/h", std::to_string(i));
    EXPECT_EQ(unlink("m/g"), i == 0 ? 0 : -1);
  }
  close(reader);
  umount();
  EXPECT_EQ(lkl_ok({"cat", "image", "/h"}), "2");
  check_ext4("image");
  ASSERT_EQ(mount("image", "ro"), "");
  result = lklfuse({"image", "m", "-o", "remount,rw"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("open for reading only"), std::string::npos) << result.err;
  EXPECT_TRUE(flags().starts_with("ro,")) << flags();
  umount();
  EXPECT_NE(lklfuse({"image", "m", "-o", "remount,ro"}).status, 0) << "nothing is mounted";
}

TEST_F(FuseTest, SystemdUnit) {
  if (!have("systemd-analyze")) GTEST_SKIP() << "needs systemd";
  // A prefix in which the program it names is there.
  shell("sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|; /^Documentation=/d' " LKL_FUSE_UNIT
        " > lklfuse@.service && systemd-analyze verify ./lklfuse@tmp-x.service");
}

// The domains of libvirt's test driver are what the file says.
TEST_F(FuseTest, DisksOfDomains) {
  if (!have("virsh")) GTEST_SKIP() << "there is no virsh, hence no libvirt";
  make_ext4("a.img", "32M");
  make_ext4("b.img", "32M");
  const auto domain = [&](const std::string& name, int state) {
    return "<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>" +
           name + "</name><memory>1024</memory><os><type>hvm</type></os><devices>" +
           "<disk type='file'><source file='" + path("a.img") + "'/><target dev='vda'/></disk>" +
           (name == "two" ? "<disk type='file'><source file='" + path("b.img") +
                                "'/><target dev='vdb'/></disk>"
                          : "") +
           "</devices><test:runstate>" + std::to_string(state) + "</test:runstate></domain>";
  };
  constexpr int kRunning = 1, kShutOff = 5;
  write_file("node.xml", "<node>" + domain("off", kShutOff) + domain("two", kShutOff) +
                             domain("on", kRunning) + "</node>");
  const std::string connect = ",connect=test://" + path("node.xml");

  // The mount point is the only operand, or the second.
  const std::string off = "domain=off" + connect;
  Result result = lklfuse({"m", "-o", off});
  ASSERT_EQ(result.status, 0) << result.err;
  shell("echo hello > m/f && fusermount3 -u m");
  const std::string two = "domain=two" + connect;
  for (int i = 0; i < 200 && lkl({"rm", "a.img", "/nothing", "-f"}).status != 0; ++i)
    usleep(20'000);
  EXPECT_NE(lklfuse({"m", "-o", two}).err.find("DISK before"), std::string::npos);
  ASSERT_EQ(mount("vdb", two), "");
  shell("test ! -e m/f && echo new > m/g");
  umount();
  ASSERT_EQ(mount("vda", two + ",ro"), "");
  EXPECT_EQ(shell("cat m/f"), "hello\n");
  umount();
  check_ext4("a.img");
  check_ext4("b.img");

  const std::string on = "domain=on" + connect;
  result = lklfuse({"m", "-o", on});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("on: the domain is running"), std::string::npos) << result.err;
  result = lklfuse({"m", "-o", on + ",ro"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.err.find("inconsistent"), std::string::npos) << result.err;
  EXPECT_EQ(shell("cat m/f"), "hello\n");
  EXPECT_NE(shell("grep ' '$PWD/m' ' /proc/mounts").find("on "), std::string::npos);
  shell("fusermount3 -u m");
}

}  // namespace lkl_fuse_test
