// SPDX-License-Identifier: GPL-2.0
// Images that somebody has damaged: each gives an error number, none a crash, and none with
// checksums gives other data. One forked kernel for each, so that a crash is one failed seed.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "fs/image.h"
#include "support/kernel_test.h"
#include "support/sanitizers.h"

using namespace lkl_test;

namespace {

constexpr size_t kPage = 4096;
constexpr char kFill = 'f';  // what all files are full of

struct MappedImage {
  char* bytes = nullptr;
  size_t size = 0;

  // A private mapping: what a child changes is its own.
  explicit MappedImage(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY);
    size = static_cast<size_t>(lseek(fd, 0, SEEK_END));
    bytes = static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
    close(fd);
  }
  ~MappedImage() { munmap(bytes, size); }
};

int capacity(lkl_disk disk, unsigned long long* size) {
  *size = static_cast<MappedImage*>(disk.handle)->size;
  return 0;
}

int request(lkl_disk disk, lkl_blk_req* request) {
  auto* image = static_cast<MappedImage*>(disk.handle);
  char* at = image->bytes + request->sector * 512;
  for (int i = 0; i < request->count; ++i) {
    if (request->type == LKL_DEV_BLK_TYPE_READ)
      std::memcpy(request->buf[i].iov_base, at, request->buf[i].iov_len);
    else if (request->type == LKL_DEV_BLK_TYPE_WRITE)
      std::memcpy(at, request->buf[i].iov_base, request->buf[i].iov_len);
    at += request->buf[i].iov_len;
  }
  return LKL_DEV_BLK_STATUS_OK;
}

// What became of an image; the exit status of the child that tried it.
enum Outcome {
  kNothingSeen = 0,  // mounted, and no call failed
  kNoticed = 10,     // mounted, and some call failed
  kRefused = 11,     // not mounted
  kOtherData = 12,   // a file was read that has something else in it than was written
};

// What the calls of a walk have come upon.
struct Findings {
  bool errors = false;
  bool other_data = false;
};

void read_file(const std::string& path, Findings& findings) {
  const long fd = lkl_sys_open(path.c_str(), LKL_O_RDONLY | LKL_O_NONBLOCK, 0);
  long count = fd;
  char buffer[4096];
  for (int i = 0; count >= 0 && i < 20; ++i) {
    count = lkl_sys_read(static_cast<unsigned>(fd), buffer, sizeof buffer);
    if (count == 0) break;
    for (long at = 0; at < count; ++at)
      if (buffer[at] != kFill) findings.other_data = true;
  }
  if (count < 0) findings.errors = true;
  if (fd >= 0) lkl_sys_close(static_cast<unsigned>(fd));
}

void walk(const std::string& path, int depth, Findings& findings) {
  int error;
  lkl_dir* dir = lkl_opendir(path.c_str(), &error);
  if (!dir) {
    findings.errors = true;
    return;
  }
  for (int entries = 0; entries < 200; ++entries) {
    const lkl_linux_dirent64* entry = lkl_readdir(dir);
    if (!entry) {
      if (lkl_errdir(dir)) findings.errors = true;
      break;
    }
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    const std::string full = path + "/" + name;
    lkl_stat st;
    if (lkl_sys_lstat(full.c_str(), &st)) {
      findings.errors = true;
      continue;
    }
    if (LKL_S_ISDIR(st.st_mode) && depth > 0) walk(full, depth - 1, findings);
    if (LKL_S_ISREG(st.st_mode)) read_file(full, findings);
  }
  lkl_closedir(dir);
}

// Mounts, walks, writes, unmounts, whatever the errors.
Outcome use(MappedImage& image, const char* type) {
  static lkl_dev_blk_ops ops = {.get_capacity = capacity, .request = request};
  lkl_disk disk = {};
  disk.handle = &image;
  disk.ops = &ops;
  const int id = lkl_disk_add(&disk);
  if (id < 0) _exit(3);
  char point[32];
  Outcome outcome = kRefused;
  if (lkl_mount_dev(static_cast<unsigned>(id), 0, type, 0, nullptr, point, sizeof point) == 0) {
    Findings findings;
    walk(point, 4, findings);
    const std::string base = point;
    if (lkl_sys_mkdir((base + "/new").c_str(), 0755)) findings.errors = true;
    const long fd = lkl_sys_open((base + "/new/file").c_str(), LKL_O_CREAT | LKL_O_RDWR, 0644);
    if (fd < 0) findings.errors = true;
    if (fd >= 0) {
      lkl_sys_write(static_cast<unsigned>(fd), "data", 4);
      if (lkl_sys_fsync(static_cast<unsigned>(fd))) findings.errors = true;
      lkl_sys_close(static_cast<unsigned>(fd));
    }
    lkl_umount_dev(static_cast<unsigned>(id), 0, 0, 1000);
    outcome = findings.other_data ? kOtherData : findings.errors ? kNoticed : kNothingSeen;
  }
  lkl_disk_remove(disk);
  return outcome;
}

class DamageTest : public KernelTest {
 protected:
  void SetUp() override {
    if (kThreadSanitizer) GTEST_SKIP() << kWhyNoForkBesideThreads;
    KernelTest::SetUp();
  }

  // An image with something in it.
  std::string make(const char* type) {
    Image image(dir_, type, type == std::string("ext4") ? 8 : 128);
    EXPECT_EQ(image.mount(), "");
    for (int d = 0; d < 5; ++d) {
      const std::string sub = image.point() + "/d" + std::to_string(d);
      EXPECT_EQ(lkl_sys_mkdir(sub.c_str(), 0755), 0);
      for (int f = 0; f < 20; ++f) {
        const std::string name = sub + "/f" + std::to_string(f);
        const int fd = static_cast<int>(lkl_sys_open(name.c_str(), LKL_O_CREAT | LKL_O_RDWR, 0644));
        const std::string text(static_cast<size_t>(f) * 300, kFill);
        EXPECT_EQ(lkl_sys_write(fd, text.data(), text.size()), static_cast<long>(text.size()));
        lkl_sys_close(fd);
      }
      lkl_sys_symlink("f1", (sub + "/link").c_str());
    }
    EXPECT_EQ(image.umount(), "");
    return image.path();
  }

  // The pages that are not all zeroes: others are used by nobody.
  static std::vector<size_t> used_pages(const MappedImage& image) {
    std::vector<size_t> pages;
    for (size_t at = 0; at + kPage <= image.size; at += kPage)
      if (std::any_of(image.bytes + at, image.bytes + at + kPage, [](char c) { return c != 0; }))
        pages.push_back(at);
    return pages;
  }

  // Changes some bytes. Those of the superblock in each fifth image, and in no other: a single one
  // of them is enough for nothing else to be looked at.
  static void damage(MappedImage& image, const std::vector<size_t>& pages, const char* type,
                     unsigned seed) {
    std::mt19937 random(seed);
    const bool ext4 = type == std::string("ext4");
    const size_t super = ext4 ? 1024 : 65536;
    const size_t super_end = super + (ext4 ? 1024 : 4096);
    const unsigned flips = 1 + random() % 20;
    for (unsigned i = 0; i < flips;) {
      const size_t at = seed % 5 == 0 ? super + random() % (super_end - super)
                                      : pages[random() % pages.size()] + random() % kPage;
      if (seed % 5 != 0 && at >= super && at < super_end) continue;
      if (image.bytes[at] == 0 && random() % 20) continue;
      image.bytes[at] = static_cast<char>(random());
      ++i;
    }
  }

  // How many of the images ended how.
  std::map<int, unsigned> try_seeds(const char* type, unsigned seeds) {
    MappedImage image(make(type));
    const std::vector<size_t> pages = used_pages(image);
    ops_.print = nullptr;
    std::map<int, unsigned> outcomes;
    for (unsigned seed = 1; seed <= seeds; ++seed) {
      const pid_t pid = fork();
      if (pid == 0) {
        alarm(60);
        damage(image, pages, type, seed);
        _exit(use(image, type));
      }
      int status = 0;
      waitpid(pid, &status, 0);
      const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
      ++outcomes[code];
      EXPECT_TRUE(code == kNothingSeen || code == kNoticed || code == kRefused ||
                  code == kOtherData)
          << type << " seed " << seed << ": status " << std::hex << status;
      // ext4 has no checksums of data
      if (type == std::string("btrfs")) {
        EXPECT_NE(code, kOtherData) << "seed " << seed;
      }
    }
    std::cout << type << ": " << outcomes[kRefused] << " refused, " << outcomes[kNoticed]
              << " noticed, " << outcomes[kOtherData] << " with other data, "
              << outcomes[kNothingSeen] << " without a sign\n";
    return outcomes;
  }

  TempDir dir_;
};

}  // namespace

// Nearly the same images each time: a fifth of them, and what else is too bad to mount, is refused,
// most are mounted. Those of btrfs are mostly found to be damaged then.
TEST_F(DamageTest, Ext4FlippedBytes) {
  auto outcomes = try_seeds("ext4", 300);
  EXPECT_GE(outcomes[kRefused], 30u);
  EXPECT_GE(outcomes[kNoticed] + outcomes[kOtherData] + outcomes[kNothingSeen], 150u);
}

TEST_F(DamageTest, BtrfsFlippedBytes) {
  auto outcomes = try_seeds("btrfs", 150);
  EXPECT_GE(outcomes[kRefused], 15u);
  EXPECT_GE(outcomes[kNoticed], 50u);
}

TEST_F(DamageTest, TruncatedImages) {
  for (const char* type : {"ext4", "btrfs"}) {
    const std::string path = make(type);
    std::string size;
    run("stat -c %s " + path, &size);
    for (const double part : {0.9, 0.5, 0.1, 0.01}) {
      const long length = static_cast<long>(std::stol(size) * part) / 512 * 512;
      ASSERT_EQ(truncate(path.c_str(), length), 0);
      const int fd = open(path.c_str(), O_RDWR);
      lkl_disk disk = {};
      disk.fd = fd;
      const int id = lkl_disk_add(&disk);
      ASSERT_GE(id, 0);
      char point[32];
      EXPECT_LT(lkl_mount_dev(static_cast<unsigned>(id), 0, type, 0, nullptr, point, sizeof point),
                0)
          << type << " cut to " << part;
      EXPECT_EQ(lkl_disk_remove(disk), 0);
      close(fd);
    }
  }
  kernel_log().clear();
}
