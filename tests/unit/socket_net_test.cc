// SPDX-License-Identifier: GPL-2.0
// Wires by sockets that have a name: who comes, goes and comes back.
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "descriptor.h"
#include "net/open.h"
#include "support/host_tools.h"

namespace {

using lkl::host::Descriptor;
using lkl::host::IoVec;
using lkl::host::NetBackend;

using Net = std::unique_ptr<NetBackend>;

// A port that nobody has just now, of this address.
std::string free_port(const char* host, int type) {
  addrinfo hints = {}, *list = nullptr;
  hints.ai_socktype = type;
  hints.ai_flags = AI_NUMERICHOST;
  EXPECT_EQ(getaddrinfo(host, "0", &hints, &list), 0);
  const Descriptor probe(socket(list->ai_family, type, 0));
  sockaddr_in6 own = {};
  socklen_t size = sizeof own;
  const bool good = bind(probe.get(), list->ai_addr, list->ai_addrlen) == 0 &&
                    getsockname(probe.get(), reinterpret_cast<sockaddr*>(&own), &size) == 0;
  freeaddrinfo(list);
  return good ? std::to_string(ntohs(own.sin6_port)) : "";
}

class SocketNetTest : public ::testing::Test {
 protected:
  void TearDown() override {
    EXPECT_TRUE(std::filesystem::is_empty(folder_.path())) << "something is left there";
  }
  std::string at(const std::string& name) const { return folder_ / name; }
  Net open(const std::string& uri) {
    Net net;
    EXPECT_EQ(error_of(uri, &net), 0) << uri << ": " << said_;
    return net;
  }
  int error_of(const std::string& uri, Net* net = nullptr) {
    Net none;
    said_.clear();
    return open_net(
        uri, [this](std::string_view line) { said_ = line; }, net ? *net : none);
  }
  static int send(const Net& net, std::string frame) {
    const IoVec part = {frame.data(), frame.size()};
    return net->send(0, {&part, 1});
  }
  // As the event loop does: waits for in(), and then takes what there is. Until there is a frame,
  // or the link is as wanted.
  static std::string get(const Net& net) {
    std::string bytes(NetBackend::kMaxSegment, '\0');
    const IoVec room = {bytes.data(), bytes.size()};
    for (;;) {
      if (!ready(net->in(0), POLLIN, 10'000)) return "nothing";
      const int64_t size = net->receive(0, {&room, 1});
      if (size == -EAGAIN) continue;
      if (size <= 0) return "end";
      return bytes.substr(0, static_cast<size_t>(size));
    }
  }
  static bool link_becomes(const Net& net, bool up) {
    std::string bytes(2000, '\0');
    const IoVec room = {bytes.data(), bytes.size()};
    while (net->has_link() != up) {
      if (!ready(net->in(0), POLLIN, 10'000)) return false;
      net->receive(0, {&room, 1});
    }
    return true;
  }
  static bool ready(int fd, short what, int wait_ms = 0) {
    pollfd wait = {.fd = fd, .events = what, .revents = 0};
    return poll(&wait, 1, wait_ms) == 1;
  }

  // Who asks for this name again and again meets two servers of it, one after the other.
  void meets_servers(const std::string& name) {
    const Net client = open(name + ",reconnect-ms=20");
    EXPECT_FALSE(client->has_link());
    for (int i = 0; i < 2; ++i) {
      Net server = open(name + ",server");
      EXPECT_TRUE(link_becomes(client, true));
      EXPECT_EQ(send(client, "here"), 0);
      EXPECT_EQ(get(server), "here");
      server.reset();
      EXPECT_TRUE(link_becomes(client, false));
    }
  }

  const lkl_test::TempDir folder_;
  std::string said_;
};

}  // namespace

TEST_F(SocketNetTest, AServerTakesOneAfterTheOther) {
  const std::string name = "unix:" + at("a");
  const Net server = open(name + ",server");
  EXPECT_FALSE(server->has_link());
  EXPECT_EQ(send(server, "to nobody"), -ENOTCONN);
  for (int i = 0; i < 3; ++i) {
    Net client = open(name);
    EXPECT_TRUE(client->has_link());
    EXPECT_TRUE(link_becomes(server, true));
    EXPECT_EQ(send(client, "question"), 0);
    EXPECT_EQ(get(server), "question");
    EXPECT_EQ(send(server, "answer"), 0);
    EXPECT_EQ(get(client), "answer");
    EXPECT_FALSE(ready(server->in(0), POLLIN));
    client.reset();
    EXPECT_TRUE(link_becomes(server, false));
    EXPECT_FALSE(ready(server->in(0), POLLIN));
    EXPECT_EQ(send(server, "to nobody"), -ENOTCONN);
  }
}

// Its link is up for it, so nothing else can be; and nobody looks at the door without end.
TEST_F(SocketNetTest, WhoComesSecondWaitsForTheFirstToGo) {
  const std::string name = "unix:@lkl-test-" + std::to_string(getpid());
  const Net server = open(name + ",server=on");
  Net first = open(name);
  EXPECT_TRUE(link_becomes(server, true));
  const Net second = open(name);
  EXPECT_FALSE(ready(server->in(0), POLLIN));
  EXPECT_EQ(send(second, "second"), 0);
  EXPECT_EQ(send(first, "first"), 0);
  EXPECT_EQ(get(server), "first");
  first.reset();
  EXPECT_EQ(get(server), "second");
}

TEST_F(SocketNetTest, AClientThatReconnectsWaitsForItsServer) {
  const std::string name = "unix:" + at("a");
  meets_servers(name);
}

TEST_F(SocketNetTest, OneThatDoesNotEndsWithItsServer) {
  const std::string name = "unix:" + at("a");
  Net server = open(name + ",server");
  const Net client = open(name);
  EXPECT_TRUE(link_becomes(server, true));
  EXPECT_EQ(send(server, "last"), 0);
  server.reset();
  EXPECT_EQ(get(client), "last");
  EXPECT_EQ(get(client), "end");
  EXPECT_EQ(error_of(name), -ENOENT);
  EXPECT_EQ(said_, "unix: can't connect to \"" + at("a") + "\": No such file or directory");
}

// Of the frame that was on its way nothing comes to the next one, in neither direction.
TEST_F(SocketNetTest, APeerThatDiesInTheMiddleTakesItsFrameAlong) {
  const std::string name = "unix:" + at("a");
  const Net server = open(name + ",server");
  for (int i = 0; i < 3; ++i) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    at("a").copy(address.sun_path, sizeof address.sun_path - 1);
    Descriptor peer(socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(connect(peer.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(write(peer.get(), "\0\0\1\0half", 8), 8);
    EXPECT_TRUE(link_becomes(server, true));
    int result;
    while ((result = send(server, std::string(60001, 'x'))) == 0) continue;
    EXPECT_EQ(result, -EAGAIN);
    EXPECT_FALSE(ready(server->out(0), POLLOUT));
    peer.reset();
    EXPECT_TRUE(link_becomes(server, false));
    EXPECT_TRUE(ready(server->out(0), POLLOUT));
    Net next = open(name);
    EXPECT_TRUE(link_becomes(server, true));
    EXPECT_EQ(send(server, "whole"), 0);
    EXPECT_EQ(get(next), "whole");
    EXPECT_EQ(send(next, "as well"), 0);
    EXPECT_EQ(get(server), "as well");
    EXPECT_TRUE(ready(server->out(0), POLLOUT));
    next.reset();
    EXPECT_TRUE(link_becomes(server, false));
  }
}

// out() of a wire whose sockets change says when the one of the moment has room.
TEST_F(SocketNetTest, AFullSocketHoldsUpAndGoesOn) {
  const std::string name = "unix:" + at("a");
  const Net server = open(name + ",server"), client = open(name);
  EXPECT_TRUE(link_becomes(server, true));
  std::string room(2000, '\0');
  const IoVec into = {room.data(), room.size()};
  size_t sent = 0, got = 0;
  unsigned stops = 0;
  while (got < 5000) {
    while (sent < 5000) {
      const int result = send(server, std::to_string(sent) + std::string(1400, 'x'));
      if (result == -EAGAIN) {
        ++stops;
        EXPECT_FALSE(ready(server->out(0), POLLOUT));
        break;
      }
      ASSERT_EQ(result, 0);
      ++sent;
    }
    for (int i = 0; i < 300 && ready(client->in(0), POLLIN); ++i) {
      const int64_t size = client->receive(0, {&into, 1});
      if (size == -EAGAIN) continue;
      ASSERT_GT(size, 0);
      ASSERT_EQ(
          room.compare(0, static_cast<size_t>(size), std::to_string(got) + std::string(1400, 'x')),
          0);
      ++got;
    }
    if (sent == 5000) continue;
    ASSERT_TRUE(ready(server->in(0), POLLIN, 10'000));
    EXPECT_EQ(server->receive(0, {&into, 1}), -EAGAIN);
    // what comes is no room
    if (ready(server->out(0), POLLOUT)) continue;
    EXPECT_EQ(send(client, "x"), 0);
    EXPECT_EQ(get(server), "x");
  }
  EXPECT_GT(stops, 1u);
}

// Who sends and who receives are two threads, while one peer comes after the other.
TEST_F(SocketNetTest, SendingAndReceivingAreApart) {
  const std::string name = "unix:" + at("a");
  const Net server = open(name + ",server");
  std::atomic<bool> stop = false;
  std::atomic<int> got = 0;
  std::thread sends([&] {
    for (int number = 0; !stop; ++number) {
      const int result = send(server, std::to_string(number) + std::string(1400, 'x'));
      if (result == -EAGAIN) ready(server->out(0), POLLOUT, 100);
    }
  });
  std::thread receives([&] {
    std::string bytes(2000, '\0');
    const IoVec room = {bytes.data(), bytes.size()};
    while (!stop)
      if (ready(server->in(0), POLLIN, 10) && server->receive(0, {&room, 1}) == 5) ++got;
  });
  for (int i = 0; i < 20; ++i) {
    const Net client = open(name);
    const int before = got;
    int last = -1;
    for (int frames = 0; frames < 500; ++frames) {
      const std::string frame = get(client);
      ASSERT_EQ(frame.substr(frame.size() - 1400), std::string(1400, 'x'));
      ASSERT_GT(std::stoi(frame), last);
      last = std::stoi(frame);
    }
    EXPECT_EQ(send(client, "hello"), 0);
    while (got == before) usleep(100);
  }
  stop = true;
  sends.join();
  receives.join();
}

TEST_F(SocketNetTest, WhatBreaksTheStreamMakesRoomForTheNextOne) {
  const std::string name = "unix:" + at("a");
  const Net server = open(name + ",server");
  std::string bytes(2000, '\0');
  const IoVec room = {bytes.data(), bytes.size()};
  ::testing::internal::CaptureStderr();
  for (int i = 0; i < 2; ++i) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    at("a").copy(address.sun_path, sizeof address.sun_path - 1);
    const Descriptor peer(socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(connect(peer.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::send(peer.get(), "GET / HTTP/1.0\r\n", 16, MSG_NOSIGNAL), 16);
    while (ready(server->in(0), POLLIN)) EXPECT_EQ(server->receive(0, {&room, 1}), -EAGAIN);
    EXPECT_FALSE(server->has_link());
    char byte;
    EXPECT_LE(read(peer.get(), &byte, 1), 0);
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "lkl: " + name + ": what comes are no frames; the link is down\n");
  const Net good = open(name);
  EXPECT_EQ(send(good, "frame"), 0);
  EXPECT_EQ(get(server), "frame");
}

TEST_F(SocketNetTest, DatagramsFindWhoIsThere) {
  const std::string a = "unix:" + at("b") + ",type=dgram,local=" + at("a"),
                    b = "unix:" + at("a") + ",type=dgram,local=" + at("b");
  const Net one = open(a);
  EXPECT_LT(send(one, "to nobody"), 0);
  for (int i = 0; i < 3; ++i) {
    const Net other = open(b);
    // who has been there all the time need not say anything first
    EXPECT_EQ(send(other, "question"), 0);
    EXPECT_EQ(get(one), "question");
    EXPECT_EQ(send(one, "answer"), 0);
    EXPECT_EQ(get(other), "answer");
  }
  EXPECT_EQ(send(one, "to nobody again"), -ENOENT);
}

TEST_F(SocketNetTest, AFullReceiverOfDatagramsHoldsUp) {
  const std::string a = "unix:" + at("b") + ",type=dgram,local=" + at("a"),
                    b = "unix:" + at("a") + ",type=dgram,local=" + at("b");
  const Net one = open(a), other = open(b);
  size_t sent = 0;
  int result;
  while ((result = send(one, std::to_string(sent))) == 0) ++sent;
  EXPECT_EQ(result, -EAGAIN);
  EXPECT_FALSE(ready(one->out(0), POLLOUT));
  for (size_t i = 0; i < sent; ++i) ASSERT_EQ(get(other), std::to_string(i));
  EXPECT_TRUE(ready(one->out(0), POLLOUT));
  EXPECT_EQ(send(one, "next"), 0);
  EXPECT_EQ(get(other), "next");
}

TEST_F(SocketNetTest, WhatIsNoFrameOfADatagramIsLeftOut) {
  const Net one = open("unix:" + at("b") + ",type=dgram,local=" + at("a"));
  const Net other = open("unix:" + at("a") + ",type=dgram,local=" + at("b"));
  std::string bytes(100, '\0');
  const IoVec room = {bytes.data(), bytes.size()};
  EXPECT_EQ(send(other, ""), 0);
  EXPECT_EQ(one->receive(0, {&room, 1}), -EAGAIN);
  EXPECT_EQ(send(other, std::string(101, 'x')), 0);
  EXPECT_EQ(one->receive(0, {&room, 1}), -EAGAIN);
  EXPECT_FALSE(ready(one->in(0), POLLIN));
  EXPECT_EQ(send(other, std::string(100, 'x')), 0);
  EXPECT_EQ(one->receive(0, {&room, 1}), 100);
}

TEST_F(SocketNetTest, ByTcp) {
  const std::string name = "tcp:127.0.0.1:" + free_port("127.0.0.1", SOCK_STREAM);
  const Net server = open(name + ",server");
  const Net client = open(name + ",reconnect-ms=20");
  EXPECT_TRUE(link_becomes(client, true));
  const std::string frame(65535, 'f');
  EXPECT_TRUE(link_becomes(server, true));
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(send(client, frame), 0);
    EXPECT_EQ(get(server), frame);
  }
}

// Who is asked answers later, or not at all.
TEST_F(SocketNetTest, ByTcpAServerMayComeLater) {
  const std::string port = free_port("::1", SOCK_STREAM);
  if (port.empty()) GTEST_SKIP() << "the host has no IPv6";
  const std::string name = "tcp:[::1]:" + port;
  meets_servers(name);
}

TEST_F(SocketNetTest, ByUdp) {
  const std::string a = "127.0.0.1:" + free_port("127.0.0.1", SOCK_DGRAM),
                    b = "127.0.0.1:" + free_port("127.0.0.1", SOCK_DGRAM);
  const Net one = open("udp:" + b + ",local=" + a);
  // nobody there: the host says so later, and it does no harm
  for (int i = 0; i < 3; ++i) send(one, "to nobody");
  const Net other = open("udp:" + a + ",local=" + b);
  EXPECT_EQ(send(one, "question"), 0);
  EXPECT_EQ(get(other), "question");
  EXPECT_EQ(send(other, std::string(60000, 'x')), 0);
  EXPECT_EQ(get(one), std::string(60000, 'x'));
}

TEST_F(SocketNetTest, ANameThatWasLeftIsTaken) {
  const std::string path = at("a");
  {
    const Descriptor left(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(bind(left.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  const Net server = open("unix:" + path + ",server");
  // not so that of somebody who is there
  EXPECT_EQ(error_of("unix:" + path + ",server"), -EADDRINUSE);
  EXPECT_EQ(said_, "unix: can't listen at \"" + path + "\": Address already in use");
}

TEST_F(SocketNetTest, AFileStaysWhatItIs) {
  const std::string path = at("file");
  { const Descriptor file(creat(path.c_str(), 0600)); }
  EXPECT_EQ(error_of("unix:" + path + ",server"), -EADDRINUSE);
  EXPECT_TRUE(std::filesystem::is_regular_file(path));
  std::filesystem::remove(path);
}

// The wire is the parent's, and its name as well.
TEST_F(SocketNetTest, AChildTakesNothingAway) {
  const std::string name = "unix:" + at("a");
  Net server = open(name + ",server");
  const Net client = open(name);
  EXPECT_TRUE(link_becomes(server, true));
  const pid_t child = fork();
  if (child == 0) {
    server.reset();
    _exit(0);
  }
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(std::filesystem::exists(at("a")));
  EXPECT_EQ(send(client, "still"), 0);
  EXPECT_EQ(get(server), "still");
}

// ... but the end of it is an end, whoever has it open as well.
TEST_F(SocketNetTest, AChildKeepsNothingOpen) {
  const std::string name = "unix:" + at("a");
  Net server = open(name + ",server");
  const Net client = open(name);
  EXPECT_TRUE(link_becomes(server, true));
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  server.reset();
  EXPECT_EQ(get(client), "end");
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

// As they are: each with its header in front, whole, and in order; nobody needs to be there.
TEST_F(SocketNetTest, FifosKeepFramesApart) {
  ASSERT_EQ(mkfifo(at("a").c_str(), 0600), 0);
  ASSERT_EQ(mkfifo(at("b").c_str(), 0600), 0);
  Net one = open("pipe:" + at("a") + "|" + at("b"));
  Net other = open("pipe:" + at("b") + "|" + at("a"));
  EXPECT_TRUE(one->has_header());
  size_t sent = 0;
  const auto frame = [](size_t number) {
    return std::string(12, '\0') + std::to_string(number) + std::string(number * 37 % 4000, 'x');
  };
  int result;
  while ((result = send(one, frame(sent))) == 0) ++sent;
  EXPECT_EQ(result, -EAGAIN);
  EXPECT_GT(sent, 10u);
  EXPECT_FALSE(ready(one->out(0), POLLOUT));
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(get(other), frame(i));
  // the next one goes on where it was
  other.reset();
  other = open("pipe:" + at("b") + "|" + at("a"));
  for (size_t i = 3; i < sent; ++i) ASSERT_EQ(get(other), frame(i));
  EXPECT_TRUE(ready(one->out(0), POLLOUT));
  EXPECT_FALSE(ready(other->in(0), POLLIN));
  EXPECT_EQ(send(one, std::string(4096, 'l')), 0);
  EXPECT_EQ(send(one, std::string(4097, 'l')), -EMSGSIZE);
  EXPECT_EQ(get(other), std::string(4096, 'l'));
  EXPECT_EQ(send(one, std::string(12, 'n')), 0);
  std::string bytes(100, '\0');
  const IoVec room = {bytes.data(), bytes.size()};
  EXPECT_EQ(other->receive(0, {&room, 1}), -EAGAIN);
  EXPECT_FALSE(ready(other->in(0), POLLIN));
  one.reset();
  other.reset();
  std::filesystem::remove(at("a"));
  std::filesystem::remove(at("b"));
}

TEST_F(SocketNetTest, WhatIsNoFifo) {
  for (const char* names : {"", "a", "|", "a|", "|b", "a|b|c"}) {
    EXPECT_EQ(error_of("pipe:" + std::string(names)), -EINVAL);
    EXPECT_EQ(said_, "pipe: \"" + std::string(names) + "\" is not RX|TX, paths of two FIFOs");
  }
  EXPECT_EQ(error_of("pipe:" + at("a") + "|" + at("b")), -ENOENT);
  EXPECT_EQ(said_,
            "pipe: can't open \"" + at("a") + "\": No such file or directory; mkfifo makes it");
  { const Descriptor file(creat(at("a").c_str(), 0600)); }
  EXPECT_EQ(error_of("pipe:" + at("a") + "|" + at("b")), -EINVAL);
  EXPECT_EQ(said_, "pipe: \"" + at("a") + "\" is no FIFO");
  std::filesystem::remove(at("a"));
}

TEST_F(SocketNetTest, WhatIsNoName) {
  EXPECT_EQ(error_of("unix:"), -EINVAL);
  EXPECT_EQ(said_, "unix: \"\" is not a path, or @NAME");
  EXPECT_EQ(error_of("unix:@"), -EINVAL);
  EXPECT_EQ(error_of("unix:" + std::string(108, 'x')), -ENAMETOOLONG);
  EXPECT_EQ(error_of("unix:a,type=seqpacket"), -EINVAL);
  EXPECT_EQ(said_, "unix: type=seqpacket is neither stream nor dgram");
  EXPECT_EQ(error_of("unix:a,type=dgram"), -EINVAL);
  EXPECT_EQ(said_, "unix: frames come to local=PATH: it has to be given");
  EXPECT_EQ(error_of("unix:a,type=dgram,local=b,server"), -EINVAL);
  EXPECT_EQ(error_of("unix:a,server=yes"), -EINVAL);
  EXPECT_EQ(said_, "unix: server=yes is neither on nor off");
  EXPECT_EQ(error_of("unix:a,server,reconnect=1"), -EINVAL);
  EXPECT_EQ(error_of("unix:a,reconnect=x"), -EINVAL);
  EXPECT_EQ(error_of("unix:a,reconnect=1,reconnect-ms=20"), -EINVAL);
  EXPECT_EQ(error_of("unix:a,srver"), -EINVAL);
  EXPECT_EQ(said_, "unix: \"srver\" is not known; did you mean \"server\"?");
  EXPECT_EQ(error_of("tcp:a"), -EINVAL);
  EXPECT_EQ(said_, "tcp: \"a\" is not HOST:PORT");
  EXPECT_EQ(error_of("tcp:127.0.0.1:"), -EINVAL);
  EXPECT_EQ(error_of("tcp:127.0.0.1:1"), -ECONNREFUSED);
  EXPECT_EQ(error_of("udp:127.0.0.1:no-such-port"), -EADDRNOTAVAIL);
}
