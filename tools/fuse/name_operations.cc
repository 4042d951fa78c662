// SPDX-License-Identifier: GPL-2.0
//
// Names: looked up, made, moved, removed.
#include <sys/sysmacros.h>

#include "operation.h"

namespace lkl::fuse {

namespace {

void lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  serve(request, [&](FileSystem& fs) {
    const PathFd directory = fs.pin(parent);
    // that there is no such name is worth remembering as well
    const fuse_entry_param entry = fs.find_entry(directory.fd(), directory.node(), name);
    fuse_reply_entry(request, &entry);
  });
}

void forget(fuse_req_t request, fuse_ino_t id, uint64_t times) {
  FileSystem& fs = file_system(request);
  fs.nodes().forget(fs.node(id), times);
  fuse_reply_none(request);
}

void forget_multi(fuse_req_t request, size_t count, fuse_forget_data* forgets) {
  FileSystem& fs = file_system(request);
  for (const fuse_forget_data& one : std::span(forgets, count))
    fs.nodes().forget(fs.node(one.ino), one.nlookup);
  fuse_reply_none(request);
}

// Makes something by `make`, a call with the directory's descriptor, and answers with it.
template <typename Make>
void answer_with_new(FileSystem& fs, fuse_req_t request, fuse_ino_t parent, const char* name,
                     Make make) {
  const PathFd directory = fs.pin(parent);
  make_as_caller(request, fs);
  check(make(directory.fd()));
  const fuse_entry_param entry = fs.entry(directory.fd(), directory.node(), name);
  fuse_reply_entry(request, &entry);
}

template <typename Make>
void make_entry(fuse_req_t request, fuse_ino_t parent, const char* name, Make make) {
  serve_own_change(request,
                   [&](FileSystem& fs) { answer_with_new(fs, request, parent, name, make); });
}

void mknod(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode, dev_t device) {
  make_entry(request, parent, name, [&](int directory) {
    return lkl_sys_mknodat(directory, name, static_cast<lkl_umode_t>(mode),
                           device_number(major(device), minor(device)));
  });
}

void mkdir(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode) {
  make_entry(request, parent, name, [&](int directory) {
    return lkl_sys_mkdirat(directory, name, static_cast<lkl_umode_t>(mode));
  });
}

void symlink(fuse_req_t request, const char* text, fuse_ino_t parent, const char* name) {
  make_entry(request, parent, name,
             [&](int directory) { return lkl_sys_symlinkat(text, directory, name); });
}

void link(fuse_req_t request, fuse_ino_t id, fuse_ino_t parent, const char* name) {
  serve_change(request, [&](FileSystem& fs) {
    answer_with_new(fs, request, parent, name, [&](int directory) {
      const PathFd file = fs.pin(id);
      return lkl_sys_linkat(file.fd(), "", directory, name, LKL_AT_EMPTY_PATH);
    });
  });
}

// The host may know what is about to lose this name, and use it afterwards. To be held until then.
std::optional<PathFd> keep_target(FileSystem& fs, const PathFd& directory, const char* name) {
  if (!fs.nodes().closes_paths()) return std::nullopt;
  std::error_code ec;
  File path(directory.fd(), name, LKL_O_PATH | LKL_O_NOFOLLOW, 0, ec);
  if (ec) return std::nullopt;
  return fs.nodes().keep_open(std::move(path));
}

// Whether somebody sees the change time that the host keeps of a file that loses this name.
bool stays_after_unlink(const PathFd& directory, const char* name) {
  std::error_code ec;
  const Stat status = stat_at(directory.fd(), name, LKL_AT_SYMLINK_NOFOLLOW, ec);
  return !ec && status.is_regular() && status.nlink > 1;
}

void remove(fuse_req_t request, fuse_ino_t parent, const char* name, int flags) {
  serve_own_change(request, [&](FileSystem& fs) {
    const PathFd directory = fs.pin(parent);
    const std::optional<PathFd> target = keep_target(fs, directory, name);
    if (!(flags & LKL_AT_REMOVEDIR) && stays_after_unlink(directory, name)) fs.clock().follow();
    fs.space().freed();
    check(lkl_sys_unlinkat(directory.fd(), name, flags));
    fuse_reply_err(request, 0);
  });
}

void unlink(fuse_req_t request, fuse_ino_t parent, const char* name) {
  remove(request, parent, name, 0);
}

void rmdir(fuse_req_t request, fuse_ino_t parent, const char* name) {
  remove(request, parent, name, LKL_AT_REMOVEDIR);
}

void rename(fuse_req_t request, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
            const char* new_name, unsigned flags) {
  serve_result(request, [&](FileSystem& fs) {
    const PathFd from = fs.pin(parent), to = fs.pin(new_parent);
    const std::optional<PathFd> target = keep_target(fs, to, new_name);
    fs.space().freed();
    return lkl_sys_renameat2(from.fd(), name, to.fd(), new_name, flags);
  });
}

void readlink(fuse_req_t request, fuse_ino_t id) {
  serve(request, [&](FileSystem& fs) {
    const PathFd file = fs.pin(id);
    char text[4096 + 1];  // PATH_MAX
    const long long length =
        check(lkl_sys_readlinkat(file.fd(), "", text, static_cast<int>(sizeof text - 1)));
    text[length] = '\0';
    fuse_reply_readlink(request, text);
  });
}

}  // namespace

void add_name_operations(fuse_lowlevel_ops& operations) {
  operations.lookup = lookup;
  operations.forget = forget;
  operations.forget_multi = forget_multi;
  operations.mknod = mknod;
  operations.mkdir = mkdir;
  operations.symlink = symlink;
  operations.link = link;
  operations.unlink = unlink;
  operations.rmdir = rmdir;
  operations.rename = rename;
  operations.readlink = readlink;
}

}  // namespace lkl::fuse
