// SPDX-License-Identifier: GPL-2.0
#include "session.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>

#include "commit.h"
#include "disk_choice.h"
#include "format.h"
#include "lkl_build_info.h"
#include "mount_options.h"
#include "signals.h"

namespace lkl::tool {

namespace {

// Room for one directory on each level of a very deep tree, twice.
constexpr unsigned kFileDescriptors = 65536;

// Where the kernel's console leads is asked for by a plain function, hence not a member. Off while
// the kernel halts: its farewell has the highest priority and passes every loglevel.
std::atomic<bool> console_on{true};
std::atomic<int> console_fd{STDERR_FILENO};

// Runs on a small stack of the kernel's: straight to the descriptor.
void print_console(const char* text, int length) {
  if (!console_on.load(std::memory_order_relaxed)) return;
  while (length > 0) {
    const ssize_t n = ::write(console_fd, text, static_cast<std::size_t>(length));
    if (n <= 0) return;
    text += n;
    length -= static_cast<int>(n);
  }
}

std::string read_small_file(const std::string& path) {
  std::error_code ec;
  File file(path, LKL_O_RDONLY, 0, ec);
  std::string text;
  std::array<std::byte, 4096> chunk;
  while (!ec) {
    const std::size_t n = file.read(chunk, ec);
    if (n == 0) break;
    text.append(reinterpret_cast<const char*>(chunk.data()), n);
  }
  return text;
}

std::uint64_t read_number(const std::string& path) {
  const std::string text = read_small_file(path);
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

unsigned major_of(std::uint32_t device) {
  return device >> 8 & 0xfff;
}
unsigned minor_of(std::uint32_t device) {
  return (device & 0xff) | (device >> 12 & 0xfff00);
}

// The kernel's messages since forget_kernel_log(): why a mount failed is only said there.
std::string kernel_log() {
  constexpr int kReadAll = 3;
  std::string text(64 * 1024, '\0');
  const long long n = lkl_sys_syslog(kReadAll, text.data(), static_cast<int>(text.size()));
  text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  return text;
}

void forget_kernel_log() {
  constexpr int kClear = 5;
  lkl_sys_syslog(kClear, nullptr, 0);
}

// The last messages, each on its own line, without priority and time stamp.
std::string kernel_reasons() {
  const std::string log = kernel_log();
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < log.size();) {
    std::size_t end = log.find('\n', at);
    if (end == std::string::npos) end = log.size();
    std::string line = log.substr(at, end - at);
    at = end + 1;
    if (line.starts_with('<')) line.erase(0, line.find('>') + 1);
    if (line.starts_with('[')) line.erase(0, line.find(']') + 2);
    if (!line.empty()) lines.push_back("\n  kernel: " + line);
  }
  std::string reasons;
  for (std::size_t i = lines.size() > 3 ? lines.size() - 3 : 0; i < lines.size(); i++)
    reasons += lines[i];
  return reasons;
}

std::string contents_name(const Contents& contents) {
  return contents.kind == Contents::Kind::kUnknown ? "not recognised" : contents.type;
}

std::string list_partitions(const AttachedImage& image) {
  std::string list;
  for (const Partition& p : image.partitions)
    list += fmt::format("\n  {:>3}  {:>6}  {}{}{}", p.number, human_size(p.size),
                        !p.present    ? "not accessible"
                        : p.container ? "extended partition"
                                      : contents_name(p.contents),
                        p.contents.label.empty() ? "" : "  ", p.contents.label);
  return list;
}

std::string volume_name(const AttachedImage& image, unsigned partition) {
  return partition == 0 ? image.file.path() : fmt::format("{}:{}", image.file.path(), partition);
}

}  // namespace

std::string why_absent(const AttachedImage& image, const Partition& partition) {
  const std::uint64_t size = image.file.size();
  const auto beyond = [size](const Partition& p) {
    return p.size > size || p.start > size - p.size;
  };
  if (beyond(partition))
    return fmt::format(
        "reaches to {} but the image is only {} long; the image is truncated, get it anew",
        human_size(partition.start + partition.size), human_size(size));
  if (std::any_of(image.partitions.begin(), image.partitions.end(), beyond))
    return "the kernel does not accept the partition table, because the image is truncated; get "
           "it anew";
  return "the kernel does not accept the partition table; it may be damaged";
}

Session::~Session() {
  close();
}

void Session::boot() {
  if (kernel_) return;
  std::error_code ec;
  console_on = true;
  const CommonOptions& options = context_.options;
  console_fd = options.console;
  constexpr int kOnlyDisasters = 2, kEverything = 8;
  kernel_ = Kernel::boot({.memory = options.memory,
                          .loglevel = options.verbose >= 2 ? kEverything : kOnlyDisasters,
                          .print = print_console},
                         ec);
  if (ec)
    throw Failure(fmt::format("the kernel does not boot with {} of memory: {}; try another -m",
                              human_size(options.memory), describe(ec)));
  lkl_set_fd_limit(kFileDescriptors);
  for (const char* type : {"sysfs", "proc"}) {
    std::string name = type;
    if (const int result = lkl_mount_fs(name.data()); result < 0 && result != -LKL_EBUSY)
      throw Failure(fmt::format("cannot mount the kernel's {}: {}", type, lkl_strerror(result)));
  }
  mkdir("/dev", 0755, ec);
  file_systems_ = read_small_file("/proc/filesystems");
}

AttachedImage& Session::attach(const std::string& name, bool writable) {
  const CommonOptions& options = context_.options;
  // The same name is the same image, without opening it again.
  for (auto& image : images_)
    if (image->name == name) return *image;
  const HostImage host = host_images_.resolve(name, writable);
  ImageFile file(host.path, {.writable = host.writable,
                             .lock = host.lock,
                             .snapshot = options.snapshot,
                             .format = options.format});
  for (auto& image : images_)
    if (image->file.same_image(file)) return *image;
  check_interrupted();
  if (file.writable() && !options.commit.empty()) prepare_commit();
  boot();
  Disk disk = file.connect();
  auto image = std::make_unique<AttachedImage>(
      AttachedImage{name, std::move(file), std::move(disk), {}, {}, {}});
  scan(*image);
  images_.push_back(std::move(image));
  return *images_.back();
}

void Session::prepare_commit() {
  const std::string& name = context_.options.commit;
  if (commit_)
    throw Failure(
        fmt::format("--commit {}: several images are changed, but one file can only "
                    "hold one of them",
                    name));
  if (::access(name.c_str(), F_OK) == 0)
    throw Failure(fmt::format("--commit {}: exists; remove it, or name a new file", name));
  commit_.emplace(HostFile::create(name, HostFile::Existing::kReplaced));
}

void Session::commit() {
  if (!commit_ || context_.diagnostics.failed()) return;
  const auto changed = std::find_if(images_.begin(), images_.end(),
                                    [](const auto& image) { return image->file.writable(); });
  if (changed == images_.end()) return;
  const std::string& name = context_.options.commit;
  try {
    Progress progress(context_.options.quiet);
    const ProgressLine line(context_.diagnostics, progress);
    write_raw_image(open_device(**changed, 0, (*changed)->whole.size), *commit_, name, progress);
    commit_->keep();
  } catch (const Failure& failure) {
    context_.diagnostics.error(failure.what());
  } catch (const Interrupted&) {
    context_.diagnostics.error(fmt::format("{}: interrupted, not written", name));
  }
}

std::string Session::device_node(std::uint32_t device) {
  const std::string node = fmt::format("/dev/disk-{:08x}", device);
  const long long result = lkl_sys_mknodat(LKL_AT_FDCWD, node.c_str(), LKL_S_IFBLK | 0600, device);
  if (result < 0 && result != -LKL_EEXIST) throw std::system_error(error_from(result), node);
  return node;
}

BlockReader Session::open_device(const AttachedImage& image, unsigned partition,
                                 std::uint64_t size) {
  auto file = std::make_shared<File>(device_node(image.disk.device(partition)), LKL_O_RDONLY);
  return {size, [file, size](std::uint64_t offset, std::span<std::byte> into) {
            if (offset > size || into.size() > size - offset) return false;
            std::error_code ec;
            for (std::size_t done = 0; done < into.size();) {
              const std::size_t n = file->read_at(into.subspan(done), offset + done, ec);
              if (n == 0) return false;
              done += n;
            }
            return true;
          }};
}

void Session::scan(AttachedImage& image) {
  constexpr std::uint64_t kSector = 512;  // sysfs counts in these, whatever the disk's blocks are
  const std::uint32_t device = image.disk.device();
  const std::string sysfs =
      fmt::format("/sysfs/dev/block/{}:{}", major_of(device), minor_of(device));
  const std::uint64_t size = read_number(sysfs + "/size") * kSector;
  if (image.file.size() == 0) image.file.set_size(size);
  const BlockReader disk = open_device(image, 0, size);
  std::array<std::byte, kSector> first;
  if (size > 0 && !disk.read(0, first))
    throw Failure(fmt::format("{}: cannot be read from its beginning; it is damaged or truncated{}",
                              image.file.path(), image.file.complaints()));
  image.whole.size = size;
  image.whole.contents = probe(disk);
  for (const DirEntry& entry : Dir(sysfs)) {
    const std::string here = sysfs + "/" + entry.name;
    const auto number = static_cast<unsigned>(read_number(here + "/partition"));
    if (number == 0) continue;
    Partition partition;
    partition.number = number;
    partition.start = read_number(here + "/start") * kSector;
    partition.size = read_number(here + "/size") * kSector;
    partition.contents = probe(open_device(image, number, partition.size));
    image.partitions.push_back(std::move(partition));
  }

  const PartitionTable table = read_partition_table(disk);
  // A boot sector that only looks like a table: the kernel found nothing in it.
  const bool believe =
      !image.partitions.empty() || image.whole.contents.kind == Contents::Kind::kUnknown;
  for (const TableEntry& entry : table.entries) {
    auto known = std::find_if(image.partitions.begin(), image.partitions.end(),
                              [&](const Partition& p) { return p.number == entry.number; });
    if (known == image.partitions.end()) {
      if (!believe) continue;
      Partition missing;
      missing.number = entry.number;
      missing.start = entry.start;
      missing.present = false;
      known = image.partitions.insert(known, std::move(missing));
    }
    // The kernel cuts what reaches beyond the end; the table says how large it should be.
    if (!entry.container) known->size = entry.size;
    known->type = entry.type;
    known->name = entry.name;
    known->container = entry.container;
  }
  if (!image.partitions.empty()) image.table = table.kind.empty() ? "other" : table.kind;
  std::sort(image.partitions.begin(), image.partitions.end(),
            [](const Partition& a, const Partition& b) { return a.number < b.number; });
}

const Partition& Session::choose(AttachedImage& image, std::optional<unsigned> number) const {
  const std::string& path = image.file.path();
  if (!number) number = context_.options.partition;
  if (number) {
    if (*number == 0) return image.whole;
    for (const Partition& p : image.partitions)
      if (p.number == *number) return p;
    const std::size_t count = image.partitions.size();
    throw Failure(count == 0
                      ? fmt::format("{}: partition {}: no such partition (the image has no "
                                    "partition table); leave the number out",
                                    path, *number)
                      : fmt::format("{}: partition {}: no such partition (the image has {}):{}",
                                    path, *number, count, list_partitions(image)));
  }

  if (image.whole.contents.kind == Contents::Kind::kDiskFormat)
    throw Failure(
        fmt::format("{}: is a {} file, not a raw image; unpack it first, or leave raw: out", path,
                    image.whole.contents.type));
  // Optical images often carry a partition table for the boot of USB sticks besides.
  const bool optical = image.whole.contents.type == "iso9660" || image.whole.contents.type == "udf";
  if (image.partitions.empty() || optical) return image.whole;

  const Partition* only = nullptr;
  unsigned candidates = 0;
  for (const Partition& p : image.partitions) {
    if (p.container || p.contents.kind != Contents::Kind::kFileSystem) continue;
    only = &p;
    candidates++;
  }
  if (candidates == 1) return *only;
  throw Failure(fmt::format(
      "{}: has {} partitions with {}; choose one with -P N or {}:N:{}", path,
      image.partitions.size(),
      candidates == 0 ? "no known file system" : fmt::format("{} file systems", candidates), path,
      list_partitions(image)));
}

bool Session::kernel_knows(const std::string& type) const {
  return file_systems_.find("\t" + type + "\n") != std::string::npos;
}

// Also checks that mounting has a chance; the kernel's own errors are terse.
std::string Session::type_to_mount(const AttachedImage& image, const Partition& partition) const {
  const std::string name = volume_name(image, partition.number);
  const Contents& contents = partition.contents;
  if (!partition.present) throw Failure(fmt::format("{}: {}", name, why_absent(image, partition)));

  std::string type = context_.options.type;
  if (type.empty()) {
    switch (contents.kind) {
      case Contents::Kind::kUnknown:
        throw Failure(
            fmt::format("{}: no file system recognised; if there is one, name its type "
                        "with -t",
                        name));
      case Contents::Kind::kOther:
        throw Failure(fmt::format("{}: holds {}, which has no files", name, contents.type));
      case Contents::Kind::kDiskFormat:
        throw Failure(
            fmt::format("{}: is a {} file, not a raw image; unpack it first, or leave raw: out",
                        name, contents.type));
      case Contents::Kind::kFileSystem:
        type = contents.type;
        break;
    }
    // One driver serves all three.
    if (type == "ext2" || type == "ext3") type = "ext4";
    if (type == "ntfs") type = "ntfs3";
  }
  if (!kernel_knows(type))
    throw Failure(
        fmt::format("{}: file system type {}: not in this kernel's profile ({}); build "
                    "the library with it, or check -t",
                    name, type, LKL_PROFILE));

  const std::uint64_t room =
      std::min(partition.size, image.file.size() - std::min(image.file.size(), partition.start));
  if (contents.kind == Contents::Kind::kFileSystem && contents.size > room)
    throw Failure(
        fmt::format("{}: the {} file system is {} bytes long, but {} only {}; the image "
                    "is truncated, get it anew",
                    name, contents.type, contents.size,
                    partition.number == 0 ? "the image is" : "the partition has", room));
  return type;
}

std::string Session::mount_data(const AttachedImage& image, const Partition& partition,
                                const std::string& type, unsigned& flags) {
  // Reading must not change the image's access times, if not asked to.
  MountWords words = parse_mount_words(context_.options.mount_options, LKL_MS_NOATIME);
  flags = words.flags;
  if (!image.file.writable()) flags |= LKL_MS_RDONLY;
  const auto add = [&](const std::string& word) {
    words.data += (words.data.empty() ? "" : ",") + word;
  };

  if (type == "vfat" && words.data.find("utf8") == std::string::npos &&
      words.data.find("iocharset") == std::string::npos)
    add("utf8");

  // The kernel refuses to replay a journal on a disk it cannot write; what was not replayed is
  // then left out.
  const bool told = words.data.find("noload") != std::string::npos ||
                    words.data.find("nologreplay") != std::string::npos;
  if (!image.file.writable() && partition.contents.needs_replay && !told) {
    const bool btrfs = type == "btrfs";
    if (btrfs || type == "ext4") {
      add(btrfs ? "rescue=nologreplay" : "noload");
      context_.diagnostics.warning(
          fmt::format("{}: was not unmounted cleanly; reading it without its journal, the last "
                      "changes may be missing",
                      volume_name(image, partition.number)));
    }
  }

  // The other devices of a btrfs that spans several have to be named.
  if (type == "btrfs")
    for (const auto& other : images_)
      if (other.get() != &image && other->whole.contents.type == "btrfs" &&
          other->whole.contents.uuid == partition.contents.uuid)
        add("device=" + device_node(other->disk.device()));
  return words.data;
}

Volume& Session::mount(const ImageName& name) {
  AttachedImage* image = &attach(name.image, false);
  // A btrfs may have more of its devices among them.
  for (const std::string& other : context_.options.images)
    attach(parse_image_name(other).image, false);
  if (const auto disks = disks_to_choose_from(name); disks.size() > 1)
    image = &choose_disk(disks, name.partition ? name.partition : context_.options.partition,
                         context_.options);
  return mount(*image, choose(*image, name.partition));
}

std::vector<AttachedImage*> Session::disks_to_choose_from(const ImageName& name) {
  const CommonOptions& options = context_.options;
  std::vector<AttachedImage*> disks;
  if (options.domain.empty() || !options.disk.empty() || name.image != options.images.front())
    return disks;
  for (const auto& image : images_)
    if (options.domain_images.contains(image->name)) disks.push_back(image.get());
  return disks;
}

void Session::attach_for_writing(const std::string& path) {
  attach(path, true);
  // The other devices of a file system that spans several are written, too.
  const auto& images = context_.options.images;
  const bool spans = std::any_of(images.begin(), images.end(), [&](const std::string& image) {
    return parse_image_name(image).image == path;
  });
  if (!spans) return;
  for (const std::string& image : images) attach(parse_image_name(image).image, true);
}

Volume& Session::mount_for_writing(const ImageName& name) {
  attach_for_writing(name.image);
  Volume& volume = mount(name);
  if (!volume.image->file.writable())
    throw Failure(
        fmt::format("{}: the disk is read-only, as the domain's definition says; change "
                    "that, or only read",
                    volume.name));
  return volume;
}

Volume& Session::mount(AttachedImage& image, const Partition& partition) {
  for (auto& volume : volumes_)
    if (volume->image == &image && volume->partition == partition.number) return *volume;

  auto volume = std::make_unique<Volume>();
  volume->image = &image;
  volume->partition = partition.number;
  volume->name = volume_name(image, partition.number);
  volume->type = type_to_mount(image, partition);

  MountOptions options;
  options.partition = partition.number;
  options.type = volume->type;
  options.data = mount_data(image, partition, volume->type, options.flags);
  check_interrupted();
  forget_kernel_log();
  std::error_code ec;
  volume->mount = Mount(image.disk, options, ec);
  if (ec) {
    const Contents& found = partition.contents;
    const bool other_type = found.kind == Contents::Kind::kFileSystem &&
                            found.type != volume->type &&
                            !(found.type.starts_with("ext") && volume->type.starts_with("ext"));
    const std::string cure = other_type
                                 ? fmt::format("; it looks like {}: leave -t out", found.type)
                             : found.kind == Contents::Kind::kUnknown
                                 ? "; no file system is recognised there"
                                 : "; it may be damaged: check it with the file system's fsck";
    throw Failure(fmt::format("{}: cannot mount as {}: {}{}{}", volume->name, volume->type,
                              describe(ec), cure, kernel_reasons()));
  }
  volume->root = File(volume->mount.path(), LKL_O_RDONLY | LKL_O_DIRECTORY);
  volumes_.push_back(std::move(volume));
  return *volumes_.back();
}

void Session::close() {
  Diagnostics& diagnostics = context_.diagnostics;
  const auto report = [&](const std::string& what, const std::error_code& ec) {
    if (ec)
      diagnostics.error(fmt::format("{}: {}; the last changes may be lost", what, describe(ec)));
  };
  for (auto& volume : volumes_) {
    // Write-back errors are told to who syncs; unmounting would keep them to itself.
    if (volume->image->file.writable())
      report(fmt::format("{}: cannot write back", volume->name),
             error_from(lkl_sys_syncfs(volume->root.fd())));
    volume->root.close();
    report(fmt::format("{}: cannot unmount", volume->name), volume->mount.umount());
  }
  volumes_.clear();
  // Not when something was thrown: that would be half of the work.
  if (std::uncaught_exceptions() == exceptions_) commit();
  commit_.reset();
  for (auto& image : images_) {
    report(fmt::format("{}: cannot remove the disk", image->file.path()), image->disk.remove());
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
  console_on = context_.options.verbose >= 2;
  report("cannot halt the kernel", kernel_.halt());
}

}  // namespace lkl::tool
