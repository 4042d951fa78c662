// SPDX-License-Identifier: GPL-2.0
//
// A running kernel with the images of one command attached and mounted. Everything is torn down in
// order: files, file systems, disks, kernel, and what was written is on the host's disk then.
#ifndef LKL_TOOL_SESSION_H
#define LKL_TOOL_SESSION_H

#include <lkl.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host_file.h"
#include "host_images.h"
#include "image.h"
#include "options.h"
#include "partition_table.h"
#include "probe.h"

namespace lkl::tool {

// A partition, or the whole disk (number 0), and what is on it.
struct Partition {
  unsigned number = 0;
  std::uint64_t start = 0;  // bytes
  std::uint64_t size = 0;
  std::string type;  // of the table entry; empty for the whole disk
  std::string name;
  bool container = false;
  bool present = true;  // false: the table has it, but the kernel does not: see why_absent()
  Contents contents;
};

// One attached image. Owned by the session.
struct AttachedImage {
  std::string name;  // as it was given
  ImageFile file;
  Disk disk;
  std::string table;  // "gpt", "mbr" or empty
  Partition whole;
  std::vector<Partition> partitions;  // in the order of their numbers
};

// Why a partition of the table cannot be used.
std::string why_absent(const AttachedImage& image, const Partition& partition);

// One mounted file system. Owned by the session.
struct Volume {
  AttachedImage* image = nullptr;
  unsigned partition = 0;
  std::string name;  // "disk.img" or "disk.img:2", for messages
  std::string type;
  Mount mount;
  File root;  // the mount's root directory
};

class Session {
 public:
  explicit Session(Context& context) : context_(context), host_images_(context) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  // Opens the image and hands it to the kernel (which is booted at the first one). The same image
  // again, by whatever name, gives the same object; it must not ask for more access then.
  AttachedImage& attach(const std::string& name, bool writable);

  // Mounts the partition that is named, or that -P names, or the only one there is to mount.
  // Attaches the image and those given with -a, read-only, if they are not attached yet.
  // Of a domain's disks it takes the one that has a file system, if --disk names none.
  Volume& mount(const ImageName& name);
  // As mount(), but for writing. Attaches what it spans for writing, too: to be called first.
  Volume& mount_for_writing(const ImageName& name);
  void attach_for_writing(const std::string& path);
  // Mounts exactly this one.
  Volume& mount(AttachedImage& image, const Partition& partition);
  // Which one mount() would take.
  const Partition& choose(AttachedImage& image, std::optional<unsigned> number) const;

  // Writes back, unmounts, removes the disks and halts. Errors are reported to the context's
  // diagnostics: data may be lost then. Called by the destructor if not before.
  void close();

 private:
  void boot();
  void prepare_commit();
  void commit();
  void scan(AttachedImage& image);
  BlockReader open_device(const AttachedImage& image, unsigned partition, std::uint64_t size);
  std::string device_node(std::uint32_t device);
  std::string type_to_mount(const AttachedImage& image, const Partition& partition) const;
  std::string mount_data(const AttachedImage& image, const Partition& partition,
                         const std::string& type, unsigned& flags);
  bool kernel_knows(const std::string& type) const;

  // What mount() has to choose from, if it is a domain that is named.
  std::vector<AttachedImage*> disks_to_choose_from(const ImageName& name);

  Context& context_;
  const int exceptions_ = std::uncaught_exceptions();
  std::optional<HostFile> commit_;  // the file of --commit
  HostImages host_images_;
  // Destroyed in the reverse order.
  Kernel kernel_;
  std::string file_systems_;  // /proc/filesystems
  std::vector<std::unique_ptr<AttachedImage>> images_;
  std::vector<std::unique_ptr<Volume>> volumes_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_SESSION_H
