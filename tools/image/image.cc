// SPDX-License-Identifier: GPL-2.0
#include "image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <thread>
#include <utility>

#include "base/error.h"
#include "disk/disk_format.h"
#include "disk/probe.h"
#include "image/image_nodes.h"
#include "image/image_users.h"

namespace lkl::tool {

namespace {

// ssh://[USER@]HOST[:PORT]/PATH, as nbdkit-ssh-plugin(1) wants it.
void add_ssh_parameters(const std::string& uri, std::vector<std::string>& arguments) {
  std::string host = uri.substr(uri.find("://") + 3);
  const std::size_t slash = host.find('/');
  if (slash == std::string::npos || slash == 0)
    throw Failure(fmt::format("{}: is not of the form ssh://[USER@]HOST[:PORT]/PATH", uri));
  arguments.push_back("path=" + host.substr(slash));
  host.resize(slash);
  if (const std::size_t at = host.rfind('@'); at != std::string::npos) {
    arguments.push_back("user=" + host.substr(0, at));
    host.erase(0, at + 1);
  }
  if (const std::size_t colon = host.rfind(':');
      colon != std::string::npos && host.find(']', colon) == std::string::npos) {
    arguments.push_back("port=" + host.substr(colon + 1));
    host.resize(colon);
  }
  arguments.push_back("host=" + host);
}

}  // namespace

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

  open_descriptor(path, status);
  if (!file_) {
    const int error = errno;
    if (error == EBUSY && S_ISBLK(status.st_mode)) throw Failure(why_busy(path, status));
    const std::string why = describe({error, std::system_category()});
    if (error == EACCES || error == EPERM || error == EROFS)
      throw Failure(fmt::format("{}: cannot open the image for {}: {}{}", path,
                                writing ? "writing" : "reading", why,
                                writing ? "; --ro is enough to copy out of it, --snapshot to try "
                                          "changes"
                                        : "; ask its owner or root for access"));
    throw Failure(fmt::format("{}: cannot open the image: {}", path, why));
  }
  // A block device has no st_size; its end says how long it is.
  const off_t end = ::lseek(file_.get(), 0, SEEK_END);
  size_ = end < 0 ? 0 : static_cast<std::uint64_t>(end);
  device_ = status.st_dev;
  inode_ = status.st_ino;
}

void ImageFile::read_end() {
  constexpr std::uint64_t kSector = 512;
  if (!file_ || access_.writable || size_ % kSector == 0) return;
  end_.resize(size_ % kSector);
  if (::pread(file_.get(), end_.data(), end_.size(), static_cast<off_t>(size_ - end_.size())) !=
      static_cast<ssize_t>(end_.size()))
    end_.clear();
}

// Leaves errno, and no descriptor, if it fails.
void ImageFile::open_descriptor(const std::string& path, const struct stat& status) {
  const bool writing = access_.writable && !access_.snapshot;
  const bool device = S_ISBLK(status.st_mode);
  if (!device && access_.lock) {
    if (writing) warning_ = check_loop_devices(path, status);
    file_ = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file_ && warning_.empty()) warning_ = check_other_writers(path, file_.get(), status);
    if (!writing) return;
    file_.reset();
  }
  const int flags = (writing ? O_RDWR : O_RDONLY) | (writing && device ? O_EXCL : 0) | O_CLOEXEC;
  file_ = Descriptor(::open(path.c_str(), flags));
  // That of a process that was just killed stays claimed until its last I/O is done.
  for (int tries = 0; !file_ && errno == EBUSY && tries < 20; tries++) {
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
    file_ = Descriptor(::open(path.c_str(), flags));
  }
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

void ImageFile::serve_format(const ImageAddress& address, bool recognised) {
  // Bytes that a running guest sees as its own are written to by it meanwhile.
  const bool forced_share = !access_.lock && uri_.empty();
  const bool writing = access_.writable && !access_.snapshot;
  std::vector<std::string> arguments = {"qemu-nbd", "--shared=0", "--discard=unmap"};
  if (!writing) arguments.emplace_back("--read-only");
  ProgramRights rights{.unconfined = access_.unconfined};
  Descriptor connection;
  if (uri_.empty()) {
    ImageNodes nodes = image_nodes({.path = address.place,
                                    .format = address.format,
                                    .writable = writing,
                                    .forced_share = forced_share,
                                    .follow = !recognised});
    arguments.push_back(std::move(nodes.definition));
    rights.files = std::move(nodes.files);
  } else if (!servers_.empty()) {
    connection = servers_.back().connect();
    arguments.push_back(served_image_node(address.format, DiskServer::kHandedOver));
  } else {
    arguments.insert(arguments.end(), {"--format=" + address.format, uri_});
    // It may be a socket that only the user gets at.
    rights.network = rights.as_user = true;
  }
  file_.reset();
  servers_.emplace_back(arguments, "qemu-utils", rights, connection.get());
  uri_ = servers_.back().uri();
  size_ = 0;
}

void ImageFile::serve_remote(const ImageAddress& address) {
  std::vector<std::string> arguments = {"nbdkit", "--foreground", "--filter=exitlast"};
  ProgramRights rights{.network = true, .unconfined = access_.unconfined};
  const bool web = address.scheme == "http" || address.scheme == "https" ||
                   address.scheme == "ftp" || address.scheme == "ftps";
  const bool writing = access_.writable && !access_.snapshot;
  if (web) {
    if (writing)
      throw Failure(fmt::format(
          "{}: can only be read; copy it to a file to change it, or try changes with --snapshot",
          name_));
    arguments.insert(arguments.end(), {"--readonly", "curl", "url=" + address.place});
  } else if (address.scheme == "ssh") {
    if (!writing) arguments.emplace_back("--readonly");
    arguments.emplace_back("ssh");
    add_ssh_parameters(address.place, arguments);
    // The user's keys, and what the settings there run to get to the server.
    rights.as_user = rights.programs = true;
    if (const char* home = getenv("HOME")) rights.files.push_back({std::string(home) + "/.ssh"});
  } else {
    throw Failure(fmt::format(
        "{}: {}:// is not among nbd, nbds, nbd+unix, ssh, http, https, ftp, ftps; let an NBD "
        "server serve it, and name that",
        name_, address.scheme));
  }
  servers_.emplace_back(arguments, "nbdkit", rights);
  uri_ = servers_.back().uri();
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
    throw Failure(
        fmt::format("{}: network disks need libnbd; it is in the Debian package libnbd0", name_));
  throw Failure(fmt::format("{}: cannot connect the disk: {}", name_, describe(ec)));
}

std::string ImageFile::complaints() {
  std::string said;
  for (DiskServer& server : servers_)
    if (const std::string text = server.complaints(); !text.empty()) said += "\n  " + text;
  return said;
}

void ImageFile::finish() {
  if (file_ && access_.writable && !access_.snapshot && ::fsync(file_.get()) != 0)
    throw std::system_error(errno, std::system_category(), name_);
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
