// SPDX-License-Identifier: GPL-2.0
//
// The same random calls on our mount and on the host's own of the same kind of file system: each
// gives the same on both, and in the end both trees are the same. LKL_SEED repeats a run.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "fuse/files.h"
#include "fuse/fuse_test.h"

namespace lkl_fuse_test {

namespace {

constexpr int kSides = 2;
constexpr const char* kRoots[kSides] = {"m", "n"};
constexpr int kSlots = 6;
constexpr off_t kLargest = 600'000;

// What a call has given: its value, an error, and data.
struct Outcome {
  long long value;
  std::string data;
  bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& one) {
  out << one.value;
  if (one.value < 0) out << " (" << strerror(static_cast<int>(-one.value)) << ")";
  return out << " '" << one.data.substr(0, 200) << "'";
}

Outcome outcome(long long value, std::string data = {}) {
  return {value < 0 ? -errno : value, value < 0 ? std::string() : std::move(data)};
}

std::string describe(const struct stat& status) {
  std::string text = std::to_string(status.st_mode) + " " + std::to_string(status.st_nlink) + " " +
                     std::to_string(status.st_uid) + ":" + std::to_string(status.st_gid);
  if (!S_ISDIR(status.st_mode)) text += " " + std::to_string(status.st_size);
  return text;
}

// The same by reading what is said to be data, with zeros for the rest.
std::string read_by_parts(int fd, size_t size) {
  std::string text(size, '\0');
  off_t at = 0;
  while ((at = lseek(fd, at, SEEK_DATA)) >= 0) {
    const off_t end = lseek(fd, at, SEEK_HOLE);
    if (end <= at || end > static_cast<off_t>(size)) return "wrong parts";
    if (pread(fd, text.data() + at, static_cast<size_t>(end - at), at) != end - at)
      return "short parts";
    at = end;
  }
  return text;
}

std::string read_whole(int fd) {
  std::string text(kLargest * 2, '\0');
  const ssize_t n = pread(fd, text.data(), text.size(), 0);
  if (n < 0) return "error " + std::to_string(errno);
  text.resize(static_cast<size_t>(n));
  return text;
}

class Oracle {
 public:
  explicit Oracle(unsigned seed) : random_(seed) {
    for (auto& side : slots_) side.fill(-1);
  }
  ~Oracle() { close_all(); }

  void close_all() {
    for (auto& side : slots_)
      for (int& fd : side) {
        if (fd >= 0) close(fd);
        fd = -1;
      }
  }

  // False when the two have given something else.
  bool step() {
    static constexpr std::array kCalls = {
        &Oracle::open_one,   &Oracle::open_one,    &Oracle::write_some, &Oracle::write_some,
        &Oracle::write_some, &Oracle::read_some,   &Oracle::read_some,  &Oracle::truncate_one,
        &Oracle::allocate,   &Oracle::stat_one,    &Oracle::make_other, &Oracle::remove_one,
        &Oracle::rename_one, &Oracle::change_mode, &Oracle::attributes, &Oracle::list_one,
        &Oracle::map_one,    &Oracle::parts,       &Oracle::close_one,  &Oracle::set_times,
        &Oracle::copy_some,  &Oracle::sync_one};
    return (this->*kCalls[pick(kCalls.size())])();
  }
  const std::string& what() const { return what_; }

  bool same_trees() {
    close_all();
    return both("tree", [](int side) {
      std::string text;
      std::vector<std::filesystem::path> paths;
      for (const auto& entry : std::filesystem::recursive_directory_iterator(kRoots[side]))
        paths.push_back(entry.path());
      std::ranges::sort(paths);
      for (const auto& path : paths) {
        if (path.filename() == "lost+found") continue;
        const struct stat status = status_of(path.c_str());
        text += path.string().substr(1) + " " + describe(status) + " ";
        if (S_ISREG(status.st_mode)) {
          const int fd = open(path.c_str(), O_RDONLY);
          text += std::to_string(std::hash<std::string>()(read_whole(fd)));
          close(fd);
        } else if (S_ISLNK(status.st_mode)) {
          text += std::filesystem::read_symlink(path);
        }
        text += "\n";
      }
      return Outcome{0, text};
    });
  }

 private:
  unsigned pick(size_t below) { return static_cast<unsigned>(random_() % below); }
  bool chance(unsigned one_of) { return pick(one_of) == 0; }

  // A few names in a few directories, so that they meet.
  std::string name() {
    static constexpr const char* kDirectories[] = {"", "d", "d/e", "f"};
    static constexpr const char* kNames[] = {"a", "b", "c", "d", "e", "f", "longer-name-of-a-file"};
    const std::string directory = kDirectories[pick(std::size(kDirectories))];
    return directory + (directory.empty() ? "" : "/") + kNames[pick(std::size(kNames))];
  }
  static std::string at(int side, const std::string& name) {
    return std::string(kRoots[side]) + "/" + name;
  }

  bool both(const std::string& what, const std::function<Outcome(int)>& call) {
    const Outcome ours = call(0), hosts = call(1);
    if (ours == hosts) return true;
    std::ostringstream text;
    text << what << ": " << ours << " instead of " << hosts;
    what_ = text.str();
    return false;
  }
  bool on_slot(const std::string& what, const std::function<Outcome(int)>& call) {
    const unsigned slot = pick(kSlots);
    return both(what + " of descriptor " + std::to_string(slot),
                [&](int side) { return call(slots_[static_cast<size_t>(side)][slot]); });
  }

  bool open_one() {
    int flags = std::array{O_RDONLY, O_WRONLY, O_RDWR, O_RDWR}[pick(4)];
    if (!chance(3)) flags |= O_CREAT;
    if (chance(8)) flags |= O_EXCL;
    if (chance(8)) flags |= O_TRUNC;
    if (chance(4)) flags |= O_APPEND;
    if (chance(20)) flags |= O_SYNC;
    const std::string path = name();
    const unsigned slot = pick(kSlots);
    return both("open " + path + " " + std::to_string(flags), [&](int side) {
      int& fd = slots_[static_cast<size_t>(side)][slot];
      if (fd >= 0) close(fd);
      fd = open(at(side, path).c_str(), flags, 0644);
      return outcome(fd < 0 ? -1 : 0);
    });
  }
  bool write_some() {
    const off_t where = pick(kLargest);
    std::string data(pick(chance(8) ? 200'000 : 6000) + 1, static_cast<char>('a' + pick(26)));
    return on_slot("write " + std::to_string(where) + "+" + std::to_string(data.size()),
                   [&](int fd) { return outcome(pwrite(fd, data.data(), data.size(), where)); });
  }
  bool read_some() {
    const off_t where = pick(kLargest);
    const size_t size = pick(chance(8) ? 200'000 : 6000) + 1;
    return on_slot("read " + std::to_string(where) + "+" + std::to_string(size), [&](int fd) {
      std::string data(size, ' ');
      const ssize_t n = pread(fd, data.data(), size, where);
      return outcome(n, data.substr(0, n < 0 ? 0 : static_cast<size_t>(n)));
    });
  }
  bool truncate_one() {
    const off_t size = pick(kLargest);
    if (chance(2))
      return on_slot("ftruncate " + std::to_string(size),
                     [&](int fd) { return outcome(ftruncate(fd, size)); });
    const std::string path = name();
    return both("truncate " + path + " " + std::to_string(size),
                [&](int side) { return outcome(truncate(at(side, path).c_str(), size)); });
  }
  bool allocate() {
    const int mode =
        std::array{0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE}[pick(3)];
    const off_t from = pick(kLargest), size = pick(100'000) + 1;
    return on_slot("fallocate " + std::to_string(mode) + " " + std::to_string(from) + "+" +
                       std::to_string(size),
                   [&](int fd) { return outcome(fallocate(fd, mode, from, size)); });
  }
  bool stat_one() {
    const std::string path = name();
    return both("stat " + path, [&](int side) {
      struct stat status = {};
      const int result = lstat(at(side, path).c_str(), &status);
      return outcome(result, result == 0 ? describe(status) : "");
    });
  }
  bool make_other() {
    const std::string path = name(), other = name();
    switch (pick(4)) {
      case 0:
        return both("symlink " + path, [&](int side) {
          return outcome(symlink(other.c_str(), at(side, path).c_str()));
        });
      case 1:
        return both("link " + other + " " + path, [&](int side) {
          return outcome(link(at(side, other).c_str(), at(side, path).c_str()));
        });
      default:
        return both("mkdir " + path,
                    [&](int side) { return outcome(mkdir(at(side, path).c_str(), 0755)); });
    }
  }
  bool remove_one() {
    const std::string path = name();
    const bool directory = chance(4);
    return both((directory ? "rmdir " : "unlink ") + path, [&](int side) {
      return outcome(directory ? rmdir(at(side, path).c_str()) : unlink(at(side, path).c_str()));
    });
  }
  bool rename_one() {
    const std::string from = name(), to = name();
    const unsigned flags = std::array{0U, 0U, 1U, 2U}[pick(4)];  // NOREPLACE, EXCHANGE
    return both("rename " + from + " " + to + " " + std::to_string(flags), [&](int side) {
      return outcome(
          renameat2(AT_FDCWD, at(side, from).c_str(), AT_FDCWD, at(side, to).c_str(), flags));
    });
  }
  bool change_mode() {
    const std::string path = name();
    const mode_t mode = pick(010000);
    const uid_t owner = pick(3);
    if (chance(2))
      return both("chown " + path, [&](int side) {
        return outcome(lchown(at(side, path).c_str(), owner, owner + 1));
      });
    return both("chmod " + path + " " + std::to_string(mode),
                [&](int side) { return outcome(chmod(at(side, path).c_str(), mode)); });
  }
  bool attributes() {
    const std::string path = name(), key = "user.k" + std::to_string(pick(3));
    const std::string value(pick(300), 'v');
    const unsigned what = pick(4);
    return both("attribute " + key + " of " + path, [&](int side) {
      const std::string file = at(side, path);
      std::array<char, 4000> got;
      if (what == 0)
        return outcome(lsetxattr(file.c_str(), key.c_str(), value.data(), value.size(), 0));
      if (what == 1) return outcome(lremovexattr(file.c_str(), key.c_str()));
      if (what == 2) {
        const ssize_t n = lgetxattr(file.c_str(), key.c_str(), got.data(), got.size());
        return outcome(n, std::string(got.data(), n < 0 ? 0 : static_cast<size_t>(n)));
      }
      return outcome(llistxattr(file.c_str(), got.data(), got.size()));
    });
  }
  bool list_one() {
    static constexpr const char* kWhere[] = {"d", "d/e", "f"};
    const std::string path = kWhere[pick(std::size(kWhere))];
    return both("list " + path, [&](int side) {
      std::vector<std::string> names;
      std::error_code ec;
      for (const auto& entry : std::filesystem::directory_iterator(at(side, path), ec))
        names.push_back(entry.path().filename());
      std::ranges::sort(names);
      std::string text;
      for (const std::string& one : names) text += one + "/";
      return Outcome{-ec.value(), text};
    });
  }
  bool map_one() {
    const size_t from = pick(5) * 4096, offset = pick(4096);
    const char what = static_cast<char>('A' + pick(26));
    return on_slot("map " + std::to_string(from), [&](int fd) {
      struct stat status;
      if (fstat(fd, &status) != 0 || static_cast<size_t>(status.st_size) < from + 4096)
        return Outcome{0, ""};
      void* const page =
          mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, static_cast<off_t>(from));
      if (page == MAP_FAILED) return outcome(-1);
      const std::string before(static_cast<char*>(page), 4096);
      static_cast<char*>(page)[offset] = what;
      munmap(page, 4096);
      return Outcome{0, before};
    });
  }
  bool parts() {
    return on_slot("parts", [&](int fd) {
      struct stat status;
      if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return Outcome{0, ""};
      std::string whole = read_whole(fd);
      if (whole.starts_with("error")) return Outcome{0, whole};
      const bool same = read_by_parts(fd, whole.size()) == whole;
      return Outcome{same ? 0 : 1, same ? "" : "the parts are not the whole"};
    });
  }
  bool close_one() {
    const unsigned slot = pick(kSlots);
    return both("close", [&](int side) {
      int& fd = slots_[static_cast<size_t>(side)][slot];
      const int result = fd < 0 ? 0 : close(fd);
      fd = -1;
      return outcome(result);
    });
  }
  bool set_times() {
    const std::string path = name();
    const timespec times[2] = {{static_cast<time_t>(pick(1'000'000'000)), 5},
                               {static_cast<time_t>(pick(1'000'000'000)), 123'456'789}};
    return both("times " + path, [&](int side) {
      struct stat status = {};
      const int result = utimensat(AT_FDCWD, at(side, path).c_str(), times, AT_SYMLINK_NOFOLLOW);
      if (result == 0) lstat(at(side, path).c_str(), &status);
      return outcome(result, std::to_string(status.st_mtim.tv_sec) + "." +
                                 std::to_string(status.st_mtim.tv_nsec));
    });
  }
  bool copy_some() {
    const unsigned from = pick(kSlots), to = pick(kSlots);
    if (from == to) return true;
    const off_t where = pick(kLargest), target = pick(kLargest);
    const size_t size = pick(50'000) + 1;
    return both("copy_file_range", [&](int side) {
      auto& slots = slots_[static_cast<size_t>(side)];
      struct stat one = {}, other = {};
      if (fstat(slots[from], &one) == 0 && fstat(slots[to], &other) == 0 &&
          one.st_ino == other.st_ino)
        return Outcome{0, ""};
      size_t done = 0;
      off_t at = where, put_at = target;
      while (done < size) {
        const ssize_t n = copy_file_range(slots[from], &at, slots[to], &put_at, size - done, 0);
        if (n < 0) return outcome(n);
        if (n == 0) break;
        done += static_cast<size_t>(n);
      }
      return Outcome{static_cast<long long>(done), ""};
    });
  }
  bool sync_one() {
    return on_slot("fsync", [&](int fd) { return outcome(fsync(fd)); });
  }

  std::mt19937 random_;
  std::array<std::array<int, kSlots>, kSides> slots_;
  std::string what_;
};

class OracleTest : public PosixTest {
 protected:
  void compare(int steps, int rounds) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root to mount the same by the host";
    shell("mkdir n && cp --sparse=always image host-image");
    umount();
    // Made anew: what mkfs makes depends on the moment.
    const Result mounted_by_host = shell_status("mount -o loop -t " + type() + " host-image n");
    ASSERT_EQ(mount(image_), "");
    if (mounted_by_host.status != 0)
      GTEST_SKIP() << "the host cannot mount " << type() << ": " << mounted_by_host.err;
    const char* const given = getenv("LKL_SEED");
    const unsigned seed = given ? static_cast<unsigned>(std::stoul(given)) : std::random_device()();
    std::cout << "LKL_SEED=" << seed << "\n";
    const mode_t mask = ::umask(022);
    {
      Oracle oracle(seed);
      for (int step = 0; step < steps && !HasFailure(); ++step) {
        EXPECT_TRUE(oracle.step()) << "step " << step << ": " << oracle.what();
        if (step % (steps / rounds) == steps / rounds - 1) {
          oracle.close_all();
          remount();
          EXPECT_TRUE(oracle.same_trees()) << "step " << step << ": " << oracle.what();
        }
      }
    }
    ::umask(mask);
  }
  void TearDown() override {
    if (!IsSkipped()) shell_status("umount n");
    PosixTest::TearDown();
  }
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(On, OracleTest, ::testing::Values("ext4", "btrfs"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(OracleTest, SameAsTheHost) {
  compare(4000, 2);
}

TEST_P(OracleTest, SlowSameAsTheHost) {
  compare(100'000, 10);
}

}  // namespace lkl_fuse_test
