// SPDX-License-Identifier: GPL-2.0
#include "session/mount_failure.h"

#include <fmt/format.h>
#include <lkl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <span>
#include <string_view>

namespace lkl::tool {

namespace {

using Log = std::vector<std::string>;

// The line that has one of these words.
const std::string* find_line(const Log& log, std::initializer_list<std::string_view> words) {
  for (const std::string& line : log)
    for (const std::string_view word : words)
      if (line.find(word) != std::string::npos) return &line;
  return nullptr;
}

// What is between the first pair of quotes behind these words.
std::string quoted(const std::string& line, std::string_view words) {
  const std::size_t at = line.find(words);
  if (at == std::string::npos) return {};
  const std::size_t open = line.find_first_of("'\"", at + words.size());
  if (open == std::string::npos) return {};
  const std::size_t close = line.find(line[open], open + 1);
  return close == std::string::npos ? std::string() : line.substr(open + 1, close - open - 1);
}

std::uint64_t number_behind(const std::string& line, std::string_view words, int base) {
  std::size_t at = line.find(words);
  if (at == std::string::npos) return 0;
  at = line.find_first_not_of(" (:=", at + words.size());
  if (at == std::string::npos) return 0;
  if (base == 16 && line.compare(at, 2, "0x") == 0) at += 2;
  std::uint64_t value = 0;
  std::from_chars(line.data() + at, line.data() + line.size(), value, base);
  return value;
}

// The value of "NAME=" among mount options.
std::optional<std::string> option(std::string_view data, std::string_view name) {
  while (!data.empty()) {
    const std::string_view word = data.substr(0, data.find(','));
    data.remove_prefix(std::min(word.size() + 1, data.size()));
    if (word.starts_with(name) && word.substr(name.size()).starts_with('='))
      return std::string(word.substr(name.size() + 1));
  }
  return {};
}

struct Feature {
  std::uint64_t bit;
  const char* name;
};

// As their own tools call them.
constexpr Feature kExtFeatures[] = {
    {0x1, "compression"},  {0x2, "filetype"},       {0x4, "needs_recovery"},
    {0x8, "journal_dev"},  {0x10, "meta_bg"},       {0x40, "extent"},
    {0x80, "64bit"},       {0x100, "mmp"},          {0x200, "flex_bg"},
    {0x400, "ea_inode"},   {0x1000, "dirdata"},     {0x2000, "metadata_csum_seed"},
    {0x4000, "large_dir"}, {0x8000, "inline_data"}, {0x10000, "encrypt"},
    {0x20000, "casefold"},
};
constexpr Feature kExtWriteFeatures[] = {
    {0x1, "sparse_super"}, {0x2, "large_file"},         {0x4, "btree_dir"},
    {0x8, "huge_file"},    {0x10, "uninit_bg"},         {0x20, "dir_nlink"},
    {0x40, "extra_isize"}, {0x80, "snapshot"},          {0x100, "quota"},
    {0x200, "bigalloc"},   {0x400, "metadata_csum"},    {0x800, "replica"},
    {0x1000, "read-only"}, {0x2000, "project"},         {0x4000, "shared_blocks"},
    {0x8000, "verity"},    {0x10000, "orphan_present"},
};
constexpr Feature kBtrfsFeatures[] = {
    {0x1, "mixed_backref"}, {0x2, "default_subvol"},    {0x4, "mixed-bg"},
    {0x8, "compress_lzo"},  {0x10, "compress_zstd"},    {0x20, "big_metadata"},
    {0x40, "extref"},       {0x80, "raid56"},           {0x100, "skinny-metadata"},
    {0x200, "no-holes"},    {0x400, "metadata_uuid"},   {0x800, "raid1c34"},
    {0x1000, "zoned"},      {0x2000, "extent-tree-v2"}, {0x4000, "raid-stripe-tree"},
    {0x10000, "squota"},
};
constexpr Feature kBtrfsWriteFeatures[] = {
    {0x1, "free-space-tree"},
    {0x2, "free-space-tree-valid"},
    {0x4, "verity"},
    {0x8, "block-group-tree"},
};

std::string names_of(std::uint64_t bits, std::span<const Feature> features) {
  std::string names;
  const auto add = [&names](const std::string& name) {
    names += (names.empty() ? "" : ", ") + name;
  };
  for (const Feature& feature : features)
    if (bits & feature.bit) {
      add(feature.name);
      bits &= ~feature.bit;
    }
  if (bits != 0) add(fmt::format("0x{:x}", bits));
  return names;
}

std::string wrong_option(const MountAttempt& attempt) {
  for (const std::string& line : attempt.log) {
    for (const std::string_view words :
         {"Unknown parameter", "nrecognized mount option", "option not supported"})
      if (line.find(words) != std::string::npos) {
        const std::string name = quoted(line, words);
        return fmt::format("; {} knows no mount option{}: leave it out, or see its manual page",
                           attempt.type, name.empty() ? " of this name" : " '" + name + "'");
      }
    for (const std::string_view words : {"Bad value for", "Unexpected value for"})
      if (line.find(words) != std::string::npos)
        return fmt::format("; the mount option '{}' cannot have this value", quoted(line, words));
  }
  if (find_line(attempt.log, {"IO charset", "codepage "}))
    return "; this kernel does not have the character set";
  // The other ones say it in words of their own.
  if (find_line(attempt.log,
                {"unrecognized compression value", "unrecognized discard mode",
                 "unrecognized space_cache", "unrecognized fatal_errors",
                 "unrecognized rescue option", "invalid value 0 for thread_pool",
                 "must be used with ro mount option", "Mount option(s) incompatible",
                 "cannot disable free-space-tree", "Invalid want_extra_isize",
                 "Invalid commit interval", "Cannot specify journal", "not compiled in"}))
    return "; a mount option cannot be used here";
  return {};
}

std::string missing_part(const MountAttempt& attempt) {
  const bool not_there = attempt.error == std::errc::no_such_file_or_directory;
  if (attempt.type == "btrfs") {
    if (const auto name = option(attempt.data, "subvol");
        name && (not_there || find_line(attempt.log, {"is not a valid subvolume"})))
      return fmt::format("; it has no subvolume '{}'", *name);
    if (const auto id = option(attempt.data, "subvolid"); id && not_there)
      return fmt::format("; it has no subvolume of the id {}", *id);
    if (find_line(attempt.log, {"is missing", "missing devices", "failed to read chunk tree: -2",
                                "failed to read the system array: -2"}))
      return "; it lies on several devices, and not all are there: name the others with -a";
  }
  if (find_line(attempt.log, {"external journal", "journal device"}))
    return "; its journal is on another device, which is not there";
  return {};
}

std::string unsupported(const MountAttempt& attempt) {
  struct Size {
    std::string_view words;
    const char* what;
  };
  constexpr Size kSizes[] = {
      {"bad block size", "blocks"},
      {"unable to set blocksize", "blocks"},
      {"Page size > filesystem block size", "blocks"},
      {"logical sector size = ", "sectors"},
  };
  for (const std::string& line : attempt.log) {
    // The second number is the page's.
    if (line.find("not yet supported for page size") != std::string::npos)
      return fmt::format("; it has sectors of {} bytes, which this kernel does not support",
                         number_behind(line, "sectorsize", 10));
    for (const Size& size : kSizes)
      if (const std::uint64_t bytes = number_behind(line, size.words, 10); bytes != 0)
        return fmt::format("; it has {} of {} bytes, which this kernel does not support", size.what,
                           bytes);
  }
  const bool ext = attempt.type == "ext4";
  for (const std::string& line : attempt.log) {
    const bool writing = line.find("RDWR") != std::string::npos ||
                         line.find("read-write because") != std::string::npos;
    for (const std::string_view words :
         {"unsupported optional features", "unknown incompat features",
          "unknown incompatible features", "unknown compat_ro features",
          "invalid incompat flags, has"}) {
      if (line.find(words) == std::string::npos) continue;
      const std::uint64_t bits = number_behind(line, words, 16);
      const std::span<const Feature> known =
          ext ? (writing ? std::span<const Feature>(kExtWriteFeatures) : kExtFeatures)
              : (writing ? std::span<const Feature>(kBtrfsWriteFeatures) : kBtrfsFeatures);
      if (ext && !writing && bits == 0x8)
        return "; it is no file system, but the journal of one on another device";
      return fmt::format("; it has features that this kernel does not support: {}{}",
                         names_of(bits, known), writing ? "; it can be read, with --ro" : "");
    }
    if (line.find("casefold feature") != std::string::npos)
      return "; it has a feature that this kernel does not support: casefold";
    if (line.find("CONFIG_QUOTA") != std::string::npos)
      return "; it has a feature that this kernel does not support: quota; it can be read, with "
             "--ro";
    if (const std::string name = quoted(line, "Filesystem uses"); !name.empty())
      return fmt::format("; it uses the compression {}, which this kernel does not support", name);
    for (const std::string_view words : {"Major/Minor mismatch", "revision level too high",
                                         "unsupported checksum algorithm", "minUDFReadRev"})
      if (line.find(words) != std::string::npos)
        return "; it is of a version that this kernel does not support";
  }
  return {};
}

bool speaks_of_damage(const MountAttempt& attempt) {
  if (attempt.error.value() == LKL_EUCLEAN || attempt.error == std::errc::bad_message ||
      attempt.error == std::errc::io_error)
    return true;
  Log log = attempt.log;
  // Said whatever the reason is.
  std::erase_if(log, [](const std::string& line) {
    return line.find("open_ctree failed") != std::string::npos || line.ends_with("mount failed");
  });
  return find_line(log, {"orrupt",
                         "hecksum",
                         "nvalid",
                         "bogus",
                         "bad ",
                         "Bad ",
                         "ailed",
                         "rror",
                         "ismatch",
                         "an't find",
                         "no valid",
                         "not found",
                         "nable to",
                         "damaged",
                         "sanity check",
                         "inconsistent",
                         "overlaps",
                         "not in group",
                         "too big",
                         "too small",
                         "too long",
                         "o anchor found",
                         "o partition found",
                         "o fileset found",
                         "o VRS found",
                         "does not match",
                         "doesn't match",
                         "unusable",
                         "beyond",
                         "exceeds",
                         "zero"}) != nullptr;
}

const char* checker_of(const std::string& type) {
  if (type == "ext4") return "e2fsck -n";
  if (type == "btrfs") return "btrfs check";
  if (type == "vfat" || type == "msdos") return "fsck.vfat -n";
  if (type == "exfat") return "fsck.exfat -n";
  if (type == "xfs") return "xfs_repair -n";
  if (type == "f2fs") return "fsck.f2fs --dry-run";
  if (type == "erofs") return "fsck.erofs";
  if (type == "ntfs3") return "ntfsfix -n, and chkdsk of Windows";
  if (type == "jfs") return "jfs_fsck -n";
  if (type == "hfsplus" || type == "hfs") return "fsck.hfsplus -n";
  if (type == "bcachefs") return "bcachefs fsck -n";
  if (type == "minix") return "fsck.minix";
  if (type == "cramfs") return "fsck.cramfs";
  return "the file system's own checker, if it has one";
}

// What has to be done before it is written to, by its own tools.
std::string to_be_replayed(const MountAttempt& attempt) {
  const Contents* contents = attempt.contents.as(attempt.type);
  if (attempt.type == "jfs" && attempt.for_writing && contents != nullptr && contents->needs_replay)
    return "; it was not unmounted cleanly: its journal is replayed by jfs_fsck, then it can be "
           "written; it can be read, with --ro";
  if (attempt.type == "ntfs3" && find_line(attempt.log, {"\"force\" flag is not set"}))
    return "; Windows has not unmounted it (or sleeps on it): let Windows do that, or ntfsfix -d; "
           "it can be read, with --ro, or written all the same, with the mount option force";
  return {};
}

}  // namespace

bool is_in_default_profile(std::string_view type) {
  constexpr std::string_view kTypes[] = {
      "affs", "bcachefs", "befs", "bfs",   "cramfs", "efs",   "erofs",  "f2fs",
      "hfs",  "hfsplus",  "jfs",  "minix", "nilfs2", "ntfs3", "omfs",   "qnx4",
      "qnx6", "romfs",    "sysv", "ufs",   "v7",     "xfs",   "zonefs",
  };
  return std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes);
}

std::string explain(const MountAttempt& attempt) {
  const Contents& contents = attempt.contents;
  const std::error_code& error = attempt.error;
  if (std::string text = wrong_option(attempt); !text.empty()) return text;
  // Named as another type than it has?
  if (contents.as(attempt.type) == nullptr) {
    if (contents.kind == Contents::Kind::kUnknown) return "; no file system is recognised there";
    return fmt::format("; it looks like {}: leave -t out", contents.type);
  }
  if (error == std::errc::not_enough_memory)
    return "; the kernel has too little memory for it: give it more with -m";
  if (std::string text = missing_part(attempt); !text.empty()) return text;
  if (std::string text = unsupported(attempt); !text.empty()) return text;
  if (std::string text = to_be_replayed(attempt); !text.empty()) return text;
  if (error == std::errc::read_only_file_system && attempt.for_writing)
    return fmt::format("; this kernel only reads file systems of type {}", attempt.type);
  if (error == std::errc::read_only_file_system || error == std::errc::permission_denied)
    return "; it has to be written to before it can be read, and the image is read-only";
  if (error == std::errc::device_or_resource_busy)
    return "; a part of the same image is in use by what is mounted already";
  if (error == std::errc::file_exists)
    return "; the same file system, or a copy of it, is mounted already";
  std::string text;
  if (!attempt.damage.empty())
    text = "; " + attempt.damage;
  else if (speaks_of_damage(attempt))
    text = fmt::format("; it may be damaged: check it with {}", checker_of(attempt.type));
  for (const Contents& other : contents.also)
    if (other.kind == Contents::Kind::kFileSystem &&
        driver_of(other.type) != driver_of(attempt.type))
      text += fmt::format("; it also has the superblock of {}: -t {} takes it for that", other.type,
                          other.type);
  return text;
}

}  // namespace lkl::tool
