// SPDX-License-Identifier: GPL-2.0
#include "image/image.h"

#include <errno.h>
#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/host_calls.h"
#include "disk/disk_format.h"
#include "disk/probe.h"

namespace lkl::tool {

ImageFile::ImageFile(ImageAddress address, const ImageAccess& access)
    : name_(address.text), access_(access) {
  bool recognised = false;
  if (address.format.empty()) address.format = access.format;
  if (address.scheme.empty()) {
    open_file(address.place);
    recognised = address.format.empty();
    if (recognised) find_format(address);
    constexpr std::uint64_t kLeast = 512;
    if (size_ < kLeast && (address.format.empty() || address.format == "raw")) {
      file_.reset();
      throw Failure(
          fmt::format("{}: is {} bytes long: too short for a disk image", address.place, size_));
    }
  } else if (address.scheme == "nbd" || address.scheme == "nbds" || address.scheme == "nbd+unix" ||
             address.scheme == "nbds+unix" || address.scheme == "mem") {
    uri_ = address.place;
  } else {
    serve_remote(address);
  }
  if (address.format.empty() || address.format == "raw")
    read_end();
  else
    serve_format(address, recognised);
}

void ImageFile::open_file(const std::string& path) {
  const bool writing = access_.writable && !access_.snapshot;
  on_host::Status status;
  if (!on_host::look_at(path, status)) {
    const int error = errno;
    if (error == ENOENT) throw Failure(fmt::format("{}: no such image; check the path", path));
    throw Failure(
        fmt::format("{}: cannot look at the image: {}", path, describe(host_error(error))));
  }
  if (status.kind == on_host::Kind::kDirectory)
    throw Failure(fmt::format("{}: is a directory, not an image", path));
  if (status.kind == on_host::Kind::kOther)
    throw Failure(fmt::format("{}: is neither a file nor a block device", path));

  open_descriptor(path);
  if (!file_) {
    const int error = errno;
    const std::string why = describe(host_error(error));
    if (error == EACCES || error == EPERM || error == EROFS)
      throw Failure(fmt::format("{}: cannot open the image for {}: {}{}", path,
                                writing ? "writing" : "reading", why,
                                writing ? "; --ro is enough to copy out of it, --snapshot to try "
                                          "changes"
                                        : "; ask its owner or root for access"));
    throw Failure(fmt::format("{}: cannot open the image: {}", path, why));
  }
  size_ = on_host::size_of(file_.get());
  device_ = status.device;
  inode_ = status.inode;
}

void ImageFile::read_end() {
  constexpr std::uint64_t kSector = 512;
  if (!file_ || access_.writable || size_ % kSector == 0) return;
  end_.resize(size_ % kSector);
  if (on_host::pread(file_.get(), end_, size_ - end_.size()) != static_cast<ssize_t>(end_.size()))
    end_.clear();
}

void ImageFile::find_format(ImageAddress& address) {
  const BlockReader reader = file_reader(file_.get(), size_);
  const Contents contents = probe(reader);
  if (contents.kind != Contents::Kind::kDiskFormat) return;
  const std::string_view format = known_format(contents.type);
  if (format.empty()) return;  // something compressed: said when it is to be mounted
  if (refers_to_other_files(std::string(format), reader))
    throw Failure(fmt::format(
        "{0}: is a {1} image that names other files, which are not read unless you say so: if it "
        "is meant to be such an image, name it {1}:{0} (or --format {1}); if it is a raw disk, "
        "raw:{0}",
        name_, contents.type));
  address.format = format;
}

bool ImageFile::same_image(const ImageFile& other) const {
  if (inode_ != 0) return same_file(other.device_, other.inode_);
  return other.inode_ == 0 && name_ == other.name_;
}

Disk ImageFile::connect() {
  const bool waits = access_.wait_for_space && access_.writable && !access_.snapshot;
  if (waits && !uri_.empty())
    throw Failure(
        fmt::format("{}: is not a raw image or block device of this host: writes can't wait for "
                    "room there; leave werror=enospc out",
                    name_));
  const DiskOptions options{.read_only = !access_.writable,
                            .no_lock = !access_.lock,
                            .snapshot = access_.writable && access_.snapshot,
                            .wait_for_space = waits};
  using namespace std::chrono_literals;
  std::error_code ec;
  Disk disk;
  // The image of a process that was just killed stays locked until its last I/O is done.
  for (int tries = 0; tries < 20; tries++) {
    disk =
        uri_.empty() ? Disk::from_fd(file_.get(), options, ec) : Disk::from_uri(uri_, options, ec);
    if (ec != std::errc::device_or_resource_busy) break;
    std::this_thread::sleep_for(25ms);
  }
  if (!ec) {
    for (DiskServer& server : servers_) server.close_door();
    return disk;
  }
  if (!servers_.empty()) {
    const std::string said = complaints();
    throw Failure(fmt::format("{}: cannot open the image:{}", name_,
                              said.empty() ? " " + describe(ec) : said));
  }
  if (ec == std::errc::device_or_resource_busy)
    throw Failure(fmt::format(
        "{}: the image is in use by another process{}; wait for it to end, or unmount it there",
        name_, access_.writable ? "" : " that writes to it"));
  if (ec == std::errc::protocol_not_supported && !uri_.empty())
    throw Failure(fmt::format("{}: {}", name_, no_network_disk));
  throw Failure(fmt::format("{}: cannot connect the disk: {}", name_, describe(ec)));
}

std::string ImageFile::complaints() {
  std::string said;
  for (DiskServer& server : servers_)
    if (const std::string text = server.complaints(); !text.empty()) said += "\n  " + text;
  return said;
}

void ImageFile::finish() {
  if (file_ && access_.writable && !access_.snapshot && on_host::sync(file_.get()) != 0)
    throw std::system_error(host_error(errno), name_);
  while (!servers_.empty()) {
    servers_.back().stop();
    servers_.pop_back();
  }
}

ImageFile::ImageFile(ImageFile&& other) noexcept
    : name_(std::move(other.name_)),
      access_(std::move(other.access_)),
      warning_(std::move(other.warning_)),
      uri_(std::move(other.uri_)),
      file_(std::move(other.file_)),
      size_(other.size_),
      device_(other.device_),
      inode_(other.inode_),
      end_(std::move(other.end_)),
      servers_(std::move(other.servers_)) {}

ImageFile::~ImageFile() {
  // The last one first: it uses those before it.
  while (!servers_.empty()) servers_.pop_back();
}

}  // namespace lkl::tool
