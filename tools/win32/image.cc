// SPDX-License-Identifier: GPL-2.0
//
// Images are files and disks of this host, and what qemu-nbd.exe makes of others.
#include "image/image.h"

#include <windows.h>

#include <fcntl.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <random>

#include "base/error.h"
#include "base/host_calls.h"
#include "disk/disk_format.h"
#include "host/win32/path.h"
#include "win32/tcp_port.h"

namespace lkl::tool {

namespace {

using Json = nlohmann::json;

// Of an export that others on this machine are not to find by guessing.
std::string random_name() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

std::string absolute(const std::string& path) {
  const std::wstring name = lkl::host::wide(path);
  std::wstring full(32768, L'\0');
  const DWORD length =
      GetFullPathNameW(name.c_str(), static_cast<DWORD>(full.size()), full.data(), nullptr);
  return length > 0 && length < full.size() ? lkl::host::narrow({full.data(), length}) : path;
}

}  // namespace

const char* const no_network_disk =
    "on Windows network disks are those of nbd://HOST[:PORT]/EXPORT: without TLS, and by TCP";

void ImageFile::open_descriptor(const std::string& path) {
  const bool writing = access_.writable && !access_.snapshot;
  file_ = Descriptor(on_host::open(path, writing ? O_RDWR : O_RDONLY));
}

// By qemu-nbd, on a port of this machine. It gets no name that stands in an image, and no image
// that lies on others is opened: nothing here could keep it from opening whatever such a name says.
void ImageFile::serve_format(const ImageAddress& address, bool) {
  const bool writing = access_.writable && !access_.snapshot;
  const unsigned port = free_port();
  const std::string name = random_name();
  std::vector<std::string> arguments = {"qemu-nbd",
                                        "--shared=1",
                                        "--discard=unmap",
                                        "--bind=127.0.0.1",
                                        fmt::format("--port={}", port),
                                        "--export-name=" + name};
  if (!writing) arguments.emplace_back("--read-only");
  if (uri_.empty()) {
    if (refers_to_other_files(address.format, file_reader(file_.get(), size_)))
      throw Failure(fmt::format(
          "{}: is a {} image that names other files; on Windows these are not opened: make one of "
          "all by qemu-img convert",
          name_, address.format));
    Json node = {{"driver", address.format},
                 {"file", {{"driver", "file"}, {"filename", absolute(address.place)}}}};
    if (has_backing_files(address.format)) node["backing"] = nullptr;
    arguments.push_back("json:" + node.dump());
  } else {
    arguments.insert(arguments.end(), {"--format=" + address.format, uri_});
  }
  file_.reset();
  servers_.emplace_back(fmt::format("nbd://127.0.0.1:{}/{}", port, name), port, arguments);
  uri_ = servers_.back().uri();
  size_ = 0;
}

void ImageFile::serve_remote(const ImageAddress& address) {
  throw Failure(
      fmt::format("{}: {}:// is not known on Windows; copy the image to a file, and name that",
                  name_, address.scheme));
}

}  // namespace lkl::tool
