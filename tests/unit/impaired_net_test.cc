// SPDX-License-Identifier: GPL-2.0
// What a bad wire does to frames.
#include "net/impaired_net.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "host.h"
#include "net/segments.h"
#include "net/vector.h"

namespace {

using lkl::host::Fate;
using lkl::host::fate_of;
using lkl::host::ImpairedNet;
using lkl::host::Impairments;
using lkl::host::IoVec;
using lkl::host::NetBackend;
using lkl::host::NetOffloads;
using lkl::host::NetUri;
using lkl::host::Segments;

using Bytes = std::vector<unsigned char>;
constexpr size_t kHeader = NetBackend::kHeaderSize;

// Keeps what is sent.
class KeptNet final : public NetBackend {
 public:
  explicit KeptNet(bool header) : header_(header) {}
  ~KeptNet() override { close(in_), close(out_); }

  bool has_header() const override { return header_; }
  NetOffloads offloads() const override { return {}; }
  int accept(const NetOffloads&) override { return 0; }
  size_t longest_frame(unsigned mtu) const override { return mtu + kEthernetSize; }
  int send(unsigned, std::span<const IoVec> frame) override {
    if (full_) return -EAGAIN;
    Bytes bytes(lkl::host::size_of(frame));
    lkl::host::copy_from(frame, 0, std::as_writable_bytes(std::span(bytes)));
    frames_.push_back(bytes);
    return 0;
  }
  int64_t receive(unsigned, std::span<const IoVec>) override { return -EAGAIN; }
  int in(unsigned) const override { return in_; }
  int out(unsigned) const override { return out_; }

  void set_full(bool full) {
    full_ = full;
    uint64_t count = UINT64_MAX - 1;
    if (full)
      ASSERT_EQ(write(out_, &count, sizeof count), static_cast<ssize_t>(sizeof count));
    else
      ASSERT_EQ(read(out_, &count, sizeof count), static_cast<ssize_t>(sizeof count));
  }
  std::vector<Bytes> take() { return std::exchange(frames_, {}); }
  size_t count() const { return frames_.size(); }

 private:
  const bool header_;
  const int in_ = eventfd(0, EFD_NONBLOCK), out_ = eventfd(0, EFD_NONBLOCK);
  bool full_ = false;
  std::vector<Bytes> frames_;
};

struct Impaired {
  explicit Impaired(const std::string& words, bool header = false) {
    NetUri uri("x:" + words, [this](std::string_view line) { said += line; });
    std::optional<Impairments> wanted;
    result = Impairments::take(uri, wanted);
    if (result == 0) result = uri.end();
    if (result != 0 || !wanted) return;
    auto wire = std::make_unique<KeptNet>(header);
    kept = wire.get();
    EXPECT_EQ(ImpairedNet::make(std::move(wire), *wanted, net), 0);
  }
  int send(Bytes frame) {
    const IoVec part = {.base = frame.data(), .size = frame.size()};
    return net->send(0, std::span(&part, 1));
  }
  // As the event loop does.
  bool wait(int ms = 5000) {
    pollfd wait = {.fd = net->in(0), .events = POLLIN, .revents = 0};
    if (poll(&wait, 1, ms) != 1) return false;
    Bytes room(70000);
    const IoVec part = {.base = room.data(), .size = room.size()};
    EXPECT_EQ(net->receive(0, std::span(&part, 1)), -EAGAIN);
    return true;
  }
  void wait_for(size_t frames) {
    while (kept->count() < frames && wait()) continue;
    EXPECT_GE(kept->count(), frames);
  }

  std::string said;
  int result = 0;
  std::unique_ptr<NetBackend> net;
  KeptNet* kept = nullptr;
};

Bytes numbered(int number, size_t size = 100) {
  Bytes frame(size, static_cast<unsigned char>(number >> 8));
  std::memcpy(frame.data(), &number, sizeof number);
  return frame;
}
int number_of(const Bytes& frame) {
  int number;
  std::memcpy(&number, frame.data(), sizeof number);
  return number;
}

std::vector<int> sent_and_kept(const std::string& words, int frames) {
  Impaired wire(words);
  std::vector<int> numbers;
  for (int i = 0; i < frames; ++i) {
    EXPECT_EQ(wire.send(numbered(i)), 0);
    for (const Bytes& frame : wire.kept->take()) numbers.push_back(number_of(frame));
  }
  return numbers;
}

}  // namespace

TEST(ImpairedNet, KnowsTheWordsOfNetem) {
  NetUri uri(
      "x:,delay=10ms,jitter=500,rate=8mbit,loss=1%,duplicate=0.5,reorder=5%,corrupt=0.1%,"
      "limit=50,seed=7",
      {});
  std::optional<Impairments> wanted;
  ASSERT_EQ(Impairments::take(uri, wanted), 0);
  ASSERT_EQ(uri.end(), 0);
  ASSERT_TRUE(wanted);
  EXPECT_EQ(wanted->delay_ns, 10'000'000u);
  EXPECT_EQ(wanted->jitter_ns, 500'000u);
  EXPECT_EQ(wanted->rate, 1'000'000u);
  EXPECT_NEAR(static_cast<double>(wanted->loss), 42949673, 1);
  EXPECT_NEAR(static_cast<double>(wanted->duplicate), 21474836, 1);
  EXPECT_NEAR(static_cast<double>(wanted->corrupt), 4294967, 1);
  EXPECT_EQ(wanted->limit, 50u);
  EXPECT_EQ(wanted->seed, 7u);
  for (const char* none : {",delay=10m",
                           ",delay=-1ms",
                           ",loss=101%",
                           ",loss=nan",
                           ",rate=0",
                           ",limit=0",
                           ",jitter=1ms",
                           ",delay=1ms,jitter=2ms",
                           ",reorder=5%",
                           ",seed=7",
                           ",limit=10",
                           ",delay",
                           ",losss=1%",
                           ",burst=2",
                           ",loss=1%,burst=0",
                           ",loss=0%,burst=2",
                           ",loss=67%,burst=2",
                           ",loss=100%,burst=2",
                           ",delay=1ms,distribution=normal",
                           ",delay=1ms,jitter=1ms,distribution=gamma"}) {
    const Impaired wire(none);
    EXPECT_EQ(wire.result, -EINVAL) << none;
    EXPECT_NE(wire.said, "") << none;
  }
  EXPECT_EQ(Impaired("").net, nullptr);
  EXPECT_EQ(Impaired(",loss=0%").net, nullptr);
}

TEST(ImpairedNet, LosesAndDoublesAsManyAsItShould) {
  constexpr int kFrames = 20000;
  const std::vector<int> kept = sent_and_kept(",loss=10%,seed=3", kFrames);
  EXPECT_NEAR(static_cast<double>(kept.size()), kFrames * 0.9, 200);
  EXPECT_TRUE(std::ranges::is_sorted(kept));
  const std::vector<int> doubled = sent_and_kept(",duplicate=10%,seed=3", kFrames);
  EXPECT_NEAR(static_cast<double>(doubled.size()), kFrames * 1.1, 200);
  std::vector<int> once = doubled;
  once.erase(std::unique(once.begin(), once.end()), once.end());
  EXPECT_EQ(once.size(), static_cast<size_t>(kFrames));
  EXPECT_TRUE(sent_and_kept(",loss=100%,seed=3", 100).empty());
}

TEST(ImpairedNet, TheSeedDecides) {
  const std::string words = ",loss=20%,duplicate=20%,seed=";
  const std::vector<int> first = sent_and_kept(words + "7", 500);
  EXPECT_EQ(sent_and_kept(words + "7", 500), first);
  EXPECT_NE(sent_and_kept(words + "8", 500), first);
  // what one impairment decides is nothing to another
  Impairments some = {.delay_ns = 1000, .jitter_ns = 1000, .loss = 1u << 30, .seed = 7};
  Impairments more = some;
  more.duplicate = more.corrupt = 1u << 30;
  for (uint64_t i = 0; i < 1000; ++i) {
    const Fate a = fate_of(some, i), b = fate_of(more, i);
    EXPECT_EQ(a.lost, b.lost);
    EXPECT_EQ(a.delay_ns, b.delay_ns);
    EXPECT_LE(a.delay_ns, 2000u);
  }
}

// As many as without bursts, in fewer rows.
TEST(ImpairedNet, LosesInBursts) {
  constexpr int kFrames = 200000;
  for (const int burst : {1, 3, 20}) {
    const std::string words = ",loss=10%,seed=3,burst=" + std::to_string(burst);
    const std::vector<int> kept = sent_and_kept(words, kFrames);
    const double lost = kFrames - static_cast<double>(kept.size());
    int rows = 0;
    for (size_t i = 1; i < kept.size(); ++i) rows += kept[i] != kept[i - 1] + 1;
    EXPECT_NEAR(lost, kFrames * 0.1, kFrames * 0.01) << burst;
    EXPECT_NEAR(lost / rows, burst, burst * 0.1);
    EXPECT_EQ(sent_and_kept(words, 1000),
              std::vector<int>(kept.begin(), std::ranges::lower_bound(kept, 1000)));
  }
  // some that nobody would tell from none or from all
  EXPECT_EQ(Impaired(",loss=0.0000001%,burst=1000000,seed=1").result, 0);
  EXPECT_EQ(Impaired(",loss=66.6%,burst=2,seed=1").result, 0);
}

TEST(ImpairedNet, JitterHasADistribution) {
  struct Case {
    const char* name;
    double deviation;  // of the jitter
    double least, most;
  };
  constexpr int kFrames = 100000;
  for (const Case& one :
       {Case{"uniform", 0.577, -1, 1}, Case{"normal", 1, -6, 6}, Case{"pareto", 0.84, -0.578, 8}}) {
    NetUri uri("x:,delay=10ms,jitter=1ms,seed=5,distribution=" + std::string(one.name), {});
    std::optional<Impairments> wanted;
    ASSERT_EQ(Impairments::take(uri, wanted), 0);
    double sum = 0, squares = 0, least = 100, most = -100;
    for (int i = 0; i < kFrames; ++i) {
      const double away =
          static_cast<double>(fate_of(*wanted, static_cast<uint64_t>(i)).delay_ns) / 1e6 - 10;
      sum += away;
      squares += away * away;
      least = std::min(least, away);
      most = std::max(most, away);
    }
    EXPECT_NEAR(sum / kFrames, 0, 0.03) << one.name;
    EXPECT_NEAR(std::sqrt(squares / kFrames), one.deviation, 0.07) << one.name;
    EXPECT_GE(least, one.least) << one.name;
    EXPECT_LE(most, one.most + 1e-6) << one.name;
    EXPECT_GT(most, one.deviation) << one.name;
  }
  // none is there before it is sent
  const Impairments far = {
      .delay_ns = 1000, .jitter_ns = 1000, .distribution = lkl::host::Jitter::kNormal, .seed = 5};
  int now = 0;
  for (uint64_t i = 0; i < 1000; ++i) now += fate_of(far, i).delay_ns == 0;
  EXPECT_NEAR(now, 159, 40);
}

TEST(ImpairedNet, DelaysInOrder) {
  Impaired wire(",delay=20ms,seed=1");
  const uint64_t before = lkl::host::monotonic_ns();
  for (int i = 0; i < 50; ++i) ASSERT_EQ(wire.send(numbered(i)), 0);
  const bool early = lkl::host::monotonic_ns() - before < 20'000'000;
  if (early) {
    EXPECT_EQ(wire.kept->count(), 0u);
  }
  wire.wait_for(50);
  EXPECT_GE(lkl::host::monotonic_ns() - before, 20'000'000u);
  const std::vector<Bytes> frames = wire.kept->take();
  ASSERT_EQ(frames.size(), 50u);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(frames[static_cast<size_t>(i)], numbered(i));
  // and is not ready for ever
  EXPECT_FALSE(wire.wait(30));
}

TEST(ImpairedNet, SomeDoNotWait) {
  Impaired wire(",delay=1s,reorder=30%,seed=1");
  for (int i = 0; i < 100; ++i) ASSERT_EQ(wire.send(numbered(i)), 0);
  const std::vector<Bytes> first = wire.kept->take();
  EXPECT_GT(first.size(), 10u);
  EXPECT_LT(first.size(), 60u);
  wire.wait_for(100 - first.size());
  EXPECT_EQ(wire.kept->count() + first.size(), 100u);
}

TEST(ImpairedNet, HasARateAndALimit) {
  Impaired wire(",rate=1mbps,limit=20,seed=1");
  const uint64_t before = lkl::host::monotonic_ns();
  for (int i = 0; i < 100; ++i) ASSERT_EQ(wire.send(numbered(i, 2000)), 0);
  wire.wait_for(20);
  // 2 ms each; those that found no place are lost, which are the last ones, if we were fast enough
  EXPECT_GE(lkl::host::monotonic_ns() - before, 40'000'000u);
  EXPECT_LT(wire.kept->count(), 100u);
  EXPECT_EQ(wire.kept->take().front(), numbered(0, 2000));
}

TEST(ImpairedNet, ChangesOneBitBehindTheEthernetHeader) {
  Impaired wire(",corrupt=100%,seed=1");
  std::map<size_t, int> places;
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(wire.send(numbered(i)), 0);
    const std::vector<Bytes> frames = wire.kept->take();
    ASSERT_EQ(frames.size(), 1u);
    const Bytes before = numbered(i);
    int changed = 0;
    for (size_t at = 0; at < before.size(); ++at)
      if (const int difference = before[at] ^ frames[0][at]) {
        changed += __builtin_popcount(static_cast<unsigned>(difference));
        ++places[at];
      }
    EXPECT_EQ(changed, 1);
  }
  EXPECT_GE(places.begin()->first, 14u);
  EXPECT_GT(places.size(), 40u);
}

TEST(ImpairedNet, WaitsForAWireThatIsFull) {
  Impaired wire(",delay=1ns,seed=1");
  wire.kept->set_full(true);
  for (int i = 0; i < 10; ++i) ASSERT_EQ(wire.send(numbered(i)), 0);
  EXPECT_FALSE(wire.wait(30));  // nobody is woken for nothing
  wire.kept->set_full(false);
  wire.wait_for(10);
  const std::vector<Bytes> frames = wire.kept->take();
  ASSERT_EQ(frames.size(), 10u);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(frames[static_cast<size_t>(i)], numbered(i));
  EXPECT_FALSE(wire.wait(30));
}

// ---- segments ----

namespace {

void put16(Bytes& bytes, size_t at, size_t value) {
  bytes[at] = static_cast<unsigned char>(value >> 8);
  bytes[at + 1] = static_cast<unsigned char>(value);
}
size_t get16(const Bytes& bytes, size_t at) {
  return static_cast<size_t>(bytes[at]) << 8 | bytes[at + 1];
}
uint64_t words(const Bytes& bytes, size_t from, size_t to) {
  uint64_t sum = 0;
  for (; from < to; from += 2)
    sum += from + 1 < to ? get16(bytes, from) : static_cast<size_t>(bytes[from]) << 8;
  return sum;
}
uint64_t fold(uint64_t sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

// A segment that is to be cut, as a driver makes it.
struct Large {
  bool v6, tagged;
  size_t payload, segment;

  size_t ip() const { return kHeader + 14 + (tagged ? 4 : 0); }
  size_t tcp() const { return ip() + (v6 ? 40 : 20); }
  size_t data() const { return tcp() + 32; }
  uint64_t pseudo(const Bytes& frame, size_t length) const {
    return words(frame, ip() + (v6 ? 8 : 12), tcp()) + 6 + length;
  }
  Bytes make() const {
    Bytes frame(data() + payload);
    for (size_t i = 0; i < frame.size(); ++i)
      frame[i] = static_cast<unsigned char>(i * 7 + i / 256);
    std::fill_n(frame.begin(), kHeader, 0);
    frame[0] = 1;
    frame[1] = static_cast<unsigned char>((v6 ? 4 : 1) | 0x80);
    frame[4] = static_cast<unsigned char>(segment),
    frame[5] = static_cast<unsigned char>(segment >> 8);
    frame[6] = static_cast<unsigned char>(tcp() - kHeader);
    frame[8] = 16;
    if (tagged) put16(frame, kHeader + 12, 0x8100);
    put16(frame, ip() - 2, v6 ? 0x86dd : 0x0800);
    if (v6) {
      frame[ip()] = 0x60;
      put16(frame, ip() + 4, 32 + payload);
      frame[ip() + 6] = 6;
    } else {
      frame[ip()] = 0x45;
      put16(frame, ip() + 2, 52 + payload);
      put16(frame, ip() + 4, 0xfffe);
      frame[ip() + 9] = 6;
      put16(frame, ip() + 10, 0);
      put16(frame, ip() + 10, ~fold(words(frame, ip(), tcp())));
    }
    put16(frame, tcp() + 4, 0xffff), put16(frame, tcp() + 6, 0xff00);  // the number
    frame[tcp() + 12] = 0x80;
    frame[tcp() + 13] = 0x99;  // CWR, ACK, PSH, FIN
    put16(frame, tcp() + 16, fold(pseudo(frame, 32 + payload)));
    return frame;
  }
};

}  // namespace

TEST(Segments, AreWhatTheReceiverExpects) {
  for (const bool v6 : {false, true})
    for (const bool tagged : {false, true})
      for (const size_t payload : {1u, 1447u, 1448u, 1449u, 20001u, 65000u}) {
        const Large large = {.v6 = v6, .tagged = tagged, .payload = payload, .segment = 1448};
        const Bytes whole = large.make();
        Segments segments(std::as_bytes(std::span(whole)));
        const size_t count = (payload + 1447) / 1448;
        ASSERT_EQ(segments.count(), count);
        Bytes together;
        for (size_t i = 0; i < count; ++i) {
          Bytes part(whole.size());
          part.resize(segments.next(std::as_writable_bytes(std::span(part))));
          ASSERT_EQ(part.size(), large.data() + std::min<size_t>(1448, payload - i * 1448));
          EXPECT_EQ(part[1], 0);
          lkl::host::complete_checksum(std::as_writable_bytes(std::span(part)));
          EXPECT_EQ(part[0], 0);
          const size_t length = part.size() - large.tcp();
          EXPECT_EQ(fold(large.pseudo(part, length) + words(part, large.tcp(), part.size())),
                    0xffffu);
          if (v6) {
            EXPECT_EQ(get16(part, large.ip() + 4), length);
          } else {
            EXPECT_EQ(get16(part, large.ip() + 2), length + 20);
            EXPECT_EQ(get16(part, large.ip() + 4), (0xfffe + i) & 0xffff);
            EXPECT_EQ(fold(words(part, large.ip(), large.tcp())), 0xffffu);
          }
          const size_t number = get16(part, large.tcp() + 4) << 16 | get16(part, large.tcp() + 6);
          EXPECT_EQ(number, (0xffffff00 + i * 1448) & 0xffffffff);
          EXPECT_EQ(part[large.tcp() + 13],
                    0x10 | (i == 0 ? 0x80 : 0) | (i + 1 == count ? 0x09 : 0));
          together.insert(together.end(), part.begin() + static_cast<long>(large.data()),
                          part.end());
        }
        Bytes part(whole.size());
        EXPECT_EQ(segments.next(std::as_writable_bytes(std::span(part))), 0u);
        EXPECT_TRUE(std::equal(together.begin(), together.end(),
                               whole.begin() + static_cast<long>(large.data()), whole.end()));
      }
}

// Whatever a frame says of itself, nothing behind it is touched (ASan looks).
TEST(Segments, BelieveNothing) {
  const Large large = {.v6 = false, .tagged = false, .payload = 3000, .segment = 1000};
  const Bytes whole = large.make();
  for (size_t at = 0; at < large.data(); ++at)
    for (const unsigned char value : {0, 1, 4, 0x45, 0x80, 0xf0, 0xff})
      for (const size_t size : {whole.size(), large.data(), large.tcp() + 3, kHeader + 14}) {
        Bytes frame(whole.begin(), whole.begin() + static_cast<long>(size));
        if (at < size) frame[at] = value;
        Segments segments(std::as_bytes(std::span(frame)));
        Bytes part(size);
        size_t count = 0;
        while (const size_t length = segments.next(std::as_writable_bytes(std::span(part)))) {
          ASSERT_LE(length, size);
          lkl::host::complete_checksum(std::as_writable_bytes(std::span(part)).first(length));
          ++count;
        }
        EXPECT_EQ(count, segments.count());
      }
}
