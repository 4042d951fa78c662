// SPDX-License-Identifier: GPL-2.0
#include "image/image_name.h"

#include <utility>

namespace lkl::tool {

namespace {

bool is_file(const std::string& path, HostNames& names) {
  const HostNames::Found& found = names.at(path);
  return found.exists && !found.directory;
}

// Whether it may be an image, whatever colons it has. What libvirt's volumes are called is not
// known here.
bool is_candidate(const ImageAddress& image, HostNames& names) {
  if (image.scheme.empty()) return is_file(image.place, names);
  return image.scheme != "vol";
}

// Splits a trailing ":N", ":UUID=...", "@OFFSET" and such off, unless a file of the whole name
// exists.
ImageName split_volume(const std::string& text, HostNames& names) {
  if (!names.at(text).exists) {
    for (std::size_t at = text.find_first_of(":@", address_prefix(text)); at != std::string::npos;
         at = text.find_first_of(":@", at + 1)) {
      auto choice = parse_volume_choice(std::string_view(text).substr(at + (text[at] == ':')));
      if (!choice) continue;
      ImageAddress image = parse_image_address(text.substr(0, at), names);
      // "a:b/c" and "a@1" may well be names of something else.
      if (choice->by == VolumeChoice::By::kDevice && !is_candidate(image, names)) continue;
      return {text, std::move(image), std::move(choice), {}};
    }
  }
  return {text, parse_image_address(text, names), std::nullopt, {}};
}

// IMAGE:/dev/VG/LV:/PATH looks like a path at first.
void split_device(ImageName& name) {
  const std::size_t end = name.path.find(":/");
  if (name.volume || end == std::string::npos || !name.path.starts_with("/dev/")) return;
  auto choice = parse_volume_choice(std::string_view(name.path).substr(0, end));
  if (!choice) return;
  name.volume = std::move(choice);
  name.path.erase(0, end + 1);
}

}  // namespace

ImageName parse_image_name(const std::string& text, HostNames& names) {
  ImageAddress whole = parse_image_address(text, names);
  if (whole.scheme.empty() && is_file(whole.place, names))
    return {text, std::move(whole), std::nullopt, {}};
  if (auto with_path = parse_image_path(text, names)) return *std::move(with_path);
  return split_volume(text, names);
}

std::optional<ImageName> parse_image_path(const std::string& text, HostNames& names) {
  std::optional<ImageName> fallback;
  const std::size_t first = text.find(":/", address_prefix(text));
  for (std::size_t at = first; at != std::string::npos; at = text.find(":/", at + 1)) {
    ImageName name = split_volume(text.substr(0, at), names);
    name.text = text;
    name.path = text.substr(at + 1);
    if (is_candidate(name.image, names)) {
      split_device(name);
      return name;
    }
    if (!fallback) fallback = std::move(name);
  }
  // A host path with a colon at the end of one of its directories, there or about to be made.
  if (!fallback || names.at(text).exists || names.at(text.substr(0, text.rfind('/'))).exists)
    return std::nullopt;
  return fallback;
}

ImageName parse_image_name(const std::string& text) {
  HostNames names;
  return parse_image_name(text, names);
}

std::optional<ImageName> parse_image_path(const std::string& text) {
  HostNames names;
  return parse_image_path(text, names);
}

}  // namespace lkl::tool
