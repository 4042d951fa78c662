// SPDX-License-Identifier: GPL-2.0
#include "virtio/blk.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <new>

#include "virtio/virtio.h"

namespace lkl::host {
namespace {

constexpr unsigned kSector = 512;
constexpr uint32_t kMaxDiscardSectors = 1 << 22;  // 2 GiB
constexpr unsigned kSerialLength = kBlkIdLength;

uint64_t total(std::span<const IoVec> vector) {
  uint64_t sum = 0;
  for (const IoVec& part : vector) sum += part.size;
  return sum;
}

// Moves `size` bytes from the front of the vector to `to`, and takes them off it.
bool take_front(std::span<IoVec>& vector, void* to, size_t size) {
  auto* at = static_cast<std::byte*>(to);
  while (size > 0) {
    if (vector.empty()) return false;
    IoVec& part = vector.front();
    const size_t count = std::min(size, part.size);
    std::memcpy(at, part.base, count);
    at += count;
    size -= count;
    part.base = static_cast<std::byte*>(part.base) + count;
    part.size -= count;
    if (part.size == 0) vector = vector.subspan(1);
  }
  return true;
}

// The last byte of the vector, taken off it.
uint8_t* take_last_byte(std::span<IoVec>& vector) {
  while (!vector.empty() && vector.back().size == 0) vector = vector.first(vector.size() - 1);
  if (vector.empty()) return nullptr;
  IoVec& part = vector.back();
  auto* last = static_cast<uint8_t*>(part.base) + --part.size;
  if (part.size == 0) vector = vector.first(vector.size() - 1);
  return last;
}

}  // namespace

class VirtioBlk::Request final : public BlockRequest {
 public:
  VirtioBlk* device = nullptr;
  QueueState* queue = nullptr;
  Pool* pool = nullptr;
  Chain chain;
  uint8_t* status = nullptr;
  uint32_t written = 0;  // to the driver's memory, if it goes well

  void completed(int error) override {
    uint8_t answer = blk_status::kOk;
    if (error == -EOPNOTSUPP)
      answer = blk_status::kUnsupported;
    else if (error < 0)
      answer = blk_status::kIoError;
    device->finish(*this, answer);
  }
};

// The requests of a queue, as many as a ring can have in flight, each with room for
// the longest chain (untouched, and so without memory, until it is used).
struct VirtioBlk::Pool {
  Pool(VirtioBlk& device, QueueState& queue) {
    for (Request& request : requests) {
      request.device = &device;
      request.queue = &queue;
      request.pool = this;
      free[free_count++] = &request;
    }
  }

  bool idle() const { return free_count == VirtQueue::kMaxSize; }
  std::span<IoVec> room_of(const Request& request) { return room[&request - requests.data()]; }

  std::array<Request, VirtQueue::kMaxSize> requests;
  std::array<Request*, VirtQueue::kMaxSize> free;
  unsigned free_count = 0;
  std::array<std::array<IoVec, VirtQueue::kMaxChain>, VirtQueue::kMaxSize> room;
};

struct VirtioBlk::QueueState {
  explicit QueueState(VirtioBlk& device) {
    pools.push_back(std::make_unique<Pool>(device, *this));
    pool = pools.back().get();
  }

  VirtQueue* ring = nullptr;           // changed with the mutex held
  std::atomic<bool> batching = false;  // notify() is at work: one interrupt at its end
  std::atomic<bool> interrupt_wanted = false;
  std::mutex mutex;  // guards what follows
  // The one in use. Requests of another belong to a driver from before a reset, and
  // say nothing to the one of today. nullptr if the host is out of memory.
  Pool* pool;
  std::vector<std::unique_ptr<Pool>> pools;
};

VirtioBlk::VirtioBlk(std::unique_ptr<BlockBackend> backend, const VirtioBlkOptions& options)
    : backend_(std::move(backend)),
      serial_(options.serial.substr(0, kSerialLength)),
      num_queues_(std::clamp(options.num_queues, 1u, kMaxQueues)),
      read_only_(options.read_only || backend_->read_only()) {
  for (unsigned i = 0; i < num_queues_; ++i) states_.push_back(std::make_unique<QueueState>(*this));
  const unsigned block = backend_->block_size();
  config_.capacity = backend_->size() / kSector;
  config_.size_max = 1 << 22;
  config_.seg_max = kSegments;
  config_.blk_size = block;
  config_.physical_block_exp = block < 4096 ? static_cast<uint8_t>(__builtin_ctz(4096 / block)) : 0;
  config_.min_io_size = 1;
  config_.num_queues = static_cast<uint16_t>(num_queues_);
  config_.max_discard_sectors = kMaxDiscardSectors;
  config_.max_discard_seg = 1;
  config_.discard_sector_alignment = 4096 / kSector;
  config_.max_write_zeroes_sectors = kMaxDiscardSectors;
  config_.max_write_zeroes_seg = 1;
  config_.write_zeroes_may_unmap = 1;
}

VirtioBlk::~VirtioBlk() = default;

uint32_t VirtioBlk::id() const {
  return device_type::kBlock;
}

uint64_t VirtioBlk::features() const {
  uint64_t features = feature_bit(blk_feature::kSizeMax) | feature_bit(blk_feature::kSegMax) |
                      feature_bit(blk_feature::kBlockSize) | feature_bit(blk_feature::kFlush) |
                      feature_bit(blk_feature::kTopology);
  if (num_queues_ > 1) features |= feature_bit(blk_feature::kMultiQueue);
  if (read_only_) return features | feature_bit(blk_feature::kReadOnly);
  if (backend_->can_discard())
    features |= feature_bit(blk_feature::kDiscard) | feature_bit(blk_feature::kWriteZeroes);
  return features;
}

void VirtioBlk::activate(uint64_t, std::span<VirtQueue* const> queues, VirtioTransport& transport) {
  transport_ = &transport;
  for (unsigned i = 0; i < num_queues_; ++i) {
    const std::lock_guard lock(states_[i]->mutex);
    states_[i]->ring = queues[i];
  }
}

void VirtioBlk::reset() {
  for (const auto& state : states_) {
    const std::lock_guard lock(state->mutex);
    state->ring = nullptr;
    if (state->pool && state->pool->idle()) continue;
    const auto idle = std::find_if(state->pools.begin(), state->pools.end(),
                                   [](const auto& pool) { return pool->idle(); });
    if (idle != state->pools.end()) {
      state->pool = idle->get();
      continue;
    }
    state->pool = nullptr;
    try {
      state->pools.push_back(std::make_unique<Pool>(*this, *state));
      state->pool = state->pools.back().get();
    } catch (const std::bad_alloc&) {
      // notify() tells the driver
    }
  }
}

// The next request of the driver, nullptr if there is none.
VirtioBlk::Request* VirtioBlk::next(QueueState& state) {
  const std::lock_guard lock(state.mutex);
  Pool* const pool = state.pool;
  if (!pool || pool->free_count == 0) {
    // With so many in flight the driver has no more to offer, or offers one twice.
    if (!pool || !state.ring->empty()) state.ring->give_up();
    return nullptr;
  }
  Request* const request = pool->free[pool->free_count - 1];
  if (!state.ring->pop(pool->room_of(*request), request->chain)) return nullptr;
  --pool->free_count;
  in_flight_.fetch_add(1, std::memory_order_relaxed);
  return request;
}

void VirtioBlk::notify(unsigned index) {
  QueueState& state = *states_[index];
  if (!state.ring) return;
  state.batching.store(true);
  do {
    state.ring->disable_notifications();
    while (Request* const request = next(state)) start(*request);
  } while (!state.ring->enable_notifications() && !state.ring->broken());
  state.batching.store(false);
  if (state.interrupt_wanted.exchange(false)) transport_->interrupt();
}

void VirtioBlk::start(Request& request) {
  Chain& chain = request.chain;
  BlkRequestHeader header;
  request.status = take_last_byte(chain.writable);
  request.written = request.status ? 1 : 0;
  // Without a place for the status there is nobody to tell.
  if (!request.status || !take_front(chain.readable, &header, sizeof header))
    return finish(request, blk_status::kIoError);

  request.unmap = false;
  switch (header.type) {
    case blk_request::kIn:
      request.op = BlockOp::kRead;
      request.vector = chain.writable;
      return start_io(request, header.sector);
    case blk_request::kOut:
      request.op = BlockOp::kWrite;
      request.vector = chain.readable;
      return start_io(request, header.sector);
    case blk_request::kFlush:
      request.op = BlockOp::kFlush;
      request.offset = request.length = 0;
      request.vector = {};
      return backend_->submit(request);
    case blk_request::kDiscard:
      request.op = BlockOp::kDiscard;
      return start_range(request);
    case blk_request::kWriteZeroes:
      request.op = BlockOp::kWriteZeroes;
      return start_range(request);
    case blk_request::kGetId: {
      std::array<char, kSerialLength> id = {};
      std::copy(serial_.begin(), serial_.end(), id.begin());
      if (total(chain.writable) < id.size()) return finish(request, blk_status::kIoError);
      size_t done = 0;
      for (const IoVec& part : chain.writable) {
        const size_t count = std::min(part.size, id.size() - done);
        std::memcpy(part.base, id.data() + done, count);
        done += count;
      }
      request.written += id.size();
      return finish(request, blk_status::kOk);
    }
    default:
      return finish(request, blk_status::kUnsupported);
  }
}

void VirtioBlk::start_io(Request& request, uint64_t sector) {
  request.length = total(request.vector);
  // Elements without length would make no progress.
  for (const IoVec& part : request.vector)
    if (part.size == 0) return finish(request, blk_status::kIoError);
  const unsigned sectors_of_block = backend_->block_size() / kSector;
  if (request.length == 0 || request.length % backend_->block_size() || sector % sectors_of_block ||
      sector > config_.capacity || request.length / kSector > config_.capacity - sector)
    return finish(request, blk_status::kIoError);
  if (read_only_ && request.op == BlockOp::kWrite) return finish(request, blk_status::kIoError);
  request.offset = sector * kSector;
  if (request.op == BlockOp::kRead) request.written += static_cast<uint32_t>(request.length);
  backend_->submit(request);
}

void VirtioBlk::start_range(Request& request) {
  BlkRange range;
  const uint32_t allowed = request.op == BlockOp::kWriteZeroes ? BlkRange::kUnmap : 0;
  if (read_only_ || !backend_->can_discard()) return finish(request, blk_status::kUnsupported);
  if (total(request.chain.readable) != sizeof range ||
      !take_front(request.chain.readable, &range, sizeof range))
    return finish(request, blk_status::kIoError);
  if (range.flags & ~allowed) return finish(request, blk_status::kUnsupported);
  if (range.num_sectors > kMaxDiscardSectors || range.sector > config_.capacity ||
      range.num_sectors > config_.capacity - range.sector)
    return finish(request, blk_status::kIoError);
  request.unmap = range.flags & BlkRange::kUnmap;
  request.offset = range.sector * kSector;
  request.length = uint64_t{range.num_sectors} * kSector;
  request.vector = {};
  backend_->submit(request);
}

// On the thread that ends the request: the holder of the virtual CPU, or the
// executor.
void VirtioBlk::finish(Request& request, uint8_t status) {
  QueueState& state = *request.queue;
  bool interrupt = false;
  {
    const std::lock_guard lock(state.mutex);
    Pool& pool = *request.pool;
    // After a reset the memory may be something else by now.
    if (state.ring && &pool == state.pool) {
      if (request.status) *request.status = status;
      const uint32_t failed = request.status ? 1 : 0;
      interrupt = state.ring->push(request.chain.head,
                                   status == blk_status::kOk ? request.written : failed);
    }
    pool.free[pool.free_count++] = &request;
  }
  if (interrupt) {
    // Said first, then looked if notify() will say it for us: it looks the other way
    // round, and one of the two raises the interrupt.
    state.interrupt_wanted.store(true);
    if (!state.batching.load() && state.interrupt_wanted.exchange(false)) transport_->interrupt();
  }
  in_flight_.fetch_sub(1, std::memory_order_release);  // the last touch: see idle()
}

}  // namespace lkl::host
