// SPDX-License-Identifier: GPL-2.0
// Work on files of a mounted file system, of which a history is kept.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "fs/file_calls.h"
#include "fs/file_history.h"

namespace lkl_test {

// Makes, changes, renames and removes files, and synchronises some of that. Throws
// std::runtime_error if a call fails.
//
// A directory of btrfs is synchronised before one of its names goes, too: else the name may come
// back, see btrfs_log_test.cc.
class PowerCutWorkload final {
 public:
  // Works in the mounted directory `root` of a file system of that type; the history's paths are
  // relative to it.
  PowerCutWorkload(FileCalls& calls, const std::string& type, std::string root,
                   FileHistory& history, unsigned seed);

  void run(unsigned steps);

  // The number of calls that made something sure.
  unsigned syncs() const { return syncs_; }

 private:
  void step();
  void create_file();
  void create_in_new_directory();
  void overwrite(size_t file);
  void append(size_t file);
  void shorten(size_t file);
  void rename(size_t file);
  void replace(size_t file);
  void unlink(size_t file);
  void rename_directory();

  // Makes a file with something in it; fd of it.
  int make(size_t directory, const std::string& name, size_t& file);
  int open(size_t file, FileCalls::How how);
  void write_at(int fd, size_t offset, const std::string& bytes);
  void sync_file(int fd, size_t file);
  void maybe_sync(int fd, size_t file);
  void sync_directory(size_t directory);
  void before_a_name_goes(size_t directory);
  void sync_all();
  size_t make_directory(size_t parent);

  unsigned below(unsigned bound) { return static_cast<unsigned>(random_() % bound); }
  std::string noise(size_t size);
  std::string some_noise() { return noise(1 + below(below(8) ? 9000 : 120'000)); }
  std::string new_name(const char* kind) { return kind + std::to_string(names_++); }
  size_t some_directory() { return directories_[below(directories_.size())]; }
  std::string at(size_t file) const { return root_ + history_.path(file); }
  std::string directory_at(size_t directory) const {
    return root_ + history_.directory_path(directory);
  }

  FileCalls& calls_;
  bool names_come_back_;
  std::string root_;
  FileHistory& history_;
  std::mt19937 random_;
  std::vector<size_t> directories_;
  unsigned names_ = 0;
  unsigned syncs_ = 0;
};

// What is in a directory of the library's kernel: its files, at any depth. Throws
// std::runtime_error.
FileHistory::Tree read_tree(const std::string& root);

}  // namespace lkl_test
