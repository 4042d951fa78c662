// SPDX-License-Identifier: GPL-2.0
#include "image/image_nodes.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/descriptor.h"
#include "base/error.h"
#include "disk/disk_format.h"
#include "disk/probe.h"
#include "image/image_address.h"

namespace lkl::tool {

namespace {

using Json = nlohmann::json;

// As many as anybody has in a row; more are a circle.
constexpr int kMostLayers = 100;

std::string as_definition(const Json& node) {
  try {
    return "json:" + node.dump();
  } catch (const Json::type_error&) {
    throw Failure("the path of the image is not in UTF-8, as qemu-nbd needs it; name a link to it");
  }
}

class FileReader {
 public:
  explicit FileReader(const std::string& path)
      : file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (!file_)
      throw Failure(
          fmt::format("{}: cannot open it: {}", path, describe({errno, std::system_category()})));
    const off_t end = ::lseek(file_.get(), 0, SEEK_END);
    size_ = end < 0 ? 0 : static_cast<std::uint64_t>(end);
  }

  BlockReader reader() const { return file_reader(file_.get(), size_); }

 private:
  Descriptor file_;
  std::uint64_t size_ = 0;
};

// The file that a name in the headers of the image `by` stands for.
std::string resolve(std::string name, const std::string& by) {
  if (name.starts_with("file:")) name.erase(0, 5);
  // What qemu would take for a protocol.
  const std::size_t colon = name.find(':');
  if (name.find('\0') != std::string::npos || colon < name.find('/'))
    throw Failure(fmt::format(
        "{}: names {}, which is not a file of this host; that is not followed", by, name));
  const std::filesystem::path path(name);
  return path.is_absolute() ? name : (std::filesystem::path(by).parent_path() / path).string();
}

class Describer {
 public:
  explicit Describer(bool follow) : follow_(follow) {}

  Json node(const std::string& path, std::string format, bool writable, int layer) {
    if (layer > kMostLayers)
      throw Failure(fmt::format("{}: lies on more than {} images, or on itself", path, layer));
    Json file = file_node(path, writable);
    if (format.empty()) format = recognise(path);
    Json node = {{"driver", format}, {"file", std::move(file)}};
    if (has_backing_files(format)) node["backing"] = nullptr;
    if (!follow_) return node;
    const NamedFiles names = named_files(path, format);
    if (!names.backing.empty()) {
      const std::string_view below = known_format(names.backing_format);
      if (below.empty() && !names.backing_format.empty())
        throw Failure(fmt::format("{}: lies on an image in the format {}, which is unknown", path,
                                  names.backing_format));
      node["backing"] =
          this->node(resolve(names.backing, path), std::string(below), false, layer + 1);
    }
    if (!names.data.empty()) node["data-file"] = file_node(resolve(names.data, path), writable);
    // These qemu opens itself, by their names.
    for (const std::string& extent : names.extents) file_node(resolve(extent, path), writable);
    return node;
  }

  std::vector<ProgramRights::File> files;

 private:
  Json file_node(const std::string& path, bool writable) {
    struct stat status = {};
    if (::stat(path.c_str(), &status) != 0)
      throw Failure(fmt::format("{}: {}", path, describe({errno, std::system_category()})));
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
      throw Failure(fmt::format("{}: is neither a file nor a block device", path));
    files.push_back({path, writable});
    return {{"driver", S_ISBLK(status.st_mode) ? "host_device" : "file"}, {"filename", path}};
  }

  static NamedFiles named_files(const std::string& path, const std::string& format) {
    const FileReader file(path);
    try {
      return read_named_files(format, file.reader());
    } catch (const Failure& failure) {
      throw Failure(fmt::format("{}: {}", path, failure.what()));
    }
  }

  static std::string recognise(const std::string& path) {
    const FileReader file(path);
    const Contents contents = probe(file.reader());
    const std::string_view format =
        contents.kind == Contents::Kind::kDiskFormat ? known_format(contents.type) : "";
    return format.empty() ? "raw" : std::string(format);
  }

  const bool follow_;
};

}  // namespace

ImageNodes image_nodes(const ImageToOpen& image) {
  Describer describer(image.follow);
  const std::string path = std::filesystem::absolute(image.path).string();
  Json node = describer.node(path, image.format, image.writable, 0);
  if (image.forced_share) node["force-share"] = true;
  return {as_definition(node), std::move(describer.files)};
}

std::string served_image_node(const std::string& format, int connection) {
  return as_definition({{"driver", format},
                        {"file",
                         {{"driver", "nbd"},
                          {"export", ""},
                          {"server", {{"type", "fd"}, {"str", std::to_string(connection)}}}}}});
}

std::string served_image_node(const std::string& format, const std::string& uri) {
  return as_definition({{"driver", format}, {"file", {{"driver", "nbd"}, {"uri", uri}}}});
}

}  // namespace lkl::tool
