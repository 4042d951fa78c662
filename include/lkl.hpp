// SPDX-License-Identifier: GPL-2.0
//
// Linux as a library, in modern C++ (C++20, header only): a thin face over lkl.h.
//
//   #include <lkl.hpp>
//
//   int main() try {
//     lkl::Kernel kernel = lkl::Kernel::boot({.memory = 64 << 20, .print = nullptr});
//     lkl::Disk disk = lkl::Disk::open("disk.img", {.read_only = true});
//     lkl::Mount root(disk, {.type = "ext4", .flags = LKL_MS_RDONLY});
//
//     for (const lkl::DirEntry& entry : lkl::Dir(root / "etc")) std::puts(entry.name.c_str());
//
//     std::array<std::byte, 4096> buffer;
//     lkl::File file(root / "etc/hostname", LKL_O_RDONLY);
//     std::size_t n = file.read(buffer);
//     std::fwrite(buffer.data(), 1, n, stdout);
//   } catch (const std::system_error& e) {
//     std::fprintf(stderr, "%s\n", e.what());
//   }
//
// Objects are destroyed in the reverse order: file, mount, disk, kernel. Each destructor does its
// part and ignores errors; who must know whether the data reached the disk calls the explicit
// close(), umount(), remove() or halt() first and looks at the error.
//
// Errors: every operation comes twice, as in std::filesystem: one form throws std::system_error,
// the other takes a std::error_code& as its last argument, does not throw (but for std::bad_alloc)
// and, when it fails, returns an empty object or 0. The codes are of lkl::category() and compare
// with std::errc:
//
//   std::error_code ec;
//   lkl::mkdir(root / "new", 0755, ec);
//   if (ec && ec != std::errc::file_exists) ...
//
// Paths are the kernel's, not the host's: "/" is the kernel's own root, in memory.
//
// Threads: any host thread may use any object, but one object only from one thread at a time,
// except File's read_at and write_at, which may run concurrently. Nothing here holds global state;
// the kernel itself is one per process.
#ifndef LKL_HPP
#define LKL_HPP

#ifdef LKL_COMPAT_5
#error "lkl.hpp is for programs of today: include it where LKL_COMPAT_5 is not defined"
#endif

#include <lkl.h>
#include <lkl_host.h>

#include <lkl_error.hpp>
#include <lkl_file.hpp>
#include <lkl_path.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#if !defined(_WIN32)
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#endif

namespace lkl {
inline namespace v1 {

// ------------------------------------------------------------------------------------------------
// Kernel

/// Gets what the kernel says: lines, or parts of them.
using PrintFunction = std::function<void(std::string_view text)>;

/// How to boot. The defaults suit file system work on one image.
struct BootOptions {
  /// Memory of the kernel in bytes. Taken from the host as it is touched.
  std::uint64_t memory = 256ULL << 20;
  /// Messages of this priority number and above it are not printed (0 = none, 8 = all).
  int loglevel = 4;
  /// More words for the kernel's command line.
  std::string command_line = {};
  /// Where the kernel's log goes while it is there: a function, nullptr for nowhere; left out: to
  /// standard error (lkl_host_ops.print). Called on any thread, on small stacks, also by several
  /// at a time; must not call the kernel.
  std::optional<PrintFunction> print = std::nullopt;
};

/// The booted kernel. Move-only; the destructor halts it. One at a time in a process; it may be
/// booted again after it has been halted.
class Kernel {
 public:
  Kernel() noexcept = default;

  /// Boots. Errors: EBUSY when a kernel runs already in this process, ENOMEM, EINVAL.
  static Kernel boot(const BootOptions& options = {}) {
    return detail::throwing("boot", [&](std::error_code& ec) { return boot(options, ec); });
  }
  static Kernel boot(const BootOptions& options, std::error_code& ec) {
    Kernel kernel = prepare(ec);
    if (!ec) ec = kernel.start(options);
    if (ec) kernel.halt();
    return kernel;
  }

  /// The first half of boot(): nothing runs yet, and no thread was made, but disks can be added.
  /// What they need of the host is opened then, so that a process can give up its rights to open
  /// more before start() makes the kernel read them. Errors: EBUSY, ENOMEM.
  static Kernel prepare() {
    return detail::throwing("prepare", [](std::error_code& ec) { return prepare(ec); });
  }
  static Kernel prepare(std::error_code& ec) {
    Kernel kernel;
    ec = error_from(lkl_init(&lkl_host_ops));
    kernel.prepared_ = !ec;
    return kernel;
  }
  /// The second half. Errors: EBUSY when it runs, EINVAL without prepare(), ENOMEM, and what
  /// connecting a disk may fail with.
  std::error_code start(const BootOptions& options) {
    if (!prepared_) return error_from(-LKL_EINVAL);
    if (options.print) set_print(*options.print);
    const std::error_code ec = error_from(lkl_start_kernel(
        "mem=%lluK loglevel=%d %s", static_cast<unsigned long long>(options.memory / 1024),
        options.loglevel, options.command_line.c_str()));
    running_ = running_ || !ec;
    return ec;
  }

  Kernel(Kernel&& other) noexcept
      : prepared_(std::exchange(other.prepared_, false)),
        running_(std::exchange(other.running_, false)),
        print_(std::move(other.print_)) {}
  Kernel& operator=(Kernel&& other) noexcept {
    if (this != &other) {
      halt();
      prepared_ = std::exchange(other.prepared_, false);
      running_ = std::exchange(other.running_, false);
      print_ = std::move(other.print_);
    }
    return *this;
  }
  ~Kernel() { halt(); }

  /// Whether it is prepared.
  bool prepared() const noexcept { return prepared_; }
  explicit operator bool() const noexcept { return running_; }

  /// Halts the kernel and frees what it took from the host. Does nothing when there is none.
  std::error_code halt() noexcept {
    if (!std::exchange(prepared_, false)) return {};
    const std::error_code ec =
        std::exchange(running_, false) ? error_from(lkl_sys_halt()) : std::error_code();
    lkl_cleanup();
    if (print_) lkl_set_print(nullptr, nullptr);
    print_.reset();
    return ec;
  }

 private:
  void set_print(const PrintFunction& function) {
    auto print = std::make_unique<PrintFunction>(function);
    lkl_set_print(
        [](void* user, const char* text, lkl_ulong length) {
          const PrintFunction& print_text = *static_cast<PrintFunction*>(user);
          if (print_text) print_text(std::string_view(text, length));
        },
        print.get());
    print_ = std::move(print);  // after that: the one from before may go
  }

  bool prepared_ = false;
  bool running_ = false;
  std::unique_ptr<PrintFunction> print_;  // where the library finds it
};

// ------------------------------------------------------------------------------------------------
// Disk

struct DiskOptions {
  /// The kernel cannot write, and Disk::open() opens the image read-only.
  bool read_only = false;
  /// Do not lock the image against other processes (and other disks of this one).
  bool no_lock = false;
  /// Copy on write: the image is only read, what is written is gone with the disk.
  bool snapshot = false;
  /// When the host's disk is full: wait until there is room, instead of I/O errors.
  bool wait_for_space = false;
  /// Serial number the kernel shows, at most 20 bytes.
  std::string serial = {};
  /// Request queues, 1 to 16; 0 for the default.
  unsigned queues = 0;
};

/// A disk of the kernel. Move-only; the destructor removes it (after its file systems are
/// unmounted). The memory of a memory disk is lost with it.
class Disk {
 public:
  Disk() noexcept = default;

#if !defined(_WIN32)
  /// Opens an image file or block device of the host. Errors: the host's of open(2), in
  /// std::system_category(); EBUSY when another process or disk has the image open for writing.
  static Disk open(const std::string& path, const DiskOptions& options = {}) {
    return detail::throwing(path, [&](std::error_code& ec) { return open(path, options, ec); });
  }
  static Disk open(const std::string& path, const DiskOptions& options, std::error_code& ec) {
    const int fd = ::open(path.c_str(), (options.read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (fd < 0) {
      ec.assign(errno, std::system_category());
      return {};
    }
    Disk disk = from_fd(fd, options, ec);  // which has its own
    ::close(fd);
    return disk;
  }
#endif

  /// A disk on an open file descriptor, which stays the caller's, to close at any time. On Windows: a
  /// descriptor of the C library that the library has (msvcrt.dll).
  static Disk from_fd(int fd, const DiskOptions& options = {}) {
    return detail::throwing("disk", [&](std::error_code& ec) { return from_fd(fd, options, ec); });
  }
  static Disk from_fd(int fd, const DiskOptions& options, std::error_code& ec) {
    Disk disk;
    disk.disk_.fd = fd;
    disk.add(options, {}, ec);
    return disk;
  }

  /// What a URI names, see lkl_disk_open(): a path, nbd://..., nbd+unix://..., mem:SIZE.
  static Disk from_uri(const std::string& uri, const DiskOptions& options = {}) {
    return detail::throwing(uri, [&](std::error_code& ec) { return from_uri(uri, options, ec); });
  }
  static Disk from_uri(const std::string& uri, const DiskOptions& options, std::error_code& ec) {
    Disk disk;
    disk.adopt(lkl_disk_open(&disk.disk_, uri.c_str(), flags(options)), ec);
    return disk;
  }

  /// A disk in the caller's memory, which must outlive it and is a multiple of 512 bytes long.
  static Disk from_memory(std::span<std::byte> memory, const DiskOptions& options = {}) {
    return detail::throwing("memory disk",
                            [&](std::error_code& ec) { return from_memory(memory, options, ec); });
  }
  static Disk from_memory(std::span<std::byte> memory, const DiskOptions& options,
                          std::error_code& ec) {
    Disk disk;
    if (memory.empty())
      ec = error_from(-LKL_EINVAL);
    else
      disk.add(options, memory, ec);
    return disk;
  }

  Disk(Disk&& other) noexcept : disk_(other.disk_), id_(std::exchange(other.id_, -1)) {}
  Disk& operator=(Disk&& other) noexcept {
    if (this != &other) {
      remove();
      disk_ = other.disk_;
      id_ = std::exchange(other.id_, -1);
    }
    return *this;
  }
  ~Disk() {
    remove();
  }

  explicit operator bool() const noexcept {
    return id_ >= 0;
  }

  /// The number that lkl_mount_dev() and friends know it by.
  int id() const noexcept {
    return id_;
  }

  /// Device number, in the encoding of mknod(2), of a partition or (0) of the whole disk.
  std::uint32_t device(unsigned partition = 0) const {
    return detail::throwing("disk device number",
                            [&](std::error_code& ec) { return device(partition, ec); });
  }
  std::uint32_t device(unsigned partition, std::error_code& ec) const noexcept {
    std::uint32_t number = 0;
    ec = error_from(lkl_get_virtio_blkdev(id_, partition, &number));
    return ec ? 0 : number;
  }

  /// Takes the disk from the kernel. Errors: EBUSY when something is mounted from it; the disk is
  /// gone all the same.
  std::error_code remove() noexcept {
    if (id_ < 0) return {};
    id_ = -1;
    return error_from(lkl_disk_remove(disk_));
  }

 private:
  // With memory: a disk of that.
  void add(const DiskOptions& options, std::span<std::byte> memory, std::error_code& ec) noexcept {
    struct lkl_disk_options raw = {};
    raw.struct_size = sizeof(raw);
    raw.flags = flags(options) | (memory.empty() ? 0 : LKL_DISK_MEMORY);
    raw.num_queues = options.queues;
    raw.size = memory.size();
    raw.memory = memory.data();
    // One byte stays for the terminating zero.
    std::memcpy(raw.serial, options.serial.data(),
                std::min(sizeof(raw.serial) - 1, options.serial.size()));
    adopt(lkl_disk_add_options(&disk_, &raw), ec);
  }

  static unsigned flags(const DiskOptions& options) noexcept {
    return (options.read_only ? LKL_DISK_READ_ONLY : 0) | (options.no_lock ? LKL_DISK_NO_LOCK : 0) |
           (options.snapshot ? LKL_DISK_SNAPSHOT : 0) |
           (options.wait_for_space ? LKL_DISK_WAIT_FOR_SPACE : 0);
  }

  void adopt(int id, std::error_code& ec) noexcept {
    ec = error_from(id);
    if (!ec) id_ = id;
  }

  struct lkl_disk disk_ = {};
  int id_ = -1;
};

// ------------------------------------------------------------------------------------------------
// Mount

struct MountOptions {
  /// Partition number, 0 for the whole disk.
  unsigned partition = 0;
  /// File system type as the kernel names it: "ext4", "btrfs", "vfat" ...
  std::string type = {};
  /// LKL_MS_... flags of mount(2).
  unsigned flags = 0;
  /// The file system's own options, comma separated.
  std::string data = {};
  /// How long umount waits for the last user, in milliseconds.
  long umount_timeout_ms = 5000;
};

/// A mounted file system. Move-only; the destructor unmounts. The disk must outlive it.
class Mount {
 public:
  Mount() noexcept = default;

  Mount(const Disk& disk, const MountOptions& options) {
    std::error_code ec;
    *this = Mount(disk, options, ec);
    detail::throw_if(ec, "mount " + options.type);
  }
  Mount(const Disk& disk, const MountOptions& options, std::error_code& ec) {
    std::array<char, 64> path = {};
    ec = error_from(lkl_mount_dev(static_cast<unsigned>(disk.id()), options.partition,
                                  options.type.c_str(), static_cast<int>(options.flags),
                                  options.data.empty() ? nullptr : options.data.c_str(),
                                  path.data(), path.size()));
    if (ec) return;
    disk_id_ = disk.id();
    partition_ = options.partition;
    timeout_ms_ = options.umount_timeout_ms;
    path_ = path.data();
  }

  Mount(Mount&& other) noexcept { swap(other); }
  Mount& operator=(Mount&& other) noexcept {
    if (this != &other) {
      umount();
      swap(other);
    }
    return *this;
  }
  ~Mount() { umount(); }

  explicit operator bool() const noexcept { return disk_id_ >= 0; }

  /// Where it is in the kernel's tree.
  const std::string& path() const noexcept { return path_; }

  /// A path below the mount point: `mount / "etc/passwd"`. A leading slash makes no difference.
  std::string operator/(std::string_view below) const {
    return below.starts_with('/') ? path_ + std::string(below) : path_ + "/" + std::string(below);
  }

  /// Writes everything back and unmounts. Errors: EBUSY when files are still open after the
  /// timeout; then it stays mounted.
  std::error_code umount() noexcept {
    if (disk_id_ < 0) return {};
    const std::error_code ec =
        error_from(lkl_umount_dev(static_cast<unsigned>(disk_id_), partition_, 0, timeout_ms_));
    if (!ec) disk_id_ = -1;
    return ec;
  }

 private:
  void swap(Mount& other) noexcept {
    std::swap(disk_id_, other.disk_id_);
    std::swap(partition_, other.partition_);
    std::swap(timeout_ms_, other.timeout_ms_);
    path_.swap(other.path_);
  }

  int disk_id_ = -1;
  unsigned partition_ = 0;
  long timeout_ms_ = 0;
  std::string path_;
};

}  // namespace v1
}  // namespace lkl

#endif  // LKL_HPP
