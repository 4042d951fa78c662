// SPDX-License-Identifier: GPL-2.0
// Frames over stream sockets, and peers that mean no good.
#include "posix/stream_net.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace {

using lkl::host::Descriptor;
using lkl::host::IoVec;
using lkl::host::NetBackend;

// What qemu and passt write, made without the code that is tested.
std::string framed(const std::string& frame) {
  const auto size = static_cast<uint32_t>(frame.size());
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(size >> shift & 0xff);
  return bytes + frame;
}

// Frames of all lengths whose content tells where they belong.
std::string frame(size_t number, size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(number * 31 + i * 7);
  return bytes;
}

class StreamNetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    peer_ = Descriptor(ends[1]);
    ASSERT_EQ(make_stream_net(Descriptor(ends[0]), net_, "test"), 0);
  }
  void put(const std::string& bytes) const {
    ASSERT_EQ(write(peer_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  // A frame, or nothing and `error`; into two pieces of memory.
  std::string get(int64_t* error = nullptr, size_t most = NetBackend::kMaxSegment) const {
    std::string bytes(most, '\0');
    const IoVec room[] = {
        {bytes.data(), std::min<size_t>(most, 10)},
        {bytes.data() + std::min<size_t>(most, 10), most - std::min<size_t>(most, 10)}};
    const int64_t size = net_->receive(0, room);
    if (error) *error = size;
    bytes.resize(size > 0 ? static_cast<size_t>(size) : 0);
    return bytes;
  }
  int64_t error() const {
    int64_t error = 0;
    get(&error);
    return error;
  }
  int send(const std::string& frame) const {
    std::string copy = frame;
    const size_t half = copy.size() / 2;
    const IoVec parts[] = {{copy.data(), half}, {copy.data() + half, copy.size() - half}};
    const int result = net_->send(0, parts);
    std::ranges::fill(copy, 'x');  // it is the caller's again
    return result;
  }
  static bool ready(int fd, short what) {
    pollfd wait = {.fd = fd, .events = what, .revents = 0};
    return poll(&wait, 1, 0) == 1;
  }
  bool readable() const { return ready(net_->in(0), POLLIN); }
  bool writable() const { return ready(net_->out(0), POLLOUT); }

  Descriptor peer_;
  std::unique_ptr<NetBackend> net_;
};

}  // namespace

TEST_F(StreamNetTest, SaysNothingUntilThereIsAFrame) {
  EXPECT_FALSE(readable());
  EXPECT_EQ(error(), -EAGAIN);
  put(framed("hello"));
  EXPECT_TRUE(readable());
  EXPECT_EQ(get(), "hello");
  EXPECT_EQ(error(), -EAGAIN);
  EXPECT_FALSE(readable());
}

TEST_F(StreamNetTest, FramesThatComeInPiecesAreWhole) {
  const std::string bytes = framed(frame(1, 300)) + framed("x") + framed(frame(2, 70));
  std::vector<std::string> got;
  for (const char byte : bytes) {
    put({byte});
    int64_t result = 1;
    while (result > 0)
      if (std::string one = get(&result); result > 0) got.push_back(one);
    ASSERT_EQ(result, -EAGAIN);
    ASSERT_FALSE(readable());
  }
  EXPECT_EQ(got, (std::vector<std::string>{frame(1, 300), "x", frame(2, 70)}));
}

// As the event loop does: nobody asks unless in() is ready, and takes few at a time.
TEST_F(StreamNetTest, InIsReadyWhileThereAreFrames) {
  for (const size_t turn : {1, 2, 3, 64}) {
    std::string bytes;
    for (size_t i = 0; i < 100; ++i) bytes += framed(frame(i, 60 + i * 9));
    put(bytes);
    size_t next = 0;
    while (readable()) {
      int64_t result = 1;
      for (size_t i = 0; i < turn && result > 0; ++i) {
        const std::string one = get(&result);
        if (result <= 0) break;
        ASSERT_EQ(one, frame(next, 60 + next * 9));
        ++next;
      }
    }
    EXPECT_EQ(next, 100u) << turn;
  }
}

TEST_F(StreamNetTest, AllLengthsGoBothWaysInOrder) {
  std::vector<size_t> sizes = {1, 14, 60, 1514, 4096, 9018, 65534, 65535, NetBackend::kMaxSegment};
  for (size_t i = 0; i < 200; ++i) sizes.push_back(1 + i * 7919 % NetBackend::kMaxSegment);
  std::thread echoes([&] {
    std::vector<char> bytes(50021);
    for (ssize_t count; (count = read(peer_.get(), bytes.data(), bytes.size())) > 0;)
      for (ssize_t done = 0; done < count;)
        done += write(peer_.get(), bytes.data() + done, static_cast<size_t>(count - done));
  });
  size_t sent = 0, got = 0;
  while (got < sizes.size()) {
    pollfd wait[] = {{.fd = net_->in(0), .events = POLLIN, .revents = 0},
                     {.fd = net_->out(0), .events = POLLOUT, .revents = 0}};
    ASSERT_GT(poll(wait, sent < sizes.size() ? 2 : 1, 10'000), 0) << got;
    if (sent < sizes.size() && wait[1].revents) {
      const int result = send(frame(sent, sizes[sent]));
      ASSERT_TRUE(result == 0 || result == -EAGAIN) << result;
      if (result == 0) ++sent;
    }
    if (wait[0].revents) {
      int64_t result = 0;
      const std::string one = get(&result);
      if (result == -EAGAIN) continue;
      ASSERT_EQ(one.size(), sizes[got]);
      ASSERT_EQ(one, frame(got, sizes[got]));
      ++got;
    }
  }
  shutdown(net_->out(0), SHUT_WR);
  echoes.join();
}

// What is left of a frame that has begun goes out by itself; one that has not is the caller's.
TEST_F(StreamNetTest, AFullSocketTakesAFrameOrNothingOfIt) {
  size_t sent = 0;
  int result;
  while ((result = send(frame(sent, 60001))) == 0) ++sent;
  EXPECT_EQ(result, -EAGAIN);
  EXPECT_EQ(send("y"), -EAGAIN);
  std::string all, want;
  std::vector<char> bytes(30011);
  for (size_t i = 0; i < sent; ++i) want += framed(frame(i, 60001));
  while (all.size() < want.size()) {
    // the owner of the event loop sees to it
    if (readable()) {
      EXPECT_EQ(error(), -EAGAIN);
    }
    if (!ready(peer_.get(), POLLIN)) break;
    const ssize_t count = read(peer_.get(), bytes.data(), bytes.size());
    ASSERT_GT(count, 0);
    all.append(bytes.data(), static_cast<size_t>(count));
  }
  EXPECT_TRUE(all == want) << all.size() << " of " << want.size();
  EXPECT_FALSE(readable());
  EXPECT_TRUE(writable());
  EXPECT_EQ(send("y"), 0);
  EXPECT_EQ(read(peer_.get(), bytes.data(), bytes.size()), 5);
}

TEST_F(StreamNetTest, NotEvenALengthIsTorn) {
  // a socket that takes a few bytes at a time
  const int least = 1;
  setsockopt(net_->out(0), SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
  std::string all, want;
  std::vector<char> bytes(777);
  for (size_t i = 0; i < 50;) {
    const int result = send(frame(i, 3000));
    ASSERT_TRUE(result == 0 || result == -EAGAIN);
    if (result == 0) {
      want += framed(frame(i, 3000));
      ++i;
      continue;
    }
    const ssize_t count = read(peer_.get(), bytes.data(), bytes.size());
    ASSERT_GT(count, 0);
    all.append(bytes.data(), static_cast<size_t>(count));
  }
  while (all.size() < want.size()) {
    if (readable()) error();
    ASSERT_TRUE(ready(peer_.get(), POLLIN));
    const ssize_t count = read(peer_.get(), bytes.data(), bytes.size());
    all.append(bytes.data(), static_cast<size_t>(count));
  }
  EXPECT_TRUE(all == want);
}

TEST_F(StreamNetTest, AFrameThatIsTooLongForTheRoomIsLeftOut) {
  put(framed("one") + framed(frame(1, 2000)) + framed("two"));
  EXPECT_EQ(get(nullptr, 1518), "one");
  EXPECT_EQ(get(nullptr, 1518), "two");
}

TEST_F(StreamNetTest, LengthsThatAreNoneBreakTheStream) {
  for (const std::string& length :
       {std::string(4, '\0'), std::string("\0\1\0\x12", 4), std::string("\xff\xff\xff\xff"),
        std::string("\x80\0\0\1", 4)}) {
    SetUp();
    put(framed("good") + length + framed("lost"));
    EXPECT_EQ(get(), "good");
    EXPECT_TRUE(readable());
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(error(), -EPROTO);
    EXPECT_EQ(error(), -EPROTO);
    EXPECT_EQ(::testing::internal::GetCapturedStderr(),
              "lkl: test: what comes are no frames; the link is down\n");
    EXPECT_EQ(send("anything"), -EPIPE);
    char byte;
    EXPECT_LE(read(peer_.get(), &byte, 1), 0);  // the peer is told
  }
  // the longest that is one
  SetUp();
  put(framed(frame(3, NetBackend::kMaxSegment)));
  EXPECT_TRUE(get() == frame(3, NetBackend::kMaxSegment));
}

TEST_F(StreamNetTest, AnEndIsAnEndAlsoInTheMiddle) {
  put(framed("whole") + framed("half").substr(0, 6));
  shutdown(peer_.get(), SHUT_RDWR);
  EXPECT_EQ(get(), "whole");
  int64_t result = -EAGAIN;
  while (result == -EAGAIN && readable()) get(&result);
  EXPECT_EQ(result, 0);
  EXPECT_EQ(send("anything"), -EPIPE);
}

// errno is the application's.
TEST_F(StreamNetTest, ErrnoStays) {
  errno = 4711;
  error();
  put(framed("a") + framed("b"));
  get();
  while (send(frame(1, 60000)) == 0) continue;
  peer_.reset();
  send("x");
  error();
  EXPECT_EQ(errno, 4711);
}
