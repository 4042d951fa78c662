// SPDX-License-Identifier: GPL-2.0
//
// Copies files and trees from one Tree to another, with all that belongs to them.
#ifndef LKL_TOOL_COPY_H
#define LKL_TOOL_COPY_H

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "tree/arrivals.h"
#include "tree/copy_data.h"
#include "tree/tree.h"
#include "tree/xattr_keeper.h"

namespace lkl::tool {

struct CopyOptions {
  bool recursive = false;
  bool force = false;                // what cannot be overwritten is removed first
  bool no_clobber = false;           // what exists is left alone
  bool update = false;               // what exists and is not older is left alone
  bool dereference = false;          // symbolic links are followed everywhere
  bool no_target_directory = false;  // the destination is the copy, not a directory for it
  bool no_dereference = false;       // symbolic links are not followed on the command line either
  bool verbose = false;
  bool quiet = false;   // no progress bar
  bool sorted = false;  // names in the order of their bytes, not as the directory has them
  bool keep_mode = true;
  bool keep_owner = true;
  bool keep_times = true;
  bool keep_links = true;
  bool keep_xattrs = true;
  // Out of an image, root makes device nodes and files with the rights of others as well.
  bool trusted = false;
  std::optional<std::string> label;       // given to everything as its SELinux label
  std::optional<std::uint32_t> uid, gid;  // given to everything instead of the source's
  // No file gets a later time than this one, and the times of the last access, which depend on who
  // looked, are those of the last change.
  std::optional<Timestamp> latest;
  Sparse sparse = Sparse::kAuto;
};

// A file on one side: its place, and its path for messages. Refers to all of it.
struct Operand {
  Tree& tree;
  const Handle& dir;
  const std::string& name;  // empty: `dir` itself
  const std::string& path;

  Place place() const { return {dir, name}; }
  std::string display() const { return tree.display(path); }
};

// How a file that the command line names is copied.
struct TopLevel {
  bool follow = false;  // the source is followed if it is a symbolic link
  // The target is what the command line names: a symbolic link is written through, a device or fifo
  // written into, not replaced.
  bool named = false;
  // Of the target's directory, if more than this goes there.
  Arrivals* arrivals = nullptr;
};

class Copier {
 public:
  // Errors of single files are told to the diagnostics, and the copy goes on.
  Copier(Diagnostics& diagnostics, const CopyOptions& options, Progress& progress);

  // Copies `from` to the place `to`. All calls with the same tree and directory `to.dir` share
  // their hard links. Throws only Interrupted.
  void copy(const Operand& from, const Operand& to, const TopLevel& how);

 private:
  using Identity = std::pair<std::uint64_t, std::uint64_t>;  // device, inode
  struct LinkTarget {
    std::string path;  // relative to the first call's to.dir
    std::uint32_t left = 0;
  };

  void tell_name(const Operand& to);
  void copy_entry(const Operand& from, const Operand& to, Arrivals* arrivals, const TopLevel* top);
  void refuse_arrived(const Operand& from, const Operand& to, Arrivals& arrivals, bool merge) const;
  bool skip_existing(const Operand& from, const Operand& to, const Stat& source,
                     const std::optional<Stat>& existing) const;
  bool link_to_earlier(const Operand& to, const Stat& source);
  void copy_directory(const Operand& from, const Operand& to, const Stat& source,
                      const std::optional<Stat>& existing, bool follow);
  Handle open_source(const Operand& from, const Stat& source, bool follow);
  void copy_regular(const Operand& from, const Operand& to, const Stat& source, bool follow,
                    bool through_link);
  void copy_into_device(const Operand& from, const Operand& to, const Stat& source,
                        const Stat& device, bool follow);
  void copy_special(const Operand& from, const Operand& to, const Stat& source);
  Handle open_output(const Operand& to, bool through_link);

  // Whether what is in the image could give others rights on this host.
  bool must_tame(const Operand& from, const Operand& to) const;
  void keep_attributes(const Operand& from, Place source_place, const Operand& to,
                       Place target_place, const Stat& source);
  void keep_xattrs(const Operand& from, Place source_place, const Operand& to, Place target_place);
  // `naming`: the error came when a name was to be made.
  std::string explain(const Operand& subject, const Operand& to, const std::error_code& code,
                      bool naming = false) const;

  Diagnostics& diagnostics_;
  CopyOptions options_;
  Progress& progress_;
  std::vector<std::byte> buffer_;
  // Of what is being copied: its paths on both sides, and below link_base_. One of each for all
  // levels of a tree.
  std::string from_path_, to_path_, relative_;
  const Handle* link_base_ = nullptr;
  std::map<Identity, LinkTarget> links_;
  std::vector<Identity> ancestors_;  // directories of the source we are inside of
  std::optional<Identity> created_;  // first directory made, not to be copied into itself
  XattrKeeper xattrs_;
};

struct TreePath {
  Tree& tree;
  std::string path;
};

// Copies as cp does: into the destination if it is a directory, else by its name. Shows progress.
void copy_paths(Diagnostics& diagnostics, const CopyOptions& options,
                const std::vector<TreePath>& sources, const TreePath& destination);

// Whether a copy keeps this extended attribute: the user's, the ACLs, and capabilities. Others
// (labels of a security module, a file system's own) belong to the system the file comes from.
bool is_kept_xattr(std::string_view name);

}  // namespace lkl::tool

#endif  // LKL_TOOL_COPY_H
