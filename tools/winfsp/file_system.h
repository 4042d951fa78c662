// SPDX-License-Identifier: GPL-2.0
//
// The file system of an image, for WinFsp. Its operations may be called by any thread.
#ifndef LKL_WINFSP_FILE_SYSTEM_H
#define LKL_WINFSP_FILE_SYSTEM_H

#include <lkl_file.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "winfsp/api.h"
#include "winfsp/attributes.h"
#include "winfsp/open_file.h"
#include "winfsp/security.h"

namespace lkl::winfsp {

struct FileSystemOptions {
  bool read_only = false;
  bool check_permissions = false;
  bool folds_names = false;  // names that differ in case are one
  Owner self;                // who in the image uses it
  std::string label;         // if the file system does not tell itself
  // It serves no more, though nobody has asked it to stop.
  std::function<void()> on_end;
};

class FileSystem {
 public:
  // `root`: a descriptor of its root directory. Throws std::system_error, tool::Failure.
  FileSystem(int root, FileSystemOptions options);

  // What WinFsp is told of it before; `type`: "ext4".
  VolumeParameters parameters(const std::string& type) const;

  const FileSystemOptions& options() const { return options_; }
  const Security& security() const { return security_; }
  std::uint64_t unit() const { return unit_; }
  int root() const { return root_.fd(); }
  std::wstring mount_point() const;
  // Once it is mounted.
  void mounted_at(Volume* volume) { volume_ = volume; }

  // What `path` names, as an O_PATH descriptor; no symbolic link is followed. Throws StatusError:
  // STATUS_REPARSE if there is one on the way.
  File open_path(const std::string& path) const;
  // The directory of what `path` names. Throws StatusError.
  File open_parent(const std::string& path) const;

  // What Windows has open, until it closes it, or this ends: who has files open keeps nobody from
  // unmounting.
  void* keep(std::unique_ptr<OpenFile> file);
  void release(void* context);

  // What Windows is told of a file. `path`: its name below the root.
  FileInfo info(const Stat& file, const std::string& path) const;
  FileInfo info(const OpenFile& file) const { return info(file.stat(), file.name()); }
  // The same without what is only told of files that are open.
  std::uint32_t attributes(const Stat& file, const std::string& path) const;

  // Makes what this thread does the chosen owner's. Nothing after the first time.
  void prepare_thread() const;

 private:
  bool leads_to_directory(const Stat& file, const std::string& path) const;

  const FileSystemOptions options_;
  File root_;
  const Security security_;
  std::uint64_t unit_ = 4096;  // of allocation
  std::uint64_t root_device_ = 0;
  Volume* volume_ = nullptr;
  std::mutex mutex_;
  std::unordered_map<void*, std::unique_ptr<OpenFile>> open_;
};

}  // namespace lkl::winfsp

#endif  // LKL_WINFSP_FILE_SYSTEM_H
