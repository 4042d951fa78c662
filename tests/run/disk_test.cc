// SPDX-License-Identifier: GPL-2.0
//
// lkl run --disk: programs of the host on the files of an image, which e2fsck and debugfs judge.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "tools/tool_test.h"
#include "web_server.h"

namespace lkl::tool_test {
namespace {

constexpr char kUser[] = "12345";

std::string text_of(const std::string& file) {
  std::stringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

// By who runs the tests, and, if that is root, by an ordinary user.
class DiskTest : public ToolTest, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    const int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fuse < 0) GTEST_SKIP() << "/dev/fuse cannot be opened";
    close(fuse);
    if (by_user() && geteuid() != 0) GTEST_SKIP() << "all are an ordinary user's already";
    if (by_user() && run(as_who({LKL_TOOL_PATH, "--version"})).status != 0)
      GTEST_SKIP() << "others than root may not read " << LKL_TOOL_PATH;
    if (!is_root() && run(as_who({"unshare", "-Um", "true"})).status != 0)
      GTEST_SKIP() << "users may not have namespaces on this host";
#ifdef __SANITIZE_THREAD__
    if (!is_root()) GTEST_SKIP() << "who has two threads, as all have by TSan, gets no namespace";
#endif
    ToolTest::SetUp();
    shell("mkdir m");
  }

  static bool by_user() { return std::string(GetParam()) == "User"; }
  static bool is_root() { return geteuid() == 0 && !by_user(); }
  static std::vector<std::string> as_who(std::vector<std::string> words) {
    if (by_user())
      words.insert(words.begin(), {"setpriv", "--reuid", kUser, "--regid", kUser, "--clear-groups",
                                   "env", "HOME=/nonexistent"});
    return words;
  }

  // What the test has made is everybody's.
  std::vector<std::string> line(const std::vector<std::string>& options,
                                const std::vector<std::string>& program) const {
    shell("chmod -R a+rwX .");
    std::vector<std::string> words = {LKL_TOOL_PATH, "run"};
    words.insert(words.end(), options.begin(), options.end());
    words.emplace_back("--");
    words.insert(words.end(), program.begin(), program.end());
    return as_who(words);
  }
  // IMAGE, which may have more behind it, on the folder m.
  std::string on_m(const std::string& image, const std::string& options = {}) const {
    return image + ":" + path("m") + options;
  }
  Result with_disk(const std::string& disk, const std::string& script) const {
    return run(line({"--disk", disk}, {"sh", "-c", script}));
  }
  // The same, which must succeed without a word on standard error.
  std::string with_disk_ok(const std::string& disk, const std::string& script) const {
    const Result result = with_disk(disk, script);
    EXPECT_EQ(result.status, 0) << script << "\n" << result.out << result.err;
    EXPECT_EQ(result.err, "") << script;
    return result.out;
  }
  // It says so and does not start the program.
  void refused(const std::vector<std::string>& options, int status, const std::string& words) {
    const Result result = run(line(options, {"touch", path("started")}));
    EXPECT_EQ(result.status, status) << result.out << result.err;
    EXPECT_NE(result.err.find(words), std::string::npos) << words << "\n" << result.err;
    EXPECT_NE(access("started", F_OK), 0);
  }

  // A file of the image, by its own tools.
  static std::string in_image(const std::string& image, const std::string& file) {
    return shell("debugfs -R 'cat " + file + "' " + image + " 2>/dev/null");
  }
  static std::string in_inode(const std::string& image, const std::string& file,
                              const std::string& expression) {
    return shell("debugfs -R 'stat " + file + "' " + image + " 2>/dev/null | grep -oE '" +
                 expression + "'");
  }
  // All of them, in a folder.
  static std::string dumped(const std::string& image) {
    shell("mkdir out && debugfs -R 'rdump / out' " + image +
          " >/dev/null 2>&1 && "
          "rm -rf out/lost+found");
    return "out";
  }

  // Files of several kinds.
  void make_tree(const std::string& name) const {
    shell("mkdir -p " + name + "/d/e/f " + name + "/empty");
    write_noise(name + "/noise", 3'000'000, 1);
    write_noise(name + "/d/more noise", 70'001, 2);
    write_file(name + "/d/e/f/text", "text\n");
    for (int i = 0; i < 150; i++)
      write_file(name + "/d/e/" + std::to_string(i), std::string(static_cast<std::size_t>(i), 'x'));
    shell("cd " + name +
          " && truncate -s 1M sparse && printf end >>sparse && ln -s d/e link && ln noise hard && "
          "mkfifo fifo && chmod 640 d/e/f/text && chmod 755 d/e/7 && "
          "touch -d '2001-02-03 04:05:06.789' d/e/8 && touch -d 2002-03-04 empty");
  }
};

INSTANTIATE_TEST_SUITE_P(By, DiskTest, testing::Values("Caller", "User"),
                         [](const auto& info) { return std::string(info.param); });

constexpr char kListing[] =
    "find . -mindepth 1 -name lost+found -prune -o \\( -type d -printf '%p %y %m %T@\\n' \\) -o "
    "-printf '%p %y %m %s %n %T@ %l\\n' | LC_ALL=C sort";

TEST_P(DiskTest, TarAndFind) {
  make_tree("tree");
  shell("tar -C tree -cf tree.tar . && chmod -R a+rwX tree");
  make_ext4("e.img", "64M");
  const std::string listing =
      with_disk_ok(on_m("e.img"), std::string("tar -C m -xpf tree.tar && cd m && ") + kListing);
  shell("rm -rf tree && mkdir tree && tar -C tree -xpf tree.tar");
  EXPECT_EQ(listing, shell(std::string("cd tree && ") + kListing));
  check_ext4("e.img");
  EXPECT_EQ(checksums(dumped("e.img")), checksums("tree"));
  EXPECT_EQ(in_inode("e.img", "/hard", "Links: [0-9]+"), "Links: 2\n");
  // and out of it again
  const std::string packed =
      with_disk_ok(on_m("e.img"), "tar -C m --exclude lost+found -cf - . | tar -tf - | sort");
  EXPECT_EQ(packed, shell("tar -tf tree.tar | sort"));
}

TEST_P(DiskTest, Rsync) {
  if (!have("rsync")) GTEST_SKIP() << "rsync is not installed";
  make_tree("tree");
  shell("rm tree/fifo");
  make_ext4("e.img", "64M");
  // the second time there is nothing to do
  EXPECT_EQ(with_disk_ok(on_m("e.img"),
                         "rsync -aH tree/ m/ && "
                         "rsync -aHni --checksum --delete --exclude /lost+found tree/ m/"),
            "");
  check_ext4("e.img");
  EXPECT_EQ(checksums(dumped("e.img")), checksums("tree"));
}

TEST_P(DiskTest, Git) {
  if (!have("git")) GTEST_SKIP() << "git is not installed";
  make_ext4("e.img", "128M");
  const std::string said = with_disk_ok(
      on_m("e.img"),
      "set -e; export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1\n"
      "export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b\n"
      "git init -q m/r; cd m/r\n"
      "for i in 1 2 3 4 5; do for j in 1 2 3 4 5 6 7 8 9; do seq $i$j 999 >$j; done\n"
      "git add .; git commit -qm $i; done\n"
      "git gc -q; git fsck --full --strict 2>/dev/null; git status --porcelain\n"
      "cd ..; git clone -q r c; cd c; git log --format=%s; git checkout -q HEAD~2; head -1 9");
  EXPECT_EQ(said, "5\n4\n3\n2\n1\n39\n");
  check_ext4("e.img");
  dumped("e.img");
  EXPECT_EQ(shell("cd out/r && git -c safe.directory='*' fsck --full 2>&1 && seq 59 999 | cmp - 9"),
            "");
}

TEST_P(DiskTest, Sqlite) {
  if (!have("sqlite3")) GTEST_SKIP() << "sqlite3 is not installed";
  make_ext4("e.img", "64M");
  // its index of the log is a mapping that two processes share
  EXPECT_EQ(
      with_disk_ok(on_m("e.img"),
                   "sqlite3 m/db 'pragma journal_mode=wal; create table t(x integer, y text)'"
                   " && for i in 1 2; do sqlite3 -cmd '.timeout 20000' m/db 'with recursive "
                   "n(x) as (select 1 union all select x+1 from n where x<4000) insert into t "
                   "select x, hex(randomblob(50)) from n' & done; wait; "
                   "sqlite3 m/db 'pragma integrity_check; select count(*), sum(x) from t'"),
      "wal\nok\n8000|16004000\n");
  check_ext4("e.img");
  dumped("e.img");
  EXPECT_EQ(shell("sqlite3 out/db 'pragma integrity_check; select count(*), sum(x) from t'"),
            "ok\n8000|16004000\n");
}

TEST_P(DiskTest, ProgramsInTheImageAreRun) {
  make_ext4("e.img", "64M");
  write_file("script", "#!/bin/sh\necho by a script: $1\n");
  const std::string copies = "cp $(command -v cat) script m && chmod 755 m/script && ";
  EXPECT_EQ(with_disk_ok(on_m("e.img"), copies + "echo by cat | m/cat && m/script word"),
            "by cat\nby a script: word\n");
  // by its name, which the host does not have
  const Result result = run(line({"--disk", on_m("e.img")}, {path("m/script"), "again"}));
  EXPECT_EQ(result.out, "by a script: again\n") << result.err;
  const Result none = run(line({"--disk", on_m("e.img", ",noexec")}, {path("m/script"), "again"}));
  EXPECT_NE(none.status, 0);
  EXPECT_EQ(none.out, "");
  if (!have("busybox")) GTEST_SKIP() << "busybox-static is not installed";
  EXPECT_EQ(with_disk_ok(on_m("e.img"), "cp $(command -v busybox) m && m/busybox echo static"),
            "static\n");
  check_ext4("e.img");
}

TEST_P(DiskTest, MappingsAndInotify) {
  make_ext4("e.img", "64M");
  write_file("maps.py", R"(import ctypes, mmap, os, struct
libc = ctypes.CDLL(None, use_errno=True)
watch = libc.inotify_init1(os.O_NONBLOCK)
assert libc.inotify_add_watch(watch, b'm', 0x100 | 0x8) == 1  # IN_CREATE, IN_CLOSE_WRITE
with open('m/mapped', 'w+b') as file:
  file.truncate(1 << 20)
  with mmap.mmap(file.fileno(), 1 << 20) as mapping:
    for at in range(0, 1 << 20, 4096):
      mapping[at:at + 8] = struct.pack('<Q', at)
    file.seek(4096 * 7)
    assert struct.unpack('<Q', file.read(8)) == (4096 * 7,)
events = os.read(watch, 4096)
for at in range(0, len(events), 32):
  print(hex(struct.unpack_from('<iI', events, at)[1]), events[at + 16:at + 32].rstrip(b'\0').decode())
)");
  EXPECT_EQ(with_disk_ok(on_m("e.img"), "/usr/bin/python3 maps.py"), "0x100 mapped\n0x8 mapped\n");
  check_ext4("e.img");
  const std::string mapped = in_image("e.img", "/mapped");
  ASSERT_EQ(mapped.size(), 1u << 20);
  for (std::uint64_t at = 0; at < mapped.size(); at += 4096)
    ASSERT_EQ(*reinterpret_cast<const std::uint64_t*>(mapped.data() + at), at);
}

TEST_P(DiskTest, GoThatMakesSystemCallsItself) {
  if (!have("go")) GTEST_SKIP() << "go is not installed (golang-go)";
  write_file("put.go", R"(package main
import "os"
func main() {
	if err := os.WriteFile(os.Args[1], []byte("by go\n"), 0600); err != nil { panic(err) }
	entries, err := os.ReadDir(".")
	if err != nil { panic(err) }
	for _, entry := range entries { println(entry.Name()) }
}
)");
  shell("CGO_ENABLED=0 GO111MODULE=off GOCACHE=" + path("cache") +
        " go build -o put put.go && chmod -R u+w .");
  make_ext4("e.img", "32M");
  EXPECT_EQ(with_disk("e.img:" + path("m"), "cd m && ../put file").err, "file\nlost+found\n");
  check_ext4("e.img");
  EXPECT_EQ(in_image("e.img", "/file"), "by go\n");
}

// Nor where all mounts are handed on, as systemd has them.
TEST_P(DiskTest, NobodyElseSeesIt) {
  make_ext4("e.img", "32M");
  const std::string look = "grep -c \" $PWD/m .*fuse.lklfuse e.img \" /proc/self/mountinfo; ls m";
  std::string command;
  for (const std::string& word :
       line({"--disk", on_m("e.img")},
            {"sh", "-c",
             "echo here >m/f; " + look + "; >ready; while [ ! -e go ]; do sleep 0.05; done"}))
    command += " '" + word + "'";
  const Result result =
      run({"unshare", geteuid() == 0 ? "-m" : "-Urm", "--propagation", "shared", "sh", "-c",
           command + " & while [ ! -e ready ]; do sleep 0.05; done; " + look +
               // if it is seen there, nothing is to wait for that
               "; touch go; umount m 2>/dev/null; wait $!; echo $?; " + look});
  EXPECT_EQ(result.out, "1\nf\nlost+found\n0\n0\n0\n");
  EXPECT_EQ(result.err, "");
  // it is closed when the command has ended
  EXPECT_EQ(lkl_ok({"cat", "e.img", "/f"}), "here\n");
  check_ext4("e.img");
}

TEST_P(DiskTest, TheUserStaysWhoItIs) {
  make_ext4("e.img", "32M");
  const std::string id = run(as_who({"id", "-u"})).out + run(as_who({"id", "-g"})).out;
  EXPECT_EQ(with_disk_ok(on_m("e.img"), "id -u; id -g"), id);
  // it has got no rights, and none to undo that
  if (!is_root()) {
    EXPECT_EQ(with_disk_ok(on_m("e.img"), "grep CapEff /proc/self/status"),
              "CapEff:\t0000000000000000\n");
  }
  EXPECT_EQ(with_disk_ok(on_m("e.img"), "grep NoNewPrivs /proc/self/status"), "NoNewPrivs:\t1\n");
}

// A namespace is its maker's to look into.
TEST_P(DiskTest, WhoLetsNobodyLookIsServed) {
  make_ext4("e.img", "32M");
  write_file("look.py",
             "import ctypes, socket\n"
             "assert ctypes.CDLL(None).prctl(4, 0, 0, 0, 0) == 0  # PR_SET_DUMPABLE\n"
             "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
             "s.bind(('10.0.2.15', 80)); print(s.getsockname())\n");
  EXPECT_EQ(with_disk_ok(on_m("e.img"), "/usr/bin/python3 look.py"), "('10.0.2.15', 80)\n");
}

// Where there is one user, he may do all in the image; root sees the owners that it has.
TEST_P(DiskTest, Owners) {
  make_ext4("e.img", "32M");
  write_file("commands",
             "write commands root\nset_inode_field root mode 0100600\n"
             "write commands other\nset_inode_field other mode 0100600\n"
             "set_inode_field other uid 1000\nset_inode_field other gid 1000\n");
  shell("debugfs -w -f commands e.img >/dev/null 2>&1");
  const std::string script =
      "stat -c %u:%g m/root m/other; echo more >>m/other && echo more >>m/root && echo new >m/new";
  if (is_root()) {
    EXPECT_EQ(with_disk_ok(on_m("e.img"), script), "0:0\n1000:1000\n");
    // who is somebody else has the rights that the image gives him
    const std::string as_1000 = "setpriv --reuid 1000 --regid 1000 --clear-groups sh -c '";
    EXPECT_EQ(with_disk_ok(on_m("e.img"), "chmod 777 m && " + as_1000 +
                                              "tail -n 1 m/other; head -n 1 m/root 2>/dev/null || "
                                              "echo refused; echo his >m/his'"),
              "more\nrefused\n");
    EXPECT_EQ(in_inode("e.img", "/his", "User: +[0-9]+"), "User:  1000\n");
  } else {
    const std::string me = std::to_string(by_user() ? std::stoul(kUser) : geteuid());
    const std::string my = std::to_string(by_user() ? std::stoul(kUser) : getegid());
    const std::string mine = me + ":" + my + "\n";
    EXPECT_EQ(with_disk_ok(on_m("e.img"), script), mine + mine);
    // until now they are whose they were
    EXPECT_EQ(in_inode("e.img", "/other", "User: +[0-9]+"), "User:  1000\n");
    with_disk_ok(on_m("e.img"), "chmod 644 m/other && mv m/other m/moved");
    EXPECT_EQ(in_inode("e.img", "/moved", "User: +[0-9]+"), "User:  1000\n");
  }
  EXPECT_EQ(in_inode("e.img", "/new", "User: +[0-9]+"), "User:     0\n");
  check_ext4("e.img");
}

TEST_P(DiskTest, ReadOnly) {
  shell("mkdir tree && echo old >tree/f");
  make_ext4("e.img", "32M", "tree");
  const std::string before = shell("sha256sum e.img");
  const std::string script = "cat m/f; echo new >m/f || echo new >m/g || rm m/f || echo refused";
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{"--disk", on_m("e.img", ",ro")},
        {"--ro", "--disk", on_m("e.img")}}) {
    const Result result = run(line(options, {"sh", "-c", script}));
    EXPECT_EQ(result.out, "old\nrefused\n") << result.err;
    EXPECT_EQ(result.status, 0);
    EXPECT_NE(result.err.find("Read-only file system"), std::string::npos) << result.err;
    EXPECT_EQ(shell("sha256sum e.img"), before);
  }
  // changes that are gone in the end
  EXPECT_EQ(with_disk_ok(on_m("e.img", ",snapshot"), "echo new >m/f; cat m/f"), "new\n");
  EXPECT_EQ(
      run(line({"--snapshot", "--disk", on_m("e.img")}, {"sh", "-c", "echo new >m/f; cat m/f"}))
          .out,
      "new\n");
  EXPECT_EQ(shell("sha256sum e.img"), before);
}

TEST_P(DiskTest, AFullImage) {
  make_ext4("e.img", "16M");
  const Result result = with_disk(on_m("e.img"), "dd if=/dev/zero of=m/f bs=64k count=1000");
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("No space left on device"), std::string::npos) << result.err;
  check_ext4("e.img");
  EXPECT_EQ(with_disk_ok(on_m("e.img"), "rm m/f && echo room >m/g && cat m/g"), "room\n");
  check_ext4("e.img");
}

// The host's disk is full: what the program was told is written is not, and that is said.
TEST_P(DiskTest, WhatIsNotWrittenBackIsSaid) {
  make_ext4("e.img", "64M");
  expect_complaint("WARNING");
  shell("mkdir small");
  std::vector<std::string> words =
      line({"--disk", "small/e.img:" + path("m")},
           {"sh", "-c", "exec 2>/dev/null; dd if=/dev/urandom of=m/f bs=64k count=400; exit 0"});
  std::string command;
  for (const std::string& word : words) command += " '" + word + "'";
  // its own mounts, so that nothing is left of them
  std::string script =
      "mount -t tmpfs -o size=6m none small && cp --sparse=always e.img small &&"
      " chmod 777 small && chmod 666 small/e.img && exec" +
      command;
  const Result result = geteuid() == 0 ? run({"unshare", "-m", "sh", "-c", script})
                                       : run({"unshare", "-Urm", "sh", "-c", script});
  EXPECT_EQ(result.status, 1) << result.err;
  EXPECT_NE(result.err.find("lkl: small/e.img: not all that was written to it is in the image"),
            std::string::npos)
      << result.err;
}

TEST_P(DiskTest, AKilledProgram) {
  make_ext4("e.img", "64M");
  Process process(
      line(
          {"--disk", on_m("e.img")},
          {"sh", "-c", "echo $$; i=0; while :; do i=$((i+1)); echo $i >>m/log; mkdir m/d$i; done"}),
      false);
  const int pid = std::stoi(process.first_line());
  usleep(400'000);
  kill(pid, SIGKILL);
  const Result result = process.finish();
  EXPECT_EQ(result.status, 128 + SIGKILL);
  EXPECT_EQ(result.err, "");
  check_ext4("e.img");
  // all that it has written
  std::istringstream log(in_image("e.img", "/log"));
  int last = 0;
  for (int number; log >> number; last = number) EXPECT_EQ(number, last + 1);
  EXPECT_GT(last, 1);
  EXPECT_NE(shell("debugfs -R 'ls /' e.img 2>/dev/null").find(" d" + std::to_string(last - 1)),
            std::string::npos);
}

// It has closed nothing that it has written to.
TEST_P(DiskTest, AProgramThatKillsItself) {
  make_ext4("e.img", "64M");
  write_noise("noise", 20'000'000, 3);
  const Result result =
      with_disk(on_m("e.img"),
                "exec 3>m/f; cat noise >&3; mkdir m/d; exec 4>m/d/g; echo last >&4; kill -9 $$");
  EXPECT_EQ(result.status, 128 + SIGKILL);
  EXPECT_EQ(result.err, "");
  check_ext4("e.img");
  EXPECT_TRUE(in_image("e.img", "/f") == text_of("noise"));
  EXPECT_EQ(in_image("e.img", "/d/g"), "last\n");
}

// The program can start no other any more, but what it has open is still served.
TEST_P(DiskTest, AKilledCommand) {
  make_ext4("e.img", "64M");
  Process process(line({"--disk", on_m("e.img")},
                       {"sh", "-c",
                        "exec 3>m/f; echo ready; " + std::string(kWaitForTheEndOfLkl) +
                            "; for i in 1 2 3; do echo $i >&3; done; echo written"}),
                  false);
  ASSERT_EQ(process.first_line(), "ready");
  process.signal(SIGKILL);
  // until the last that has the pipe has ended, who serves the image among them
  EXPECT_EQ(process.finish().out, "written\n");
  check_ext4("e.img");
  EXPECT_EQ(in_image("e.img", "/f"), "1\n2\n3\n");
}

TEST_P(DiskTest, AKilledServer) {
  make_ext4("e.img", "64M");
  Process process(line({"--disk", on_m("e.img")},
                       {"sh", "-c",
                        "echo kept >m/f; sync m/f; echo ready; while cat m/f; do sleep 0.05; done "
                        ">/dev/null 2>&1; echo gone; cat m/f"}),
                  false);
  ASSERT_EQ(process.first_line(), "ready");
  const std::string id = std::to_string(process.pid());
  shell("for child in $(cat /proc/" + id + "/task/" + id +
        "/children); do grep -qx lklfuse /proc/$child/comm && kill -KILL $child; done; true");
  const Result result = process.finish();
  EXPECT_EQ(result.out, "gone\n");
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(
      result.err.find("lkl: e.img: who served it was ended by signal 9: the image is as after "
                      "a power cut"),
      std::string::npos)
      << result.err;
  EXPECT_LE(shell_status("e2fsck -fp e.img").status, 1);
  check_ext4("e.img");
}

// The terminal sends it to all that are in front.
TEST_P(DiskTest, CtrlC) {
  make_ext4("e.img", "64M");
  const auto start = [&](const std::string& script) {
    std::vector<std::string> words = line({"--disk", on_m("e.img")}, {"sh", "-c", script});
    words.insert(words.begin(), "setsid");
    return words;
  };
  {
    Process process(start("echo done >m/f; echo ready; exec sleep 60"), false);
    ASSERT_EQ(process.first_line(), "ready");
    kill(-process.pid(), SIGINT);
    const Result result = process.finish();
    EXPECT_EQ(result.status, 128 + SIGINT);
    EXPECT_EQ(result.err, "");
    check_ext4("e.img");
    EXPECT_EQ(in_image("e.img", "/f"), "done\n");
  }
  // who goes on has its files still
  Process process(start("trap 'echo got it >m/f; touch got' INT; echo ready; "
                        "while [ ! -e go ]; do sleep 0.05; done; echo more >>m/f"),
                  false);
  ASSERT_EQ(process.first_line(), "ready");
  kill(-process.pid(), SIGINT);
  for (int i = 0; i < 500 && access("got", F_OK) != 0; i++) usleep(20'000);
  write_file("go", "");
  const Result result = process.finish();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  check_ext4("e.img");
  EXPECT_EQ(in_image("e.img", "/f"), "got it\nmore\n");
}

TEST_P(DiskTest, WhoIsLeftIsWaitedFor) {
  make_ext4("e.img", "32M");
  const Result result = with_disk(on_m("e.img"), "(sleep 0.5; echo late >m/f) & exit 5");
  EXPECT_EQ(result.status, 5);
  EXPECT_EQ(result.err, "");
  check_ext4("e.img");
  EXPECT_EQ(in_image("e.img", "/f"), "late\n");
}

TEST_P(DiskTest, ASignalEndsTheWaitForWhoIsLeft) {
  make_ext4("e.img", "32M");
  Process process(line({"--disk", on_m("e.img")},
                       {"sh", "-c", "echo early >m/f; sleep 60 >/dev/null 2>&1 & echo $$ $!"}),
                  false);
  int program = 0, left = 0;
  ASSERT_TRUE(std::istringstream(process.first_line()) >> program >> left);
  while (kill(program, 0) == 0) usleep(10'000);
  EXPECT_FALSE(process.ended());
  process.signal(SIGTERM);
  const Result result = process.finish();
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("e.img: was closed while programs may have used it"), std::string::npos)
      << result.err;
  check_ext4("e.img");
  EXPECT_EQ(in_image("e.img", "/f"), "early\n");
  kill(left, SIGKILL);
}

TEST_P(DiskTest, ByAServerOfTheNetwork) {
  std::ifstream file("/proc/sys/kernel/yama/ptrace_scope");
  int scope = 0;
  if (file >> scope && scope != 0 && !is_root())
    GTEST_SKIP() << "kernel.yama.ptrace_scope is " << scope;
  make_ext4("e.img", "32M");
  const WebServer web("by the network\n");
  shell("chmod 777 .");
  Process server(as_who({LKL_TOOL_PATH, "server", "--socket", path("socket")}), false);
  for (int i = 0; i < 500 && access("socket", F_OK) != 0; i++) usleep(20'000);
  const Result result = run(line(
      {"--server", path("socket"), "--disk", on_m("e.img")},
      {"sh", "-c", "curl -sS -o m/f " + web.url() + "; (sleep 0.5; echo late >m/g) & exit 3"}));
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.err, "");
  check_ext4("e.img");
  EXPECT_EQ(in_image("e.img", "/f"), "by the network\n");
  EXPECT_EQ(in_image("e.img", "/g"), "late\n");
  server.signal(SIGTERM);
  EXPECT_EQ(server.finish().status, 0);
}

TEST_P(DiskTest, PartitionsAndOtherTypes) {
  shell(
      "truncate -s 64M p.img && printf 'label: gpt\\nsize=20M\\nsize=40M\\n' | sfdisk -q p.img && "
      "mke2fs -q -F -t ext4 -E offset=$((21*1048576)) p.img 40000k");
  shell("mkdir n");
  write_file("noise", "no noise\n");
  make_btrfs("b.img");
  const Result result = run(line({"--disk", on_m("p.img:2"), "--disk",
                                  "b.img:" + path("n") + ",opts=compress=zstd\\,noatime,mb=64"},
                                 {"sh", "-c", "cp noise m; cp m/noise n; cat n/noise"}));
  EXPECT_EQ(result.out, "no noise\n");
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(lkl_ok({"cat", "p.img:2", "/noise"}), "no noise\n");
  EXPECT_EQ(lkl_ok({"cat", "b.img", "/noise"}), "no noise\n");
  check_btrfs("b.img");
}

TEST_P(DiskTest, TheWorkingDirectoryIsTheImages) {
  shell("mkdir -p tree/in m/in m/out && echo inner >tree/in/f && echo outer >m/in/f");
  make_ext4("e.img", "32M", "tree");
  const auto from = [&](const std::string& folder) {
    std::string command = "cd " + folder + " && exec";
    for (const std::string& word : line({"--disk", on_m(path("e.img"))}, {"cat", "f"}))
      command += " '" + word + "'";
    return shell_status(command);
  };
  EXPECT_EQ(from("m/in").out, "inner\n");
  const Result result = from("m/out");
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("is mounted over the working directory, and has no " + path("m/out")),
            std::string::npos)
      << result.err;
}

class RootTest : public DiskTest {
 protected:
  void SetUp() override {
    DiskTest::SetUp();
    if (IsSkipped()) return;
    if (!have("busybox")) GTEST_SKIP() << "busybox-static is not installed";
    shell(
        "mkdir -p tree/bin tree/etc tree/tmp tree/mnt && cp $(command -v busybox) tree/bin && "
        "ln -s busybox tree/bin/sh && echo the image >tree/etc/own && "
        "printf '#!/bin/sh\\necho only here: $1\\n' >tree/bin/only-here && "
        "chmod 755 tree/bin/only-here");
  }
};

INSTANTIATE_TEST_SUITE_P(By, RootTest, testing::Values("Caller", "User"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(RootTest, TheImageIsTheRoot) {
  shell("mkdir tree/dev tree/proc tree/sys");
  make_ext4("e.img", "32M", "tree");
  const WebServer web("by the network\n");
  const Result result = run(
      line({"--disk", "e.img:/"},
           {"sh", "-c",
            "busybox pwd; busybox ls /; busybox cat /etc/own /etc/resolv.conf; "
            "busybox ls -d /proc/self/fd; [ -c /dev/null ] && [ -d /sys/kernel ] && echo devices; "
            "busybox grep -c lklfuse /proc/self/mountinfo; busybox cat /sys/class/net/eth0/mtu; "
            "busybox wget -qO /tmp/file " +
                web.url() + "; only-here word"}));
  EXPECT_EQ(result.out,
            "/\nbin\ndev\netc\nlost+found\nmnt\nproc\nsys\ntmp\nthe image\nnameserver 10.0.2.3\n"
            "/proc/self/fd\ndevices\n1\n1500\nonly here: word\n");
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.status, 0);
  check_ext4("e.img");
  EXPECT_EQ(in_image("e.img", "/tmp/file"), "by the network\n");
  // programs are those of the image
  EXPECT_EQ(run(line({"--disk", "e.img:/"}, {"only-here", "again"})).out, "only here: again\n");
  refused({"--disk", "e.img:/"}, 1, "touch: there is no such program");
}

TEST_P(RootTest, OthersAreBelowIt) {
  shell("mkdir tree/dev tree/proc tree/sys && mkdir data && echo data >data/f");
  make_ext4("e.img", "32M", "tree");
  make_ext4("d.img", "32M", "data");
  const Result result =
      run(line({"--disk", "d.img:/mnt", "--disk", "e.img:/,ro"},
               {"sh", "-c", "busybox cat /mnt/f /etc/own; echo new >/mnt/g; echo new >/etc/own"}));
  EXPECT_EQ(result.out, "data\nthe image\n");
  EXPECT_NE(result.err.find("Read-only file system"), std::string::npos) << result.err;
  check_ext4("d.img");
  EXPECT_EQ(in_image("d.img", "/g"), "new\n");
}

TEST_P(RootTest, FoldersThatItHasNot) {
  make_ext4("e.img", "32M", "tree");
  const Result result = run(line({"--disk", "e.img:/"}, {"sh", "-c", "busybox cat /etc/own"}));
  EXPECT_EQ(result.out, "the image\n");
  for (const char* name : {"dev", "proc", "sys"})
    EXPECT_NE(result.err.find(std::string("lkl: e.img: has no folder /") + name), std::string::npos)
        << result.err;
  check_ext4("e.img");
}

TEST_P(DiskTest, WhatCannotBeIsRefused) {
  make_ext4("e.img", "32M");
  write_file("file", "");
  const std::string m = path("m");
  refused({"--disk", "e.img"}, 2, "--disk e.img: is to be IMAGE[:PARTITION]:/FOLDER");
  refused({"--disk", "e.img:m"}, 2, "is to be IMAGE[:PARTITION]:/FOLDER");
  refused({"--disk", "e.img:" + m, "--disk", "other.img:" + m + "/"}, 2,
          "e.img is on " + m + " already");
  refused({"--disk", "e.img:" + path("none")}, 1,
          path("none") + ": No such file or directory: it is to be a folder that is there");
  refused({"--disk", "e.img:" + path("file")}, 1, "is no folder to mount on");
  const std::string end = ": is not mounted on " + m + ", and the program was not started";
  refused({"--disk", "missing.img:" + m}, 1, "missing.img: no such image");
  refused({"--disk", "missing.img:" + m}, 1, "lkl: missing.img" + end);
  refused({"--disk", "e.img:3:" + m}, 1, "partition 3");
  refused({"--disk", on_m("e.img", ",type=vfat")}, 1, "looks like ext4");
  refused({"--disk", on_m("e.img", ",nonsense")}, 1, "nonsense");
  refused({"--disk", on_m("e.img", ",type=vfat")}, 1, "lkl: e.img" + end);
  EXPECT_EQ(run(line({"--disk", on_m("e.img")}, {"no-such-program"})).err,
            "lkl: no-such-program: there is no such program\n");
  check_ext4("e.img");

  Process process(line({"--disk", on_m("e.img")}, {"sh", "-c", "echo ready; exec sleep 60"}),
                  false);
  ASSERT_EQ(process.first_line(), "ready");
  refused({"--disk", on_m("e.img")}, 1, "in use");
  process.signal(SIGTERM);
  EXPECT_EQ(process.finish().status, 128 + SIGTERM);
  check_ext4("e.img");
}

// In namespaces whose host is as it must not be.
TEST_P(DiskTest, AHostThatForbidsItIsNamed) {
  make_ext4("e.img", "32M");
  std::string command;
  for (const std::string& word : line({"--disk", on_m("e.img")}, {"touch", path("started")}))
    command += " '" + word + "'";
  const auto refused_by = [&](const std::string& script, const std::string& words) {
    const Result result = run({"unshare", geteuid() == 0 ? "-m" : "-Urm", "sh", "-c", script});
    EXPECT_EQ(result.status, 1) << result.err;
    EXPECT_NE(result.err.find(words), std::string::npos) << result.err;
    EXPECT_NE(access("started", F_OK), 0);
  };
  refused_by("mount -t tmpfs none /dev && exec" + command,
             "--disk: /dev/fuse: No such file or directory: images are mounted by FUSE");
  if (is_root()) return;
  // The limit is that of a user namespace, in which there is no root who may do without.
  const Result result =
      run(as_who({"unshare", "-Ur", "sh", "-c",
                  "echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set -all "
                  "--inh-caps -all " LKL_TOOL_PATH " run --disk " +
                      on_m("e.img") + " -- touch started"}));
  EXPECT_EQ(result.status, 1) << result.err;
  EXPECT_NE(result.err.find("user.max_user_namespaces is 0; root may allow it: sysctl "
                            "user.max_user_namespaces="),
            std::string::npos)
      << result.err;
  EXPECT_NE(access("started", F_OK), 0);
}

}  // namespace
}  // namespace lkl::tool_test
