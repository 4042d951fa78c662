// SPDX-License-Identifier: GPL-2.0
#include "tree/copy.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/format.h"
#include "base/host_calls.h"
#include "base/signals.h"
#include "tree/no_room.h"
#include "tree/walk.h"

namespace lkl::tool {

namespace {

// The whole of what a copy holds of a file at a time, and how much may still be written after
// Ctrl-C.
constexpr std::size_t kChunk = 1 << 20;

const std::string kItself;

std::uint32_t type_of(const Stat& stat) {
  return stat.mode & LKL_S_IFMT;
}

// Removes a file again that was not completed. What is half there must not look like the whole.
class PartialFile {
 public:
  explicit PartialFile(const Operand& file) : file_(file) {}
  ~PartialFile() {
    if (complete_) return;
    try {
      file_.tree.remove(file_.place());
    } catch (...) {
      // The error that brought us here is the one to be told.
    }
  }
  void complete() { complete_ = true; }

 private:
  const Operand& file_;
  bool complete_ = false;
};

}  // namespace

Copier::Copier(Diagnostics& diagnostics, const CopyOptions& options, Progress& progress)
    : diagnostics_(diagnostics),
      options_(options),
      progress_(progress),
      buffer_(kChunk),
      xattrs_(diagnostics) {}

std::string Copier::explain(const Operand& subject, const Operand& to, const std::error_code& code,
                            bool naming) const {
  std::string text = fmt::format("{}: {}", subject.display(), describe(code));
  if (is_no_room(code)) {
    text = fmt::format("{}: {}; nothing of it was kept", to.display(),
                       why_no_room(to.tree, to.dir, code, naming ? Growth::kName : Growth::kData));
  } else if (code == std::errc::io_error) {
    text += "; a disk has failed, or the host's disk with the image on it is full";
  } else if (code == std::errc::file_too_large) {
    text += "; too large for this file system";
  } else if (code == std::errc::filename_too_long) {
    text += "; this file system has no names that long";
  } else if (code == std::errc::invalid_argument && &subject == &to && !to.tree.unix_attributes()) {
    text += "; this file system does not take the name: a character of it, or how it ends";
  }
  return text;
}

void Copier::copy(const Operand& from, const Operand& to, const TopLevel& how) {
  if (link_base_ != &to.dir) {
    links_.clear();
    link_base_ = &to.dir;
  }
  created_.reset();
  from_path_ = from.path;
  to_path_ = to.path;
  relative_ = to.name;
  copy_entry({from.tree, from.dir, from.name, from_path_}, {to.tree, to.dir, to.name, to_path_},
             how.arrivals, &how);
}

// What the command itself has put there is not replaced. Directories of one name are merged if
// `merge`.
void Copier::refuse_arrived(const Operand& from, const Operand& to, Arrivals& arrivals,
                            bool merge) const {
  if (!arrivals.has_arrived(to.place())) return;
  if (merge && to.tree.listed_name(to.place()) == to.name) return;
  throw Failure(already_arrived(to.tree, to.place(), to.path, from.display()));
}

// A name that the host does not take.
void Copier::tell_name(const Operand& to) {
  const std::string written = to.tree.written_name(to.name);
  if (written != to.name)
    diagnostics_.warning(
        fmt::format("{}: is called {} on this host, which takes no such name; from there it "
                    "is copied back as it was",
                    to.display(), written));
}

void Copier::copy_entry(const Operand& from, const Operand& to, Arrivals* arrivals,
                        const TopLevel* top) {
  check_interrupted();
  tell_name(to);
  const bool follow = (top != nullptr && top->follow) || options_.dereference;
  try {
    const std::optional<Stat> source =
        follow ? from.tree.find_path(from.path, true) : from.tree.find(from.place());
    if (!source) {
      diagnostics_.error(from.display(),
                         std::make_error_code(std::errc::no_such_file_or_directory));
      return;
    }
    std::optional<Stat> existing = to.tree.find(to.place());
    // What is no file and no directory has contents, too, if nobody wants it copied as what it is.
    const bool stream = top != nullptr && follow && !options_.recursive && !source->is_regular() &&
                        !source->is_directory() && from.tree.has_devices();
    const bool has_data = source->is_regular() || stream;
    // Without a name it is the directory itself, to which "SOURCE/." goes.
    if (existing && arrivals != nullptr && !to.name.empty())
      refuse_arrived(from, to, *arrivals,
                     top != nullptr && source->is_directory() && existing->is_directory());
    // On the command line, a symbolic link stands for what it points to.
    const bool through_link = top != nullptr && existing && existing->is_symlink() &&
                              (follow || (top->named && has_data));
    if (through_link) {
      existing = to.tree.find_path(to.path, true);
      if (!existing) {
        diagnostics_.error(fmt::format(
            "{}: is a symbolic link to nothing; remove it, or name its target", to.display()));
        return;
      }
    }
    if (source->is_directory()) {
      copy_directory(from, to, *source, existing, follow);
      return;
    }
    if (skip_existing(from, to, *source, existing)) return;
    const bool into_device = existing && !existing->is_regular() && !existing->is_symlink() &&
                             (through_link || (top != nullptr && top->named));
    if (!into_device && link_to_earlier(to, *source)) return;
    if (options_.verbose) {
      progress_.clear();
      const bool terminal = on_host::is_terminal(STDOUT_FILENO);
      fmt::print("{} -> {}\n", printable(from.display(), terminal),
                 printable(to.display(), terminal));
    }
    if (has_data && into_device && !(options_.force && !to.tree.has_devices()))
      copy_into_device(from, to, *source, *existing, follow);
    else if (has_data)
      copy_regular(from, to, *source, follow, through_link);
    else
      copy_special(from, to, *source);
    progress_.add_file();
    if (options_.keep_links && source->nlink > 1)
      links_[identity_of(*source)] = {relative_, source->nlink - 1};
  } catch (const WriteError& error) {
    diagnostics_.error(explain(to, to, error.code()));
  } catch (const std::system_error& error) {
    const bool writing = is_no_room(error.code());
    diagnostics_.error(explain(writing ? to : from, to, error.code()));
  } catch (const Failure& failure) {
    diagnostics_.error(failure.what());
  }
}

bool Copier::skip_existing(const Operand& from, const Operand& to, const Stat& source,
                           const std::optional<Stat>& existing) const {
  if (!existing) return false;
  if (&from.tree == &to.tree && identity_of(source) == identity_of(*existing))
    throw Failure(fmt::format("{} and {} are the same file", from.display(), to.display()));
  if (existing->is_directory())
    throw Failure(fmt::format("{}: is a directory; a file does not replace it", to.display()));
  return options_.no_clobber || (options_.update && existing->modified >= source.modified);
}

bool Copier::link_to_earlier(const Operand& to, const Stat& source) {
  if (!options_.keep_links || source.nlink < 2) return false;
  const auto found = links_.find(identity_of(source));
  if (found == links_.end() || found->second.path == relative_) return false;
  try {
    if (to.tree.find(to.place())) to.tree.remove(to.place());
    to.tree.make_link({*link_base_, found->second.path}, to.place());
  } catch (const std::system_error& error) {
    // The file system has no links, or not so many, or the path has grown too long: a second copy
    // then.
    if (error.code() != std::errc::operation_not_permitted && !unsupported(error.code()) &&
        error.code() != std::errc::too_many_links && error.code() != std::errc::filename_too_long)
      throw;
    return false;
  }
  // Nothing can point to it any more once all its names were seen.
  if (--found->second.left == 0) links_.erase(found);
  return true;
}

void Copier::copy_directory(const Operand& from, const Operand& to, const Stat& source,
                            const std::optional<Stat>& existing, bool follow) {
  if (!options_.recursive)
    throw Failure(fmt::format("{}: is a directory, not copied; use -r", from.display()));
  if (existing && !existing->is_directory())
    throw Failure(
        fmt::format("{}: is no directory; a directory does not replace it", to.display()));
  const auto self = identity_of(source);
  if (&from.tree == &to.tree && created_ == self)
    throw Failure(fmt::format("{}: not copied into itself", from.display()));
  if (std::find(ancestors_.begin(), ancestors_.end(), self) != ancestors_.end())
    throw Failure(fmt::format("{}: is a symbolic link to a directory it is in; not followed",
                              from.display()));

  const Handle in = from.name.empty() || follow ? from.tree.open_directory(from.path)
                                                : from.tree.open_directory(from.place());
  // Nobody else gets in before the real mode is set, and we do even where the real mode would
  // not let us.
  if (!existing) {
    try {
      to.tree.make_directory(to.place(), 0700);
    } catch (const std::system_error& error) {
      throw Failure(explain(to, to, error.code(), true));
    }
  }
  const Handle out = existing && to.name.empty() ? to.tree.open_directory(to.path)
                                                 : to.tree.open_directory(to.place());
  if (!created_) created_ = identity_of(to.tree.stat(out));

  // The names of one directory differ, so they can only meet where the target folds them.
  std::optional<Arrivals> arrivals;
  if (!existing || to.tree.folds_names(out)) arrivals.emplace(to.tree, out, !existing);
  ancestors_.push_back(self);
  const auto stream = from.tree.read_directory(in);
  const auto copy_name = [&](const std::string& name) {
    const PathBelow source_path(from_path_, name), target_path(to_path_, name);
    // Never absolute: that would lead out of the tree.
    const PathBelow relative(relative_, name);
    copy_entry({from.tree, in, name, from_path_}, {to.tree, out, name, to_path_},
               arrivals ? &*arrivals : nullptr, nullptr);
  };
  std::vector<std::string> names;
  for (std::string name; stream->next(name);)
    if (options_.sorted)
      names.push_back(name);
    else
      copy_name(name);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) copy_name(name);
  ancestors_.pop_back();
  // Last: entries change the times, a default ACL would be handed down, and the mode may forbid
  // writing.
  keep_attributes(from, {in, kItself}, to, {out, kItself}, source);
}

Handle Copier::open_output(const Operand& to, bool through_link) {
  if (through_link) return to.tree.open_existing(to.path);
  const auto existing = to.tree.find(to.place());
  // Only a regular file is written into; a device, a fifo or a link is replaced.
  if (existing && !existing->is_regular()) to.tree.remove(to.place());
  try {
    return to.tree.create_file(to.place(), 0600);
  } catch (const std::system_error& error) {
    if (!options_.force || error.code() == std::errc::no_space_on_device || !existing) throw;
    to.tree.remove(to.place());
    return to.tree.create_file(to.place(), 0600);
  }
}

Handle Copier::open_source(const Operand& from, const Stat& source, bool follow) {
  Handle in = follow || from.name.empty() ? from.tree.open_path(from.path)
                                          : from.tree.open_file(from.place());
  const Stat opened = from.tree.stat(in);
  if (type_of(opened) != type_of(source) || opened.inode != source.inode)
    throw Failure(fmt::format("{}: was replaced while it was being copied", from.display()));
  progress_.set_subject(from.path);
  return in;
}

void Copier::copy_regular(const Operand& from, const Operand& to, const Stat& source, bool follow,
                          bool through_link) {
  const Handle in = open_source(from, source, follow);
  Handle out;
  try {
    out = open_output(to, through_link);
  } catch (const std::system_error& error) {
    throw Failure(explain(to, to, error.code(), true));
  }
  PartialFile partial(to);
  const bool stream = !source.is_regular();
  copy_data({from.tree, in, stream}, {to.tree, out}, from.tree.stat(in).size, options_.sparse,
            buffer_, progress_);
  // What a device or pipe may be used for says nothing of a file.
  Stat attributes = source;
  if (stream) attributes.mode = LKL_S_IFREG | 0644;
  keep_attributes(from, {in, kItself}, to, {out, kItself}, attributes);
  try {
    to.tree.finish(out);
  } catch (const std::system_error& error) {
    throw WriteError(error);
  }
  partial.complete();
}

// It stays what it is, with its owner and mode.
void Copier::copy_into_device(const Operand& from, const Operand& to, const Stat& source,
                              const Stat& device, bool follow) {
  const std::string_view type = type_name(device.mode);
  if (!to.tree.has_devices())
    throw Failure(
        fmt::format("{}: is a {}, and nothing but the image is written to; -f puts a "
                    "file in its place",
                    to.display(), type));
  const Handle in = open_source(from, source, follow);
  try {
    Handle out = to.tree.open_stream(to.path);
    copy_data({from.tree, in, !source.is_regular()}, {to.tree, out, true}, source.size,
              options_.sparse, buffer_, progress_);
    to.tree.finish(out);
  } catch (const WriteError& error) {
    if (error.code() != std::errc::no_space_on_device) throw;
    throw Failure(fmt::format("{}: the {} is full; not all of {} is in it", to.display(), type,
                              from.display()));
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::device_or_resource_busy)
      throw Failure(
          fmt::format("{}: is in use by the host (mounted, or part of something that is); "
                      "unmount it first",
                      to.display()));
    throw;
  }
}

bool Copier::must_tame(const Operand& from, const Operand& to) const {
  return !options_.trusted && !from.tree.on_host() && to.tree.on_host() && to.tree.may_set_owner();
}

void Copier::copy_special(const Operand& from, const Operand& to, const Stat& source) {
  const bool link = source.is_symlink();
  const bool device = type_of(source) == LKL_S_IFCHR || type_of(source) == LKL_S_IFBLK;
  if (device && must_tame(from, to))
    throw Failure(fmt::format(
        "{}: is a {}: on this host it would be one of its devices; left out, --trusted copies it",
        from.display(), type_name(source.mode)));
  if (!options_.recursive && !link)
    throw Failure(
        fmt::format("{}: is a {}; only -r copies it", from.display(), type_name(source.mode)));
  std::string text;
  if (link) text = from.tree.read_link(from.place());
  if (to.tree.find(to.place())) to.tree.remove(to.place());
  try {
    if (link)
      to.tree.make_symlink(text, to.place());
    else
      to.tree.make_node(to.place(), type_of(source) | 0600, source.rdev_major, source.rdev_minor);
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::operation_not_permitted)
      throw Failure(
          fmt::format("{}: cannot make a {} here: {}", to.display(), type_name(source.mode),
                      to.tree.unix_attributes() ? "only root may" : "the file system has none"));
    throw Failure(explain(to, to, error.code(), true));
  }
  PartialFile partial(to);
  keep_attributes(from, from.place(), to, to.place(), source);
  partial.complete();
}

// In the order in which one undoes the other: the owner clears the set-id bits and the
// capabilities, the mode rewrites the ACL, and everything touches the times.
void Copier::keep_attributes(const Operand& from, Place source_place, const Operand& to,
                             Place target_place, const Stat& source) {
  const bool unix_attributes = to.tree.unix_attributes();
  bool owner_kept = false;
  try {
    if (unix_attributes && to.tree.may_set_owner()) {
      const bool keep = options_.keep_owner;
      const std::uint32_t none = UINT32_MAX;
      const std::uint32_t uid = options_.uid.value_or(keep ? source.uid : none);
      const std::uint32_t gid = options_.gid.value_or(keep ? source.gid : none);
      if (uid != none || gid != none) to.tree.set_owner(target_place, uid, gid);
      owner_kept = keep || options_.uid;
    }
    if (unix_attributes && !source.is_symlink()) {
      std::uint32_t mode = source.mode & 07777;
      // Who becomes the owner must not get more rights than the source's owner gave away.
      if (!owner_kept && !source.is_directory()) mode &= 01777;
      if (!options_.keep_mode) mode = source.is_directory() ? 0755 : 0644;
      constexpr std::uint32_t kSetIds = 06000;
      if ((mode & kSetIds) != 0 && !source.is_directory() && must_tame(from, to)) {
        mode &= ~kSetIds;
        diagnostics_.error(fmt::format(
            "{}: runs with its owner's or group's rights in the image; the copy does not, "
            "--trusted keeps that",
            from.display()));
      }
      to.tree.set_mode(target_place, mode);
    }
    if (unix_attributes && options_.keep_xattrs && !source.is_symlink())
      keep_xattrs(from, source_place, to, target_place);
    if (options_.label && unix_attributes && !source.is_symlink())
      xattrs_.keep(to.tree, target_place, to.display(), "security.selinux", *options_.label);
    if (options_.keep_times) {
      Timestamp accessed = source.accessed, modified = source.modified;
      if (options_.latest) accessed = modified = std::min(modified, *options_.latest);
      to.tree.set_times(target_place, accessed, modified);
    }
  } catch (const std::system_error& error) {
    // The file itself is there; that its attributes are not is told, and it stays.
    diagnostics_.error(fmt::format("{}: owner, mode, times or attributes not kept: {}",
                                   to.display(), describe(error.code())));
  }
}

void Copier::keep_xattrs(const Operand& from, Place source_place, const Operand& to,
                         Place target_place) {
  std::vector<std::string> names;
  try {
    names = from.tree.xattr_names(source_place);
  } catch (const std::system_error& error) {
    if (unsupported(error.code())) return;  // there are none then
    throw;
  }
  for (const std::string& name : names) {
    if (!is_kept_xattr(name)) continue;
    if (name == "security.capability" && !to.tree.may_set_owner()) continue;
    if (name == "security.capability" && must_tame(from, to)) {
      diagnostics_.error(
          fmt::format("{}: has capabilities in the image; the copy has none, --trusted keeps them",
                      from.display()));
      continue;
    }
    std::string value;
    try {
      value = from.tree.get_xattr(source_place, name);
    } catch (const std::system_error& error) {
      diagnostics_.error(fmt::format("{}: attribute {} not kept, since it cannot be read: {}",
                                     to.display(), name, describe(error.code())));
      continue;
    }
    xattrs_.keep(to.tree, target_place, to.display(), name, value);
  }
}

bool is_kept_xattr(std::string_view name) {
  return name.starts_with("user.") || name == "system.posix_acl_access" ||
         name == "system.posix_acl_default" || name == "security.capability";
}

namespace {

// What all sources hold together; only plain files say it without being read.
std::optional<std::uint64_t> total_size(const std::vector<TreePath>& sources) {
  std::uint64_t total = 0;
  for (const TreePath& source : sources) {
    const auto stat = source.tree.find_path(source.path, true);
    if (!stat || !stat->is_regular()) return std::nullopt;
    total += stat->size;
  }
  return total;
}

}  // namespace

void copy_paths(Diagnostics& diagnostics, const CopyOptions& options,
                const std::vector<TreePath>& sources, const TreePath& destination) {
  Tree& to = destination.tree;
  std::optional<Stat> existing;
  try {
    existing = to.find_path(destination.path, true);
  } catch (const std::system_error& error) {
    throw Failure(fmt::format("{}: {}", to.display(destination.path), describe(error.code())));
  }
  const bool into = existing && existing->is_directory() && !options.no_target_directory;
  if (sources.size() > 1 && !into)
    throw Failure(fmt::format("{}: is not a directory; several sources need one to go into",
                              to.display(destination.path)));

  const auto [parent, last] = split_path(destination.path);
  const std::string& base_path = into ? destination.path : parent;
  Handle base;
  try {
    base = to.open_directory(base_path);
  } catch (const std::system_error& error) {
    throw Failure(fmt::format("{}: {}", to.display(base_path), describe(error.code())));
  }

  Progress progress(options.quiet);
  progress.set_total(total_size(sources));
  diagnostics.set_before_print([&] { progress.clear(); });
  struct Unhook {
    Diagnostics& diagnostics;
    ~Unhook() { diagnostics.set_before_print(nullptr); }
  } unhook{diagnostics};

  std::optional<Arrivals> arrivals;
  if (sources.size() > 1) arrivals.emplace(to, base, false);
  std::set<std::pair<Tree*, std::string>> seen;

  Copier copier(diagnostics, options, progress);
  for (const TreePath& source : sources) {
    Tree& from = source.tree;
    if (!seen.emplace(&from, source.path).second) {
      diagnostics.warning(
          fmt::format("{}: named more than once, copied once", from.display(source.path)));
      continue;
    }
    try {
      const auto [directory, name] = split_path(source.path);
      const Handle handle = from.open_directory(directory);
      const std::string target = into ? name : last;
      const bool slash = source.path.ends_with('/');
      const bool follow = !options.no_dereference && (slash || !options.recursive);
      if (!into && !existing && destination.path.ends_with('/') && !options.recursive)
        throw Failure(fmt::format("{}: no such directory", to.display(destination.path)));
      copier.copy({from, handle, name, source.path},
                  {to, base, target, join_path(base_path, target)},
                  {.follow = follow,
                   .named = !into || follow,
                   .arrivals = arrivals ? &*arrivals : nullptr});
    } catch (const std::system_error& error) {
      diagnostics.error(from.display(source.path), error.code());
    } catch (const Failure& failure) {
      diagnostics.error(failure.what());
    }
  }
}

}  // namespace lkl::tool
