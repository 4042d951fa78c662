// SPDX-License-Identifier: GPL-2.0
#include "image/domain_disk.h"

#include <errno.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <pugixml.hpp>

#include "base/error.h"

namespace lkl::tool {

namespace {

// libvirt's names of formats, and the prefixes of this program's image names.
struct Format {
  std::string_view libvirt;
  std::string_view prefix;
};

// A raw disk must never be taken for something else: its contents are the guest's, who could write
// a header there that names files of the host.
constexpr Format kFormats[] = {
    {"raw", "raw:"}, {"qcow2", "qcow2:"}, {"qcow", "qcow:"}, {"vmdk", "vmdk:"}, {"vdi", "vdi:"},
    {"vpc", "vhd:"}, {"vhd", "vhd:"},     {"vhdx", "vhdx:"}, {"qed", "qed:"},
};

std::string prefix_of(const std::string& name, const std::string& image) {
  const auto* const format =
      std::find_if(std::begin(kFormats), std::end(kFormats),
                   [&](const Format& known) { return known.libvirt == name; });
  if (format == std::end(kFormats))
    throw Failure(
        fmt::format("{}: images of the format {} are not read; convert a copy of it: "
                    "qemu-img convert -O raw",
                    image, name));
  return std::string(format->prefix);
}

bool is_local(std::string_view host) {
  return host.empty() || host == "localhost" || host == "127.0.0.1" || host == "::1";
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
  std::string encoded;
  for (const char c : text)
    encoded += kPlain.find(c) != std::string_view::npos
                   ? std::string(1, c)
                   : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return encoded;
}

// One <disk>.
class DiskReader {
 public:
  DiskReader(const pugi::xml_node& element, const std::string& host, const FindVolume& find_volume)
      : element_(element),
        source_(element.child("source")),
        host_(host),
        find_volume_(find_volume) {}

  DomainDisk read() {
    disk_.type = element_.attribute("type").as_string("file");
    disk_.device = element_.attribute("device").as_string("disk");
    disk_.target = element_.child("target").attribute("dev").as_string();
    disk_.format = element_.child("driver").attribute("type").as_string();
    disk_.read_only = element_.child("readonly") || disk_.device == "cdrom";
    disk_.source = describe_source();
    if (disk_.source.empty()) return disk_;
    try {
      disk_.image = image();
    } catch (const Failure& failure) {
      disk_.problem = failure.what();
    }
    return disk_;
  }

 private:
  std::string attribute(const char* name) const { return source_.attribute(name).as_string(); }
  pugi::xml_node server() const { return source_.child("host"); }

  std::string describe_source() const {
    if (disk_.type == "file") return attribute("file");
    if (disk_.type == "block") return attribute("dev");
    if (disk_.type == "dir") return attribute("dir");
    if (disk_.type == "volume") {
      const std::string name = attribute("volume");
      return name.empty() ? "" : fmt::format("vol:{}/{}", attribute("pool"), name);
    }
    if (disk_.type == "network") return network_uri();
    return source_ ? disk_.type : "";
  }

  // As URIs are written for what libvirt calls a protocol.
  std::string network_uri() const {
    const std::string protocol = attribute("protocol");
    if (protocol.empty()) return "";
    const bool tls = attribute("tls") == "yes";
    const std::string scheme = protocol == "nbd" && tls ? "nbds" : protocol;
    const std::string name = percent_encoded(attribute("name"));
    if (std::string_view(server().attribute("transport").as_string()) == "unix")
      return fmt::format("{}+unix:///{}?socket={}", scheme, name,
                         percent_encoded(server().attribute("socket").as_string()));
    std::string host = server().attribute("name").as_string();
    if (host.find(':') != std::string::npos) host = "[" + host + "]";
    const std::string port = server().attribute("port").as_string();
    return fmt::format("{}://{}{}{}/{}", scheme, host, port.empty() ? "" : ":", port, name);
  }

  ImageAddress image() {
    if (element_.child("encryption") || source_.child("encryption"))
      throw Failure("is encrypted by libvirt, which this program cannot undo; use the domain");
    if (source_.child("slices"))
      throw Failure("is a slice of its source, which this program cannot cut out");
    if (disk_.type == "file" || disk_.type == "block")
      return image_address({disk_.source, format_or_raw()}, host_);
    if (disk_.type == "volume") {
      const StoredImage volume = find_volume_(attribute("pool"), attribute("volume"));
      if (disk_.format.empty()) disk_.format = volume.format;
      return image_address({volume.path, disk_.format}, host_);
    }
    if (disk_.type == "network") return served();
    throw Failure(fmt::format("is of type {}, which this program has no access to; use the domain",
                              disk_.type));
  }

  // What libvirt takes if nothing is said: looking for a format would trust the guest.
  std::string format_or_raw() {
    if (disk_.format.empty()) disk_.format = "raw";
    return disk_.format;
  }

  ImageAddress served() {
    const std::string protocol = attribute("protocol");
    if (protocol != "nbd")
      throw Failure(fmt::format(
          "{}: this program has no client for {}; serve the disk with qemu-nbd or nbdkit and name "
          "it as nbd://localhost",
          disk_.source, protocol));
    const bool by_socket = disk_.source.find("+unix:") != std::string::npos;
    if (!host_.empty() && (by_socket || is_local(server().attribute("name").as_string())))
      throw Failure(
          fmt::format("{}: is only reached from {}; run this program there", disk_.source, host_));
    // What comes from a server is not looked into.
    const std::string& format = format_or_raw();
    const std::string prefix = format == "raw" ? "" : prefix_of(format, disk_.source);
    return image_address(prefix + disk_.source);
  }

  const pugi::xml_node& element_;
  const pugi::xml_node source_;
  const std::string& host_;
  const FindVolume& find_volume_;
  DomainDisk disk_;
};

}  // namespace

ImageAddress image_address(const StoredImage& image, const std::string& host) {
  if (!host.empty())
    throw Failure(
        fmt::format("{}: is on {}; run this program there, or serve the image there by "
                    "qemu-nbd and name it as nbd://{}",
                    image.path, host, host));
  if (!image.path.starts_with('/'))
    throw Failure(
        fmt::format("{}: is not an absolute path; correct it with virsh edit", image.path));
  struct stat status = {};
  if (::stat(image.path.c_str(), &status) != 0 && (errno == ENOENT || errno == ENOTDIR))
    throw Failure(
        fmt::format("{}: no such image; is the storage mounted that it is on?", image.path));
  ImageAddress address = image_address(prefix_of(image.format, image.path) + image.path);
  address.device = status.st_dev;
  address.inode = status.st_ino;
  return address;
}

std::vector<DomainDisk> read_domain_disks(const std::string& xml, const std::string& host,
                                          const FindVolume& find_volume) {
  pugi::xml_document document;
  const pugi::xml_parse_result result = document.load_buffer(xml.data(), xml.size());
  if (!result) throw Failure(fmt::format("libvirt's XML is damaged: {}", result.description()));
  std::vector<DomainDisk> disks;
  for (const pugi::xml_node& element : document.child("domain").child("devices").children("disk"))
    disks.push_back(DiskReader(element, host, find_volume).read());
  return disks;
}

}  // namespace lkl::tool
