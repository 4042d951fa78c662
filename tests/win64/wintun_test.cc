// SPDX-License-Identifier: GPL-2.0
// Adapters of wintun, whose driver is not here: its DLL's functions are the test's.
#include "win32/wintun_net.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "host.h"
#include "io/event_loop.h"
#include "net/ip_edge.h"
#include "win32/path.h"

namespace {

using lkl::host::IoVec;
using lkl::host::NetBackend;
using lkl::host::NetUri;
using lkl::host::WintunCalls;
using Bytes = std::vector<uint8_t>;

// The only adapter, and what Windows has sent by it and got.
struct Adapter {
  std::mutex mutex;
  std::deque<Bytes> to_card;
  std::vector<Bytes> from_card;
  std::vector<std::string> log;
  Bytes held, sending;
  size_t room = 1000;
  bool is_there = true, may_be_made = true, ends = false;
  HANDLE event = nullptr;

  void windows_sends(const Bytes& packet) {
    const std::lock_guard lock(mutex);
    to_card.push_back(packet);
    SetEvent(event);
  }
};
Adapter* adapter;

const WintunCalls kCalls = {
    .WintunOpenAdapter = [](const wchar_t* name) -> void* {
      adapter->log.push_back("open " + lkl::host::narrow(name));
      SetLastError(ERROR_FILE_NOT_FOUND);
      return adapter->is_there ? adapter : nullptr;
    },
    .WintunCreateAdapter = [](const wchar_t* name, const wchar_t* type, const GUID*) -> void* {
      adapter->log.push_back("create " + lkl::host::narrow(name) + " " + lkl::host::narrow(type));
      SetLastError(ERROR_ACCESS_DENIED);
      return adapter->may_be_made ? adapter : nullptr;
    },
    .WintunCloseAdapter = [](void*) { adapter->log.push_back("close"); },
    .WintunStartSession = [](void* of, DWORD capacity) -> void* {
      EXPECT_EQ(of, adapter);
      EXPECT_EQ(capacity & (capacity - 1), 0u);
      EXPECT_GE(capacity, 0x20000u);
      EXPECT_LE(capacity, 0x4000000u);
      // there is something to receive from now on: that is looked at by a thread of the wire's
      adapter->event = CreateEventW(nullptr, TRUE, FALSE, nullptr);
      adapter->log.push_back("start");
      return adapter;
    },
    .WintunEndSession =
        [](void*) {
          adapter->log.push_back("end");
          CloseHandle(adapter->event);
        },
    .WintunGetReadWaitEvent = [](void*) { return adapter->event; },
    .WintunReceivePacket = [](void*, DWORD* size) -> BYTE* {
      const std::lock_guard lock(adapter->mutex);
      EXPECT_TRUE(adapter->held.empty());  // given back before the next
      if (adapter->to_card.empty()) {
        ResetEvent(adapter->event);
        SetLastError(adapter->ends ? ERROR_HANDLE_EOF : ERROR_NO_MORE_ITEMS);
        return nullptr;
      }
      adapter->held = adapter->to_card.front();
      adapter->to_card.pop_front();
      *size = static_cast<DWORD>(adapter->held.size());
      return adapter->held.data();
    },
    .WintunReleaseReceivePacket =
        [](void*, const BYTE* packet) {
          EXPECT_EQ(packet, adapter->held.data());
          adapter->held.clear();
        },
    .WintunAllocateSendPacket = [](void*, DWORD size) -> BYTE* {
      if (adapter->from_card.size() >= adapter->room) {
        SetLastError(ERROR_BUFFER_OVERFLOW);
        return nullptr;
      }
      adapter->sending.resize(size);
      return adapter->sending.data();
    },
    .WintunSendPacket =
        [](void*, const BYTE* packet) {
          EXPECT_EQ(packet, adapter->sending.data());
          adapter->from_card.push_back(adapter->sending);
        }};

struct Told final : lkl::host::ReadyHandler {
  void ready(short) override { told = true; }
  bool told = false;
};

bool ready(int number, short what) {
  const auto loop = lkl::host::make_event_loop();
  Told handler;
  lkl::host::Watch watch = {.fd = number, .events = what, .handler = &handler};
  loop->watch(watch);
  const uint64_t until = lkl::host::monotonic_ns() + 5'000'000'000;
  do loop->wait(until);
  while (!handler.told && lkl::host::monotonic_ns() < until);
  loop->cancel(watch);
  return handler.told;
}

class WintunTest : public ::testing::Test {
 protected:
  WintunTest() { adapter = &adapter_; }
  int open(const std::string& uri) {
    said_.clear();
    NetUri words(uri, [this](std::string_view line) { said_ += line; });
    return open_wintun_adapter(words, kCalls, net_);
  }
  int send(Bytes frame) {
    const IoVec part = {.base = frame.data(), .size = frame.size()};
    return net_->send(0, std::span(&part, 1));
  }
  // As the event loop does it: what is not ready is not asked.
  Bytes receive() {
    Bytes bytes(2000);
    const IoVec room = {.base = bytes.data(), .size = bytes.size()};
    while (ready(net_->in(0), lkl::host::kReadable)) {
      const int64_t count = net_->receive(0, std::span(&room, 1));
      if (count == -EAGAIN) continue;
      bytes.resize(count > 0 ? static_cast<size_t>(count) : 0);
      return bytes;
    }
    ADD_FAILURE() << "nothing came";
    return {};
  }

  Adapter adapter_;
  std::unique_ptr<NetBackend> net_;
  std::string said_;
};

const Bytes kCard = {2, 0, 0, 0, 0, 7};
const Bytes kOther(lkl::host::IpEdge::kOther.begin(), lkl::host::IpEdge::kOther.end());

Bytes framed(const Bytes& to, const Bytes& from, const Bytes& kind, const Bytes& content) {
  Bytes all = to;
  for (const Bytes* each : {&from, &kind, &content})
    all.insert(all.end(), each->begin(), each->end());
  return all;
}
Bytes packet(uint8_t size) {
  Bytes bytes(size, size);
  bytes[0] = 0x45;
  return bytes;
}

}  // namespace

TEST_F(WintunTest, PacketsGoBothWays) {
  ASSERT_EQ(open("tap:lab"), 0) << said_;
  for (const uint8_t size : {20, 100, 200}) {
    ASSERT_EQ(send(framed(kOther, kCard, {8, 0}, packet(size))), 0);
    EXPECT_EQ(adapter_.from_card.back(), packet(size));
  }
  for (int round = 0; round < 3; ++round) {
    adapter_.windows_sends(packet(40));
    adapter_.windows_sends({0x15});  // is lost
    adapter_.windows_sends(packet(41));
    EXPECT_EQ(receive(), framed(kCard, kOther, {8, 0}, packet(40)));
    EXPECT_EQ(receive(), framed(kCard, kOther, {8, 0}, packet(41)));
  }
  net_.reset();
  EXPECT_EQ(adapter_.log, (std::vector<std::string>{"open lab", "start", "end", "close"}));
}

// Of ARP, which Windows never sees.
TEST_F(WintunTest, TheCardIsAnswered) {
  ASSERT_EQ(open("tap:lab"), 0);
  Bytes arp = {0,  1, 8, 0, 6, 4, 0, 1, 2, 0, 0,  0, 0, 7,
               10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2};
  ASSERT_EQ(send(framed(Bytes(6, 0xff), kCard, {8, 6}, arp)), 0);
  const Bytes answer = receive();
  ASSERT_EQ(answer.size(), 42u);
  EXPECT_EQ(Bytes(answer.begin(), answer.begin() + 6), kCard);
  EXPECT_EQ(answer[21], 2);
  EXPECT_TRUE(adapter_.from_card.empty());
}

TEST_F(WintunTest, AFullRingIsAskedAgain) {
  ASSERT_EQ(open("tap:lab"), 0);
  adapter_.room = 1;
  ASSERT_EQ(send(framed(kOther, kCard, {8, 0}, packet(30))), 0);
  ASSERT_EQ(send(framed(kOther, kCard, {8, 0}, packet(31))), -EAGAIN);
  adapter_.room = 2;
  EXPECT_TRUE(ready(net_->out(0), lkl::host::kWritable));
  EXPECT_EQ(send(framed(kOther, kCard, {8, 0}, packet(31))), 0);
}

TEST_F(WintunTest, TheAdaptersEndIsTheWires) {
  ASSERT_EQ(open("tap:lab"), 0);
  {
    const std::lock_guard lock(adapter_.mutex);
    adapter_.ends = true;
    SetEvent(adapter_.event);
  }
  EXPECT_TRUE(receive().empty());
}

TEST_F(WintunTest, OneThatIsNotThereIsMade) {
  adapter_.is_there = false;
  ASSERT_EQ(open("tap:lab"), 0) << said_;
  EXPECT_EQ(adapter_.log, (std::vector<std::string>{"open lab", "create lab lkl", "start"}));
  net_.reset();
  adapter_.may_be_made = false;
  EXPECT_EQ(open("tap:lab"), -EACCES);
  EXPECT_NE(said_.find("administrator"), std::string::npos) << said_;
  EXPECT_EQ(open("tap"), -EINVAL);
}
