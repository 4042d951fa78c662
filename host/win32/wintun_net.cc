// SPDX-License-Identifier: GPL-2.0
// An adapter of wintun, which knows packets of IP only: Ethernet ends at this wire.
#include "win32/wintun_net.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>

#include "host.h"
#include "net/frame_queue.h"
#include "net/host_net.h"
#include "net/ip_edge.h"
#include "net/vector.h"
#include "win32/bare_net.h"
#include "win32/handle.h"
#include "win32/path.h"
#include "win32/take_signalled.h"
#include "win32/windows_error.h"

namespace lkl::host {
namespace {

constexpr DWORD kRing = 1 << 22;
constexpr size_t kAnswersRoom = 4096;
constexpr uint64_t kMoment = 1'000'000;  // nobody tells when the ring has room again

class WintunNet final : public BareNet {
 public:
  WintunNet(const WintunCalls& calls, void* adapter) : calls_(calls), adapter_(adapter) {
    out_.set(true);
  }
  ~WintunNet() override;
  int open();

  int send(unsigned queue, std::span<const IoVec> frame) override;
  int64_t receive(unsigned queue, std::span<const IoVec> room) override;

 private:
  static constexpr size_t kLongest = kMaxSegment;

  void wait_for_packets();
  int send_packet(std::span<const uint8_t> packet);
  int64_t take(std::span<const IoVec> room);
  bool deliver(std::span<const uint8_t> packet, std::span<const IoVec> room) const;

  const WintunCalls& calls_;
  void* const adapter_;
  void* session_ = nullptr;
  Handle ending_;  // an event
  std::atomic<int> asleep_ = 0;
  std::atomic<bool> stopped_ = false;
  Thread waits_;

  std::mutex mutex_;  // guards what follows
  IpEdge edge_;
  FrameQueue answers_{kAnswersRoom};
  const std::unique_ptr<uint8_t[]> frame_ = std::make_unique_for_overwrite<uint8_t[]>(kLongest);
};

int WintunNet::open() {
  session_ = calls_.WintunStartSession(adapter_, kRing);
  if (!session_) return last_errno();
  ending_ = Handle(CreateEventW(nullptr, TRUE, FALSE, nullptr));
  if (!ending_) return last_errno();
  return waits_.start(
      "lkl-wintun", [](void* self) { static_cast<WintunNet*>(self)->wait_for_packets(); }, this);
}

WintunNet::~WintunNet() {
  if (ending_) SetEvent(ending_.get());
  stopped_.store(true);
  asleep_.store(1);
  wake_one(asleep_);
  waits_.join();
  if (session_) calls_.WintunEndSession(session_);
  calls_.WintunCloseAdapter(adapter_);
}

// An event, and no end of a transfer: so a thread waits for it, whenever receive() has found
// nothing.
void WintunNet::wait_for_packets() {
  const std::array<HANDLE, 2> events = {calls_.WintunGetReadWaitEvent(session_), ending_.get()};
  while (!stopped_.load()) {
    if (WaitForMultipleObjects(events.size(), events.data(), FALSE, INFINITE) != WAIT_OBJECT_0)
      return;
    asleep_.store(0);
    in_.set(true);
    while (asleep_.load() == 0) wait_on(asleep_, 0, UINT64_MAX);
  }
}

int WintunNet::send_packet(std::span<const uint8_t> packet) {
  BYTE* const place = calls_.WintunAllocateSendPacket(session_, static_cast<DWORD>(packet.size()));
  if (!place) {
    if (GetLastError() != ERROR_BUFFER_OVERFLOW) return last_errno();
    out_.set(false);
    out_.set_alarm(monotonic_ns() + kMoment);
    return -EAGAIN;
  }
  std::ranges::copy(packet, place);
  calls_.WintunSendPacket(session_, place);
  return 0;
}

int WintunNet::send(unsigned, std::span<const IoVec> frame) {
  const Unnoticed scope;
  const size_t size = size_of(frame);
  if (size > kLongest) return -EMSGSIZE;
  const std::lock_guard lock(mutex_);
  gather(frame, std::as_writable_bytes(std::span(frame_.get(), size)));
  std::optional<IpEdge::Answer> answer;
  const std::span<const uint8_t> packet = edge_.from_card({frame_.get(), size}, answer);
  if (!packet.empty()) return send_packet(packet);
  // one for which there is no room is asked for again
  if (answer && answers_.push(std::as_bytes(std::span(answer->bytes).first(answer->size))))
    in_.set(true);
  return 0;
}

bool WintunNet::deliver(std::span<const uint8_t> packet, std::span<const IoVec> room) const {
  const auto header = edge_.header_for(packet);
  if (!header || header->size() + packet.size() > size_of(room)) return false;
  copy_to(room, 0, std::as_bytes(std::span(*header)));
  copy_to(room, header->size(), std::as_bytes(packet));
  return true;
}

int64_t WintunNet::take(std::span<const IoVec> room) {
  const std::lock_guard lock(mutex_);
  if (!answers_.empty()) return static_cast<int64_t>(answers_.pop(room));
  for (;;) {
    DWORD size = 0;
    BYTE* const packet = calls_.WintunReceivePacket(session_, &size);
    if (!packet) return GetLastError() == ERROR_NO_MORE_ITEMS ? -EAGAIN : 0;
    const bool delivered = deliver({packet, size}, room);
    calls_.WintunReleaseReceivePacket(session_, packet);
    if (delivered) return static_cast<int64_t>(IpEdge::kHeader + size);
  }
}

int64_t WintunNet::receive(unsigned, std::span<const IoVec> room) {
  const Unnoticed scope;
  const int64_t result = take_signalled(in_, [&] { return take(room); });
  if (result == -EAGAIN && asleep_.exchange(1) == 0) wake_one(asleep_);
  return result;
}

#define LKL_WINTUN_FIND(name)                                                      \
  calls.name = reinterpret_cast<decltype(calls.name)>(find_symbol(handle, #name)); \
  all = all && calls.name;

const WintunCalls* load() {
  void* const handle = open_library("wintun.dll");
  if (!handle) return nullptr;
  static WintunCalls calls;
  bool all = true;
  LKL_WINTUN_FIND(WintunOpenAdapter)
  LKL_WINTUN_FIND(WintunCreateAdapter)
  LKL_WINTUN_FIND(WintunCloseAdapter)
  LKL_WINTUN_FIND(WintunStartSession)
  LKL_WINTUN_FIND(WintunEndSession)
  LKL_WINTUN_FIND(WintunGetReadWaitEvent)
  LKL_WINTUN_FIND(WintunReceivePacket)
  LKL_WINTUN_FIND(WintunReleaseReceivePacket)
  LKL_WINTUN_FIND(WintunAllocateSendPacket)
  LKL_WINTUN_FIND(WintunSendPacket)
  return all ? &calls : nullptr;
}

}  // namespace

const WintunCalls* installed_wintun() {
  static const WintunCalls* const calls = load();
  return calls;
}

int open_wintun_adapter(const NetUri& uri, const WintunCalls& calls,
                        std::unique_ptr<NetBackend>& result) {
  if (uri.target().empty()) return uri.refuse("an adapter has a name");
  const std::wstring name = wide(uri.target());
  void* adapter = calls.WintunOpenAdapter(name.c_str());
  if (!adapter) adapter = calls.WintunCreateAdapter(name.c_str(), L"lkl", nullptr);
  int error = adapter ? 0 : last_errno();
  if (adapter) {
    auto net = std::make_unique<WintunNet>(calls, adapter);
    error = net->open();
    if (!error) result = std::move(net);
  }
  if (error)
    uri.say("\"" + uri.target() + "\": " + std::generic_category().message(-error) +
            (error == -EACCES ? "; only an administrator makes adapters" : ""));
  return error;
}

int open_wintun(const NetUri& uri, std::unique_ptr<NetBackend>& result) {
  const WintunCalls* const calls = installed_wintun();
  if (!calls) {
    uri.say("wintun.dll is not there: put it (of 64 bits) beside the program or into System32");
    return -EPROTONOSUPPORT;
  }
  return open_wintun_adapter(uri, *calls, result);
}

}  // namespace lkl::host
