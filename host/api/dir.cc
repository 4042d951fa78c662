// SPDX-License-Identifier: GPL-2.0
#include <memory>
#include <new>

#include "lkl.h"

// A buffer of what getdents64(2) gave, and where in it the reader is.
struct lkl_dir {
  int fd;
  int error = 0;
  unsigned length = 0;
  unsigned position = 0;
  alignas(lkl_linux_dirent64) char buffer[8192];

  explicit lkl_dir(int descriptor) : fd(descriptor) {}
};

lkl_dir* lkl_fdopendir(int fd, int* err) {
  auto* dir = new (std::nothrow) lkl_dir(fd);
  *err = dir ? 0 : -LKL_ENOMEM;
  return dir;
}

lkl_dir* lkl_opendir(const char* path, int* err) {
  const int fd =
      static_cast<int>(lkl_sys_open(path, LKL_O_RDONLY | LKL_O_DIRECTORY | LKL_O_CLOEXEC, 0));
  if (fd < 0) {
    *err = fd;
    return nullptr;
  }
  lkl_dir* dir = lkl_fdopendir(fd, err);
  if (!dir) lkl_sys_close(fd);
  return dir;
}

void lkl_rewinddir(lkl_dir* dir) {
  lkl_sys_lseek(dir->fd, 0, LKL_SEEK_SET);
  dir->length = dir->position = 0;
  dir->error = 0;
}

int lkl_closedir(lkl_dir* dir) {
  const std::unique_ptr<lkl_dir> owner(dir);
  return static_cast<int>(lkl_sys_close(dir->fd));
}

lkl_linux_dirent64* lkl_readdir(lkl_dir* dir) {
  if (dir->position >= dir->length) {
    const lkl_long length = lkl_sys_getdents64(
        dir->fd, reinterpret_cast<lkl_linux_dirent64*>(dir->buffer), sizeof dir->buffer);
    dir->error = static_cast<int>(length < 0 ? length : 0);
    if (length <= 0) return nullptr;
    dir->length = static_cast<unsigned>(length);
    dir->position = 0;
  }
  auto* entry = reinterpret_cast<lkl_linux_dirent64*>(dir->buffer + dir->position);
  dir->position += entry->d_reclen;
  return entry;
}

int lkl_errdir(lkl_dir* dir) {
  return dir->error;
}

int lkl_dirfd(lkl_dir* dir) {
  return dir->fd;
}
