// SPDX-License-Identifier: GPL-2.0
//
// lkl build: an image with a file system of what is in a directory.
#include <errno.h>
#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <charconv>

#include "base/format.h"
#include "base/host_calls.h"
#include "base/host_file.h"
#include "base/process.h"
#include "base/signals.h"
#include "lkl/cmd/cp.h"
#include "lkl/cmd/ext_settle.h"
#include "lkl/commands.h"
#include "session/session.h"
#include "tree/copy.h"
#include "tree/image_size.h"

namespace lkl::tool {

namespace {

struct BuildOptions {
  std::string directory, image;
  std::string size = "auto";
  std::string label, uuid, mkfs_options, owner;
  bool force = false;
  bool reproducible = false;
};

// What is known of a file system's mkfs. Others can be used too, without the options.
struct Maker {
  std::string_view type;
  std::string_view package;  // Debian's
  std::vector<std::string> always;
  std::string_view label, uuid;  // the options; empty: it has none
  bool packs = false;  // it makes the image of the directory: it can't be written to later
};

const Maker kMakers[] = {
    {"ext2", "e2fsprogs", {"-q", "-F"}, "-L", "-U"},
    {"ext3", "e2fsprogs", {"-q", "-F"}, "-L", "-U"},
    {"ext4", "e2fsprogs", {"-q", "-F"}, "-L", "-U"},
    {"btrfs", "btrfs-progs", {"-q", "-f"}, "-L", "-U"},
    {"xfs", "xfsprogs", {"-q", "-f"}, "-L", "-m uuid="},
    {"vfat", "dosfstools", {}, "-n", "-i"},
    {"exfat", "exfatprogs", {}, "-L", ""},
    {"f2fs", "f2fs-tools", {"-q", "-f"}, "-l", "-U"},
    {"nilfs2", "nilfs-tools", {"-q", "-f"}, "-L", ""},
    {"jfs", "jfsutils", {"-q"}, "-L", ""},
    {"ntfs", "ntfs-3g", {"-q", "-F", "-f"}, "-L", ""},
    {"erofs", "erofs-utils", {"--quiet"}, "", "-U", true},
    {"minix", "util-linux", {}, "", ""},
    {"udf", "udftools", {}, "-l", "-u"},
};

// Bytes of attributes that a block of an ext file system has room for.
constexpr std::uint64_t kMostInBlock = 4000;

bool is_ext(const std::string& type) {
  return type == "ext2" || type == "ext3" || type == "ext4";
}

// A UUID that is the same for the same request.
std::string derived_uuid(const std::string& text) {
  std::uint64_t halves[2] = {0xcbf29ce484222325, 0x84222325cbf29ce4};
  for (std::uint64_t& half : halves)
    for (const char c : text) half = (half ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  // Of the kind whose meaning is up to its maker.
  halves[0] = (halves[0] & ~0xf000ULL) | 0x8000;
  halves[1] = (halves[1] & ~(3ULL << 62)) | 2ULL << 62;
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", halves[0] >> 32,
                     halves[0] >> 16 & 0xffff, halves[0] & 0xffff, halves[1] >> 48,
                     halves[1] & 0xffffffffffff);
}

// The time to build with, in seconds since 1970; none if it is not to be reproducible.
std::optional<std::uint32_t> chosen_time(const BuildOptions& options) {
  const char* text = getenv("SOURCE_DATE_EPOCH");
  if (text == nullptr || *text == 0)
    return options.reproducible ? std::optional<std::uint32_t>(0) : std::nullopt;
  std::uint32_t seconds = 0;
  const char* end = text + std::string_view(text).size();
  const auto [stop, error] = std::from_chars(text, end, seconds);
  if (error != std::errc() || stop != end || seconds > INT32_MAX)
    throw UsageFailure(fmt::format(
        "SOURCE_DATE_EPOCH: '{}' is not seconds since 1970 up to 2038; set it, or unset it", text));
  return seconds;
}

class Builder {
 public:
  Builder(Context& context, const BuildOptions& options)
      : context_(context),
        options_(options),
        type_(context.options.type.empty() ? "ext4" : context.options.type),
        time_(chosen_time(options)),
        tree_(make_host_tree()) {
    const auto known = std::find_if(std::begin(kMakers), std::end(kMakers),
                                    [&](const Maker& maker) { return maker.type == type_; });
    if (known != std::end(kMakers)) maker_ = *known;
    if (time_ && (is_ext(type_) || maker_.packs) && options_.uuid.empty())
      options_.uuid = derived_uuid(fmt::format("{} {} {}", type_, options_.label, *time_));
  }

  void run() {
    if (options_.directory.empty() || options_.image.empty())
      throw UsageFailure("build needs a directory and the image to make");
    if (context_.options.read_only) throw UsageFailure("--ro: build writes an image");
    options_.directory = on_host::with_slashes(options_.directory);
    options_.image = on_host::with_slashes(options_.image);
    copy_.recursive = true;
    copy_.sorted = true;
    copy_.verbose = context_.options.verbose > 0;
    if (time_) copy_.latest = Timestamp{*time_, 0};
    if (!options_.owner.empty()) set_owner(copy_, options_.owner);
    try {
      source_ = tree_->open_directory(options_.directory);
    } catch (const std::system_error& error) {
      throw Failure(fmt::format("{}: {}", options_.directory, describe(error.code())));
    }
    refuse_image_in_directory();
    mkfs_words_ = split_words(options_.mkfs_options, "--mkfs-options");
    if (maker_.packs) return pack();
    const std::uint64_t size = image_size();
    const std::vector<std::string> command = mkfs_command(size);
    const bool settles = time_ && is_ext(type_);
    // In the sandbox, which fill() enters, nothing can be loaded.
    if (settles) prepare_settling();

    HostFile image =
        HostFile::create(options_.image, options_.force ? HostFile::Existing::kReplaced
                                                        : HostFile::Existing::kRefused);
    image.empty();
    if (on_host::resize(image.fd(), size) != 0 && errno != EINVAL)
      throw Failure(fmt::format("{}: cannot be made {} large: {}", options_.image, human_size(size),
                                describe(host_error(errno))));
    say(fmt::format("{}: {} of {}", options_.image, type_, human_size(size)));
    run_program(command, environment(), maker_.package);
    fill();
    if (settles) settle_ext(image.fd(), options_.image, *time_);
    check_interrupted();
    if (context_.diagnostics.failed())
      throw Failure(fmt::format("{}: not made, because of the errors above", options_.image));
    image.keep();
  }

 private:
  // All is done by its own tool; no kernel is needed.
  void pack() {
    if (options_.size != "auto")
      throw UsageFailure(fmt::format("--size: {} is as large as what is in it", type_));
    std::vector<std::string> command = mkfs_command(0);
    if (copy_.uid) command.insert(command.begin() + 1, fmt::format("--force-uid={}", *copy_.uid));
    if (copy_.gid) command.insert(command.begin() + 1, fmt::format("--force-gid={}", *copy_.gid));
    command.push_back(options_.directory.starts_with('-') ? "./" + options_.directory
                                                          : options_.directory);
    HostFile image =
        HostFile::create(options_.image, options_.force ? HostFile::Existing::kReplaced
                                                        : HostFile::Existing::kRefused);
    image.empty();
    run_program(command, environment(), maker_.package);
    check_interrupted();
    image.keep();
  }

  void say(const std::string& message) {
    if (context_.options.verbose > 0) fmt::print("{}\n", message);
  }

  void refuse_image_in_directory() {
    const std::string parent = split_path(options_.image).first;
    if (on_host::real_directory(parent).starts_with(on_host::real_directory(options_.directory)))
      throw Failure(
          fmt::format("{}: is in the directory it is made of; put it elsewhere", options_.image));
  }

  std::uint64_t image_size() {
    std::uint64_t size = 0;
    if (options_.size != "auto") {
      size = parse_size(options_.size, "--size");
      if (size < 65536) throw UsageFailure("--size: too small for a file system");
    }
    const Inventory inventory = take_inventory(*tree_, source_, options_.directory);
    if (size == 0) size = fitting_size(type_, inventory, mkfs_words_);
    // What mke2fs takes from the size may be too few for many small files.
    constexpr std::uint64_t kBytesPerInode = 16384;
    inodes_ = std::max(inventory.files + inventory.files / 8 + 64, size / kBytesPerInode);
    large_attributes_ = inventory.largest_attributes > kMostInBlock;
    return size;
  }

  std::vector<std::string> mkfs_command(std::uint64_t size) {
    std::vector<std::string> command{"mkfs." + type_};
    command.insert(command.end(), maker_.always.begin(), maker_.always.end());
    const auto add = [&](std::string_view option, std::string value, const char* ours) {
      if (value.empty()) return;
      if (option.empty())
        throw UsageFailure(fmt::format("{}: not known for {}; use --mkfs-options", ours, type_));
      const std::size_t blank = option.find(' ');
      command.emplace_back(option.substr(0, blank));
      if (blank != std::string_view::npos) value.insert(0, option.substr(blank + 1));
      command.push_back(std::move(value));
    };
    add(maker_.label, options_.label, "--label");
    add(maker_.uuid, options_.uuid, "--uuid");
    if (is_ext(type_)) {
      // What the kernel would do later anyhow, at times of its own choice.
      std::string extended = "lazy_itable_init=0,lazy_journal_init=0";
      if (time_) extended += ",hash_seed=" + options_.uuid;
      command.insert(command.end(), {"-E", extended});
      command.insert(command.end(), {"-N", std::to_string(inodes_)});
      // In smaller blocks, which mke2fs takes for small file systems, neither large directories nor
      // long links and attributes have room. Below this size there would be no journal.
      constexpr std::uint64_t kLeastSize = 8 << 20;
      if (size >= kLeastSize) command.insert(command.end(), {"-b", "4096"});
      if (large_attributes_ && type_ == "ext4") command.insert(command.end(), {"-O", "ea_inode"});
    }
    if (type_ == "vfat" && time_) command.emplace_back("--invariant");
    command.insert(command.end(), mkfs_words_.begin(), mkfs_words_.end());
    command.push_back(options_.image.starts_with('-') ? "./" + options_.image : options_.image);
    return command;
  }

  std::vector<std::pair<std::string, std::string>> environment() const {
    if (!time_) return {};
    const std::string seconds = std::to_string(is_ext(type_) ? ext_time(*time_) : *time_);
    // The second is what older versions of e2fsprogs know.
    return {{"SOURCE_DATE_EPOCH", seconds}, {"E2FSPROGS_FAKE_TIME", seconds}};
  }

  void fill() {
    SessionOptions& common = context_.options;
    // Recognised, if it can be: the kernel has one driver for several types.
    if (is_ext(type_)) common.type.clear();
    if (time_ && is_ext(type_)) {
      // Without the journal, whose contents depend on when the kernel writes, and with blocks given
      // out in the order in which they are written.
      const std::string ours = "noload,nodelalloc";
      common.mount_options += (common.mount_options.empty() ? "" : ",") + ours;
    }
    common.volume = VolumeChoice{};
    Session session(context_.options, context_.diagnostics);
    session.host_paths().allow_reading(options_.directory);
    AttachedImage& image = session.attach(parse_image_address(options_.image), true);
    if (time_) {
      struct __lkl__kernel_timespec now = {};
      now.tv_sec = *time_;
      lkl_sys_clock_settime(LKL_CLOCK_REALTIME, &now);
    }
    const Volume& volume = session.mount(image, image.whole);
    const auto target = make_image_tree(volume);
    Progress progress(common.quiet);
    const ProgressLine line(context_.diagnostics, progress);
    Copier copier(context_.diagnostics, copy_, progress);
    {
      const Handle root = target->open_directory("/");
      copier.copy({*tree_, source_, "", options_.directory}, {*target, root, "", "/"},
                  {.follow = true});
    }
    session.close();
  }

  Context& context_;
  BuildOptions options_;
  std::string type_;
  Maker maker_;
  CopyOptions copy_;
  std::optional<std::uint32_t> time_;
  std::unique_ptr<Tree> tree_;
  Handle source_;
  std::vector<std::string> mkfs_words_;
  std::uint64_t inodes_ = 0;
  bool large_attributes_ = false;
};

}  // namespace

Run add_build(Parser parser) {
  auto options = std::make_shared<BuildOptions>();
  parser.add_option("directory", options->directory, "What goes into the image").type_name("DIR");
  parser.add_option("image", options->image, "The image to make").type_name("IMAGE");
  parser.add_option("--size", options->size, "Size of the image, or 'auto'").type_name("SIZE");
  parser.add_option("--label", options->label, "Name of the file system").type_name("NAME");
  parser.add_option("--uuid", options->uuid, "UUID of the file system").type_name("UUID");
  parser.add_option("--owner", options->owner, "Give everything to this user and group")
      .type_name("UID[:GID]");
  parser.add_option("--mkfs-options", options->mkfs_options, "More options for mkfs.TYPE")
      .type_name("OPTIONS");
  parser.add_flag("--force", options->force, "Replace the image if it exists");
  parser.add_flag("--reproducible", options->reproducible,
                  "The same image for the same files; SOURCE_DATE_EPOCH does it too");
  return [options](Context& context) { Builder(context, *options).run(); };
}

}  // namespace lkl::tool
