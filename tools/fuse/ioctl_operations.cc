// SPDX-License-Identifier: GPL-2.0
//
// ioctl(2) on files and directories.
#include <string.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include <lkl/linux/btrfs.h>
#include <lkl/linux/fs.h>

#include "operation.h"

namespace lkl::fuse {

namespace {

// Those whose argument is one block of the size that the number tells, without pointers in it.
bool can_pass(unsigned command) {
  static constexpr unsigned kPass[] = {
      LKL_FS_IOC_GETFLAGS,           LKL_FS_IOC_SETFLAGS,
      LKL_FS_IOC_GETVERSION,         LKL_FS_IOC_FSGETXATTR,
      LKL_FS_IOC_FSSETXATTR,         LKL_FS_IOC_GETFSLABEL,
      LKL_FS_IOC_SETFSLABEL,         LKL_FITRIM,
      LKL_BTRFS_IOC_SUBVOL_CREATE,   LKL_BTRFS_IOC_SNAP_DESTROY,
      LKL_BTRFS_IOC_DEFAULT_SUBVOL,  LKL_BTRFS_IOC_SYNC,
      LKL_BTRFS_IOC_SUBVOL_GETFLAGS, LKL_BTRFS_IOC_SUBVOL_SETFLAGS,
      LKL_BTRFS_IOC_FS_INFO,         LKL_BTRFS_IOC_DEV_INFO,
      LKL_BTRFS_IOC_INO_LOOKUP,      LKL_BTRFS_IOC_TREE_SEARCH,
      LKL_BTRFS_IOC_GET_FEATURES,    LKL_BTRFS_IOC_GET_SUBVOL_INFO,
  };
  return std::ranges::find(kPass, command) != std::end(kPass);
}

// One request; it may be served by another thread than the one that has received it.
struct Call {
  fuse_req_t request;
  fuse_ino_t id;
  unsigned command;
  bool on_directory;
  int fd;  // of a file
  std::size_t out_size;
  std::vector<std::byte> argument;
};

bool sets_flags(const Call& call) {
  return call.command == LKL_FS_IOC_SETFLAGS || call.command == LKL_FS_IOC_FSSETXATTR;
}

// What makes or removes a name, which the host does not see; or nothing.
std::string changed_name(const Call& call) {
  if (call.command != LKL_BTRFS_IOC_SUBVOL_CREATE && call.command != LKL_BTRFS_IOC_SNAP_DESTROY)
    return {};
  const auto& name =
      reinterpret_cast<const struct lkl_btrfs_ioctl_vol_args*>(call.argument.data())->name;
  return {name, strnlen(name, sizeof name)};
}

void serve_ioctl(Call& call) {
  serve(call.request, [&](FileSystem& fs) {
    const PathFd path = fs.pin(call.id);
    // A directory's handle is not a descriptor.
    File directory;
    if (call.on_directory) directory = File(path.proc_path(), LKL_O_RDONLY | LKL_O_DIRECTORY);
    const std::string name = changed_name(call);
    const int fd = call.on_directory ? directory.fd() : call.fd;
    const long long result = check(change_file(fs, path.node(), path.fd(), [&] {
      return lkl_sys_ioctl(static_cast<unsigned>(fd), call.command,
                           reinterpret_cast<lkl_ulong>(call.argument.data()));
    }));
    if (sets_flags(call)) {
      path.node()->folds_names = Node::kUnknown;
      fs.host_cache().forget_attributes(call.id);
    }
    if (name.empty()) {
      fuse_reply_ioctl(call.request, static_cast<int>(result), call.argument.data(), call.out_size);
      return;
    }
    fs.host_cache().later(
        [&host = fs.host_cache(), name, request = call.request, id = call.id, result] {
          host.forget_entry(id, name);
          host.forget_list(id);
          fuse_reply_ioctl(request, static_cast<int>(result), nullptr, 0);
        });
  });
}

void ioctl(fuse_req_t request, fuse_ino_t id, unsigned command, void*, fuse_file_info* info,
           unsigned flags, const void* in, size_t in_size, size_t out_size) {
  serve(request, [&](FileSystem& fs) {
    // A program of 32 bits has other structures.
    if (!can_pass(command) || flags & FUSE_IOCTL_COMPAT) {
      fuse_reply_err(request, ENOTTY);
      return;
    }
    const bool on_directory = flags & FUSE_IOCTL_DIR;
    Call call = {request, id, command, on_directory, OpenHandle::of(info).fd(), out_size, {}};
    // Room for what the kernel writes whatever the number says (FS_IOC_GETFLAGS: an int, a long).
    call.argument.resize(std::max({in_size, out_size, sizeof(long)}));
    if (in_size > 0) std::memcpy(call.argument.data(), in, in_size);
    if (sets_flags(call) && fs.node(id)->writers > 0) {
      // It may not be written any more after that: what was written before is.
      fs.host_cache().later([call = std::move(call)]() mutable {
        file_system(call.request).host_cache().take_dirty(call.id, 0, 0);
        serve_ioctl(call);
      });
    } else {
      serve_ioctl(call);
    }
  });
}

}  // namespace

void add_ioctl_operations(fuse_lowlevel_ops& operations) {
  operations.ioctl = ioctl;
}

}  // namespace lkl::fuse
