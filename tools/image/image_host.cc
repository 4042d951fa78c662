// SPDX-License-Identifier: GPL-2.0
//
// What of an image only this host has: its locks, its users, and the programs that serve it.
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <chrono>
#include <thread>

#include "base/error.h"
#include "image/image.h"
#include "image/image_nodes.h"
#include "image/image_users.h"
#include "image/program_sandbox.h"

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

const char* const no_network_disk =
    "network disks need libnbd; it is in the Debian package libnbd0";

void ImageFile::open_descriptor(const std::string& path) {
  const bool writing = access_.writable && !access_.snapshot;
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) return;
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
  if (!file_ && device && errno == EBUSY) throw Failure(why_busy(path, status));
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

}  // namespace lkl::tool
