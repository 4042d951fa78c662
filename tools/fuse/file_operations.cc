// SPDX-License-Identifier: GPL-2.0
//
// Open files.
#include <fcntl.h>
#include <unistd.h>

#include <lkl/linux/falloc.h>

#include "open_file.h"
#include "operation.h"

namespace lkl::fuse {

namespace {

int file_of(const fuse_file_info* info) {
  return OpenHandle::of(info).fd();
}

void keep_open(FileSystem& fs, OpenFile::Descriptor descriptor, Node* node, fuse_file_info* info) {
  info->direct_io = fs.options().direct_io;
  info->keep_cache = 1;
  fs.keep(std::make_unique<OpenFile>(fs, std::move(descriptor), node, info->flags), info);
  fs.before_telling(node);
}

void open(fuse_req_t request, fuse_ino_t id, fuse_file_info* info) {
  serve(request, [&](FileSystem& fs) {
    Node* const node = fs.node(id);
    const PathFd path = fs.pin(id);
    OpenFile::Descriptor descriptor;
    if (info->flags & O_TRUNC) {
      fs.space().freed();
      change_file(fs, node, path.fd(), [&] {
        descriptor = OpenFile::open(fs, path.proc_path(), info->flags);
        if (request_takes_privileges()) take_privileges(request, path.fd());
        return 0;
      });
    } else {
      descriptor = OpenFile::open(fs, path.proc_path(), info->flags);
    }
    keep_open(fs, std::move(descriptor), node, info);
    // an answer that did not arrive will not be followed by a release
    if (fuse_reply_open(request, info) != 0) fs.release(info);
  });
}

void create(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode,
            fuse_file_info* info) {
  serve_change(request, [&](FileSystem& fs) {
    const PathFd directory = fs.pin(parent);
    make_as_caller(request, fs);
    int flags = OpenFile::library_flags(fs, info->flags) | LKL_O_CREAT | LKL_O_NOFOLLOW;
    if (info->flags & O_EXCL) flags |= LKL_O_EXCL;
    std::error_code ec;
    File file(directory.fd(), name, flags, mode, ec);
    if (ec) throw std::system_error(ec);
    fuse_entry_param entry = fs.entry(directory.fd(), directory.node(), name);
    Node* const node = fs.node(entry.ino);
    if (fs.collects_writes()) {
      // As long as its clock does not tick the host has nothing to say about the times of what it
      // collects, which is one request less for a small file.
      fs.nodes().host_keeps_times(node, {entry.attr.st_mtim, entry.attr.st_ctim});
      // It does not know the file yet, so that it could be told to ask before it writes.
      if (fs.space().scarce()) entry.attr_timeout = 0;
    }
    keep_open(fs, {std::move(file)}, node, info);
    if (fuse_reply_create(request, &entry, info) != 0) fs.release(info);
  });
}

void release(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
  file_system(request).release(info);
  fuse_reply_err(request, 0);
}

void read(fuse_req_t request, fuse_ino_t, size_t size, off_t at, fuse_file_info* info) {
  serve(request, [&](FileSystem&) {
    char* const buffer = reinterpret_cast<char*>(Worker::current().buffer(size));
    const auto& file = static_cast<const OpenFile&>(OpenHandle::of(info));
    const long long got = check(file.read(buffer, size, at));
    fuse_reply_buf(request, buffer, static_cast<size_t>(got));
  });
}

// What goes past the host's cache it does not synchronise.
long long synchronise(const FileSystem& fs, int fd, int flags) {
  if (!fs.options().direct_io || !(flags & O_DSYNC)) return 0;
  const auto file = static_cast<unsigned>(fd);
  return (flags & O_SYNC) == O_SYNC ? lkl_sys_fsync(file) : lkl_sys_fdatasync(file);
}

void write(fuse_req_t request, fuse_ino_t id, const char* data, size_t size, off_t at,
           fuse_file_info* info) {
  serve(request, [&](FileSystem& fs) {
    const auto& file = static_cast<const OpenFile&>(OpenHandle::of(info));
    const long long written = change_file(fs, file.node(), file.fd(), [&] {
      const long long result = file.write(data, size, at);
      if (result >= 0 && request_takes_privileges()) {
        take_privileges(request, file.fd());
        fs.host_cache().forget_attributes(id);
      }
      return result;
    });
    if (written == -LKL_ENOSPC) fs.did_not_fit();
    check(written);
    fs.wrote(static_cast<std::uint64_t>(written));
    check(synchronise(fs, file.fd(), info->flags));
    fuse_reply_write(request, static_cast<size_t>(written));
  });
}

void fsync(fuse_req_t request, fuse_ino_t, int data_only, fuse_file_info* info) {
  serve_result(request, [&](FileSystem&) {
    const auto file = static_cast<unsigned>(file_of(info));
    return data_only ? lkl_sys_fdatasync(file) : lkl_sys_fsync(file);
  });
}

void fallocate(fuse_req_t request, fuse_ino_t id, int mode, off_t offset, off_t length,
               fuse_file_info* info) {
  serve(request, [&](FileSystem& fs) {
    const int fd = file_of(info);
    check(change_file(fs, fs.node(id), fd,
                      [&] { return lkl_sys_fallocate(fd, mode, offset, length); }));
    if (mode & LKL_FALLOC_FL_PUNCH_HOLE)
      fs.space().freed();
    else
      fs.wrote(static_cast<std::uint64_t>(length));
    fuse_reply_err(request, 0);
  });
}

long long seek(int fd, off_t offset, int whence) {
  return lkl_sys_lseek(static_cast<unsigned>(fd), offset, static_cast<unsigned>(whence));
}

bool is_end(int fd, long long at) {
  std::error_code ec;
  return static_cast<std::uint64_t>(at) >= stat_at(fd, "", LKL_AT_EMPTY_PATH, ec).size;
}

// What is a hole or the end to us may be data that the host has not sent yet. To be called where
// that can be waited for.
long long seek_in_collected(FileSystem& fs, fuse_ino_t id, int fd, off_t offset, int whence) {
  HostCache& host = fs.host_cache();
  long long found = seek(fd, offset, whence);
  if (whence == SEEK_DATA) {
    if (found == offset) return found;
    host.take_dirty(id, offset, found > offset ? found - offset : 0);
    return seek(fd, offset, whence);
  }
  // A hole is one if the host has nothing for its beginning; it need not forget all the rest.
  constexpr off_t kFirst = 64 << 10, kMore = 8;
  for (off_t part = kFirst;; part *= kMore) {
    const bool to_end = found < 0 || is_end(fd, found);
    host.take_dirty(id, found < 0 ? offset : found, to_end ? 0 : part);
    const long long again = seek(fd, offset, whence);
    if (again == found) return found;
    found = again;
  }
}

// Only SEEK_DATA and SEEK_HOLE come here; reads and writes name their place themselves.
void lseek(fuse_req_t request, fuse_ino_t id, off_t offset, int whence, fuse_file_info* info) {
  serve(request, [&](FileSystem& fs) {
    const int fd = file_of(info);
    if (fs.node(id)->writers == 0) {
      fuse_reply_lseek(request, check(seek(fd, offset, whence)));
      return;
    }
    fs.host_cache().later([=] {
      serve(request, [&](FileSystem& fs) {
        fuse_reply_lseek(request, check(seek_in_collected(fs, id, fd, offset, whence)));
      });
    });
  });
}

void copy_file_range(fuse_req_t request, fuse_ino_t, off_t from, fuse_file_info* from_info,
                     fuse_ino_t to_id, off_t to, fuse_file_info* to_info, size_t length,
                     int flags) {
  serve(request, [&](FileSystem& fs) {
    lkl_loff_t at = from, to_at = to;
    const int target = file_of(to_info);
    const long long copied = check(change_file(fs, fs.node(to_id), target, [&] {
      return lkl_sys_copy_file_range(file_of(from_info), &at, target, &to_at, length,
                                     static_cast<unsigned>(flags));
    }));
    fs.wrote(static_cast<std::uint64_t>(copied));
    fuse_reply_write(request, static_cast<size_t>(copied));
  });
}

}  // namespace

void add_file_operations(fuse_lowlevel_ops& operations) {
  operations.open = open;
  operations.create = create;
  operations.release = release;
  operations.read = read;
  operations.write = write;
  operations.fsync = fsync;
  operations.fallocate = fallocate;
  operations.lseek = lseek;
  operations.copy_file_range = copy_file_range;
}

}  // namespace lkl::fuse
