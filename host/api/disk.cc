// SPDX-License-Identifier: GPL-2.0
#include "api/disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>
#include <string_view>
#include <system_error>

#include "api/internal.h"
#include "api/util.h"
#include "block/callback_backend.h"
#include "block/file_backend.h"
#include "block/file_source.h"
#include "block/memory_backend.h"
#include "block/overlay_backend.h"
#include "core/application.h"
#include "core/calls.h"
#include "core/registry.h"
#ifdef LKL_HAVE_NBD
#include "block/nbd_client.h"
#endif
#include "lkl.h"

namespace lkl {
namespace {

// How often a thread that waits for what another one does looks again.
constexpr uint64_t kPollNs = 20'000;

// A descriptor of the host that is closed with its owner.
class HostFd final {
 public:
  explicit HostFd(int fd) : fd_(fd) {}
  HostFd(const HostFd&) = delete;
  HostFd& operator=(const HostFd&) = delete;
  ~HostFd() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  const int fd_;
};

int call(Instance& instance, int64_t nr, uint64_t a, uint64_t b, uint64_t c) {
  return static_cast<int>(call_kernel(instance.number(), nr, a, b, c));
}

std::unique_ptr<BlockBackend> make_callback_backend(const lkl_disk& disk, EventLoop& loop) {
  unsigned long long size = 0;
  int error = -EIO;
  call_application("get_capacity of a disk", [&] { error = disk.ops->get_capacity(disk, &size); });
  if (error < 0) return nullptr;
  return std::make_unique<CallbackBackend>(
      size, loop, [disk](BlockOp op, uint64_t offset, std::span<iovec> vector) {
        lkl_blk_req request = {};
        request.type = op == BlockOp::kRead    ? LKL_DEV_BLK_TYPE_READ
                       : op == BlockOp::kWrite ? LKL_DEV_BLK_TYPE_WRITE
                                               : LKL_DEV_BLK_TYPE_FLUSH;
        request.sector = offset / 512;
        // the same layout: lkl_iovec has the types of the kernel's own header
        static_assert(sizeof(lkl_iovec) == sizeof(iovec));
        request.buf = reinterpret_cast<lkl_iovec*>(vector.data());
        request.count = static_cast<int>(vector.size());
        int status = LKL_DEV_BLK_STATUS_IOERR;
        call_application("request of a disk", [&] { status = disk.ops->request(disk, &request); });
        switch (status) {
          case LKL_DEV_BLK_STATUS_OK:
            return 0;
          case LKL_DEV_BLK_STATUS_UNSUP:
            return -EOPNOTSUPP;
          default:
            return -EIO;
        }
      });
}

// 0 or -errno. The descriptor may be closed afterwards.
int make_file_backend(int fd, unsigned flags, Instance& instance,
                      std::unique_ptr<BlockBackend>& backend) {
  EventLoop& loop = instance.loop();
  const bool lock = !(flags & LKL_DISK_NO_LOCK);
  if (flags & LKL_DISK_SNAPSHOT) {
    std::unique_ptr<FileSource> source;
    if (const int error = FileSource::open(fd, lock, source)) return error;
    std::unique_ptr<OverlayBackend> overlay;
    const int error = OverlayBackend::open(std::move(source), loop, overlay);
    backend = std::move(overlay);
    return error;
  }
  std::unique_ptr<FileBackend> file;
  const FileBackend::Options options = {
      .read_only = (flags & LKL_DISK_READ_ONLY) != 0,
      .lock = lock,
      .wait_for_space = (flags & LKL_DISK_WAIT_FOR_SPACE) != 0,
      .say = [&instance](std::string_view line) { instance.print(line.data(), line.size()); }};
  const int error = FileBackend::open(fd, options, loop, file);
  backend = std::move(file);
  return error;
}

int make_memory_backend(uint64_t size, void* memory, std::unique_ptr<BlockBackend>& backend) {
  if (size == 0 || size % 512) return -LKL_EINVAL;
  backend = memory
                ? std::make_unique<MemoryBackend>(std::span(static_cast<std::byte*>(memory), size))
                : std::make_unique<MemoryBackend>(size);
  return 0;
}

// Only an image or block device that is written itself can run out of the host's space.
bool waits_in_vain(unsigned flags, bool on_file) {
  return (flags & LKL_DISK_WAIT_FOR_SPACE) &&
         (!on_file || (flags & (LKL_DISK_MEMORY | LKL_DISK_SNAPSHOT)));
}

int make_backend(const lkl_disk& disk, const lkl_disk_options& options, Instance& instance,
                 std::unique_ptr<BlockBackend>& backend) {
  if (waits_in_vain(options.flags, !disk.ops)) return -LKL_EINVAL;
  if (disk.ops) {
    backend = make_callback_backend(disk, instance.loop());
    return backend ? 0 : -LKL_EIO;
  }
  if (options.flags & LKL_DISK_MEMORY)
    return make_memory_backend(options.size, options.memory, backend);
  return make_file_backend(disk.fd, options.flags, instance, backend);
}

bool is_nbd(std::string_view uri) {
  for (const char* scheme : {"nbd://", "nbds://", "nbd+unix://", "nbds+unix://"})
    if (uri.starts_with(scheme)) return true;
  return false;
}

int make_nbd_backend([[maybe_unused]] const std::string& uri, [[maybe_unused]] unsigned flags,
                     [[maybe_unused]] EventLoop& loop,
                     [[maybe_unused]] std::unique_ptr<BlockBackend>& backend) {
#ifdef LKL_HAVE_NBD
  std::unique_ptr<NbdClient> client;
  if (const int error = NbdClient::open(uri, client)) return error;
  if (flags & LKL_DISK_SNAPSHOT) {
    std::unique_ptr<OverlayBackend> overlay;
    const int error = OverlayBackend::open(std::move(client), loop, overlay);
    backend = std::move(overlay);
    return error;
  }
  backend =
      std::make_unique<NbdBackend>(std::move(client), (flags & LKL_DISK_READ_ONLY) != 0, loop);
  return 0;
#else
  return -LKL_EPROTONOSUPPORT;
#endif
}

// "64M" in bytes, 0 if it is none.
uint64_t parse_size(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  if (error != std::errc() || unit.size() > 1) return 0;
  const size_t power = unit.empty() ? 0 : std::string_view("KMGT").find(unit[0]) + 1;
  if (!unit.empty() && power == 0) return 0;
  const unsigned shift = 10 * static_cast<unsigned>(power);
  return value << shift >> shift == value ? value << shift : 0;
}

int make_backend_of_uri(const std::string& uri, unsigned flags, Instance& instance,
                        std::unique_ptr<BlockBackend>& backend) {
  const bool nbd = is_nbd(uri), memory = uri.starts_with("mem:");
  if (waits_in_vain(flags, !nbd && !memory)) return -LKL_EINVAL;
  if (nbd) return make_nbd_backend(uri, flags, instance.loop(), backend);
  if (memory) return make_memory_backend(parse_size(uri.substr(4)), nullptr, backend);
  const std::string path = uri.starts_with("file:") ? uri.substr(5) : uri;
  if (path == uri && uri.find("://") != std::string::npos) return -LKL_EPROTONOSUPPORT;
  const bool writable = !(flags & (LKL_DISK_READ_ONLY | LKL_DISK_SNAPSHOT));
  const HostFd fd(open(path.c_str(), (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC));
  if (fd.get() < 0) return -errno;
  return make_file_backend(fd.get(), flags, instance, backend);
}

}  // namespace

Disk::Disk(int id, unsigned irq, Instance& instance, std::unique_ptr<BlockBackend> backend,
           const VirtioBlkOptions& options)
    : id_(id),
      irq_(irq),
      instance_(instance),
      device_(std::move(backend), options),
      transport_(device_, instance.memory(), *this) {
  instance_.bus().connect(irq_, &transport_);
}

Disk::~Disk() {
  instance_.bus().disconnect(irq_);
  device_.backend().stop_waiting();
  // The minder, while there is one, ends what is in flight.
  while (!device_.idle()) host::sleep_ns(kPollNs);
  instance_.bus().free_irq(irq_);
}

Disk::State Disk::settled() const {
  State state;
  while ((state = state_.load()) == State::kConnecting) host::sleep_ns(kPollNs);
  return state;
}

int Disk::connect() {
  State state = State::kApart;
  if (!state_.compare_exchange_strong(state, State::kConnecting)) {
    return settled() == State::kConnected ? 0 : -LKL_ENODEV;
  }
  const int error = call(instance_, LKL_NR_MMIO_DEVICE_ADD, Bus::address(irq_), Bus::kWindow, irq_);
  state_.store(error ? State::kApart : State::kConnected);
  return error;
}

int Disk::disconnect() {
  settled();
  if (state_.exchange(State::kGone) != State::kConnected) return 0;
  // The driver waits for what is in flight.
  device_.backend().stop_waiting();
  return call(instance_, LKL_NR_MMIO_DEVICE_REMOVE, irq_, 0, 0);
}

int Disks::add(lkl_disk& disk, const lkl_disk_options& options) {
  std::unique_ptr<BlockBackend> backend;
  // Numbers of the host are those of the kernel for all that can come here.
  if (const int error = make_backend(disk, options, instance_, backend)) return error;
  return connect(disk, std::move(backend), options);
}

int Disks::open(lkl_disk& disk, const std::string& uri, unsigned flags) {
  constexpr unsigned kFlags =
      LKL_DISK_READ_ONLY | LKL_DISK_NO_LOCK | LKL_DISK_SNAPSHOT | LKL_DISK_WAIT_FOR_SPACE;
  if (flags & ~kFlags) return -LKL_EINVAL;
  std::unique_ptr<BlockBackend> backend;
  if (const int error = make_backend_of_uri(uri, flags, instance_, backend)) return error;
  disk = {};
  lkl_disk_options options = {};
  options.flags = flags;
  return connect(disk, std::move(backend), options);
}

int Disks::connect(lkl_disk& disk, std::unique_ptr<BlockBackend> backend,
                   const lkl_disk_options& options) {
  const int irq = instance_.bus().allocate_irq();
  if (irq < 0) return -LKL_ENOSPC;

  std::shared_ptr<Disk> added;
  {
    const std::lock_guard lock(mutex_);
    disks_.push_back(std::make_shared<Disk>(
        next_id_++, irq, instance_, std::move(backend),
        VirtioBlkOptions{.serial = std::string(options.serial, strnlen(options.serial, 20)),
                         .num_queues = options.num_queues,
                         .read_only = (options.flags & LKL_DISK_READ_ONLY) != 0}));
    added = disks_.back();
  }
  disk.dev = added.get();
  if (instance_.running()) {
    if (const int error = added->connect()) {
      remove(disk);
      return error;
    }
  }
  return added->id();
}

int Disks::remove(const lkl_disk& disk) {
  std::shared_ptr<Disk> gone;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(disks_.begin(), disks_.end(),
                                    [&](const auto& d) { return d.get() == disk.dev; });
    if (found == disks_.end()) return -LKL_ENODEV;
    gone = std::move(*found);
    disks_.erase(found);
  }
  return instance_.running() ? gone->disconnect() : 0;
}

int Disks::connect_all() {
  std::vector<std::shared_ptr<Disk>> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting = disks_;
  }
  for (const auto& disk : waiting)
    // removed meanwhile: not ours any more
    if (const int error = disk->connect(); error && error != -LKL_ENODEV) return error;
  return 0;
}

void Disk::after_fork_child() {
  if (state_.load() == State::kConnecting) state_.store(State::kConnected);
}

void Disks::after_fork_child() {
  std::construct_at(&mutex_);
  for (const auto& disk : disks_) disk->after_fork_child();
}

void Disks::stop_waiting() {
  const std::lock_guard lock(mutex_);
  for (const auto& disk : disks_) disk->stop_waiting();
}

int Disks::irq(int id) {
  const std::lock_guard lock(mutex_);
  for (const auto& disk : disks_)
    if (disk->id() == id) return static_cast<int>(disk->irq());
  return -LKL_ENODEV;
}

}  // namespace lkl

using lkl::Registry;

int lkl_disk_add_options(lkl_disk* disk, const lkl_disk_options* opts) {
  constexpr unsigned kFlags = LKL_DISK_READ_ONLY | LKL_DISK_NO_LOCK | LKL_DISK_MEMORY |
                              LKL_DISK_SNAPSHOT | LKL_DISK_WAIT_FOR_SPACE;
  const Registry::Use instance;
  const lkl_disk_options options = opts ? *opts : lkl_disk_options{};
  if (!instance || !disk || (options.flags & ~kFlags)) return -LKL_EINVAL;
  return lkl::or_no_memory([&] { return instance->disks().add(*disk, options); });
}

int lkl_disk_open(lkl_disk* disk, const char* uri, unsigned int flags) {
  const Registry::Use instance;
  if (!instance || !disk || !uri) return -LKL_EINVAL;
  return lkl::or_no_memory([&] { return instance->disks().open(*disk, uri, flags); });
}

int lkl_disk_add(lkl_disk* disk) {
  return lkl_disk_add_options(disk, nullptr);
}

int lkl_disk_remove(lkl_disk disk) {
  const Registry::Use instance;
  return instance ? instance->disks().remove(disk) : -LKL_ENODEV;
}

int lkl_disk_irq(int disk_id) {
  const Registry::Use instance;
  return instance ? instance->disks().irq(disk_id) : -LKL_ENODEV;
}

int lkl_get_free_irq(const char*) {
  const Registry::Use instance;
  if (!instance) return -LKL_EINVAL;
  const int irq = instance->bus().allocate_irq();
  return irq < 0 ? -LKL_EBUSY : irq;
}

void lkl_put_irq(int irq, const char*) {
  const Registry::Use instance;
  if (instance && irq >= 0 && irq < LKL_NR_IRQS) instance->bus().free_irq(irq);
}

int lkl_trigger_irq(int irq) {
  const Registry::Use instance;
  if (!instance || irq < 0 || irq >= LKL_NR_IRQS) return -LKL_EINVAL;
  if (!instance->running()) return -LKL_ENODEV;
  lkl::tell_kernel();
  lkl_kernel_raise(irq);
  lkl_kernel_attend();
  return 0;
}
