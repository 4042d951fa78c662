// SPDX-License-Identifier: GPL-2.0
//
// Attributes of inodes, extended ones too, and of the file system as a whole.
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cstring>

#include <lkl/asm/statfs.h>

#include "operation.h"

namespace lkl::fuse {

namespace {

int file_of(const fuse_file_info* info) {
  return OpenHandle::of(info).fd();
}

void answer_with_attributes(FileSystem& fs, fuse_req_t request, fuse_ino_t id) {
  const struct stat attributes = fs.attributes(fs.pin(id).fd());
  fs.before_telling(fs.node(id));
  fuse_reply_attr(request, &attributes, FileSystem::kForLong);
}

// The host asks before a write, for it was made to forget the attributes: room is scarce.
void answer_before_write(FileSystem& fs, fuse_req_t request, fuse_ino_t id) {
  switch (fs.space().ask()) {
    case Space::Answer::kYes:
      answer_with_attributes(fs, request, id);
      break;
    case Space::Answer::kNo:
      fuse_reply_err(request, ENOSPC);
      break;
    case Space::Answer::kSendFirst:
      fs.host_cache().later([request, id] {
        serve(request, [&](FileSystem& fs) {
          for (const fuse_ino_t one : fs.collected()) fs.host_cache().take_dirty(one, 0, 0);
          if (fs.space().ask_after_sending())
            answer_with_attributes(fs, request, id);
          else
            fuse_reply_err(request, ENOSPC);
        });
      });
  }
}

void getattr(fuse_req_t request, fuse_ino_t id, fuse_file_info* info) {
  serve(request, [&](FileSystem& fs) {
    // With a file: not stat(2), but the host itself, for what it is about to do with that.
    if (info && fs.space().scarce() && OpenHandle::of(info).collects())
      answer_before_write(fs, request, id);
    else
      answer_with_attributes(fs, request, id);
  });
}

bool is_same(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

void set_mode(int fd, unsigned mode) {
  check(lkl_sys_fchmodat(LKL_AT_FDCWD, fmt::format("/proc/self/fd/{}", fd).c_str(),
                         static_cast<lkl_umode_t>(mode & 07777)));
}

Stat status_of(int fd) {
  std::error_code ec;
  const Stat status = stat_at(fd, "", LKL_AT_EMPTY_PATH | LKL_AT_SYMLINK_NOFOLLOW, ec);
  if (ec) throw std::system_error(ec);
  return status;
}

// Set-group-ID without the right to execute is no program's: it is for the file's group to keep,
// as far as we know who is in it.
bool may_keep_group_bit(fuse_req_t request, const Stat& file) {
  const fuse_ctx& caller = *fuse_req_ctx(request);
  return caller.uid == 0 ||
         file_system(request).options().owners.show_group(file.gid) == caller.gid;
}

void change_owner(fuse_req_t request, FileSystem& fs, int fd, const struct stat& wanted, int what) {
  constexpr unsigned kSame = ~0U;
  const OwnerMap& owners = fs.options().owners;
  const Stat before = status_of(fd);
  check(lkl_sys_fchownat(fd, "", what & FUSE_SET_ATTR_UID ? owners.swap_user(wanted.st_uid) : kSame,
                         what & FUSE_SET_ATTR_GID ? owners.swap_group(wanted.st_gid) : kSame,
                         LKL_AT_EMPTY_PATH | LKL_AT_SYMLINK_NOFOLLOW));
  // The kernel has taken away what nobody keeps.
  if (before.is_regular() && before.mode & S_ISGID && !may_keep_group_bit(request, before))
    take_privileges(request, fd, HostSaid::kWhatItHas);
}

// What the host keeps of a file from now on.
void keep_times(FileSystem& fs, Node* node, const struct stat& wanted, int what,
                const struct stat& now) {
  const std::optional<HostTimes> before = fs.nodes().times_of_host(node);
  HostTimes times = {.modified = before ? before->modified : now.st_mtim,
                     .changed = wanted.st_ctim};
  if (what & FUSE_SET_ATTR_MTIME && !(what & FUSE_SET_ATTR_MTIME_NOW))
    times.modified = wanted.st_mtim;
  fs.nodes().host_keeps_times(node, times);
}

void set_times(FileSystem& fs, int fd, const struct stat& wanted, int what) {
  const long long result =
      lkl_sys_utimensat(fd, "", NewTimes(wanted, what).access_and_change, LKL_AT_EMPTY_PATH);
  const bool by_user = what & FUSE_SET_ATTR_ATIME && !(what & FUSE_SET_ATTR_ATIME_NOW);
  if (result != -LKL_EPERM || by_user || !fs.collects_writes()) {
    check(result);
    return;
  }
  // An append-only file can be touched only; that gives it the time that the clock was set to. Of
  // one that has become immutable, what the host says of its own accord comes too late.
  lkl_sys_utimensat(fd, "", nullptr, LKL_AT_EMPTY_PATH);
}

// Between setting the clock and its use the host may keep this thread from running for a tick of
// the library's: the change time is late then. (A file system may have it earlier, in larger
// steps.)
void repeat_if_late(FileSystem& fs, int fd, struct stat wanted, int what, struct stat& attributes) {
  constexpr int kTries = 5;
  // to set a time is to change nothing but the change time, if it is what the file has
  if (!(what & FUSE_SET_ATTR_MTIME)) wanted.st_mtim = attributes.st_mtim;
  what = (what & FUSE_SET_ATTR_ATIME) | FUSE_SET_ATTR_MTIME;
  for (int i = 0; i < kTries && is_earlier(wanted.st_ctim, attributes.st_ctim); ++i) {
    const HostClock::At at(fs.clock(), wanted.st_ctim);
    set_times(fs, fd, wanted, what);
    attributes = fs.attributes(fd);
  }
}

// What the host has kept of a file that has no name any more, and that nobody has open: nobody will
// see it. It comes with each unlink(2).
bool answered_for_unlinked(FileSystem& fs, fuse_req_t request, const PathFd& file,
                           const struct stat& wanted, int what) {
  constexpr int kKept = FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_CTIME;
  if (!(what & FUSE_SET_ATTR_CTIME) || (what & ~kKept) || file.node()->opens > 0) return false;
  struct stat attributes = fs.attributes(file.fd());
  if (attributes.st_nlink > 0) return false;
  attributes.st_ctim = wanted.st_ctim;
  if (what & FUSE_SET_ATTR_MTIME) attributes.st_mtim = wanted.st_mtim;
  fuse_reply_attr(request, &attributes, FileSystem::kForLong);
  return true;
}

void setattr(fuse_req_t request, fuse_ino_t id, struct stat* wanted, int what,
             fuse_file_info* info) {
  serve(request, [&](FileSystem& fs) {
    const PathFd file = fs.pin(id);
    if (answered_for_unlinked(fs, request, file, *wanted, what)) return;
    struct stat attributes;
    {
      // The host that keeps the times of a file tells when it was changed.
      std::optional<HostClock::At> at;
      if (what & FUSE_SET_ATTR_CTIME)
        at.emplace(fs.clock(), wanted->st_ctim);
      else
        fs.clock().follow();
      if (what & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
        change_owner(request, fs, file.fd(), *wanted, what);
      // After the owner, whose change takes the bits of set-user-ID programs away.
      if (what & FUSE_SET_ATTR_MODE) set_mode(file.fd(), wanted->st_mode);
      if (what & FUSE_SET_ATTR_SIZE) fs.space().freed();
      if (what & FUSE_SET_ATTR_SIZE)
        check(info ? lkl_sys_ftruncate(static_cast<unsigned>(file_of(info)), wanted->st_size)
                   : lkl_sys_truncate(file.proc_path().c_str(), wanted->st_size));
      // A change of nothing: somebody writes who must not keep such bits.
      if ((what & ~FUSE_SET_ATTR_CTIME) == 0)
        take_privileges(request, file.fd(), HostSaid::kWhatItHas);
      else if (what & FUSE_SET_ATTR_SIZE && request_takes_privileges())
        take_privileges(request, file.fd());
      constexpr int kTimes = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME |
                             FUSE_SET_ATTR_MTIME_NOW;
      if (what & kTimes) set_times(fs, file.fd(), *wanted, what);
      attributes = fs.attributes(file.fd());
      if (at) {
        // a write that begins now has the same
        keep_times(fs, file.node(), *wanted, what, attributes);
        repeat_if_late(fs, file.fd(), *wanted, what, attributes);
      }
    }
    fs.before_telling(file.node());
    fuse_reply_attr(request, &attributes, FileSystem::kForLong);
  });
}

void setxattr(fuse_req_t request, fuse_ino_t id, const char* name, const char* value, size_t size,
              int flags) {
  serve_result(request, [&](FileSystem& fs) {
    const PathFd file = fs.pin(id);
    check(lkl_sys_setxattr(file.proc_path().c_str(), name, value, size, flags));
    // An access list, set by who is not in the file's group.
    if (request_takes_privileges()) {
      const Stat status = status_of(file.fd());
      if (status.mode & S_ISGID) set_mode(file.fd(), status.mode & ~S_ISGID);
    }
    return 0;
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
      fuse_reply_err(request, error_for_host(static_cast<int>(-length)));
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

void take_privileges(fuse_req_t request, int fd, HostSaid said) {
  const Stat status = status_of(fd);
  if (!status.is_regular()) return;
  unsigned mode = status.mode & ~S_ISUID;
  const bool only_one = said == HostSaid::kWhatItHas && mode == status.mode;
  if (mode & S_IXGRP || only_one || !may_keep_group_bit(request, status)) mode &= ~S_ISGID;
  if (mode != status.mode) set_mode(fd, mode);
}

long long change_file(FileSystem& fs, Node* node, int fd,
                      const std::function<long long()>& change) {
  const std::optional<HostTimes> times = fs.nodes().times_of_host(node);
  if (!times) {
    fs.clock().follow();
    return change();
  }
  const HostClock::At at(fs.clock(), times->changed);
  const long long result = change();
  if (result >= 0) {
    struct stat wanted = {};
    wanted.st_mtim = times->modified;
    wanted.st_ctim = times->changed;
    if (!is_same(times->modified, times->changed)) set_times(fs, fd, wanted, FUSE_SET_ATTR_MTIME);
    struct stat now = fs.attributes(fd);
    repeat_if_late(fs, fd, wanted, FUSE_SET_ATTR_MTIME, now);
  }
  return result;
}

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
