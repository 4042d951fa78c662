// SPDX-License-Identifier: GPL-2.0
#include "winfsp/mounted.h"

#include <fmt/format.h>

#include "base/error.h"
#include "host/win32/path.h"
#include "winfsp/library.h"
#include "winfsp/operations.h"

namespace lkl::winfsp {

namespace {

using lkl::host::narrow;
using lkl::host::wide;

std::uint32_t as_number(NtStatus status) {
  return static_cast<std::uint32_t>(status);
}

std::string why_not_mounted(const std::string& mount_point, NtStatus status) {
  if (status == STATUS_OBJECT_NAME_COLLISION)
    return fmt::format("{}: is there already; choose a free letter, or * for any", mount_point);
  return fmt::format("{}: WinFsp does not mount there (status {:#010x})", mount_point,
                     as_number(status));
}

}  // namespace

Mounted::Mounted(FileSystem& fs, const MountOptions& options) {
  const Functions& winfsp = functions();
  const VolumeParameters parameters = fs.parameters(options.type);
  wchar_t device[] = L"WinFsp.Disk";
  NtStatus status = winfsp.FileSystemCreate(device, &parameters, &operations(), &volume_);
  if (status < 0)
    throw tool::Failure(
        fmt::format("WinFsp makes no volume (status {:#010x}): is its driver running? "
                    "'sc start WinFsp', as an administrator, starts it",
                    as_number(status)));
  volume_->context = &fs;
  if (options.debug) {
    winfsp.DebugLogSetHandle(GetStdHandle(STD_ERROR_HANDLE));
    winfsp.FileSystemSetDebugLogF(volume_, ~0U);
  }
  fs.mounted_at(volume_);
  std::wstring point = wide(options.mount_point);
  status = winfsp.FileSystemSetMountPoint(volume_, point == L"*" ? nullptr : point.data());
  if (status < 0) {
    winfsp.FileSystemDelete(volume_);
    throw tool::Failure(why_not_mounted(options.mount_point, status));
  }
  status = winfsp.FileSystemStartDispatcher(volume_, options.threads);
  if (status < 0) {
    winfsp.FileSystemDelete(volume_);
    throw tool::Failure(fmt::format("{}: WinFsp starts no threads (status {:#010x})",
                                    options.mount_point, as_number(status)));
  }
}

Mounted::~Mounted() {
  functions().FileSystemStopDispatcher(volume_);
  functions().FileSystemDelete(volume_);
}

std::string Mounted::mount_point() const {
  const wchar_t* const point = functions().FileSystemMountPointF(volume_);
  return point ? narrow(point) : "";
}

}  // namespace lkl::winfsp
