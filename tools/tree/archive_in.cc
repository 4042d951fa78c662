// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <span>

#include "base/format.h"
#include "base/host_calls.h"
#include "base/signals.h"
#include "tree/acl.h"
#include "tree/archive.h"
#include "tree/copy_data.h"
#include "tree/no_room.h"

namespace lkl::tool {

namespace {

constexpr std::size_t kBlock = 256 * 1024;
// An archive ends with blocks of zeroes of this size.
constexpr std::size_t kEndMark = 512;

const std::string kItself;

// One member is left out; the rest of the archive is not affected.
class MemberFailure : public Failure {
 public:
  using Failure::Failure;
};

// libarchive takes the fraction of a time before 1970 as if it counted forward.
Timestamp time_of(std::int64_t seconds, long nanoseconds) {
  if (seconds < 0 && nanoseconds > 0)
    return {seconds - 1, 1'000'000'000U - static_cast<std::uint32_t>(nanoseconds)};
  return {seconds, static_cast<std::uint32_t>(nanoseconds)};
}

std::size_t hash_below(std::size_t directory, const std::string& name) {
  constexpr std::size_t kOdd = 0x9e3779b97f4a7c15;
  return (directory ^ std::hash<std::string>()(name)) * kOdd;
}

}  // namespace

Unpacker::Unpacker(Diagnostics& diagnostics, bool verbose, Progress& progress, int fd,
                   std::string name)
    : diagnostics_(diagnostics),
      verbose_(verbose),
      progress_(progress),
      fd_(fd),
      name_(std::move(name)),
      archive_(archive_read_new()),
      block_(kBlock),
      xattrs_(diagnostics) {
  if (!archive_) throw std::bad_alloc();
  archive* const a = archive_.get();
  archive_read_support_format_tar(a);
  // By name: support_filter_all() would start programs for those libarchive does not know, and so
  // would each of these that it was built without.
  archive_read_support_filter_compress(a);
  if (archive_zlib_version()) archive_read_support_filter_gzip(a);
  if (archive_bzlib_version()) archive_read_support_filter_bzip2(a);
  if (archive_libzstd_version()) archive_read_support_filter_zstd(a);
  if (archive_liblzma_version()) {
    archive_read_support_filter_lzma(a);
    archive_read_support_filter_xz(a);
  }
}

la_ssize_t Unpacker::read_block(struct archive* archive, void* self, const void** block) {
  auto& unpacker = *static_cast<Unpacker*>(self);
  const ssize_t n =
      read_or_signal(unpacker.fd_, std::as_writable_bytes(std::span(unpacker.block_)));
  if (n < 0) {
    archive_set_error(archive, errno, "%s", describe(host_error(errno)).c_str());
    return -1;
  }
  const auto size = static_cast<std::size_t>(n);
  unpacker.tail_.append(unpacker.block_.data(), size);
  if (unpacker.tail_.size() > kEndMark) unpacker.tail_.erase(0, unpacker.tail_.size() - kEndMark);
  *block = unpacker.block_.data();
  return n;
}

void Unpacker::fail(const std::string& member) {
  check_interrupted();
  const char* why = archive_error_string(archive_.get());
  throw Failure(fmt::format("{}: the archive is damaged or cut off{}: {}; get it anew", name_,
                            member.empty() ? "" : fmt::format(" in or after '{}'", member),
                            why ? why : "unreadable"));
}

std::string Unpacker::display(const std::string& member) const {
  return tree_->display(join_path(target_, member));
}

std::optional<Unpacker::Components> Unpacker::components(const std::string& member) {
  Components parts;
  for (std::size_t at = 0; at < member.size();) {
    const std::size_t slash = std::min(member.find('/', at), member.size());
    const std::string part = member.substr(at, slash - at);
    at = slash + 1;
    if (part == "..") return std::nullopt;
    if (!part.empty() && part != ".") parts.push_back(part);
  }
  return parts;
}

void Unpacker::unpack(Tree& tree, const std::string& path) {
  tree_ = &tree;
  target_ = path;
  try {
    levels_.clear();
    levels_.push_back({{}, tree.open_directory(path), false, 0, {}});
    levels_[0].folds_names = tree.folds_names(levels_[0].handle);
  } catch (const std::system_error& error) {
    throw Failure(fmt::format("{}: {}", tree.display(path), describe(error.code())));
  }
  archive* const a = archive_.get();
  std::string member;
  if (archive_read_open(a, this, nullptr, read_block, nullptr) != ARCHIVE_OK) {
    check_interrupted();
    throw Failure(fmt::format("{}: is no tar archive, or its compression is not known: {}", name_,
                              archive_error_string(a)));
  }
  for (bool first = true;; first = false) {
    check_interrupted();
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(a, &entry);
    if (result == ARCHIVE_EOF) break;
    // ARCHIVE_RETRY, to search for the next member, too: there is no telling what was lost.
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) {
      check_interrupted();
      if (first)
        throw Failure(fmt::format("{}: is no tar archive, or its start is damaged: {}", name_,
                                  archive_error_string(a)));
      fail(member);
    }
    const char* name = archive_entry_pathname(entry);
    if (name == nullptr) {
      diagnostics_.error(
          fmt::format("{}: a member after '{}' has no readable name, left out", name_, member));
      continue;
    }
    member = name;
    try {
      unpack_member(entry, member);
    } catch (const std::system_error& error) {
      const std::string where = display(member);
      const bool data = dynamic_cast<const WriteError*>(&error) != nullptr;
      if (is_no_room(error.code()))
        throw Failure(fmt::format("{}: {}; what came before was unpacked", where,
                                  why_no_room(tree, levels_[0].handle, error.code(),
                                              data ? Growth::kData : Growth::kName)));
      diagnostics_.error(where, error.code());
    } catch (const MemberFailure& failure) {
      diagnostics_.error(failure.what());
    }
  }
  while (!levels_.empty()) leave();
  const bool plain = archive_filter_code(a, 0) == ARCHIVE_FILTER_NONE;
  const auto is_zero = [](char c) { return c == 0; };
  if (plain && (tail_.size() < kEndMark || !std::all_of(tail_.begin(), tail_.end(), is_zero)))
    diagnostics_.error(fmt::format(
        "{}: has no end mark: it may have been cut off; what is in it was unpacked", name_));
}

const Handle& Unpacker::enter(const Components& path, std::size_t count) {
  std::size_t same = 0;
  while (same < count && same + 1 < levels_.size() && levels_[same + 1].name == path[same]) same++;
  while (levels_.size() > same + 1) leave();
  while (levels_.size() <= count) {
    const std::string& name = path[levels_.size() - 1];
    const Handle& dir = levels_.back().handle;
    refuse_other_spelling({dir, name});
    const auto stat = tree_->find({dir, name});
    if (stat && !stat->is_directory())
      throw MemberFailure(
          fmt::format("{}: is in the way of what belongs below it{}", display(here(name)),
                      stat->is_symlink() ? ": a symbolic link, which is not followed" : ""));
    if (!stat) {
      tree_->make_directory({dir, name}, 0755);
      if (tree_->unix_attributes()) tree_->set_mode({dir, name}, 0755);
    }
    Level level{
        name, tree_->open_directory({dir, name}), false, hash_below(levels_.back().hash, name), {}};
    level.folds_names = tree_->folds_names(level.handle);
    if (finished_.contains(level.hash)) level.attributes = attributes_of_finished(level.handle);
    levels_.push_back(std::move(level));
  }
  return levels_.back().handle;
}

void Unpacker::leave() {
  check_interrupted();
  const Level& level = levels_.back();
  if (level.attributes) {
    set_attributes(here(), {level.handle, kItself}, *level.attributes, false);
    finished_.insert(level.hash);
  }
  levels_.pop_back();
}

// It is to be as it was when we leave it again. Meanwhile new members get no access lists by it:
// they have their own.
Unpacker::Attributes Unpacker::attributes_of_finished(const Handle& directory) {
  const Stat stat = tree_->stat(directory);
  Attributes attributes;
  attributes.mode = stat.mode & 07777;
  attributes.uid = stat.uid;
  attributes.gid = stat.gid;
  attributes.accessed = stat.accessed;
  attributes.modified = stat.modified;
  if (!tree_->unix_attributes()) return attributes;
  const Place place{directory, kItself};
  for (const std::string& name : tree_->xattr_names(place)) {
    if (!is_default_acl(name)) continue;
    attributes.xattrs.emplace_back(name, tree_->get_xattr(place, name));
    tree_->set_xattr(place, name, no_acl());
  }
  return attributes;
}

std::string Unpacker::here(std::string_view name) const {
  std::string path;
  for (std::size_t i = 1; i < levels_.size(); i++) path += levels_[i].name + "/";
  if (name.empty() && !path.empty()) path.pop_back();
  return path.append(name);
}

void Unpacker::refuse_other_spelling(Place place) {
  if (!levels_.back().folds_names) return;
  const std::string path = here();
  auto known = folding_.find(path);
  if (known == folding_.end())
    known = folding_.emplace(path, Folding{Arrivals(*tree_, place.dir, false), {}}).first;
  auto& [arrivals, names] = known->second;
  if (names.contains(place.name)) return;
  if (tree_->find(place) && arrivals.has_arrived(place)) {
    const std::string member = here(place.name);
    throw MemberFailure(already_arrived(*tree_, place, join_path(target_, member),
                                        fmt::format("member '{}'", member)));
  }
  names.insert(place.name);
}

void Unpacker::make_room(Place place) {
  const auto existing = tree_->find(place);
  if (!existing) return;
  if (existing->is_directory())
    throw std::system_error(std::make_error_code(std::errc::is_a_directory));
  tree_->remove(place);
}

Unpacker::Attributes Unpacker::attributes_of(archive_entry* entry) {
  Attributes attributes;
  attributes.mode = archive_entry_perm(entry) & 07777;
  attributes.uid = static_cast<std::uint32_t>(archive_entry_uid(entry));
  attributes.gid = static_cast<std::uint32_t>(archive_entry_gid(entry));
  if (archive_entry_mtime_is_set(entry))
    attributes.modified = time_of(archive_entry_mtime(entry), archive_entry_mtime_nsec(entry));
  if (archive_entry_atime_is_set(entry))
    attributes.accessed = time_of(archive_entry_atime(entry), archive_entry_atime_nsec(entry));
  attributes.xattrs = take_acls(entry);
  const bool has_acls = !attributes.xattrs.empty();
  archive_entry_xattr_reset(entry);
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
    if (is_archived_xattr(name) || (is_acl(name) && !has_acls))
      attributes.xattrs.emplace_back(name, std::string(static_cast<const char*>(value), size));
  return attributes;
}

void Unpacker::unpack_member(archive_entry* entry, const std::string& member) {
  const auto path = components(member);
  if (!path)
    throw MemberFailure(
        fmt::format("{}: member '{}': has '..' in its name, left out", name_, member));
  const bool link = archive_entry_hardlink(entry) != nullptr;
  const std::uint32_t type = link ? LKL_S_IFREG : archive_entry_filetype(entry);
  if (verbose_) {
    progress_.clear();
    print_error(fmt::format("{}\n", member));
  }
  progress_.set_subject(member);
  if (type == LKL_S_IFDIR) {
    if (!path->empty()) {
      const Place place{enter(*path, path->size() - 1), path->back()};
      const auto existing = tree_->find(place);
      if (existing && !existing->is_directory()) {
        refuse_other_spelling(place);
        tree_->remove(place);
      }
    }
    enter(*path, path->size());
    levels_.back().attributes = attributes_of(entry);
    return;
  }
  if (path->empty()) throw std::system_error(std::make_error_code(std::errc::is_a_directory));
  const Place place{enter(*path, path->size() - 1), path->back()};
  refuse_other_spelling(place);
  if (link)
    make_link(place, entry);
  else if (type == LKL_S_IFREG)
    unpack_regular(member, place, entry);
  else
    make_other(place, entry, type);
  progress_.add_file();
}

void Unpacker::make_link(Place place, archive_entry* entry) {
  const std::string text = archive_entry_hardlink(entry);
  const auto target = components(text);
  if (!target || target->empty())
    throw MemberFailure(fmt::format("{}: its hard link to '{}' leads out of the archive, left out",
                                    display(archive_entry_pathname(entry)), text));
  // Not by enter(): `place` is where we are.
  Handle walked;
  const Handle* from = &levels_[0].handle;
  for (std::size_t i = 0; i + 1 < target->size(); i++) {
    walked = tree_->open_directory({*from, (*target)[i]});
    from = &walked;
  }
  const Place existing{*from, target->back()};
  const auto stat = tree_->find(existing);
  if (!stat) throw std::system_error(std::make_error_code(std::errc::no_such_file_or_directory));
  if (const auto here = tree_->find(place); here && here->inode == stat->inode) return;
  make_room(place);
  tree_->make_link(existing, place);
}

void Unpacker::unpack_regular(const std::string& member, Place place, archive_entry* entry) {
  make_room(place);
  const Handle out = tree_->create_file(place, 0600);
  // What is half there must not look like the whole.
  struct Partial {
    Tree& tree;
    Place place;
    bool complete = false;
    ~Partial() {
      if (complete) return;
      try {
        tree.remove(place);
      } catch (...) {
        // The error that brought us here is the one to be told.
      }
    }
  } partial{*tree_, place};
  try {
    read_data(member, out, static_cast<std::uint64_t>(archive_entry_size(entry)));
  } catch (const std::system_error& error) {
    throw WriteError(error);
  }
  set_attributes(member, {out, kItself}, attributes_of(entry), false);
  partial.complete = true;
}

void Unpacker::read_data(const std::string& member, const Handle& out, std::uint64_t size) {
  std::uint64_t end = 0;
  for (;;) {
    check_interrupted();
    const void* data = nullptr;
    std::size_t n = 0;
    la_int64_t at = 0;
    const int result = archive_read_data_block(archive_.get(), &data, &n, &at);
    if (result == ARCHIVE_EOF) break;
    if (result < ARCHIVE_WARN) fail(member);
    if (n == 0) continue;
    tree_->write(out, {static_cast<const std::byte*>(data), n}, static_cast<std::uint64_t>(at));
    end = static_cast<std::uint64_t>(at) + n;
    progress_.add_bytes(n);
  }
  if (end < size) tree_->truncate(out, size);
}

void Unpacker::make_other(Place place, archive_entry* entry, std::uint32_t type) {
  const std::string member = archive_entry_pathname(entry);
  make_room(place);
  try {
    switch (type) {
      case LKL_S_IFLNK:
        tree_->make_symlink(archive_entry_symlink(entry), place);
        break;
      case LKL_S_IFCHR:
      case LKL_S_IFBLK:
        tree_->make_node(place, type | 0600,
                         static_cast<std::uint32_t>(archive_entry_rdevmajor(entry)),
                         static_cast<std::uint32_t>(archive_entry_rdevminor(entry)));
        break;
      case LKL_S_IFIFO:
        tree_->make_node(place, type | 0600, 0, 0);
        break;
      default:
        throw MemberFailure(fmt::format("{}: of an unknown type, left out", display(member)));
    }
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::operation_not_permitted) throw;
    throw MemberFailure(fmt::format("{}: cannot make a {} here: the file system has none",
                                    display(member), type_name(type)));
  }
  set_attributes(member, place, attributes_of(entry), type == LKL_S_IFLNK);
}

// In the order in which one undoes the other: the owner clears the set-id bits and the
// capabilities, the mode rewrites the ACL, and everything touches the times.
void Unpacker::set_attributes(const std::string& member, Place place, const Attributes& attributes,
                              bool symlink) {
  try {
    if (tree_->unix_attributes()) {
      tree_->set_owner(place, attributes.uid, attributes.gid);
      if (!symlink) tree_->set_mode(place, attributes.mode);
      for (const auto& [name, value] : attributes.xattrs)
        xattrs_.keep(*tree_, place, display(member), name, value);
    }
    if (attributes.modified)
      tree_->set_times(place, attributes.accessed.value_or(*attributes.modified),
                       *attributes.modified);
  } catch (const std::system_error& error) {
    // The file itself is there; that its attributes are not is told, and it stays.
    diagnostics_.error(fmt::format("{}: owner, mode, times or attributes not kept: {}",
                                   display(member), describe(error.code())));
  }
}

}  // namespace lkl::tool
