// SPDX-License-Identifier: GPL-2.0
#include "api/disk.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <system_error>

#include "api/internal.h"
#include "block/callback_backend.h"
#include "block/file_backend.h"
#include "block/memory_backend.h"
#include "lkl.h"

namespace lkl {
namespace {

int call(Instance& instance, int64_t nr, uint64_t a, uint64_t b, uint64_t c) {
  return static_cast<int>(instance.call(nr, a, b, c, 0, 0, 0));
}

std::unique_ptr<BlockBackend> make_callback_backend(const lkl_disk& disk, EventLoop& loop) {
  unsigned long long size = 0;
  if (disk.ops->get_capacity(disk, &size) < 0) return nullptr;
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
        switch (disk.ops->request(disk, &request)) {
          case LKL_DEV_BLK_STATUS_OK:
            return 0;
          case LKL_DEV_BLK_STATUS_UNSUP:
            return -EOPNOTSUPP;
          default:
            return -EIO;
        }
      });
}

// 0 or -errno.
int make_backend(const lkl_disk& disk, const lkl_disk_options& options, EventLoop& loop,
                 std::unique_ptr<BlockBackend>& backend) {
  if (disk.ops) {
    backend = make_callback_backend(disk, loop);
    return backend ? 0 : -LKL_EIO;
  }
  if (options.flags & LKL_DISK_MEMORY) {
    if (options.size == 0 || options.size % 512) return -LKL_EINVAL;
    backend = std::make_unique<MemoryBackend>(options.size);
    return 0;
  }
  std::unique_ptr<FileBackend> file;
  const int error = FileBackend::open(disk.fd,
                                      {.read_only = (options.flags & LKL_DISK_READ_ONLY) != 0,
                                       .lock = !(options.flags & LKL_DISK_NO_LOCK)},
                                      loop, file);
  backend = std::move(file);
  return error;
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
  // The executor, while there is one, ends what is in flight.
  if (instance_.running()) {
    while (!device_.idle()) host::sleep_ns(20'000);
  } else {
    instance_.loop().quiesce();
  }
  instance_.bus().free_irq(irq_);
}

int Disk::connect() {
  const int error = call(instance_, LKL_NR_MMIO_DEVICE_ADD, Bus::address(irq_), Bus::kWindow, irq_);
  connected_ = error == 0;
  return error;
}

int Disk::disconnect() {
  if (!connected_) return 0;
  connected_ = false;
  return call(instance_, LKL_NR_MMIO_DEVICE_REMOVE, irq_, 0, 0);
}

int Disks::add(lkl_disk& disk, const lkl_disk_options& options) {
  std::unique_ptr<BlockBackend> backend;
  // Numbers of the host are those of the kernel for all that can come here.
  if (const int error = make_backend(disk, options, instance_.loop(), backend)) return error;
  const int irq = instance_.bus().allocate_irq();
  if (irq < 0) return -LKL_ENOSPC;

  Disk* added;
  {
    const std::lock_guard lock(mutex_);
    disks_.push_back(std::make_unique<Disk>(
        next_id_++, irq, instance_, std::move(backend),
        VirtioBlkOptions{.serial = std::string(options.serial, strnlen(options.serial, 20)),
                         .num_queues = options.num_queues,
                         .read_only = (options.flags & LKL_DISK_READ_ONLY) != 0}));
    added = disks_.back().get();
  }
  disk.dev = added;
  if (instance_.running()) {
    if (const int error = added->connect()) {
      remove(disk);
      return error;
    }
  }
  return added->id();
}

int Disks::remove(const lkl_disk& disk) {
  std::unique_ptr<Disk> gone;
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
  std::vector<Disk*> waiting;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& disk : disks_) waiting.push_back(disk.get());
  }
  for (Disk* disk : waiting)
    if (const int error = disk->connect()) return error;
  return 0;
}

int Disks::irq(int id) {
  const std::lock_guard lock(mutex_);
  for (const auto& disk : disks_)
    if (disk->id() == id) return static_cast<int>(disk->irq());
  return -LKL_ENODEV;
}

}  // namespace lkl

using lkl::Instance;

int lkl_disk_add_options(lkl_disk* disk, const lkl_disk_options* opts) {
  constexpr unsigned kFlags = LKL_DISK_READ_ONLY | LKL_DISK_NO_LOCK | LKL_DISK_MEMORY;
  Instance* instance = Instance::get();
  const lkl_disk_options options = opts ? *opts : lkl_disk_options{};
  if (!instance || !disk || (options.flags & ~kFlags)) return -LKL_EINVAL;
  try {
    return instance->disks().add(*disk, options);
  } catch (const std::bad_alloc&) {
    return -LKL_ENOMEM;
  }
}

int lkl_disk_add(lkl_disk* disk) {
  return lkl_disk_add_options(disk, nullptr);
}

int lkl_disk_remove(lkl_disk disk) {
  Instance* instance = Instance::get();
  return instance ? instance->disks().remove(disk) : -LKL_ENODEV;
}

int lkl_disk_irq(int disk_id) {
  Instance* instance = Instance::get();
  return instance ? instance->disks().irq(disk_id) : -LKL_ENODEV;
}

int lkl_get_free_irq(const char*) {
  Instance* instance = Instance::get();
  if (!instance) return -LKL_EINVAL;
  const int irq = instance->bus().allocate_irq();
  return irq < 0 ? -LKL_EBUSY : irq;
}

void lkl_put_irq(int irq, const char*) {
  if (Instance* instance = Instance::get()) instance->bus().free_irq(irq);
}

int lkl_trigger_irq(int irq) {
  Instance* instance = Instance::get();
  if (!instance || irq < 0 || irq >= LKL_NR_IRQS) return -LKL_EINVAL;
  if (!instance->running()) return -LKL_ENODEV;
  lkl_kernel_irq(irq);
  return 0;
}
