// SPDX-License-Identifier: GPL-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/format.h"
#include "base/signals.h"
#include "tree/acl.h"
#include "tree/archive.h"

namespace lkl::tool {

namespace {

constexpr std::size_t kChunk = 1 << 20;
// A hole is handed over in pieces of this size, and may have many.
constexpr std::size_t kHoleChunk = 1 << 30;

const std::string kItself;

std::uint32_t type_of(const Stat& stat) {
  return stat.mode & LKL_S_IFMT;
}

// libarchive writes seconds and fraction side by side: "-2" and .25 as "-2.25". For a time before
// 1970 the fraction counts the other way in the archive. The second before 1970 has no such
// spelling and loses its fraction.
Timestamp written_time(const Timestamp& time) {
  if (time.seconds >= 0 || time.nanoseconds == 0) return time;
  if (time.seconds == -1) return {-1, 0};
  return {time.seconds + 1, 1'000'000'000 - time.nanoseconds};
}

void check_option(const std::string& name, archive* archive, int result) {
  if (result < ARCHIVE_WARN)
    throw Failure(fmt::format("{}: {}", name, archive_error_string(archive)));
}

// libarchive would start a program for what it was built without.
void check_known(const std::string& name, const char* version, std::string_view compression) {
  if (version == nullptr)
    throw Failure(fmt::format("{}: {} is no compression that is known here", name, compression));
}

}  // namespace

bool is_archived_xattr(std::string_view name) {
  return name.starts_with("user.") || name.starts_with("security.") || name.starts_with("trusted.");
}

Compression compression_of(const std::string& file) {
  constexpr std::pair<std::string_view, Compression> kEndings[] = {
      {".gz", Compression::kGzip},   {".tgz", Compression::kGzip},   {".bz2", Compression::kBzip2},
      {".tbz", Compression::kBzip2}, {".tbz2", Compression::kBzip2}, {".xz", Compression::kXz},
      {".txz", Compression::kXz},    {".zst", Compression::kZstd},   {".tzst", Compression::kZstd},
  };
  for (const auto& [ending, compression] : kEndings)
    if (file.ends_with(ending)) return compression;
  return Compression::kNone;
}

Packer::Packer(Diagnostics& diagnostics, Progress& progress, int fd, std::string name,
               Compression compression)
    : diagnostics_(diagnostics),
      progress_(progress),
      name_(std::move(name)),
      archive_(archive_write_new()),
      buffer_(kChunk),
      zeroes_(kHoleChunk) {
  if (!archive_) throw std::bad_alloc();
  archive* const a = archive_.get();
  // Always with extended headers: times have nanoseconds only there.
  check_option(name_, a, archive_write_set_format_pax(a));
  // One of the two ways to write attributes is enough; GNU tar knows this one.
  check_option(name_, a, archive_write_set_format_option(a, "pax", "xattrheader", "SCHILY"));
  switch (compression) {
    case Compression::kNone:
      break;
    case Compression::kGzip:
      check_known(name_, archive_zlib_version(), "gzip");
      check_option(name_, a, archive_write_add_filter_gzip(a));
      check_option(name_, a, archive_write_set_filter_option(a, "gzip", "timestamp", nullptr));
      break;
    case Compression::kBzip2:
      check_known(name_, archive_bzlib_version(), "bzip2");
      check_option(name_, a, archive_write_add_filter_bzip2(a));
      break;
    case Compression::kXz:
      check_known(name_, archive_liblzma_version(), "xz");
      check_option(name_, a, archive_write_add_filter_xz(a));
      break;
    case Compression::kZstd:
      check_known(name_, archive_libzstd_version(), "zstd");
      check_option(name_, a, archive_write_add_filter_zstd(a));
      break;
  }
  if (archive_write_open_fd(a, fd) != ARCHIVE_OK) fail();
}

void Packer::fail() {
  throw Failure(
      fmt::format("{}: cannot write the archive: {}", name_, archive_error_string(archive_.get())));
}

void Packer::add(Tree& tree, const OpenPlace& file, const std::string& member) {
  std::string name = member;
  WalkHooks hooks;
  hooks.before = [&](const Visit& visit) {
    if (failure_) return false;
    // The member's name ends as the path does.
    name.resize(member.size());
    std::string_view below = std::string_view(visit.path).substr(file.path.size());
    if (below.starts_with('/')) below.remove_prefix(1);
    if (!below.empty() && !name.ends_with('/')) name += '/';
    name += below;
    try {
      return add_entry({tree, visit, name});
    } catch (const Failure&) {
      // The walk would go on with the next file.
      failure_ = std::current_exception();
      return false;
    }
  };
  walk(diagnostics_, tree, file, hooks);
  if (failure_) std::rethrow_exception(failure_);
}

bool Packer::add_entry(const Found& file) {
  const Stat& stat = file.visit.stat;
  const std::uint32_t type = type_of(stat);
  if (type == LKL_S_IFSOCK) {
    diagnostics_.warning(
        fmt::format("{}: is a socket, left out: an archive cannot hold one", file.display()));
    return false;
  }
  const EntryPointer owner(archive_entry_new());
  archive_entry* const entry = owner.get();
  if (!entry) throw std::bad_alloc();
  // On Windows libarchive would see to the '/' of a directory by another name.
  const bool is_bare = stat.is_directory() && !file.member.ends_with('/');
  archive_entry_copy_pathname(entry, is_bare ? (file.member + '/').c_str() : file.member.c_str());
  archive_entry_set_mode(entry, static_cast<mode_t>(stat.mode));
  archive_entry_set_uid(entry, stat.uid);
  archive_entry_set_gid(entry, stat.gid);
  const Timestamp modified = written_time(stat.modified), accessed = written_time(stat.accessed);
  archive_entry_set_mtime(entry, modified.seconds, modified.nanoseconds);
  archive_entry_set_atime(entry, accessed.seconds, accessed.nanoseconds);

  if (stat.is_directory()) return add_directory(file, entry);
  if (stat.nlink > 1) {
    const auto [found, is_first] = links_.try_emplace(identity_of(stat), file.member);
    if (!is_first) {
      archive_entry_copy_hardlink(entry, found->second.c_str());
      archive_entry_unset_size(entry);
      write_header(file, entry);
      return false;
    }
  }
  if (stat.is_regular()) {
    add_regular(file, entry);
    return false;
  }
  if (stat.is_symlink())
    archive_entry_copy_symlink(entry, file.tree.read_link(file.visit.place).c_str());
  if (type == LKL_S_IFBLK || type == LKL_S_IFCHR) {
    archive_entry_set_rdevmajor(entry, stat.rdev_major);
    archive_entry_set_rdevminor(entry, stat.rdev_minor);
  }
  take_xattrs(file, file.visit.place, entry);
  write_header(file, entry);
  progress_.add_file();
  return false;
}

bool Packer::add_directory(const Found& file, archive_entry* entry) {
  const Handle directory = file.tree.open_directory(file.visit.place);
  take_xattrs(file, {directory, kItself}, entry);
  return write_header(file, entry);
}

void Packer::add_regular(const Found& file, archive_entry* entry) {
  const Stat& stat = file.visit.stat;
  const Handle in = file.tree.open_file(file.visit.place);
  progress_.set_subject(file.visit.path);
  take_xattrs(file, {in, kItself}, entry);
  archive_entry_set_size(entry, static_cast<la_int64_t>(stat.size));

  std::vector<Extent> extents;
  for (std::uint64_t at = 0; at < stat.size;) {
    check_interrupted();
    const auto extent = file.tree.next_extent(in, at, stat.size);
    if (!extent) break;
    extents.push_back(*extent);
    at = extent->end;
  }
  const bool whole = stat.size == 0 ||
                     (extents.size() == 1 && extents[0].begin == 0 && extents[0].end == stat.size);
  if (!whole) {
    for (const Extent& extent : extents)
      archive_entry_sparse_add_entry(entry, static_cast<la_int64_t>(extent.begin),
                                     static_cast<la_int64_t>(extent.end - extent.begin));
    if (extents.empty()) archive_entry_sparse_add_entry(entry, 0, 0);
  }
  if (!write_header(file, entry)) return;

  // The holes too are handed over; libarchive leaves them out again.
  std::uint64_t at = 0;
  try {
    for (const Extent& extent : extents) {
      write_zeroes(extent.begin - at);
      for (at = extent.begin; at < extent.end;) {
        check_interrupted();
        const auto want =
            static_cast<std::size_t>(std::min<std::uint64_t>(buffer_.size(), extent.end - at));
        const std::size_t n = file.tree.read(in, {buffer_.data(), want}, at);
        if (n == 0) throw std::system_error(std::make_error_code(std::errc::io_error));
        write_data(buffer_.data(), n);
        at += n;
        progress_.add_bytes(n);
      }
    }
  } catch (const std::system_error& error) {
    // Its size is in the archive already; the rest has to be something.
    diagnostics_.error(fmt::format("{}: {}; in the archive it is zeroes from byte {} on",
                                   file.display(), describe(error.code()), at));
    if (!extents.empty() && at < extents.back().end) write_zeroes(extents.back().end - at);
    at = extents.empty() ? at : std::max(at, extents.back().end);
  }
  // Of a hole at the end a byte will do: that there is data has the map of the others written.
  write_zeroes(std::min<std::uint64_t>(stat.size - at, 1));
  progress_.add_bytes(stat.size - at);
  if (archive_write_finish_entry(archive_.get()) < ARCHIVE_WARN) fail();
  progress_.add_file();
}

bool Packer::write_header(const Found& file, archive_entry* entry) {
  const int result = archive_write_header(archive_.get(), entry);
  if (result == ARCHIVE_OK) return true;
  if (result == ARCHIVE_FATAL) fail();
  const std::string why = archive_error_string(archive_.get());
  // Names that are no UTF-8 are written as they are, and marked so.
  if (result == ARCHIVE_WARN) return true;
  diagnostics_.error(fmt::format("{}: left out: {}", file.display(), why));
  return false;
}

void Packer::write_zeroes(std::uint64_t size) {
  while (size > 0) {
    check_interrupted();
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(size, zeroes_.size()));
    write_data(zeroes_.data(), n);
    size -= n;
  }
}

void Packer::write_data(const std::byte* data, std::size_t size) {
  while (size > 0) {
    const la_ssize_t n = archive_write_data(archive_.get(), data, size);
    if (n <= 0) fail();
    data += n;
    size -= static_cast<std::size_t>(n);
  }
}

void Packer::take_xattrs(const Found& file, Place place, archive_entry* entry) {
  std::vector<std::string> names;
  try {
    names = file.tree.xattr_names(place);
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      if (!is_acl(name) && !is_archived_xattr(name)) continue;
      const std::string value = file.tree.get_xattr(place, name);
      if (!is_acl(name))
        archive_entry_xattr_add_entry(entry, name.c_str(), value.data(), value.size());
      else if (!put_acl(entry, name, value))
        diagnostics_.error(fmt::format("{}: its ACL is damaged, left out", file.display()));
      if (labels_ && name == "security.selinux")
        fmt::print(labels_, "/{} {}\n",
                   file.member.starts_with("./") ? file.member.substr(2) : file.member,
                   value.c_str());
    }
  } catch (const std::system_error& error) {
    if (unsupported(error.code())) return;  // there are none then
    diagnostics_.error(fmt::format("{}: extended attributes not kept: {}", file.display(),
                                   describe(error.code())));
  }
}

void Packer::finish() {
  if (archive_write_close(archive_.get()) < ARCHIVE_WARN) fail();
}

}  // namespace lkl::tool
