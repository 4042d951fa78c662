// SPDX-License-Identifier: GPL-2.0
#include "winfsp/open_file.h"

#include <fmt/format.h>

#include <utility>

#include "session/serving.h"
#include "winfsp/library.h"

namespace lkl::winfsp {

using tool::check;

namespace {

constexpr int kAccess = LKL_O_ACCMODE;

}  // namespace

OpenFile::OpenFile(File path, std::string name, int flags)
    : path_(std::move(path)), flags_(flags), name_(std::move(name)) {}

OpenFile::~OpenFile() {
  if (directory_buffer_) functions().FileSystemDeleteDirectoryBuffer(&directory_buffer_);
}

std::string OpenFile::proc_path() const {
  return fmt::format("/proc/self/fd/{}", path_fd());
}

Stat OpenFile::stat() const {
  std::error_code ec;
  const Stat status = stat_at(path_fd(), "", LKL_AT_EMPTY_PATH | LKL_AT_SYMLINK_NOFOLLOW, ec);
  if (ec) throw std::system_error(ec);
  return status;
}

void OpenFile::take_contents(File file) {
  const std::lock_guard lock(mutex_);
  contents_ = std::move(file);
  writable_ = true;
}

int OpenFile::open_contents(int flags) {
  const Stat status = stat();
  // A pipe or a device of the image is nothing to read here.
  if (!status.is_regular() && !status.is_directory())
    throw StatusError{STATUS_INVALID_DEVICE_REQUEST};
  if (status.is_directory()) flags = LKL_O_RDONLY | LKL_O_DIRECTORY;
  std::error_code ec;
  File file(LKL_AT_FDCWD, proc_path(), flags, 0, ec);
  if (ec) throw std::system_error(ec);
  // The other one may be in use by another thread: it stays until then.
  if (contents_)
    check(lkl_sys_dup3(static_cast<unsigned>(file.fd()), static_cast<unsigned>(contents_.fd()),
                       LKL_O_CLOEXEC));
  else
    contents_ = std::move(file);
  writable_ = (flags & kAccess) != LKL_O_RDONLY;
  return contents_.fd();
}

int OpenFile::fd() {
  const std::lock_guard lock(mutex_);
  return contents_ ? contents_.fd() : open_contents(flags_);
}

int OpenFile::fd_for_writing() {
  const std::lock_guard lock(mutex_);
  return contents_ && writable_ ? contents_.fd() : open_contents((flags_ & ~kAccess) | LKL_O_RDWR);
}

std::string OpenFile::name() const {
  const std::lock_guard lock(mutex_);
  return name_;
}

void OpenFile::set_name(std::string name) {
  const std::lock_guard lock(mutex_);
  name_ = std::move(name);
}

void OpenFile::become(File path) {
  const std::lock_guard lock(mutex_);
  // The number stays: who uses it does not look at the object again.
  check(lkl_sys_dup3(static_cast<unsigned>(path.fd()), static_cast<unsigned>(path_.fd()),
                     LKL_O_CLOEXEC));
  contents_ = File();
}

}  // namespace lkl::winfsp
