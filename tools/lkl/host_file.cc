// SPDX-License-Identifier: GPL-2.0
#include "host_file.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace lkl::tool {

namespace {

std::string reason() {
  return describe({errno, std::system_category()});
}

}  // namespace

HostFile HostFile::open(const std::string& path, int flags) {
  HostFile file;
  file.path_ = path;
  file.fd_ = ::open(path.c_str(), flags | O_CLOEXEC);
  if (file.fd_ < 0) throw Failure(fmt::format("{}: cannot open: {}", path, reason()));
  file.owned_ = true;
  return file;
}

HostFile HostFile::create(const std::string& path, Existing existing) {
  HostFile file;
  file.path_ = path;
  const int flags = O_RDWR | O_CREAT | O_CLOEXEC;
  file.fd_ =
      ::open(path.c_str(), flags | (existing == Existing::kRefused ? O_EXCL : O_TRUNC), 0666);
  if (file.fd_ < 0 && errno == EEXIST)
    throw Failure(fmt::format("{}: exists; remove it, or replace it with --force", path));
  if (file.fd_ < 0) throw Failure(fmt::format("{}: cannot make it: {}", path, reason()));
  file.owned_ = true;
  // Devices and pipes stay where they are.
  struct stat status = {};
  file.remove_ = ::fstat(file.fd_, &status) == 0 && S_ISREG(status.st_mode);
  return file;
}

HostFile HostFile::borrow(int fd) {
  HostFile file;
  file.fd_ = fd;
  return file;
}

HostFile::HostFile(HostFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      owned_(std::exchange(other.owned_, false)),
      remove_(std::exchange(other.remove_, false)) {}

HostFile::~HostFile() {
  if (owned_) ::close(fd_);
  if (remove_) ::unlink(path_.c_str());
}

void HostFile::keep() {
  if (!owned_) return;
  // Some file systems only tell now that there was no room.
  if (::close(std::exchange(fd_, -1)) != 0 && std::exchange(owned_, false))
    throw Failure(fmt::format("{}: {}", path_, reason()));
  owned_ = false;
  remove_ = false;
}

}  // namespace lkl::tool
