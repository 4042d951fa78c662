// SPDX-License-Identifier: GPL-2.0
//
// lklfuse killed while it writes. The host lives on, with what lklfuse had written in its page
// cache: this shows that what was synchronised had left lklfuse by then, and that the order of its
// writes is one that the journal alone repairs. It says nothing of flushes: what is lost when the
// power goes is the matter of tests/fs/power_cut_test.cc.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "fuse/fuse_test.h"

namespace lkl_fuse_test {

namespace {

// Files have what follows from their names.
std::string contents_of(const std::string& name) {
  std::seed_seq seed(name.begin(), name.end());
  std::mt19937 random(seed);
  std::string contents(1 + random() % 40'000, '\0');
  for (char& c : contents) c = static_cast<char>(random());
  return contents;
}

class KillTest : public PosixTest {
 protected:
  // Mounts, writes, kills and checks so many times.
  void kill_while_writing(int rounds, unsigned seed) {
    std::mt19937 random(seed);
    for (int round = 0; round < rounds; ++round) {
      SCOPED_TRACE("round " + std::to_string(round));
      const pid_t writer = fork();
      if (writer == 0) write_until_killed(static_cast<unsigned>(random()), round);
      usleep(100'000 + random() % 300'000);
      // A machine that is slow has to come to what is looked for once.
      const bool last = round + 1 == rounds;
      for (int i = 0; last && i < 600 && !(was_said("kept") && was_said("removed")); ++i)
        usleep(100'000);
      kill_it();
      kill(writer, SIGKILL);
      waitpid(writer, nullptr, 0);
      read_log();
      // The mount replays the journal, nothing else repairs anything.
      ASSERT_EQ(mount(image_), "");
      compare();
      remount();  // which checks
      if (HasFailure()) return;
    }
    // else nothing was seen
    EXPECT_GE(kept_.size(), 1u);
    EXPECT_GE(removed_.size(), 1u);
    std::cout << kept_.size() << " files kept, " << removed_.size() << " removed\n";
  }

 private:
  // Makes and removes files; what has been synchronised goes to a log of the host's.
  [[noreturn]] void write_until_killed(unsigned seed, int round) const {
    std::mt19937 random(seed);
    std::vector<std::string> files(kept_.begin(), kept_.end());
    const int log = open("log", O_CREAT | O_WRONLY | O_APPEND, 0644);
    const auto say = [&](const char* what, const std::string& name) {
      const std::string line = std::string(what) + " " + name + "\n";
      if (write(log, line.data(), line.size()) < 0) _exit(1);
    };
    // What is mounted, not the directory of the host that is there once it is gone.
    const int root = open("m", O_RDONLY | O_DIRECTORY);
    for (int i = 0;; ++i) {
      const std::string name = "r" + std::to_string(round) + "-" + std::to_string(i);
      const std::string contents = contents_of(name);
      const int fd = openat(root, name.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0644);
      if (fd < 0 || write(fd, contents.data(), contents.size()) < 0) _exit(0);
      if (random() % 3 == 0 && fsync(fd) == 0) say("kept", name);
      close(fd);
      files.push_back(name);
      // More than a few are there at the end of each round, and the image is never full.
      while (files.size() > 20 && (files.size() > 200 || random() % 2)) {
        const size_t victim = random() % files.size();
        say("removing", files[victim]);
        if (unlinkat(root, files[victim].c_str(), 0) != 0) _exit(0);
        if (random() % 3 == 0 && fsync(root) == 0) say("removed", files[victim]);
        files.erase(files.begin() + static_cast<ptrdiff_t>(victim));
      }
    }
  }

  // In an earlier round, or in this one.
  bool was_said(const std::string& wanted) const {
    if (!(wanted == "kept" ? kept_ : removed_).empty()) return true;
    std::ifstream log("log");
    std::string what, name;
    while (log >> what >> name)
      if (what == wanted) return true;
    return false;
  }

  void read_log() {
    std::ifstream log("log");
    std::string what, name;
    while (log >> what >> name) {
      if (what == "kept")
        kept_.insert(name);
      else
        kept_.erase(name);  // it may be there or not
      if (what == "removed") removed_.insert(name);
    }
    unlink("log");
  }

  void compare() const {
    for (const std::string& name : kept_) {
      std::ifstream file("m/" + name, std::ios::binary);
      const std::string found{std::istreambuf_iterator<char>(file), {}};
      EXPECT_TRUE(file.is_open()) << name << " is lost";
      EXPECT_TRUE(found == contents_of(name)) << name << " has other contents";
    }
    struct stat status = {};
    for (const std::string& name : removed_)
      EXPECT_NE(lstat(("m/" + name).c_str(), &status), 0) << name << " is there again";
  }

  std::set<std::string> kept_;     // synchronised, and not removed since
  std::set<std::string> removed_;  // and the directory synchronised
};

}  // namespace

TEST_P(KillTest, WhileWriting) {
  kill_while_writing(8, 77);
}

TEST_P(KillTest, SlowAHundredTimes) {
  kill_while_writing(100, 78);
}

INSTANTIATE_TEST_SUITE_P(On, KillTest, ::testing::Values("ext4", "btrfs"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace lkl_fuse_test
