// SPDX-License-Identifier: GPL-2.0
// What happened to the files of a file system, and hence what may and what must be there after
// the power went at some point.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace lkl_test {

// Points in time are positions in the record of the disk. A change may have reached the disk as
// soon as its call has begun, and has reached it for sure once fsync has returned. Changes of
// different files and directories may reach it in any order.
class FileHistory final {
 public:
  using Tree = std::map<std::string, std::string>;  // contents by path
  static constexpr size_t kRoot = 0;                // the number of the directory of all

  // now(): the number of requests that the disk has done.
  explicit FileHistory(std::function<size_t()> now);

  // To be called before the change itself is made. Directories and files have numbers.
  size_t create_directory(size_t parent, const std::string& name);
  void rename_directory(size_t directory, const std::string& name);
  size_t create(size_t directory, const std::string& name);
  void write(size_t file, std::string bytes);
  void rename(size_t file, size_t directory, const std::string& name);
  // rename() to the name of `old`, which has none then: one of them is there at any time.
  void replace(size_t old, size_t file);
  void unlink(size_t file);

  // To be called when the call has returned.
  void file_synced(size_t file);
  void directory_synced(size_t directory);
  void all_synced();

  // As it is now.
  size_t count() const { return files_.size(); }
  bool exists(size_t file) const { return !files_[file].names.back().base.empty(); }
  size_t directory(size_t file) const { return files_[file].names.back().directory; }
  std::string path(size_t file) const { return path(files_[file].names.back()); }
  std::string directory_path(size_t directory) const;
  const std::string& bytes(size_t file) const { return files_[file].contents.back().bytes; }

  // What is wrong with a tree that was found after the requests from number `end` on were lost.
  std::vector<std::string> losses(const Tree& found, size_t end) const;
  // The number of files that must be there then, with a content of which some is known.
  size_t claims(size_t end) const;

 private:
  static constexpr size_t kNever = SIZE_MAX;

  struct State {
    size_t begun = 0;
    size_t sure = kNever;
  };
  struct Name : State {
    size_t directory = kRoot;
    std::string base;           // "": it has none
    std::set<size_t> unsynced;  // directories that are to be synchronised for it to be sure
    // If another file got it: the number of that file, and of its name.
    std::optional<std::pair<size_t, size_t>> replaced_by;
  };
  using Names = std::vector<Name>;
  struct Content : State {
    std::string bytes;
  };
  struct File {
    Names names;
    std::vector<Content> contents;
  };

  // The states that are possible: the last one that is sure, and those begun after it.
  template <typename T>
  static std::vector<const T*> possible(const std::vector<T>& states, size_t end);
  // "" if these bytes are a mixture of the possible contents.
  static std::string differs(const File& file, const std::string& bytes, size_t end);
  // It may be that it has no name.
  static bool may_be_gone(const File& file, size_t end, size_t first_name = 0);
  static void synced(Names& names, size_t directory, size_t now);

  void add_name(Names& names, size_t directory, const std::string& base) const;
  std::string path(const Name& name) const;
  // Where it may be, by names from number `first_name` on.
  std::set<std::string> places(const Names& names, size_t end, size_t first_name = 0) const;

  // What is known of files that were once called so, for whoever reads of a loss.
  std::string story(const std::string& path) const;
  void tell(const Names& names, std::string& story) const;

  std::function<size_t()> now_;
  std::vector<Names> directories_;
  std::vector<File> files_;
};

}  // namespace lkl_test
