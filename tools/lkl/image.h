// SPDX-License-Identifier: GPL-2.0
//
// Images on the host: how they are named on the command line, and opening them.
#ifndef LKL_TOOL_IMAGE_H
#define LKL_TOOL_IMAGE_H

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace lkl::tool {

// What IMAGE[:PARTITION][:/PATH] means.
struct ImageName {
  std::string image;
  std::optional<unsigned> partition;
  std::string path;  // empty when none was given
};

// Reads an operand that has to name an image. A file of exactly that name wins over any
// interpretation of its colons.
ImageName parse_image_name(const std::string& text);

// Reads an operand of cp, which names an image if it has ":/" in it, and a host path if not or if
// that path, or the directory it is in, exists on the host.
std::optional<ImageName> parse_image_path(const std::string& text);

// An image file or block device, open on the host. Move-only.
class ImageFile {
 public:
  // Throws Failure with a message that names the image: missing, no permission, a directory, empty.
  ImageFile(const std::string& path, bool writable);
  ImageFile(ImageFile&& other) noexcept;
  ImageFile& operator=(ImageFile&&) = delete;
  ~ImageFile();

  int fd() const { return fd_; }
  const std::string& path() const { return path_; }
  bool writable() const { return writable_; }
  std::uint64_t size() const { return size_; }
  // Whether both are the same file of the host, by whatever names.
  bool same_file(dev_t device, ino_t inode) const { return device == device_ && inode == inode_; }

  // Writes the host's cache of the image to its disk. Throws std::system_error.
  void sync();

 private:
  std::string path_;
  int fd_ = -1;
  bool writable_ = false;
  std::uint64_t size_ = 0;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_IMAGE_H
