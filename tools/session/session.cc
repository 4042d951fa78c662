// SPDX-License-Identifier: GPL-2.0
#include "session/session.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "base/format.h"
#include "base/host_calls.h"
#include "base/signals.h"
#include "base/terminal.h"
#include "disk/disk_scan.h"
#include "disk/embedded.h"
#include "session/commit.h"
#include "session/disk_choice.h"
#include "session/panic.h"

namespace lkl::tool {

namespace {

// Room for one directory on each level of a very deep tree, twice.
constexpr unsigned kFileDescriptors = 65536;

// Where the kernel's console leads is asked for by a plain function, hence not members.
std::atomic<bool> console_on{true};
std::atomic<int> console_fd{STDERR_FILENO};
std::atomic<int> log_fd{-1};

// LKL_KERNEL_LOG=FILE: all that the kernels of all commands say is added to it.
void open_kernel_log() {
  const char* const path = getenv("LKL_KERNEL_LOG");
  if (path == nullptr || *path == '\0' || log_fd >= 0) return;
  constexpr int kFlags = O_WRONLY | O_APPEND;
  // One that another user has made may be written, but not "created", in /tmp: proc(5).
  int fd = on_host::open(path, kFlags);
  if (fd < 0 && errno == ENOENT) fd = on_host::open(path, kFlags | O_CREAT, 0600);
  if (fd < 0)
    throw Failure(
        fmt::format("LKL_KERNEL_LOG={}: cannot open it: {}", path, describe(host_error(errno))));
  log_fd = fd;
}

}  // namespace

void print_console(std::string_view words) {
  look_for_panic(words);
  if (log_fd >= 0) {
    write_masked(log_fd, words);
    // What would be printed anyhow.
    if (words.find("Kernel panic") != words.npos) console_on = true;
  }
  if (console_on.load(std::memory_order_relaxed)) write_masked(console_fd, words);
}

void open_console(const SessionOptions& options) {
  console_fd = options.console;
  forget_panic();
  open_kernel_log();
  console_on = options.verbose >= 2 || log_fd < 0;
}

void start_kernel(Kernel& kernel, const SessionOptions& options,
                  std::optional<PrintFunction> print) {
  constexpr int kOnlyDisasters = 2, kEverything = 8;
  const bool all = options.verbose >= 2 || log_fd >= 0;
  const std::error_code ec = kernel.start({.memory = options.memory,
                                           .loglevel = all ? kEverything : kOnlyDisasters,
                                           .print = std::move(print)});
  if (ec)
    throw Failure(
        fmt::format("the kernel does not boot with {} of memory: {}; try another -m, or "
                    "let the process have more (ulimit -v)",
                    human_size(options.memory), describe(ec)));
}

Session::~Session() {
  close();
}

void Session::enter_sandbox() {
  if (options_.no_sandbox) return;
  if (assembly_.prepare_opening()) host_paths_.allow_header_copies();
  const auto missing = tool::enter_sandbox(host_paths_);
  if (options_.verbose == 0) return;
  for (const std::string& what : missing)
    diagnostics_.warning(fmt::format("the host's kernel has no {}: the sandbox is without", what));
}

void Session::boot() {
  if (kernel_) return;
  const SessionOptions& options = options_;
  // They may belong together.
  for (const ImageName& name : options.images) open(name.image, false);
  check_interrupted();
  open_console(options);
  enter_sandbox();
  start_kernel(kernel_, options, print_console);
  lkl_set_fd_limit(kFileDescriptors);
  for (const char* type : {"sysfs", "proc"}) {
    if (const int result = lkl_mount_fs(type); result < 0 && result != -LKL_EBUSY)
      throw Failure(fmt::format("cannot mount the kernel's {}: {}", type, lkl_strerror(result)));
  }
  std::error_code ec;
  mkdir("/dev", 0755, ec);
  file_systems_ = read_small_file("/proc/filesystems");
}

AttachedImage* Session::find_open(const ImageAddress& address) {
  for (auto& image : images_)
    if (image->names.contains(address.text)) return image.get();
  return nullptr;
}

AttachedImage& Session::open(const ImageAddress& address, bool writable) {
  const SessionOptions& options = options_;
  const std::string& name = address.text;
  if (AttachedImage* known = find_open(address)) return *known;
  const HostImage host = host_images_.resolve(address, writable);
  // Before it is opened anew: a device that we have claimed could not be.
  if (host.image.inode != 0)
    for (auto& image : images_)
      if (image->file.same_file(host.image.device, host.image.inode)) {
        image->names.insert(name);
        return *image;
      }
  ImageFile file(host.image, {.writable = host.writable,
                              .lock = host.lock,
                              .snapshot = options.snapshot,
                              .wait_for_space = options.wait_for_space,
                              .unconfined = options.no_sandbox,
                              .format = options.format});
  for (auto& image : images_)
    if (image->file.same_image(file)) {
      image->names.insert(name);
      return *image;
    }
  check_interrupted();
  if (file.writable() && !options.commit.empty()) prepare_commit();
  std::error_code ec;
  if (!kernel_.prepared()) kernel_ = Kernel::prepare(ec);
  if (ec) throw Failure(fmt::format("the kernel cannot be prepared: {}", describe(ec)));
  Disk disk = file.connect();
  if (!file.warning().empty()) diagnostics_.warning(file.warning());
  std::unique_ptr<ImageEnd> end;
  if (!file.end().empty()) {
    end = std::make_unique<ImageEnd>();
    std::copy(file.end().begin(), file.end().end(), end->sectors.begin());
    end->disk = Disk::from_memory(end->sectors, {.read_only = true});
  }
  images_.push_back(std::make_unique<AttachedImage>(AttachedImage{
      name, {name}, std::move(file), std::move(disk), std::move(end), {}, {}, {}, {}}));
  return *images_.back();
}

AttachedImage& Session::attach(const ImageAddress& address, bool writable) {
  AttachedImage& image = open(address, writable);
  boot();
  if (!std::exchange(image.scanned, true)) {
    scan(image);
    assembly_.add(image.whole);
    for (Device& partition : image.partitions) assembly_.add(partition);
    find_embedded_in(image);
  }
  return image;
}

void Session::prepare_commit() {
  const std::string& name = options_.commit;
  if (commit_)
    throw Failure(
        fmt::format("--commit {}: several images are changed, but one file can only "
                    "hold one of them",
                    name));
  if (::access(name.c_str(), F_OK) == 0)
    throw Failure(fmt::format("--commit {}: exists; remove it, or name a new file", name));
  commit_.emplace(HostFile::create(name, HostFile::Existing::kRefused));
}

void Session::commit() {
  if (!commit_ || diagnostics_.failed() || has_panicked()) return;
  const auto changed = std::find_if(images_.begin(), images_.end(), [](const auto& image) {
    return image->scanned && image->file.writable();
  });
  if (changed == images_.end()) return;
  const std::string& name = options_.commit;
  try {
    Progress progress(options_.quiet);
    const ProgressLine line(diagnostics_, progress);
    const Device& disk = (*changed)->whole;
    write_raw_image(open_device(disk.device, disk.size), *commit_, name, progress);
    commit_->keep();
  } catch (const Failure& failure) {
    diagnostics_.error(failure.what());
  } catch (const Interrupted&) {
    diagnostics_.error(fmt::format("{}: interrupted, not written", name));
  }
}

void Session::scan(AttachedImage& image) {
  Device& whole = image.whole;
  whole.image = image.file.path();
  whole.device = image.disk.device();
  whole.size = device_size(whole.device);
  whole.writable = image.file.writable();
  if (image.file.size() == 0) image.file.set_size(whole.size);
  std::array<std::byte, 512> first;
  if (whole.size > 0 && !open_device(whole.device, whole.size).read(0, first))
    throw Failure(fmt::format("{}: cannot be read from its beginning; it is damaged or truncated{}",
                              image.file.path(), image.file.complaints()));
  if (image.end && (first[510] != std::byte{0x55} || first[511] != std::byte{0xaa})) add_end(image);
  DiskLayout layout = scan_disk(whole, assembly_.held());
  image.table = std::move(layout.table);
  image.table_damage = std::move(layout.damage);
  image.partitions = std::move(layout.partitions);
  if (!image.table_damage.empty())
    diagnostics_.warning(fmt::format("{}: {}", image.file.path(), image.table_damage));
}

// With its last bytes; the disk has no partitions that the kernel knows.
void Session::add_end(AttachedImage& image) {
  Device& whole = image.whole;
  constexpr std::uint64_t kSector = 512;
  DmTable table;
  table.emplace_back(0, whole.size / kSector, "linear", major_minor(whole.device) + " 0");
  table.emplace_back(whole.size / kSector, ImageEnd::kSectors, "linear",
                     major_minor(image.end->disk.device()) + " 0");
  DmDevice joined(whole.image, table, false);
  whole.device = joined.device();
  whole.size += ImageEnd::kSectors * kSector;
  assembly_.held().add(whole.image, std::move(joined));
}

// A program with a file system behind it: an AppImage.
void Session::find_embedded_in(AttachedImage& image) {
  const Device& whole = image.whole;
  if (whole.contents.kind != Contents::Kind::kUnknown || !image.partitions.empty()) return;
  const BlockReader reader = open_device(whole.device, whole.size);
  const auto end = end_of_program(reader);
  if (!end) return;
  const BlockReader rest{whole.size - *end, [&](std::uint64_t at, std::span<std::byte> into) {
                           return reader.read(*end + at, into);
                         }};
  if (probe(rest).kind == Contents::Kind::kFileSystem) assembly_.add_offset(whole, *end);
}

Choosable Session::choosable(const AttachedImage& image) const {
  Choosable all;
  all.whole = &image.whole;
  for (const auto& attached : images_) {
    if (!attached->scanned) continue;
    const bool own = attached.get() == &image;
    if (!own) all.others.push_back(&attached->whole);
    for (const Device& partition : attached->partitions)
      (own ? all.own : all.others).push_back(&partition);
  }
  all.assembled = assembly_.devices();
  return all;
}

const Device& Session::choose(AttachedImage& image, std::optional<VolumeChoice> choice) {
  if (!choice) choice = options_.volume;
  if (const auto offset = choice ? offset_of(*choice) : std::nullopt) {
    // A partition that begins there is that.
    if (to_text(*choice) == fmt::format("@{}", *offset))
      for (const Device& partition : image.partitions)
        if (partition.present && partition.start == *offset) return partition;
    assembly_.add_offset(image.whole, *offset);
  }
  const auto find = [&]() -> const Device* {
    const Choosable all = choosable(image);
    if (!choice) return find_only(all, options_.type);
    const Device* found = find_chosen(all, *choice);
    return found == nullptr || choice->by != VolumeChoice::By::kDevice
               ? found
               : &enter_partitions(all, *found);
  };
  const bool by_number = choice && choice->by == VolumeChoice::By::kNumber;
  if (!by_number) assembly_.assemble();
  if (const Device* found = find()) return *found;
  // What is meant may be encrypted.
  if (choice && choice->by == VolumeChoice::By::kDevice)
    assembly_.open_for(choice->value);
  else if (!by_number)
    assembly_.open_all(true);
  if (const Device* found = find()) return *found;
  throw_not_found(choosable(image), choice);
}

// For the end of a message.
std::string Session::what_may_be_meant(const Device& device) const {
  std::string text;
  if (!device.assembled() && device.number == 0) {
    for (const Embedded& one : find_embedded(open_device(device.device, device.size)))
      text += fmt::format("\n  {} seems to begin at {}: {}@{}", one.type, one.offset, device.image,
                          one.offset);
    if (!text.empty()) return "; if one of these is meant, name it so:" + text;
  }
  return "; if there is one, name its type with -t, and where it begins as IMAGE@OFFSET";
}

Volume& Session::mount(const ImageName& name) {
  AttachedImage* image = &attach(name.image, false);
  attach_others();
  const auto& volume = name.volume ? name.volume : options_.volume;
  // What is chosen by more than a number may be on any of the disks.
  if (!volume || volume->by == VolumeChoice::By::kNumber)
    if (const auto disks = disks_to_choose_from(name); disks.size() > 1)
      image = &choose_disk(disks, volume, options_);
  return mount(*image, choose(*image, name.volume));
}

// More devices of an array, a volume group or a btrfs may be among them.
void Session::attach_others() {
  for (const ImageName& other : options_.images) attach(other.image, false);
}

std::vector<const Device*> Session::assemble() {
  attach_others();
  assembly_.open_all(false);
  return assembly_.devices();
}

std::vector<AttachedImage*> Session::disks_to_choose_from(const ImageName& name) {
  const SessionOptions& options = options_;
  std::vector<AttachedImage*> disks;
  if (options.domain.empty() || !options.disk.empty() ||
      name.image.text != options.images.front().image.text)
    return disks;
  for (const auto& image : images_)
    if (options.domain_images.contains(image->name)) disks.push_back(image.get());
  return disks;
}

void Session::open_for_writing(const ImageAddress& address) {
  open(address, true);
  // The other devices of a file system that spans several are written, too.
  const auto& images = options_.images;
  const bool spans = std::any_of(images.begin(), images.end(), [&](const ImageName& name) {
    return name.image.text == address.text;
  });
  if (!spans) return;
  for (const ImageName& name : images) open(name.image, true);
}

Volume& Session::mount_for_writing(const ImageName& name) {
  open_for_writing(name.image);
  Volume& volume = mount(name);
  if (!volume.device->writable) throw Failure(why_read_only(volume));
  return volume;
}

std::string Session::why_read_only(const Volume& volume) const {
  // What it lies on, down to the disks.
  std::vector<const Device*> below = {volume.device};
  for (std::size_t i = 0; i < below.size(); i++) {
    const Device& device = *below[i];
    if (device.writable) continue;
    if (device.truncated_from != nullptr)
      return fmt::format("{}: the image is truncated: what is left of it can only be read",
                         volume.name);
    if (!device.degraded.empty())
      return fmt::format("{}: the array {} runs {}, so it is only read; name all its disks with -a",
                         volume.name, device.id, device.degraded);
    if (device.on.empty() && device.image == volume.image->file.path())
      return fmt::format(
          "{}: the disk is read-only, as the domain's definition says; change that, "
          "or only read",
          volume.name);
    if (device.on.empty())
      return fmt::format("{}: lies on {}, too; name all its disks with -a to write to it",
                         volume.name, device.image);
    below.insert(below.end(), device.on.begin(), device.on.end());
  }
  return fmt::format(
      "{}: the logical volume may only be read: it has snapshots, or its group says so "
      "(that can be changed by lvchange -prw)",
      volume.name);
}

void Session::close() {
  Diagnostics& diagnostics = diagnostics_;
  const auto report = [&](const std::string& what, const std::error_code& ec) {
    // What has panicked answers nothing any more; it is told why.
    if (ec && !has_panicked())
      diagnostics.error(fmt::format("{}: {}; the last changes may be lost", what, describe(ec)));
  };
  if (options_.tell_damage && !volumes_.empty() && !has_panicked())
    if (const std::string damage = kernel_damage_reports(); !damage.empty())
      diagnostics.error(fmt::format(
          "{}: damaged; what was read may not be all that there is, check it with its fsck (-n){}",
          volumes_.size() == 1 ? volumes_.front()->name : "one of the images", damage));
  for (auto& volume : volumes_) {
    // Write-back errors are told to who syncs; unmounting would keep them to itself.
    if (volume->device->writable)
      report(fmt::format("{}: cannot write back", volume->name),
             error_from(lkl_sys_syncfs(volume->root.fd())));
    volume->root.close();
    forget_kernel_log();
    report(fmt::format("{}: cannot unmount", volume->name), volume->mount.umount());
    // To whom should the kernel tell what fails while it unmounts?
    if (const std::string errors = kernel_write_errors();
        volume->device->writable && !errors.empty())
      diagnostics.error(fmt::format(
          "{}: writing failed while it was unmounted; the last changes may be lost, check it{}",
          volume->name, errors));
  }
  volumes_.clear();
  assembly_.close(report);
  // Not when something was thrown: that would be half of the work.
  if (std::uncaught_exceptions() == exceptions_) commit();
  commit_.reset();
  for (auto& image : images_) {
    report(fmt::format("{}: cannot remove the disk", image->file.path()), image->disk.remove());
    if (image->end) image->end->disk.remove();
    try {
      image->file.finish();
    } catch (const std::system_error& error) {
      report(fmt::format("{}: cannot write to the host's disk", image->file.path()), error.code());
    } catch (const Failure& failure) {
      diagnostics.error(
          fmt::format("{}: {}; the last changes may be lost", image->file.path(), failure.what()));
    }
  }
  images_.clear();
  report("cannot halt the kernel", kernel_.halt());
}

}  // namespace lkl::tool
