// SPDX-License-Identifier: GPL-2.0
//
// Attributes of inodes, extended ones too, and of the file system as a whole.
#include <sys/statvfs.h>

#include <cstring>

#include <lkl/asm/statfs.h>

#include "operation.h"

namespace lkl::fuse {

namespace {

int file_of(const fuse_file_info* info) {
  return OpenHandle::of(info).fd();
}

void getattr(fuse_req_t request, fuse_ino_t id, fuse_file_info*) {
  serve(request, [&](FileSystem& fs) {
    const struct stat attributes = fs.attributes(fs.pin(id).fd());
    fuse_reply_attr(request, &attributes, FileSystem::kForLong);
  });
}

void setattr(fuse_req_t request, fuse_ino_t id, struct stat* wanted, int what,
             fuse_file_info* info) {
  serve(request, [&](FileSystem& fs) {
    const PathFd file = fs.pin(id);
    const std::string path = file.proc_path();
    if (what & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) {
      constexpr unsigned kSame = ~0U;
      const OwnerMap& owners = fs.options().owners;
      check(lkl_sys_fchownat(file.fd(), "",
                             what & FUSE_SET_ATTR_UID ? owners.swap_user(wanted->st_uid) : kSame,
                             what & FUSE_SET_ATTR_GID ? owners.swap_group(wanted->st_gid) : kSame,
                             LKL_AT_EMPTY_PATH | LKL_AT_SYMLINK_NOFOLLOW));
    }
    // After the owner, whose change takes the bits of set-user-ID programs away.
    if (what & FUSE_SET_ATTR_MODE)
      check(lkl_sys_fchmodat(LKL_AT_FDCWD, path.c_str(),
                             static_cast<lkl_umode_t>(wanted->st_mode & 07777)));
    if (what & FUSE_SET_ATTR_SIZE)
      check(info ? lkl_sys_ftruncate(static_cast<unsigned>(file_of(info)), wanted->st_size)
                 : lkl_sys_truncate(path.c_str(), wanted->st_size));
    constexpr int kTimes = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME |
                           FUSE_SET_ATTR_MTIME_NOW;
    if (what & kTimes)
      check(lkl_sys_utimensat(file.fd(), "", NewTimes(*wanted, what).access_and_change,
                              LKL_AT_EMPTY_PATH));
    if (what & FUSE_SET_ATTR_MTIME && !(what & FUSE_SET_ATTR_MTIME_NOW) && fs.collects_writes())
      fs.nodes().host_keeps_mtime(fs.node(id), wanted->st_mtim);
    const struct stat attributes = fs.attributes(file.fd());
    fuse_reply_attr(request, &attributes, FileSystem::kForLong);
  });
}

void setxattr(fuse_req_t request, fuse_ino_t id, const char* name, const char* value, size_t size,
              int flags) {
  serve_result(request, [&](FileSystem& fs) {
    return lkl_sys_setxattr(fs.pin(id).proc_path().c_str(), name, value, size, flags);
  });
}

// `get` fills a buffer; with none of a size it tells how large it has to be.
template <typename Get>
void answer_with_xattr(fuse_req_t request, fuse_ino_t id, size_t size, Get get) {
  serve(request, [&](FileSystem& fs) {
    const PathFd file = fs.pin(id);
    const std::string path = file.proc_path();
    char* const buffer =
        size == 0 ? nullptr : reinterpret_cast<char*>(Worker::current().buffer(size));
    const long long length = get(path.c_str(), buffer);
    // Not thrown: the host asks for what most files have not (security.capability).
    if (length < 0)
      fuse_reply_err(request, static_cast<int>(-length));
    else if (size == 0)
      fuse_reply_xattr(request, static_cast<size_t>(length));
    else
      fuse_reply_buf(request, buffer, static_cast<size_t>(length));
  });
}

void getxattr(fuse_req_t request, fuse_ino_t id, const char* name, size_t size) {
  answer_with_xattr(request, id, size, [&](const char* path, char* buffer) {
    return lkl_sys_getxattr(path, name, buffer, size);
  });
}

void listxattr(fuse_req_t request, fuse_ino_t id, size_t size) {
  answer_with_xattr(request, id, size, [&](const char* path, char* buffer) {
    return lkl_sys_listxattr(path, buffer, size);
  });
}

void removexattr(fuse_req_t request, fuse_ino_t id, const char* name) {
  serve_result(request, [&](FileSystem& fs) {
    return lkl_sys_removexattr(fs.pin(id).proc_path().c_str(), name);
  });
}

void statfs(fuse_req_t request, fuse_ino_t id) {
  serve(request, [&](FileSystem& fs) {
    struct lkl_statfs from = {};
    check(lkl_sys_fstatfs(static_cast<unsigned>(fs.pin(id).fd()), &from));
    struct statvfs to = {};
    to.f_bsize = static_cast<unsigned long>(from.f_bsize);
    to.f_frsize = static_cast<unsigned long>(from.f_frsize ? from.f_frsize : from.f_bsize);
    to.f_blocks = from.f_blocks;
    to.f_bfree = from.f_bfree;
    to.f_bavail = from.f_bavail;
    to.f_files = from.f_files;
    to.f_ffree = from.f_ffree;
    to.f_favail = from.f_ffree;
    to.f_namemax = static_cast<unsigned long>(from.f_namelen);
    fuse_reply_statfs(request, &to);
  });
}

}  // namespace

NewTimes::NewTimes(const struct stat& attributes, int what) {
  constexpr long kOmit = (1L << 30) - 2, kNow = (1L << 30) - 1;  // UTIME_OMIT, UTIME_NOW
  const auto fill = [&](auto& time, int set, int now, const timespec& value) {
    time.tv_sec = value.tv_sec;
    time.tv_nsec = what & now ? kNow : what & set ? value.tv_nsec : kOmit;
  };
  fill(access_and_change[0], FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW, attributes.st_atim);
  fill(access_and_change[1], FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW, attributes.st_mtim);
}

void add_attribute_operations(fuse_lowlevel_ops& operations) {
  operations.getattr = getattr;
  operations.setattr = setattr;
  operations.setxattr = setxattr;
  operations.getxattr = getxattr;
  operations.listxattr = listxattr;
  operations.removexattr = removexattr;
  operations.statfs = statfs;
}

}  // namespace lkl::fuse
