// SPDX-License-Identifier: GPL-2.0
//
// Images on the host: opening them.
#ifndef LKL_TOOL_IMAGE_H
#define LKL_TOOL_IMAGE_H

#include <cstdint>
#include <lkl.hpp>
#include <string>
#include <vector>

#include "base/descriptor.h"
#include "image/disk_server.h"
#include "image/image_address.h"

namespace lkl::tool {

struct ImageAccess {
  bool writable = false;
  bool lock = true;             // against others who have it open
  bool snapshot = false;        // what is written goes to a temporary file, and is gone at the end
  bool wait_for_space = false;  // when the host's disk is full
  bool unconfined = false;      // the programs that serve it may do all that the user may
  std::string format = {};      // "qcow2" ...; empty: as the name says, or recognised
};

// An image, open on the host: a file or block device, or what a server makes of one. Move-only.
class ImageFile {
 public:
  // Throws Failure with a message that names the image: missing, no permission, a directory, empty,
  // a format or scheme that is not known, no program that serves it.
  ImageFile(ImageAddress address, const ImageAccess& access);
  ImageFile(ImageFile&& other) noexcept;
  ImageFile& operator=(ImageFile&&) = delete;
  ~ImageFile();

  // As it was named.
  const std::string& path() const { return name_; }
  // Whether writing to it makes sense: the image is changed, or a snapshot of it.
  bool writable() const { return access_.writable; }
  // Bytes. Of what is served it is known after set_size().
  std::uint64_t size() const { return size_; }
  void set_size(std::uint64_t size) { size_ = size; }
  // The end of a raw image that is only read, if it is no whole sector; else empty. The kernel's
  // disk does not have it.
  const std::vector<std::byte>& end() const { return end_; }
  // Whether both are the same file of the host, by whatever names.
  bool same_image(const ImageFile& other) const;
  bool same_file(std::uint64_t device, std::uint64_t inode) const {
    return device == device_ && inode == inode_;
  }

  // That somebody else uses it, for the user to know; empty if nobody does.
  const std::string& warning() const { return warning_; }

  // Hands it to the kernel. Throws Failure.
  Disk connect();
  // What its servers have to say, each on a line of its own; empty if nothing.
  std::string complaints();
  // After the disk was removed: writes the host's cache of the image to its disk, and ends the
  // servers. Throws std::system_error, Failure.
  void finish();

 private:
  void open_file(const std::string& path);
  // The file. Leaves errno, and no descriptor, if it fails; throws Failure, or has a warning, if
  // somebody else uses it.
  void open_descriptor(const std::string& path);
  void read_end();
  void find_format(ImageAddress& address);
  void serve_format(const ImageAddress& address, bool recognised);
  void serve_remote(const ImageAddress& address);

  std::string name_;
  ImageAccess access_;
  std::string warning_;
  std::string uri_;  // empty: file_ is the disk
  Descriptor file_;
  std::uint64_t size_ = 0;
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
  std::vector<std::byte> end_;
  std::vector<DiskServer> servers_;  // each may use those before it
};

// Why the library does not open a URI that is known, on this host.
extern const char* const no_network_disk;

}  // namespace lkl::tool

#endif  // LKL_TOOL_IMAGE_H
