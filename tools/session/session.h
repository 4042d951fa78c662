// SPDX-License-Identifier: GPL-2.0
//
// A running kernel with the images of one command attached and mounted. Everything is torn down in
// order: files, file systems, disks, kernel, and what was written is on the host's disk then.
#ifndef LKL_TOOL_SESSION_H
#define LKL_TOOL_SESSION_H

#include <lkl.hpp>

#include <array>
#include <exception>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/host_file.h"
#include "disk/choose.h"
#include "disk/device.h"
#include "disk/kernel_device.h"
#include "image/host_images.h"
#include "image/image.h"
#include "session/assembly.h"
#include "session/sandbox.h"
#include "session/session_options.h"

namespace lkl::tool {

// The end of an image that is no whole sector, with zeroes behind it: a disk of its own. There is
// room for a last block of what begins within a sector, too.
struct ImageEnd {
  static constexpr std::uint64_t kSectors = 16;
  std::array<std::byte, kSectors* 512> sectors = {};
  Disk disk;
};

// One image that is open, and attached once the kernel runs. Owned by the session.
struct AttachedImage {
  std::string name;             // as it was given, without what is in it
  std::set<std::string> names;  // the same, and others by which it was asked for
  ImageFile file;
  Disk disk;
  std::unique_ptr<ImageEnd> end;  // mostly none
  std::string table;              // "gpt", "mbr" or empty
  std::string table_damage;       // what is wrong with it, though it is used
  Device whole;
  std::vector<Device> partitions;  // in the order of their numbers
  bool scanned = false;            // the last three are known
};

// One mounted file system. Owned by the session.
struct Volume {
  AttachedImage* image = nullptr;  // by which it was named
  const Device* device = nullptr;
  std::string name;  // "disk.img", "disk.img:2", "disk.img:vg/lv", for messages
  std::string type;
  DeviceMount mount;
  File root;                  // the mount's root directory
  bool not_replayed = false;  // it should have been first, as the kernel has found
};

// Where the kernel's messages go, also to the file of LKL_KERNEL_LOG. Throws Failure.
void open_console(const SessionOptions& options);
// What the kernel says. Runs on a small stack of the kernel's. It may tell of names and labels in
// the image.
void print_console(std::string_view words);
// Boots what is prepared; `print` is left out if lkl_set_print() was told. Throws Failure.
void start_kernel(Kernel& kernel, const SessionOptions& options,
                  std::optional<PrintFunction> print = std::nullopt);

class Session {
 public:
  // Both are used until the end; the images of a domain become known to the options.
  Session(SessionOptions& options, Diagnostics& diagnostics)
      : options_(options),
        diagnostics_(diagnostics),
        host_images_(options, diagnostics),
        assembly_(options.key_file, diagnostics) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  // Opens the image on the host. The same image again, by whatever name, gives the same object; it
  // must not ask for more access then. All images of a command are to be opened before the first is
  // attached or mounted: in the sandbox no more can be. (Those of -a are, of themselves.)
  AttachedImage& open(const ImageAddress& address, bool writable);
  // What the command works on besides images; to be filled before the first is attached.
  SandboxPaths& host_paths() { return host_paths_; }
  // Opens the image and hands it to the kernel. At the first one the sandbox is entered, and the
  // kernel is booted with all that are open.
  AttachedImage& attach(const ImageAddress& address, bool writable);

  // Mounts what is named, or what -P names, or the only file system there is to mount.
  // Attaches the image and those given with -a, read-only, if they are not attached yet.
  // Of a domain's disks it takes the one that has a file system, if --disk names none.
  Volume& mount(const ImageName& name);
  // As mount(), but for writing. Opens what it spans for writing, too: to be called first.
  Volume& mount_for_writing(const ImageName& name);
  void open_for_writing(const ImageAddress& address);
  // Mounts exactly this one.
  Volume& mount(AttachedImage& image, const Device& device);
  // Which one mount() would take.
  const Device& choose(AttachedImage& image, std::optional<VolumeChoice> choice);

  // Attaches the images given with -a, and assembles arrays and logical volumes of all that is
  // attached; LUKS containers are opened if there is a key file. What there is then; of what could
  // not be had, the devices have the problems.
  std::vector<const Device*> assemble();

  // Writes back, unmounts, removes the disks and halts. Errors are reported to the
  // diagnostics: data may be lost then. Called by the destructor if not before.
  void close();

 private:
  AttachedImage* find_open(const ImageAddress& address);
  void boot();
  void enter_sandbox();
  void prepare_commit();
  void commit();
  void scan(AttachedImage& image);
  void add_end(AttachedImage& image);
  void attach_others();
  std::string why_read_only(const Volume& volume) const;
  Choosable choosable(const AttachedImage& image) const;
  void find_embedded_in(AttachedImage& image);
  std::string type_to_mount(const AttachedImage& image, const Device& device) const;
  std::string what_may_be_meant(const Device& device) const;
  const Device& in_full_length(const AttachedImage& image, const Device& device,
                               const std::string& type);
  std::string mount_data(const Device& device, const std::string& type, unsigned& flags);
  void warn_of_replay(const Device& device);
  bool kernel_knows(const std::string& type) const;

  // What mount() has to choose from, if it is a domain that is named.
  std::vector<AttachedImage*> disks_to_choose_from(const ImageName& name);

  SessionOptions& options_;
  Diagnostics& diagnostics_;
  const int exceptions_ = std::uncaught_exceptions();
  std::optional<HostFile> commit_;  // the file of --commit
  HostImages host_images_;
  SandboxPaths host_paths_;
  // Destroyed in the reverse order.
  Kernel kernel_;
  std::string file_systems_;  // /proc/filesystems
  std::vector<std::unique_ptr<AttachedImage>> images_;
  Assembly assembly_;
  std::vector<std::unique_ptr<Device>> truncated_;  // devices of truncated images
  std::vector<std::unique_ptr<Volume>> volumes_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_SESSION_H
