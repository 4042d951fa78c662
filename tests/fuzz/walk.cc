// SPDX-License-Identifier: GPL-2.0
#include "fuzz/walk.h"

#include <lkl.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

namespace lkl_fuzz {
namespace {

// A damaged directory may be its own child, a file may claim to have any size.
constexpr int kMaxDepth = 8;
constexpr int kMaxEntries = 400;
constexpr long kMaxRead = 64 * 1024;

class Fd final {
 public:
  Fd(const std::string& path, int flags, int mode = 0)
      : fd_(lkl_sys_open(path.c_str(), flags | LKL_O_NOFOLLOW | LKL_O_NONBLOCK, mode)) {}
  ~Fd() {
    if (fd_ >= 0) lkl_sys_close(get());
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  bool good() const { return fd_ >= 0; }
  unsigned get() const { return static_cast<unsigned>(fd_); }

 private:
  long fd_;
};

class Walk final {
 public:
  void folder(const std::string& path, int depth) {
    const Fd fd(path, LKL_O_RDONLY | LKL_O_DIRECTORY);
    if (!fd.good()) return;
    std::vector<std::string> names;
    long count;
    while (
        (count = lkl_sys_getdents64(fd.get(), reinterpret_cast<lkl_linux_dirent64*>(buffer_.data()),
                                    static_cast<unsigned>(buffer_.size()))) > 0) {
      for (long at = 0; at < count && entries_ < kMaxEntries;) {
        const auto* entry = reinterpret_cast<const lkl_linux_dirent64*>(&buffer_[at]);
        if (std::strcmp(entry->d_name, ".") && std::strcmp(entry->d_name, "..")) {
          names.emplace_back(entry->d_name);
          ++entries_;
        }
        at += entry->d_reclen;
      }
      if (entries_ >= kMaxEntries) break;
    }
    for (const std::string& name : names) entry(path + "/" + name, depth);
  }

 private:
  void entry(const std::string& path, int depth) {
    lkl_statx status = {};
    if (lkl_sys_statx(LKL_AT_FDCWD, path.c_str(), LKL_AT_SYMLINK_NOFOLLOW, LKL_STATX_ALL, &status))
      return;
    attributes(path);
    switch (status.stx_mode & LKL_S_IFMT) {
      case LKL_S_IFDIR:
        if (depth < kMaxDepth) folder(path, depth + 1);
        break;
      case LKL_S_IFREG:
        contents(path, static_cast<long>(status.stx_size));
        break;
      case LKL_S_IFLNK:
        lkl_sys_readlink(path.c_str(), buffer_.data(), static_cast<int>(buffer_.size()));
        break;
    }
  }

  void attributes(const std::string& path) {
    std::array<char, 4096> names;
    const long length = lkl_sys_llistxattr(path.c_str(), names.data(), names.size());
    for (long at = 0; at < length; at += static_cast<long>(std::strlen(&names[at])) + 1)
      lkl_sys_lgetxattr(path.c_str(), &names[at], buffer_.data(), buffer_.size());
  }

  void contents(const std::string& path, long size) {
    const Fd fd(path, LKL_O_RDONLY);
    if (!fd.good()) return;
    for (long done = 0, count; done < kMaxRead; done += count)
      if ((count = lkl_sys_read(fd.get(), buffer_.data(), buffer_.size())) <= 0) break;
    if (size > kMaxRead) {
      lkl_sys_pread64(fd.get(), buffer_.data(), 4096, size / 2);
      lkl_sys_pread64(fd.get(), buffer_.data(), 4096, size - 100);
    }
    for (const int whence : {LKL_SEEK_DATA, LKL_SEEK_HOLE}) lkl_sys_lseek(fd.get(), 1, whence);
    alignas(lkl_fiemap) std::array<std::byte, sizeof(lkl_fiemap) + 16 * sizeof(lkl_fiemap_extent)>
        map = {};
    auto* head = reinterpret_cast<lkl_fiemap*>(map.data());
    head->fm_length = ~0ull;
    head->fm_extent_count = 16;
    lkl_sys_ioctl(fd.get(), LKL_FS_IOC_FIEMAP, reinterpret_cast<long>(head));
  }

  int entries_ = 0;
  std::array<char, 32 * 1024> buffer_;
};

void write_to(const std::string& path, int flags, long offset, size_t length) {
  static const std::array<char, 20000> kData = {'d', 'a', 't', 'a'};
  const Fd fd(path, LKL_O_RDWR | flags, 0644);
  if (fd.good()) lkl_sys_pwrite64(fd.get(), kData.data(), length, offset);
}

}  // namespace

void walk(const char* folder) {
  lkl_statfs status;
  lkl_sys_statfs(folder, &status);
  Walk().folder(folder, 0);
}

void disturb(const char* folder) {
  const std::string root = std::string(folder) + "/";
  const auto path = [&](const char* name) { return root + name; };
  write_to(path("new"), LKL_O_CREAT, 0, 5000);
  write_to(path("small"), 0, 3, 20000);
  write_to(path("holes"), 0, 5 * 4096, 9000);
  write_to(path("dir/inline"), LKL_O_APPEND, 0, 300);
  lkl_sys_truncate(path("dir/below/file").c_str(), 100);
  {
    const Fd fd(path("holes"), LKL_O_RDWR);
    if (fd.good()) {
      lkl_sys_fallocate(static_cast<int>(fd.get()),
                        LKL_FALLOC_FL_PUNCH_HOLE | LKL_FALLOC_FL_KEEP_SIZE, 4096, 40960);
      lkl_sys_fallocate(static_cast<int>(fd.get()), 0, 1 << 20, 65536);
      lkl_sys_fsync(fd.get());
    }
  }
  lkl_sys_mkdir(path("many/new").c_str(), 0755);
  lkl_sys_rename(path("small").c_str(), path("many/a-name-of-some-length-7").c_str());
  lkl_sys_rename(path("dir/below").c_str(), path("empty/moved").c_str());
  lkl_sys_link(path("new").c_str(), path("many/link").c_str());
  lkl_sys_symlink(path("new").c_str(), path("link").c_str());
  lkl_sys_setxattr(path("dir").c_str(), "user.new", "value", 5, 0);
  lkl_sys_removexattr(path("holes").c_str(), "user.short");
  lkl_sys_unlink(path("long").c_str());
  lkl_sys_unlink(path("holes").c_str());
  for (int i = 1; i < 40; i += 3)
    lkl_sys_unlink(path(("many/a-name-of-some-length-" + std::to_string(i)).c_str()).c_str());
  lkl_sys_rmdir(path("empty").c_str());
  lkl_sys_sync();
}

}  // namespace lkl_fuzz
