// SPDX-License-Identifier: GPL-2.0
// Images that somebody has damaged: each gives an error number, none a crash. One
// forked kernel for each, so that a crash is one failed seed.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <string>

#include "fs/image.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

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

void walk(const std::string& path, int depth) {
  int error;
  lkl_dir* dir = lkl_opendir(path.c_str(), &error);
  if (!dir) return;
  for (int entries = 0; entries < 200; ++entries) {
    const lkl_linux_dirent64* entry = lkl_readdir(dir);
    if (!entry) break;
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    const std::string full = path + "/" + name;
    lkl_stat st;
    if (lkl_sys_lstat(full.c_str(), &st)) continue;
    if (LKL_S_ISDIR(st.st_mode) && depth > 0) walk(full, depth - 1);
    if (LKL_S_ISREG(st.st_mode)) {
      const long fd = lkl_sys_open(full.c_str(), LKL_O_RDONLY | LKL_O_NONBLOCK, 0);
      char buffer[4096];
      for (int i = 0; fd >= 0 && i < 20; ++i)
        if (lkl_sys_read(static_cast<unsigned>(fd), buffer, sizeof buffer) <= 0) break;
      if (fd >= 0) lkl_sys_close(static_cast<unsigned>(fd));
    }
  }
  lkl_closedir(dir);
}

// Mounts, walks, writes, unmounts, whatever the errors.
void use(MappedImage& image, const char* type) {
  static lkl_dev_blk_ops ops = {.get_capacity = capacity, .request = request};
  lkl_disk disk = {};
  disk.handle = &image;
  disk.ops = &ops;
  const int id = lkl_disk_add(&disk);
  if (id < 0) _exit(3);
  char point[32];
  if (lkl_mount_dev(static_cast<unsigned>(id), 0, type, 0, nullptr, point, sizeof point) == 0) {
    walk(point, 4);
    const std::string base = point;
    lkl_sys_mkdir((base + "/new").c_str(), 0755);
    const long fd = lkl_sys_open((base + "/new/file").c_str(), LKL_O_CREAT | LKL_O_RDWR, 0644);
    if (fd >= 0) {
      lkl_sys_write(static_cast<unsigned>(fd), "data", 4);
      lkl_sys_fsync(static_cast<unsigned>(fd));
      lkl_sys_close(static_cast<unsigned>(fd));
    }
    lkl_umount_dev(static_cast<unsigned>(id), 0, 0, 1000);
  }
  lkl_disk_remove(disk);
}

class DamageTest : public KernelTest {
 protected:
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
        const std::string text(static_cast<size_t>(f) * 300, 'f');
        EXPECT_EQ(lkl_sys_write(fd, text.data(), text.size()), static_cast<long>(text.size()));
        lkl_sys_close(fd);
      }
      lkl_sys_symlink("f1", (sub + "/link").c_str());
    }
    EXPECT_EQ(image.umount(), "");
    return image.path();
  }

  // Flips bytes of the used parts; superblocks more often than their share.
  static void damage(MappedImage& image, const char* type, unsigned seed) {
    std::mt19937 random(seed);
    const bool ext4 = type == std::string("ext4");
    const size_t super = ext4 ? 1024 : 65536;
    const size_t super_size = ext4 ? 1024 : 4096;
    const unsigned flips = 1 + random() % 20;
    for (unsigned i = 0; i < flips;) {
      size_t at = random() % 3 == 0 ? super + random() % super_size : random() % image.size;
      if (ext4 && random() % 2) at = random() % (1 << 20);  // descriptors, bitmaps, inodes
      // zeroed stretches are not used by anybody: look for another place
      if (image.bytes[at] == 0 && random() % 50) continue;
      image.bytes[at] = static_cast<char>(random());
      ++i;
    }
  }

  void try_seeds(const char* type, unsigned seeds) {
    MappedImage image(make(type));
    ops_.print = nullptr;
    for (unsigned seed = 1; seed <= seeds; ++seed) {
      const pid_t pid = fork();
      if (pid == 0) {
        alarm(60);
        damage(image, type, seed);
        use(image, type);
        _exit(0);
      }
      int status = 0;
      waitpid(pid, &status, 0);
      EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
          << type << " seed " << seed << ": status " << std::hex << status;
    }
  }

  TempDir dir_;
};

}  // namespace

TEST_F(DamageTest, Ext4FlippedBytes) {
  try_seeds("ext4", 300);
}

TEST_F(DamageTest, BtrfsFlippedBytes) {
  try_seeds("btrfs", 150);
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
