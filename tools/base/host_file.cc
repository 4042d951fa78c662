// SPDX-License-Identifier: GPL-2.0
#include "base/host_file.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "base/host_calls.h"

namespace lkl::tool {

namespace {

std::string reason() {
  return describe(host_error(errno));
}

}  // namespace

HostFile HostFile::open(const std::string& path, int flags) {
  HostFile file;
  file.path_ = path;
  file.fd_ = on_host::open(path, flags);
  if (file.fd_ < 0) throw Failure(fmt::format("{}: cannot open: {}", path, reason()));
  file.owned_ = true;
  return file;
}

HostFile HostFile::create(const std::string& path, Existing existing) {
  HostFile file;
  file.path_ = path;
  constexpr int kFlags = O_RDWR | O_CREAT;
  file.fd_ = on_host::open(path, kFlags | O_EXCL, 0666);
  if (file.fd_ < 0 && errno == EEXIST) {
    if (existing == Existing::kRefused)
      throw Failure(fmt::format("{}: exists; remove it, or replace it with --force", path));
    file.existed_ = true;
    file.fd_ = on_host::open(path, kFlags, 0666);
  }
  if (file.fd_ < 0) throw Failure(fmt::format("{}: cannot make it: {}", path, reason()));
  file.owned_ = true;
  // Devices and pipes stay where they are.
  struct stat status = {};
  if (::fstat(file.fd_, &status) != 0 || !S_ISREG(status.st_mode)) return file;
  file.remover_.emplace(std::vector<Outside::Step>{[path] {
    on_host::remove(path);
    return -1;
  }});
  file.remove_ = !file.existed_;
  return file;
}

void HostFile::empty() {
  if (!existed_ || !remover_) return;
  if (on_host::resize(fd_, 0) != 0)
    throw Failure(fmt::format("{}: cannot empty it: {}", path_, reason()));
  remove_ = true;
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
      existed_(other.existed_),
      remove_(std::exchange(other.remove_, false)),
      remover_(std::move(other.remover_)) {}

HostFile::~HostFile() {
  if (owned_) ::close(fd_);
  if (!remove_) return;
  try {
    remover_->run(0);
  } catch (const Failure&) {
    // it stays, then
  }
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
