// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace lkl_fuzz {

// An image in memory, private to each process: what a run changes is gone with it.
class ImageFile final {
 public:
  // Exits with a message if the file can't be mapped.
  explicit ImageFile(const std::string& path);
  ~ImageFile();
  ImageFile(ImageFile&& other) noexcept;
  ImageFile& operator=(ImageFile&&) = delete;

  const std::string& path() const { return path_; }
  std::span<std::byte> bytes() const { return bytes_; }
  // As in the file again, at the same place.
  void reset();

 private:
  void map(void* at);

  std::string path_;
  std::span<std::byte> bytes_;
};

// All of a folder's images of this type (TYPE-NAME.img), by name. Exits with a message if
// there is none.
std::vector<ImageFile> images_of(const std::string& folder, const std::string& type);

}  // namespace lkl_fuzz
