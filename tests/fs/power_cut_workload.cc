// SPDX-License-Identifier: GPL-2.0
#include "fs/power_cut_workload.h"

#include <lkl.h>

#include <stdexcept>

namespace lkl_test {
namespace {

constexpr unsigned kDirectories = 4;
// Enough of them to choose from, not so many that nothing happens twice to one.
constexpr size_t kFiles = 60;

long must(long result, const std::string& what) {
  if (result < 0) throw std::runtime_error(what + ": " + lkl_strerror(static_cast<int>(result)));
  return result;
}

}  // namespace

PowerCutWorkload::PowerCutWorkload(FileCalls& calls, const std::string& type, std::string root,
                                   FileHistory& history, unsigned seed)
    : calls_(calls),
      names_come_back_(type == "btrfs"),
      root_(std::move(root)),
      history_(history),
      random_(seed) {
  for (unsigned i = 0; i < kDirectories; ++i)
    directories_.push_back(make_directory(FileHistory::kRoot));
  sync_all();
}

void PowerCutWorkload::run(unsigned steps) {
  for (unsigned i = 0; i < steps; ++i) step();
}

void PowerCutWorkload::step() {
  std::vector<size_t> files;
  for (size_t i = 0; i < history_.count(); ++i)
    if (history_.exists(i)) files.push_back(i);
  const unsigned what = below(100);
  if (files.size() < 10 || (what < 25 && files.size() < kFiles)) return create_file();
  const size_t file = files[below(static_cast<unsigned>(files.size()))];
  if (what < 40) return overwrite(file);
  if (what < 55) return append(file);
  if (what < 62) return shorten(file);
  if (what < 73) return rename(file);
  if (what < 84) return replace(file);
  if (what < 92) return unlink(file);
  if (what < 96) return create_in_new_directory();
  if (what < 98) return rename_directory();
  sync_all();
}

void PowerCutWorkload::create_file() {
  size_t file;
  const int fd = make(some_directory(), new_name("f"), file);
  maybe_sync(fd, file);
  calls_.close(fd);
  if (below(8) == 0) sync_directory(history_.directory(file));
}

// Its directory need not be synchronised as well.
void PowerCutWorkload::create_in_new_directory() {
  size_t file;
  const int fd = make(make_directory(some_directory()), "first", file);
  sync_file(fd, file);
  calls_.close(fd);
}

void PowerCutWorkload::overwrite(size_t file) {
  std::string bytes = history_.bytes(file);
  if (bytes.empty()) return append(file);
  const size_t offset = below(static_cast<unsigned>(bytes.size()));
  std::string data = noise(1 + below(static_cast<unsigned>(bytes.size() - offset)));
  bytes.replace(offset, data.size(), data);
  // By O_SYNC as good as by fsync.
  const bool at_once = below(3) == 0;
  history_.write(file, std::move(bytes));
  const int fd = open(file, at_once ? FileCalls::How::kChangeAtOnce : FileCalls::How::kChange);
  write_at(fd, offset, data);
  if (at_once) {
    history_.file_synced(file);
    ++syncs_;
  } else {
    maybe_sync(fd, file);
  }
  calls_.close(fd);
}

void PowerCutWorkload::append(size_t file) {
  const std::string bytes = history_.bytes(file);
  const std::string data = some_noise();
  history_.write(file, bytes + data);
  const int fd = open(file, FileCalls::How::kChange);
  write_at(fd, bytes.size(), data);
  maybe_sync(fd, file);
  calls_.close(fd);
}

void PowerCutWorkload::shorten(size_t file) {
  std::string bytes = history_.bytes(file);
  bytes.resize(below(static_cast<unsigned>(bytes.size()) + 1));
  const size_t size = bytes.size();
  history_.write(file, std::move(bytes));
  const int fd = open(file, FileCalls::How::kChange);
  must(calls_.truncate(fd, size), "truncate");
  maybe_sync(fd, file);
  calls_.close(fd);
}

void PowerCutWorkload::rename(size_t file) {
  const std::string from = at(file);
  const size_t old_directory = history_.directory(file);
  const size_t new_directory = some_directory();
  before_a_name_goes(old_directory);
  history_.rename(file, new_directory, new_name("r"));
  must(calls_.rename(from, at(file)), "rename " + from);
  if (below(3) == 0) return;
  sync_directory(old_directory);
  if (new_directory != old_directory) sync_directory(new_directory);
}

// As editors save: the new content is safe before it gets the name.
void PowerCutWorkload::replace(size_t file) {
  const size_t directory = history_.directory(file);
  size_t fresh;
  const int fd = make(directory, new_name("t"), fresh);
  sync_file(fd, fresh);
  calls_.close(fd);
  before_a_name_goes(directory);
  const std::string from = at(fresh);
  history_.replace(file, fresh);
  must(calls_.rename(from, at(fresh)), "rename " + from);
  if (below(2)) sync_directory(directory);
}

void PowerCutWorkload::unlink(size_t file) {
  const std::string path = at(file);
  const size_t directory = history_.directory(file);
  before_a_name_goes(directory);
  history_.unlink(file);
  must(calls_.unlink(path), "unlink " + path);
  if (below(2)) sync_directory(directory);
}

void PowerCutWorkload::rename_directory() {
  const size_t directory = some_directory();
  const std::string from = directory_at(directory);
  before_a_name_goes(FileHistory::kRoot);
  history_.rename_directory(directory, new_name("d"));
  must(calls_.rename(from, directory_at(directory)), "rename " + from);
  if (below(2)) sync_directory(FileHistory::kRoot);
}

int PowerCutWorkload::make(size_t directory, const std::string& name, size_t& file) {
  file = history_.create(directory, name);
  const std::string path = at(file);
  const int fd = static_cast<int>(must(calls_.open(path, FileCalls::How::kMake), path));
  const std::string bytes = some_noise();
  history_.write(file, bytes);
  write_at(fd, 0, bytes);
  return fd;
}

size_t PowerCutWorkload::make_directory(size_t parent) {
  const size_t directory = history_.create_directory(parent, new_name("d"));
  const std::string path = directory_at(directory);
  must(calls_.mkdir(path), "mkdir " + path);
  return directory;
}

int PowerCutWorkload::open(size_t file, FileCalls::How how) {
  const std::string path = at(file);
  return static_cast<int>(must(calls_.open(path, how), path));
}

void PowerCutWorkload::write_at(int fd, size_t offset, const std::string& bytes) {
  const long count = must(calls_.write(fd, bytes, offset), "write");
  if (static_cast<size_t>(count) != bytes.size()) throw std::runtime_error("a short write");
}

void PowerCutWorkload::sync_file(int fd, size_t file) {
  must(below(4) ? calls_.fsync(fd) : calls_.fdatasync(fd), "fsync");
  history_.file_synced(file);
  ++syncs_;
}

void PowerCutWorkload::maybe_sync(int fd, size_t file) {
  if (below(10) < 6) sync_file(fd, file);
}

void PowerCutWorkload::sync_directory(size_t directory) {
  const std::string path = directory_at(directory) + "/";
  const int fd = static_cast<int>(must(calls_.open(path, FileCalls::How::kDirectory), path));
  must(calls_.fsync(fd), "fsync of " + path);
  calls_.close(fd);
  history_.directory_synced(directory);
  ++syncs_;
}

void PowerCutWorkload::before_a_name_goes(size_t directory) {
  if (names_come_back_) sync_directory(directory);
}

void PowerCutWorkload::sync_all() {
  if (!calls_.sync()) return;
  history_.all_synced();
  ++syncs_;
}

std::string PowerCutWorkload::noise(size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random_());
  return bytes;
}

namespace {

std::string read_file(const std::string& path) {
  const auto fd =
      static_cast<unsigned>(must(lkl_sys_open(path.c_str(), LKL_O_RDONLY, 0), "open " + path));
  std::string bytes;
  std::string chunk(65536, '\0');
  while (const long count = must(lkl_sys_read(fd, chunk.data(), chunk.size()), "read " + path))
    bytes.append(chunk, 0, static_cast<size_t>(count));
  lkl_sys_close(fd);
  return bytes;
}

void read_directory(const std::string& root, const std::string& path, FileHistory::Tree& tree) {
  int error = 0;
  lkl_dir* dir = lkl_opendir((root + path + "/").c_str(), &error);
  if (!dir) must(error, "opendir " + path);
  while (const lkl_linux_dirent64* entry = lkl_readdir(dir)) {
    const std::string name = entry->d_name;
    if (name == "." || name == ".." || name == "lost+found") continue;
    const std::string full = path + "/" + name;
    lkl_stat st = {};
    must(lkl_sys_lstat((root + full).c_str(), &st), "lstat " + full);
    if (LKL_S_ISDIR(st.st_mode))
      read_directory(root, full, tree);
    else
      tree[full] = read_file(root + full);
  }
  must(lkl_errdir(dir), "readdir " + path);
  lkl_closedir(dir);
}

}  // namespace

FileHistory::Tree read_tree(const std::string& root) {
  FileHistory::Tree tree;
  read_directory(root, "", tree);
  return tree;
}

}  // namespace lkl_test
