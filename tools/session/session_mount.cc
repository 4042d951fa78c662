// SPDX-License-Identifier: GPL-2.0
//
// How a session mounts a device: as which type, with which options.
#include <fmt/format.h>

#include <algorithm>

#include "base/signals.h"
#include "disk/disk_scan.h"
#include "disk/embedded.h"
#include "lkl_build_info.h"
#include "session/mount_failure.h"
#include "session/mount_options.h"
#include "session/panic.h"
#include "session/session.h"

namespace lkl::tool {

namespace {

// The disk and its partitions.
std::vector<const Device*> devices_of(const AttachedImage& image) {
  std::vector<const Device*> devices = {&image.whole};
  for (const Device& partition : image.partitions) devices.push_back(&partition);
  return devices;
}

}  // namespace

bool Session::kernel_knows(const std::string& type) const {
  return file_systems_.find("\t" + type + "\n") != std::string::npos;
}

// Also checks that mounting has a chance; the kernel's own errors are terse.
std::string Session::type_to_mount(const AttachedImage& image, const Device& device) const {
  const std::string name = device.display();
  const Contents& contents = device.contents;
  if (!device.present && !device.problem.empty()) throw Failure(device.problem);
  if (!device.present)
    throw Failure(fmt::format("{}: {}", name, why_absent(image.whole, image.partitions, device)));

  std::string type = options_.type;
  if (type.empty()) {
    switch (contents.kind) {
      case Contents::Kind::kUnknown:
        throw Failure(
            fmt::format("{}: no file system recognised{}", name, what_may_be_meant(device)));
      case Contents::Kind::kOther:
        if (!device.problem.empty()) throw Failure(device.problem);
        if (contents.type == kLuks)
          throw Failure(fmt::format("{}: is encrypted (LUKS); what is in it is {}:luks:{}", name,
                                    device.image, device.id.empty() ? "0" : device.id) +
                        other_marks(device));
        throw Failure(fmt::format("{}: holds {}, which has no files{}{}{}", name, contents.type,
                                  contents.cure.empty() ? "" : "; ", contents.cure,
                                  other_marks(device)));
      case Contents::Kind::kDiskFormat:
        throw Failure(not_raw(device));
      case Contents::Kind::kFileSystem:
        type = contents.type;
        break;
    }
    type = driver_of(type);
  }
  // A name that its driver only had before.
  if (!kernel_knows(type)) type = driver_of(type);
  if (!kernel_knows(type))
    throw Failure(
        fmt::format("{}: file system type {}: not in this kernel's profile ({}); {}, or check -t",
                    name, type, LKL_PROFILE,
                    is_in_default_profile(type) ? "the library's profile 'default' has it: use that"
                                                : "build the library with it"));

  return type;
}

// A device that is as long as the file system on it should be; what is not there cannot be read.
// The device itself if nothing is missing.
const Device& Session::in_full_length(const AttachedImage& image, const Device& device,
                                      const std::string& type) {
  const Contents* contents = device.contents.as(type);
  // A partition may reach beyond the end of a truncated image.
  std::uint64_t room = device.size;
  if (!device.assembled())
    room = std::min(room, image.file.size() - std::min(image.file.size(), device.start));
  if (contents == nullptr || contents->size <= room) return device;
  const std::string name = device.display();
  const std::string what = fmt::format("the {} file system is {} bytes long, but {} only {}",
                                       contents->type, contents->size,
                                       device.assembled()   ? "the device is"
                                       : device.number == 0 ? "the image is"
                                                            : "the partition has",
                                       room);
  const SessionOptions& options = options_;
  if (!options.force && options.type.empty())
    throw Failure(fmt::format(
        "{}: {}; the image is truncated, get it anew, or read what is left of it with {}", name,
        what, options.force_option));
  diagnostics_.warning(
      fmt::format("{}: {}; it is truncated, and only what is there is read", name, what));
  auto longer = std::make_unique<Device>(device);
  longer->device = assembly_.held().add_piece(name, device, 0, contents->size, false);
  longer->size = contents->size;
  longer->writable = false;
  longer->truncated_from = &device;
  truncated_.push_back(std::move(longer));
  return *truncated_.back();
}

std::string Session::mount_data(const Device& device, const std::string& type, unsigned& flags) {
  // Reading must not change the image's access times, if not asked to; and what is in an image is
  // nobody's reason to open a device or to give rights.
  constexpr unsigned kDefaults = LKL_MS_NOATIME | LKL_MS_NOSUID | LKL_MS_NODEV | LKL_MS_NOEXEC;
  MountWords words = parse_mount_words(options_.mount_options, kDefaults);
  flags = words.flags;
  if (!device.writable) flags |= LKL_MS_RDONLY;
  const auto add = [&](const std::string& word) {
    words.data += (words.data.empty() ? "" : ",") + word;
  };

  if (type == "vfat" && words.data.find("utf8") == std::string::npos &&
      words.data.find("iocharset") == std::string::npos)
    add("utf8");

  // What is wrong in one image must not end the kernel, which may have others mounted. With other
  // superblocks than the first one there is no telling what they ask for.
  if (type == "ext4" && !has_word(words.data, "errors=")) {
    const Contents* contents = device.contents.as(type);
    if (contents == nullptr || contents->panics || has_word(words.data, "sb="))
      add("errors=remount-ro");
  }

  // By itself it has two file systems of one UUID for one that is there twice.
  if (type == "xfs") add("nouuid");
  if (const Contents* contents = device.contents.as(type);
      contents != nullptr && !contents->mount_words.empty() &&
      !has_word(words.data, contents->mount_words.substr(0, contents->mount_words.find('='))))
    add(contents->mount_words);

  // The kernel refuses to replay a journal on a disk it cannot write; what was not replayed is
  // then left out.
  const std::string_view without = words_without_replay(type);
  const bool btrfs = type == "btrfs";
  if (!without.empty() && !is_without_replay(words.data)) {
    // Nor what is to be read first, if it may be beyond the end.
    if (device.truncated_from != nullptr) {
      add(std::string(without));
      if (btrfs) add("rescue=ignorebadroots");
    } else if (!device.writable && device.contents.needs_replay) {
      add(std::string(without));
      warn_of_replay(device);
    }
  }

  // The other devices of a btrfs that spans several have to be named.
  if (btrfs) {
    std::vector<const Device*> devices = assembly_.devices();
    for (const auto& image : images_)
      for (const Device* other : devices_of(*image)) devices.push_back(other);
    for (const Device* other : devices)
      if (other != &device && other->present && other->contents.type == "btrfs" &&
          other->contents.uuid == device.contents.uuid &&
          other->contents.member != device.contents.member)
        add("device=" + device_node(other->device));
  }
  return words.data;
}

void Session::warn_of_replay(const Device& device) {
  diagnostics_.warning(
      fmt::format("{}: was not unmounted cleanly; reading it without its journal, the last "
                  "changes may be missing",
                  device.display()));
}

Volume& Session::mount(AttachedImage& image, const Device& chosen) {
  for (auto& volume : volumes_)
    if (volume->device == &chosen || volume->device->truncated_from == &chosen) return *volume;

  auto volume = std::make_unique<Volume>();
  volume->image = &image;
  volume->name = chosen.display();
  volume->type = type_to_mount(image, chosen);
  const Device& device = in_full_length(image, chosen, volume->type);
  volume->device = &device;

  unsigned flags = 0;
  std::string data = mount_data(device, volume->type, flags);
  check_interrupted();
  std::error_code ec;
  const auto try_to_mount = [&] {
    forget_kernel_log();
    volume->mount = DeviceMount(device.device, volume->type, flags, data, ec);
  };
  try_to_mount();
  // Of some only the kernel knows whether they have to be replayed.
  if (const std::string_view without = words_without_replay(volume->type);
      ec == std::errc::read_only_file_system && !device.writable && !without.empty() &&
      !is_without_replay(data)) {
    data += (data.empty() ? "" : ",") + std::string(without);
    ec.clear();
    try_to_mount();
    volume->not_replayed = !ec;
    if (!ec) warn_of_replay(device);
  }
  if (ec) {
    if (has_panicked()) throw KernelDied{};
    const std::string why =
        explain({volume->type, ec, data, kernel_log_lines(), device.contents,
                 device.truncated_from == nullptr ? "" : "too much of the image is missing",
                 (flags & LKL_MS_RDONLY) == 0});
    throw Failure(fmt::format("{}: cannot mount as {}: {}{}{}", volume->name, volume->type,
                              describe(ec), why, kernel_reasons()));
  }
  volume->root = File(volume->mount.path(), LKL_O_RDONLY | LKL_O_DIRECTORY);
  volumes_.push_back(std::move(volume));
  return *volumes_.back();
}

}  // namespace lkl::tool
