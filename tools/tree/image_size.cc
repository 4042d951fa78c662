// SPDX-License-Identifier: GPL-2.0
#include "tree/image_size.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/signals.h"
#include "tree/copy.h"
#include "tree/walk.h"

namespace lkl::tool {

namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kBlock = 4096, kSector = 512;

std::uint64_t blocks(std::uint64_t bytes) {
  return (bytes + kBlock - 1) / kBlock * kBlock;
}

class Count {
 public:
  Count(Tree& tree, Inventory& inventory, const std::string& path)
      : tree_(tree), inventory_(inventory), path_(path) {}

  void directory(const Handle& directory, bool top) {
    std::uint64_t names = 0;
    const auto stream = tree_.read_directory(directory);
    for (std::string name; stream->next(name);) {
      check_interrupted();
      const auto stat = tree_.find({directory, name});
      if (!stat) continue;
      names += 8 + (name.size() + 3) / 4 * 4;
      if (top) inventory_.fat_entries += 2 + name.size() / 13;
      const PathBelow path(path_, name);
      try {
        entry({directory, name}, *stat);
      } catch (const std::system_error& error) {
        throw Failure(fmt::format("{}: {}", path_, describe(error.code())));
      }
    }
    // A block that gets full becomes two.
    inventory_.names += blocks(std::max<std::uint64_t>(2 * names, 1));
  }

 private:
  void entry(Place place, const Stat& stat) {
    if (stat.nlink > 1 && !stat.is_directory() && !seen_.insert(identity_of(stat)).second) return;
    inventory_.files++;
    if (stat.is_regular()) {
      inventory_.data += blocks(data_of(place, stat));
      inventory_.with_holes += blocks(stat.size);
    } else if (stat.is_symlink()) {
      constexpr std::uint64_t kInInode = 59;
      if (stat.size > kInInode) inventory_.links += kBlock;
    }
    if (!stat.is_symlink()) attributes(place);
    if (stat.is_directory()) directory(tree_.open_directory(place), false);
  }

  // A file that takes less than it is long has holes, or its file system compresses.
  std::uint64_t data_of(Place place, const Stat& stat) {
    if (stat.blocks * kSector >= stat.size) return stat.size;
    const Handle file = tree_.open_file(place);
    std::uint64_t data = 0;
    std::uint64_t at = 0;
    while (const auto extent = tree_.next_extent(file, at, stat.size)) {
      at = extent->end;
      data += blocks(at) - extent->begin / kBlock * kBlock;
    }
    return data;
  }

  void attributes(Place place) {
    std::uint64_t size = 0;
    try {
      for (const std::string& name : tree_.xattr_names(place))
        if (is_kept_xattr(name)) size += 16 + name.size() + tree_.get_xattr(place, name).size();
    } catch (const std::system_error&) {
      return;  // none that could be copied
    }
    // What an inode of ext4 has room for.
    constexpr std::uint64_t kInInode = 90;
    if (size > kInInode) inventory_.attributes += blocks(size);
    inventory_.largest_attributes = std::max(inventory_.largest_attributes, size);
  }

  Tree& tree_;
  Inventory& inventory_;
  std::string path_;  // of what is looked at
  std::set<Identity> seen_;
};

// What mke2fs makes for a file system of this size with blocks of 4 KiB.
std::uint64_t journal_size(std::uint64_t size) {
  constexpr struct {
    std::uint64_t below, journal;
  } kSteps[] = {{8 * kMiB, 0},
                {128 * kMiB, 4 * kMiB},
                {1024 * kMiB, 16 * kMiB},
                {2048 * kMiB, 32 * kMiB},
                {16384 * kMiB, 64 * kMiB},
                {32768 * kMiB, 128 * kMiB},
                {65536 * kMiB, 256 * kMiB},
                {131072 * kMiB, 512 * kMiB}};
  for (const auto& step : kSteps)
    if (size < step.below) return step.journal;
  return 1024 * kMiB;
}

std::uint64_t ext_size(const Inventory& inventory) {
  constexpr std::uint64_t kInode = 256;
  const std::uint64_t stored = inventory.data + inventory.names + inventory.links +
                               inventory.attributes + inventory.files * (kInode + kInode / 4);
  // A twentieth is kept back for root, and bitmaps and tables grow with the size.
  const std::uint64_t size = 6 * kMiB + stored + stored / 8;
  // Below 8 MiB it would have no journal, and no blocks of 4 KiB.
  constexpr std::uint64_t kLeast = 10 * kMiB;
  return std::max(kLeast, size + journal_size(size + 2 * journal_size(size)));
}

// The value of an option in any of its spellings: "-d X", "-dX", "--data X", "--data=X".
std::string value_of(const std::vector<std::string>& words, const std::string& brief,
                     const std::string& full) {
  std::string value;
  for (std::size_t i = 0; i < words.size(); i++) {
    const std::string& word = words[i];
    if (word == brief || word == full)
      value = i + 1 < words.size() ? words[i + 1] : "";
    else if (word.starts_with(full + "="))
      value = word.substr(full.size() + 1);
    else if (word.starts_with(brief) && !word.starts_with("--"))
      value = word.substr(brief.size());
  }
  return value;
}

// How often btrfs stores something by this profile.
std::uint64_t copies(const std::string& profile) {
  return profile.starts_with("dup") || profile.starts_with("DUP") ? 2 : 1;
}

std::uint64_t btrfs_size(const Inventory& inventory, const std::vector<std::string>& words) {
  // Its metadata is there twice, and all is given out in large pieces.
  const std::uint64_t data = inventory.data * copies(value_of(words, "-d", "--data"));
  const std::uint64_t metadata =
      inventory.files * 16384 + 2 * (inventory.names + inventory.attributes + inventory.links);
  return 192 * kMiB + data + data / 4 + metadata;
}

}  // namespace

Inventory take_inventory(Tree& tree, const Handle& directory, const std::string& path) {
  Inventory inventory;
  Count(tree, inventory, path).directory(directory, true);
  return inventory;
}

std::uint64_t fitting_size(const std::string& type, const Inventory& inventory,
                           const std::vector<std::string>& mkfs_words) {
  const std::uint64_t files = inventory.files;
  const std::uint64_t other = inventory.names + inventory.links + inventory.attributes;
  const std::uint64_t data = inventory.data + other;
  std::uint64_t size = 0;
  if (type == "ext2" || type == "ext3" || type == "ext4") {
    size = ext_size(inventory);
  } else if (type == "btrfs") {
    size = btrfs_size(inventory, mkfs_words);
  } else if (type == "xfs") {
    size = std::max(304 * kMiB, 96 * kMiB + data + data / 10 + files * 4096);
  } else if (type == "vfat" || type == "exfat") {
    const std::uint64_t whole = inventory.with_holes + 4 * inventory.names;
    // Half a cluster is lost for each file, and the tables grow with the size.
    const std::uint64_t per_file = whole < 256 * kMiB ? 4096 : 32768;
    size = 2 * kMiB + whole + whole / 10 + files * per_file;
    // Below 512M, mkfs.vfat makes a root directory of 512 entries that cannot grow.
    if (type == "vfat" && inventory.fat_entries > 400) size = std::max(size, 520 * kMiB);
  } else if (type == "nilfs2") {
    // Segments of 8 MiB, and what is written anew takes more of them.
    size = 192 * kMiB + 2 * data + files * 4096;
  } else if (type == "f2fs") {
    size = 128 * kMiB + data + data / 4 + files * 8192;
  } else {
    size = 64 * kMiB + data + data / 10 + files * 8192;
  }
  return (size + kMiB - 1) / kMiB * kMiB;
}

}  // namespace lkl::tool
