// SPDX-License-Identifier: GPL-2.0
// A wire that is as bad as it is wanted, in one direction: what the card sends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "net/decorated_net.h"
#include "net/impairments.h"
#include "net/ready_set.h"

namespace lkl::host {

// Each frame as it goes over a wire has a fate of its own: segments of TCP that the card has left
// uncut are cut before. Frames wait in a queue of `limit`; one for which there is no place is lost,
// so who sends never waits.
class ImpairedNet final : public DecoratedNet {
 public:
  ~ImpairedNet() override;
  // 0 or -errno; EOPNOTSUPP for a wire that has to have datagrams cut.
  static int make(std::unique_ptr<NetBackend> wire, const Impairments& impairments,
                  std::unique_ptr<NetBackend>& result);

  NetOffloads offloads() const override { return without_uso(wire_->offloads()); }
  unsigned queues() const override { return 1; }
  int use_queues(unsigned) override { return 0; }
  int send(unsigned queue, std::span<const IoVec> frame) override;
  int64_t receive(unsigned queue, std::span<const IoVec> room) override;
  int in(unsigned) const override { return ready_.descriptor(); }

 private:
  // A frame that waits, in its place of memory_.
  struct Waiting {
    uint64_t due_ns, number;
    uint32_t place, size;
    // the next one to go is at the front of the heap
    bool operator<(const Waiting& other) const {
      return due_ns != other.due_ns ? due_ns > other.due_ns : number > other.number;
    }
  };

  // Segments of TCP are cut here, datagrams are not: the card is to do that.
  static NetOffloads without_uso(NetOffloads offloads) {
    offloads.uso = false;
    return offloads;
  }

  ImpairedNet(std::unique_ptr<NetBackend> wire, const Impairments& impairments);
  std::byte* place(uint32_t which) const;
  void put_on_wire(std::span<std::byte> frame, uint64_t now);
  void queue(std::span<const std::byte> frame, uint64_t due_ns);
  void corrupt(std::span<std::byte> frame, uint64_t where) const;
  void send_due(uint64_t now);
  void set_alarm();

  const Impairments impairments_;
  ReadySet ready_;

  std::mutex mutex_;  // guards what follows, and sending by wire_
  std::byte* memory_ = nullptr;
  std::vector<Waiting> waiting_;        // a heap
  std::vector<uint32_t> free_;          // places
  std::vector<std::byte> whole_, cut_;  // a frame in one piece
  uint64_t number_ = 0;                 // of the next frame
  bool lost_ = false;                   // the one before
  uint64_t order_ = 0;                  // of the next one that waits
  uint64_t free_at_ = 0;                // when the last one is through, by the rate
  uint64_t alarm_ = UINT64_MAX;
  bool no_room_ = false;  // the wire has none: it says when
};

}  // namespace lkl::host
