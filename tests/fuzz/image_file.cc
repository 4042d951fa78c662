// SPDX-License-Identifier: GPL-2.0
#include "fuzz/image_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace lkl_fuzz {

ImageFile::ImageFile(const std::string& path) : path_(path) {
  map(nullptr);
}

void ImageFile::map(void* at) {
  const int fd = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status = {};
  void* mapped = MAP_FAILED;
  if (fd >= 0 && fstat(fd, &status) == 0)
    mapped = mmap(at, static_cast<size_t>(status.st_size), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | (at ? MAP_FIXED : 0), fd, 0);
  if (mapped == MAP_FAILED) {
    std::perror(path_.c_str());
    std::exit(1);
  }
  close(fd);
  bytes_ = {static_cast<std::byte*>(mapped), static_cast<size_t>(status.st_size)};
}

void ImageFile::reset() {
  map(bytes_.data());
}

ImageFile::ImageFile(ImageFile&& other) noexcept
    : path_(std::move(other.path_)), bytes_(std::exchange(other.bytes_, {})) {}

ImageFile::~ImageFile() {
  if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
}

std::vector<ImageFile> images_of(const std::string& folder, const std::string& type) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(type + "-") && name.ends_with(".img")) paths.push_back(entry.path());
  }
  if (paths.empty()) {
    std::fprintf(stderr, "%s: no image %s-*.img there; tests/fuzz/make_images makes them\n",
                 folder.c_str(), type.c_str());
    std::exit(1);
  }
  std::ranges::sort(paths);
  std::vector<ImageFile> images;
  for (const std::string& path : paths) images.emplace_back(path);
  return images;
}

}  // namespace lkl_fuzz
