// SPDX-License-Identifier: GPL-2.0
//
// Attributes of files, and of the file system as a whole.
#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include <lkl/asm/statfs.h>
#include <lkl/linux/fs.h>

#include "host/win32/path.h"
#include "winfsp/operation.h"

namespace lkl::winfsp {

namespace {

std::string label(const FileSystem& fs) {
  char text[LKL_FSLABEL_MAX] = {};
  if (lkl_sys_ioctl(static_cast<unsigned>(fs.root()), LKL_FS_IOC_GETFSLABEL,
                    reinterpret_cast<lkl_ulong>(text)) < 0)
    return fs.options().label;
  return std::string(text, strnlen(text, sizeof text));
}

void fill(const FileSystem& fs, VolumeInfo& info) {
  struct lkl_statfs space = {};
  check(lkl_sys_fstatfs(static_cast<unsigned>(fs.root()), &space));
  const auto block = static_cast<std::uint64_t>(space.f_frsize ? space.f_frsize : space.f_bsize);
  info = {};
  info.total = space.f_blocks * block;
  info.free = space.f_bavail * block;
  const std::wstring text = lkl::host::wide(label(fs));
  const std::size_t length = std::min(text.size(), std::size(info.label));
  std::copy_n(text.begin(), length, info.label);
  info.label_bytes = static_cast<std::uint16_t>(length * sizeof(wchar_t));
}

NtStatus get_volume_info(Volume* volume, VolumeInfo* info) {
  return serve(volume, [&](FileSystem& fs) { fill(fs, *info); });
}

NtStatus set_volume_label(Volume* volume, wchar_t* text, VolumeInfo* info) {
  return serve(volume, [&](FileSystem& fs) {
    char wanted[LKL_FSLABEL_MAX] = {};
    const std::string name = lkl::host::narrow(text);
    if (name.size() >= sizeof wanted) throw StatusError{STATUS_INVALID_VOLUME_LABEL};
    std::copy(name.begin(), name.end(), wanted);
    const long long result = lkl_sys_ioctl(static_cast<unsigned>(fs.root()), LKL_FS_IOC_SETFSLABEL,
                                           reinterpret_cast<lkl_ulong>(wanted));
    if (result == -LKL_EINVAL) throw StatusError{STATUS_INVALID_VOLUME_LABEL};
    check(result);
    fill(fs, *info);
  });
}

NtStatus get_file_info(Volume* volume, void* context, FileInfo* info) {
  return serve(volume, [&](FileSystem& fs) { *info = fs.info(OpenFile::of(context)); });
}

struct __lkl__kernel_timespec wanted_time(std::uint64_t time) {
  constexpr long kOmit = (1L << 30) - 2;  // UTIME_OMIT
  struct __lkl__kernel_timespec wanted = {};
  const Timestamp stamp = from_file_time(time);
  wanted.tv_sec = stamp.seconds;
  wanted.tv_nsec = time == 0 ? kOmit : static_cast<long>(stamp.nanoseconds);
  return wanted;
}

void set_mode(const OpenFile& file, unsigned mode) {
  check(lkl_sys_fchmodat(LKL_AT_FDCWD, file.proc_path().c_str(), static_cast<lkl_umode_t>(mode)));
}

// The time of creation and that of a change are nobody's to set, on Linux.
NtStatus set_basic_info(Volume* volume, void* context, std::uint32_t attributes, std::uint64_t,
                        std::uint64_t accessed, std::uint64_t written, std::uint64_t,
                        FileInfo* info) {
  return serve(volume, [&](FileSystem& fs) {
    const OpenFile& file = OpenFile::of(context);
    const Stat before = file.stat();
    // Of a directory it means something else to Windows: that its looks are kept in it.
    if (attributes != INVALID_FILE_ATTRIBUTES && attributes != 0 && before.is_regular()) {
      const unsigned mode = mode_with_attributes(before.mode, attributes);
      if (mode != (before.mode & 07777)) set_mode(file, mode);
    }
    if (accessed != 0 || written != 0) {
      struct __lkl__kernel_timespec times[2] = {wanted_time(accessed), wanted_time(written)};
      check(lkl_sys_utimensat(file.path_fd(), "", times,
                              LKL_AT_EMPTY_PATH | LKL_AT_SYMLINK_NOFOLLOW));
    }
    *info = fs.info(file);
  });
}

NtStatus get_security(Volume* volume, void* context, void* descriptor, std::size_t* size) {
  return serve(volume, [&](FileSystem& fs) {
    return give_descriptor(fs.security().descriptor(OpenFile::of(context).stat()), descriptor,
                           *size);
  });
}

NtStatus set_security(Volume* volume, void* context, ULONG what, void* descriptor) {
  return serve(volume, [&](FileSystem& fs) {
    const OpenFile& file = OpenFile::of(context);
    const Stat before = file.stat();
    const Security::Change change = fs.security().change(before, what, descriptor);
    constexpr std::uint32_t kSame = ~0U;
    const std::uint32_t user = change.user.value_or(before.uid),
                        group = change.group.value_or(before.gid);
    if (user != before.uid || group != before.gid)
      check(lkl_sys_fchownat(file.path_fd(), "", user == before.uid ? kSame : user,
                             group == before.gid ? kSame : group,
                             LKL_AT_EMPTY_PATH | LKL_AT_SYMLINK_NOFOLLOW));
    // Links have no mode.
    if (change.mode && *change.mode != (before.mode & 07777) && !before.is_symlink())
      set_mode(file, *change.mode);
  });
}

void dispatcher_stopped(Volume* volume, BOOLEAN normally) {
  const FileSystem& fs = *static_cast<FileSystem*>(volume->context);
  if (!normally && fs.options().on_end) fs.options().on_end();
}

}  // namespace

NtStatus give_descriptor(const std::vector<std::byte>& from, void* to, std::size_t& size) {
  const std::size_t room = std::exchange(size, from.size());
  if (from.size() > room) return STATUS_BUFFER_OVERFLOW;
  if (to) std::copy(from.begin(), from.end(), static_cast<std::byte*>(to));
  return STATUS_SUCCESS;
}

void add_attribute_operations(Operations& operations) {
  operations.get_volume_info = get_volume_info;
  operations.set_volume_label = set_volume_label;
  operations.get_file_info = get_file_info;
  operations.set_basic_info = set_basic_info;
  operations.get_security = get_security;
  operations.set_security = set_security;
  operations.dispatcher_stopped = dispatcher_stopped;
}

}  // namespace lkl::winfsp
