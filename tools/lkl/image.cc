// SPDX-License-Identifier: GPL-2.0
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <utility>

#include "error.h"

namespace lkl::tool {

namespace {

bool exists(const std::string& path) {
  struct stat ignored = {};
  return !path.empty() && ::stat(path.c_str(), &ignored) == 0;
}

bool is_image_candidate(const std::string& path) {
  struct stat status = {};
  return !path.empty() && ::stat(path.c_str(), &status) == 0 && !S_ISDIR(status.st_mode);
}

// Splits a trailing ":N" off, unless a file of the whole name exists.
void split_partition(ImageName& name) {
  if (exists(name.image)) return;
  const std::size_t colon = name.image.rfind(':');
  if (colon == std::string::npos || colon + 1 == name.image.size()) return;
  unsigned number = 0;
  const char* end = name.image.data() + name.image.size();
  const auto [stop, error] = std::from_chars(name.image.data() + colon + 1, end, number);
  if (error != std::errc() || stop != end) return;
  name.partition = number;
  name.image.resize(colon);
}

}  // namespace

ImageName parse_image_name(const std::string& text) {
  if (is_image_candidate(text)) return {text, std::nullopt, {}};
  if (auto with_path = parse_image_path(text)) return *with_path;
  ImageName name{text, std::nullopt, {}};
  split_partition(name);
  return name;
}

std::optional<ImageName> parse_image_path(const std::string& text) {
  std::optional<ImageName> fallback;
  for (std::size_t at = text.find(":/"); at != std::string::npos; at = text.find(":/", at + 1)) {
    ImageName name{text.substr(0, at), std::nullopt, text.substr(at + 1)};
    split_partition(name);
    if (is_image_candidate(name.image)) return name;
    if (!fallback) fallback = std::move(name);
  }
  // A host path with a colon at the end of one of its directories, there or about to be made.
  if (exists(text) || exists(text.substr(0, text.rfind('/')))) return std::nullopt;
  return fallback;
}

ImageFile::ImageFile(const std::string& path, bool writable) : path_(path), writable_(writable) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) {
    const int error = errno;
    if (error == ENOENT) throw Failure(fmt::format("{}: no such image; check the path", path));
    throw Failure(fmt::format("{}: cannot look at the image: {}", path,
                              describe({error, std::system_category()})));
  }
  if (S_ISDIR(status.st_mode)) throw Failure(fmt::format("{}: is a directory, not an image", path));
  if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
    throw Failure(fmt::format("{}: is neither a file nor a block device", path));

  fd_ = ::open(path.c_str(), (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
  if (fd_ < 0) {
    const int error = errno;
    const std::string why = describe({error, std::system_category()});
    if (error == EACCES || error == EPERM || error == EROFS)
      throw Failure(fmt::format(
          "{}: cannot open the image for {}: {}{}", path, writable ? "writing" : "reading", why,
          writable ? "; --ro is enough to copy out of it" : "; ask its owner or root for access"));
    throw Failure(fmt::format("{}: cannot open the image: {}", path, why));
  }
  // A block device has no st_size; its end says how long it is.
  const off_t end = ::lseek(fd_, 0, SEEK_END);
  size_ = end < 0 ? 0 : static_cast<std::uint64_t>(end);
  device_ = status.st_dev;
  inode_ = status.st_ino;
  if (size_ < 512) {
    ::close(std::exchange(fd_, -1));
    throw Failure(fmt::format("{}: is {} bytes long: too short for a disk image", path, size_));
  }
}

ImageFile::ImageFile(ImageFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      writable_(other.writable_),
      size_(other.size_),
      device_(other.device_),
      inode_(other.inode_) {}

ImageFile::~ImageFile() {
  if (fd_ >= 0) ::close(fd_);
}

void ImageFile::sync() {
  if (::fsync(fd_) != 0) throw std::system_error(errno, std::system_category(), path_);
}

}  // namespace lkl::tool
