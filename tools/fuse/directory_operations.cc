// SPDX-License-Identifier: GPL-2.0
//
// Open directories.
#include <array>
#include <memory>
#include <string_view>

#include "operation.h"

namespace lkl::fuse {

namespace {

// An open directory and the entries that were read ahead of the host's requests.
class OpenDirectory final : public OpenHandle {
 public:
  explicit OpenDirectory(const PathFd& path)
      : OpenHandle(File(path.proc_path(), LKL_O_RDONLY | LKL_O_DIRECTORY), path.node(), false) {}

  // The entry at `offset` (0, or that of an entry before), nullptr at the end.
  const struct lkl_linux_dirent64* at(off_t offset) {
    // The beginning is always gone to: what was made since it was opened is seen then (btrfs).
    if (offset != offset_ || offset == 0) {
      check(lkl_sys_lseek(static_cast<unsigned>(fd()), offset, LKL_SEEK_SET));
      used_ = filled_ = 0;
      offset_ = offset;
    }
    if (used_ == filled_) {
      filled_ = static_cast<std::size_t>(check(lkl_sys_getdents64(
          static_cast<unsigned>(fd()), reinterpret_cast<struct lkl_linux_dirent64*>(ahead_.data()),
          static_cast<unsigned>(ahead_.size()))));
      used_ = 0;
      if (filled_ == 0) return nullptr;
    }
    return reinterpret_cast<const struct lkl_linux_dirent64*>(ahead_.data() + used_);
  }

  // The host has it.
  void taken(const struct lkl_linux_dirent64* entry) {
    used_ += entry->d_reclen;
    offset_ = entry->d_off;
  }

 private:
  off_t offset_ = 0;  // of the entry at used_
  std::size_t used_ = 0, filled_ = 0;
  alignas(struct lkl_linux_dirent64) std::array<std::byte, 32 * 1024> ahead_;
};

OpenDirectory& directory_of(const fuse_file_info* info) {
  return static_cast<OpenDirectory&>(OpenHandle::of(info));
}

void opendir(fuse_req_t request, fuse_ino_t id, fuse_file_info* info) {
  serve(request, [&](FileSystem& fs) {
    fs.keep(std::make_unique<OpenDirectory>(fs.pin(id)), info);
    info->keep_cache = 1;
    info->cache_readdir = 1;
    if (fuse_reply_open(request, info) != 0) fs.release(info);
  });
}

void releasedir(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
  file_system(request).release(info);
  fuse_reply_err(request, 0);
}

bool is_dots(std::string_view name) {
  return name == "." || name == "..";
}

void read_entries(fuse_req_t request, size_t size, off_t offset, fuse_file_info* info,
                  bool with_attributes) {
  serve(request, [&](FileSystem& fs) {
    OpenDirectory& directory = directory_of(info);
    char* const buffer = reinterpret_cast<char*>(Worker::current().buffer(size));
    std::size_t filled = 0;
    while (const auto* entry = directory.at(offset)) {
      const char* const name = reinterpret_cast<const char*>(entry->d_name);
      fuse_entry_param param = {};
      const bool told = with_attributes && !is_dots(name);
      if (told) {
        try {
          param = fs.entry(directory.fd(), directory.node(), name);
        } catch (const std::system_error&) {
          // removed meanwhile, or damaged: a lookup will tell
        }
      }
      if (param.ino == 0) {
        param.attr.st_ino = entry->d_ino;
        param.attr.st_mode = static_cast<mode_t>(entry->d_type) << 12;
      }
      const std::size_t left = size - filled;
      const std::size_t taken =
          with_attributes
              ? fuse_add_direntry_plus(request, buffer + filled, left, name, &param, entry->d_off)
              : fuse_add_direntry(request, buffer + filled, left, name, &param.attr, entry->d_off);
      if (taken > left) {
        // The host does not learn of it.
        if (param.ino != 0) fs.nodes().forget(fs.node(param.ino), 1);
        break;
      }
      filled += taken;
      offset = entry->d_off;
      directory.taken(entry);
    }
    fuse_reply_buf(request, buffer, filled);
  });
}

void readdir(fuse_req_t request, fuse_ino_t, size_t size, off_t offset, fuse_file_info* info) {
  read_entries(request, size, offset, info, false);
}

void readdirplus(fuse_req_t request, fuse_ino_t, size_t size, off_t offset, fuse_file_info* info) {
  read_entries(request, size, offset, info, true);
}

void fsyncdir(fuse_req_t request, fuse_ino_t, int data_only, fuse_file_info* info) {
  serve_result(request, [&](FileSystem&) {
    const auto fd = static_cast<unsigned>(directory_of(info).fd());
    return data_only ? lkl_sys_fdatasync(fd) : lkl_sys_fsync(fd);
  });
}

}  // namespace

void add_directory_operations(fuse_lowlevel_ops& operations) {
  operations.opendir = opendir;
  operations.releasedir = releasedir;
  operations.readdir = readdir;
  operations.readdirplus = readdirplus;
  operations.fsyncdir = fsyncdir;
}

}  // namespace lkl::fuse
