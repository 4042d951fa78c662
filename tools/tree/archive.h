// SPDX-License-Identifier: GPL-2.0
//
// Tar archives of trees, by libarchive.
#ifndef LKL_TOOL_ARCHIVE_H
#define LKL_TOOL_ARCHIVE_H

#include <archive.h>
#include <archive_entry.h>

#include <cstddef>
#include <cstdio>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "tree/arrivals.h"
#include "tree/copy.h"
#include "tree/tree.h"
#include "tree/walk.h"
#include "tree/zero_pages.h"

namespace lkl::tool {

enum class Compression { kNone, kGzip, kBzip2, kXz, kZstd };

// By the ending of an archive's name: ".tar.gz", ".tgz" ... None if it has none of them.
Compression compression_of(const std::string& file);

// Whether an archive keeps this extended attribute. ACLs have their own place in it; what a file
// system makes up itself does not belong there.
bool is_archived_xattr(std::string_view name);

struct ArchiveDeleter {
  void operator()(struct archive* archive) const { archive_free(archive); }
  void operator()(struct archive_entry* entry) const { archive_entry_free(entry); }
};
using ArchivePointer = std::unique_ptr<struct archive, ArchiveDeleter>;
using EntryPointer = std::unique_ptr<struct archive_entry, ArchiveDeleter>;

// Writes an archive in pax format. The same tree gives the same bytes: names are sorted, and what
// differs from copy to copy of a file system (device and inode numbers, ctimes) is left out.
class Packer {
 public:
  // `name` of the archive, for messages. `fd` is not closed.
  Packer(Diagnostics& diagnostics, Progress& progress, int fd, std::string name,
         Compression compression);

  // Gets a line "/PATH LABEL" for each file that has an SELinux label.
  void set_label_file(std::FILE* file) { labels_ = file; }

  // Adds the file, and what is below it, as `member`. Errors of single files are told to the
  // diagnostics; throws Failure when the archive cannot be written.
  void add(Tree& tree, const OpenPlace& file, const std::string& member);
  // Writes the end. Without it the archive is not complete.
  void finish();

 private:
  // What a walk has come to, and its name in the archive.
  struct Found {
    Tree& tree;
    const Visit& visit;
    const std::string& member;

    std::string display() const { return tree.display(visit.path); }
  };

  // Whether it is a directory that is in the archive now.
  bool add_entry(const Found& file);
  bool add_directory(const Found& file, archive_entry* entry);
  void add_regular(const Found& file, archive_entry* entry);
  bool write_header(const Found& file, archive_entry* entry);
  void write_zeroes(std::uint64_t size);
  void write_data(const std::byte* data, std::size_t size);
  void take_xattrs(const Found& file, Place place, archive_entry* entry);
  [[noreturn]] void fail();

  Diagnostics& diagnostics_;
  Progress& progress_;
  std::string name_;
  ArchivePointer archive_;
  std::FILE* labels_ = nullptr;
  std::vector<std::byte> buffer_;
  ZeroPages zeroes_;
  std::map<Identity, std::string> links_;
  std::exception_ptr failure_;  // of the archive itself
};

// Unpacks an archive into a directory of a tree. Members never get out of it: names with ".." are
// refused, and no symbolic link on the way to a member is followed.
class Unpacker {
 public:
  // `verbose`: names are shown.
  Unpacker(Diagnostics& diagnostics, bool verbose, Progress& progress, int fd, std::string name);
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;

  // Errors of single members are told to the diagnostics; throws Failure when the archive
  // is damaged or the file system full. `path` of the directory, for messages.
  void unpack(Tree& tree, const std::string& path);

 private:
  using Components = std::vector<std::string>;
  struct Attributes {
    std::uint32_t mode = 0, uid = 0, gid = 0;
    std::optional<Timestamp> accessed, modified;
    std::vector<std::pair<std::string, std::string>> xattrs;
  };
  // A directory where we are, from the target down.
  struct Level {
    std::string name;
    Handle handle;
    bool folds_names = false;
    std::size_t hash = 0;  // of its path
    // What it gets when we leave it: until then what is put into it changes its times.
    std::optional<Attributes> attributes;
  };

  // Of a directory where names that differ may lead to one file.
  struct Folding {
    Arrivals arrivals;
    std::set<std::string> names;  // of our members
  };

  static la_ssize_t read_block(struct archive* archive, void* self, const void** block);
  static std::optional<Components> components(const std::string& member);
  static Attributes attributes_of(archive_entry* entry);
  Attributes attributes_of_finished(const Handle& directory);

  void unpack_member(archive_entry* entry, const std::string& member);
  void make_link(Place place, archive_entry* entry);
  void unpack_regular(const std::string& member, Place place, archive_entry* entry);
  void read_data(const std::string& member, const Handle& out, std::uint64_t size);
  void make_other(Place place, archive_entry* entry, std::uint32_t type);
  void set_attributes(const std::string& member, Place place, const Attributes& attributes,
                      bool symlink);
  // Opens the directory, making what is missing of it, and leaves those that it is not below.
  const Handle& enter(const Components& path, std::size_t count);
  // The last of the directories where we are gets its attributes.
  void leave();
  // The path of where we are, below the target, or of what has this name there.
  std::string here(std::string_view name = {}) const;
  void make_room(Place place);
  // Before a member is put into the directory where we are: another one must not be there by a name
  // that the file system takes for the same. A member of exactly that name is replaced.
  void refuse_other_spelling(Place place);
  [[noreturn]] void fail(const std::string& member);
  std::string display(const std::string& member) const;

  Diagnostics& diagnostics_;
  bool verbose_;
  Progress& progress_;
  int fd_;
  std::string name_;
  ArchivePointer archive_;
  std::vector<char> block_;
  std::string tail_;  // the last bytes read, which are the end mark
  Tree* tree_ = nullptr;
  std::string target_;
  std::vector<Level> levels_;               // the target first
  std::map<std::string, Folding> folding_;  // by the directories' paths
  // Those that have got their attributes, by the hashes of their paths. An archive may come back to
  // them.
  std::unordered_set<std::size_t> finished_;
  XattrKeeper xattrs_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_ARCHIVE_H
