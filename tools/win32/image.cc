// SPDX-License-Identifier: GPL-2.0
//
// Images are files and disks of this host. Programs that serve others do it over sockets that only
// POSIX systems have.
#include "image/image.h"

#include <fcntl.h>
#include <fmt/format.h>

#include "base/error.h"
#include "base/host_calls.h"

namespace lkl::tool {

const char* const no_network_disk =
    "on Windows network disks are those of nbd://HOST[:PORT]/EXPORT: without TLS, and by TCP";

void ImageFile::open_descriptor(const std::string& path) {
  const bool writing = access_.writable && !access_.snapshot;
  file_ = Descriptor(on_host::open(path, writing ? O_RDWR : O_RDONLY));
}

void ImageFile::serve_format(const ImageAddress& address, bool) {
  throw Failure(
      fmt::format("{0}: is a {1} image; on Windows only raw images are opened: make one of it by "
                  "qemu-img convert -O raw",
                  name_, address.format));
}

void ImageFile::serve_remote(const ImageAddress& address) {
  throw Failure(
      fmt::format("{}: {}:// is not known on Windows; copy the image to a file, and name that",
                  name_, address.scheme));
}

// There are none.
DiskServer::DiskServer(DiskServer&&) noexcept = default;
DiskServer::~DiskServer() = default;
void DiskServer::close_door() {}
std::string DiskServer::complaints() {
  return {};
}
void DiskServer::stop() {}

}  // namespace lkl::tool
