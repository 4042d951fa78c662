// SPDX-License-Identifier: GPL-2.0
#include "winfsp/file_system.h"

#include <algorithm>
#include <utility>

#include <lkl/asm/statfs.h>
#include <lkl/linux/openat2.h>

#include "host/win32/path.h"
#include "session/serving.h"
#include "winfsp/file_name.h"
#include "winfsp/library.h"

namespace lkl::winfsp {

namespace {

int openat2(int directory, const std::string& path, int flags, int resolve) {
  struct lkl_open_how how = {};
  how.flags = static_cast<unsigned>(flags | LKL_O_CLOEXEC);
  how.resolve = static_cast<unsigned>(resolve);
  return static_cast<int>(lkl_sys_openat2(directory, path.empty() ? "." : path.c_str(), &how,
                                          static_cast<lkl_size_t>(sizeof how)));
}

// The umask and the user belong to a thread of the library's kernel.
class Worker {
 public:
  explicit Worker(Owner self) {
    lkl_sys_unshare(LKL_CLONE_FS);
    lkl_sys_umask(0);
    if (self.group != 0) lkl_sys_setfsgid(self.group);
    if (self.user == 0) return;
    lkl_sys_setfsuid(self.user);
    tool::take_all_rights();
  }
};

}  // namespace

FileSystem::FileSystem(int root, FileSystemOptions options)
    : options_(std::move(options)), security_(options_.self, options_.check_permissions) {
  std::error_code ec;
  root_ = File(root, ".", LKL_O_RDONLY | LKL_O_DIRECTORY, 0, ec);
  if (ec) throw std::system_error(ec);
  root_device_ = device_of(root_.stat());
  struct lkl_statfs space = {};
  // What NTFS can have; a file system of 512 bytes a block is told in such units as well.
  constexpr std::uint64_t kMost = 64 << 10;
  if (lkl_sys_fstatfs(static_cast<unsigned>(root_.fd()), &space) >= 0) {
    const auto block = static_cast<std::uint64_t>(space.f_frsize ? space.f_frsize : space.f_bsize);
    if (block >= 512 && block <= kMost && (block & (block - 1)) == 0) unit_ = block;
  }
}

VolumeParameters FileSystem::parameters(const std::string& type) const {
  VolumeParameters parameters;
  parameters.sectors_per_unit = static_cast<std::uint16_t>(unit_ / parameters.sector_size);
  const Stat root = root_.stat();
  parameters.created = file_time(root.born ? *root.born : root.changed);
  parameters.serial = static_cast<std::uint32_t>(parameters.created ^ parameters.created >> 32);
  // Attributes; of contents this kernel keeps what it has read, and a file may have several names.
  constexpr std::uint32_t kASecond = 1000;
  parameters.file_info_timeout = kASecond;
  parameters.flags = kKeepsCase | kUnicode | kAccessLists | kReparsePoints | kAsksForOneEntry |
                     kContextIsOpenFile | kReparsePointsAreBoth | kUnlinksWhatIsOpen;
  if (!options_.folds_names) parameters.flags |= kCaseSensitive;
  if (options_.read_only) parameters.flags |= kReadOnlyVolume;
  const std::wstring name = lkl::host::wide(type).substr(0, std::size(parameters.type) - 1);
  std::copy(name.begin(), name.end(), parameters.type);
  return parameters;
}

std::wstring FileSystem::mount_point() const {
  const wchar_t* const point = volume_ ? functions().FileSystemMountPointF(volume_) : nullptr;
  std::wstring name = point ? point : L"";
  // As it is if Windows' mount manager has it.
  constexpr std::wstring_view kDevice = L"\\\\.\\";
  if (name.starts_with(kDevice)) name.erase(0, kDevice.size());
  return name;
}

File FileSystem::open_path(const std::string& path) const {
  const int fd = openat2(root(), path, LKL_O_PATH | LKL_O_NOFOLLOW,
                         LKL_RESOLVE_NO_SYMLINKS | LKL_RESOLVE_BENEATH);
  if (fd >= 0) return File::adopt(fd);
  if (fd == -LKL_ELOOP) throw StatusError{STATUS_REPARSE};
  if (fd == -LKL_ENOTDIR) throw StatusError{STATUS_OBJECT_PATH_NOT_FOUND};
  if (fd == -LKL_ENOENT && !path.empty()) open_parent(path);  // or it throws
  throw std::system_error(error_from(fd));
}

File FileSystem::open_parent(const std::string& path) const {
  const int fd = openat2(root(), split(path).parent, LKL_O_PATH | LKL_O_DIRECTORY,
                         LKL_RESOLVE_NO_SYMLINKS | LKL_RESOLVE_BENEATH);
  if (fd >= 0) return File::adopt(fd);
  if (fd == -LKL_ELOOP) throw StatusError{STATUS_REPARSE};
  if (fd == -LKL_ENOENT || fd == -LKL_ENOTDIR) throw StatusError{STATUS_OBJECT_PATH_NOT_FOUND};
  throw std::system_error(error_from(fd));
}

void* FileSystem::keep(std::unique_ptr<OpenFile> file) {
  void* const context = file.get();
  const std::lock_guard lock(mutex_);
  open_.emplace(context, std::move(file));
  return context;
}

void FileSystem::release(void* context) {
  std::unique_ptr<OpenFile> file;  // closed without the mutex
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(context);
  if (found == open_.end()) return;
  file = std::move(found->second);
  open_.erase(found);
}

bool FileSystem::leads_to_directory(const Stat& file, const std::string& path) const {
  if (!file.is_symlink()) return false;
  // Nothing outside of the image, whatever the link says.
  const int fd = openat2(root(), path, LKL_O_PATH | LKL_O_DIRECTORY,
                         LKL_RESOLVE_IN_ROOT | LKL_RESOLVE_NO_MAGICLINKS);
  return static_cast<bool>(File::adopt(fd < 0 ? -1 : fd));
}

FileInfo FileSystem::info(const Stat& file, const std::string& path) const {
  return info_of(file, {split(path).last, leads_to_directory(file, path)}, unit_, root_device_);
}

std::uint32_t FileSystem::attributes(const Stat& file, const std::string& path) const {
  return attributes_of(file, {split(path).last, leads_to_directory(file, path)});
}

void FileSystem::prepare_thread() const {
  thread_local const Worker worker(options_.self);
}

}  // namespace lkl::winfsp
