// SPDX-License-Identifier: GPL-2.0
// Stands in for packetdrill: loads the library that it is given as that does, runs the commands of
// the script that it is given, and plays a conversation of its own, with packets of its own making.
// It knows nothing of the kernel but the table of functions.
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "drill/plugin/interface.h"

namespace {

packetdrill_interface kernel;
bool ipv6 = false;

#define CHECK(what)                                                                        \
  do {                                                                                     \
    if (!(what)) {                                                                         \
      fprintf(stderr, "%s:%d: not so: %s (errno %d)\n", __FILE__, __LINE__, #what, errno); \
      exit(1);                                                                             \
    }                                                                                      \
  } while (0)

constexpr uint16_t kOurs = 43210, kTheirs = 8080;
constexpr uint8_t kFin = 1, kSyn = 2, kPush = 8, kAck = 16;

using Bytes = std::vector<uint8_t>;

void put(Bytes& to, uint32_t value, int size) {
  while (size-- > 0) to.push_back(static_cast<uint8_t>(value >> (8 * size)));
}
uint32_t get(const Bytes& from, size_t at, int size) {
  uint32_t value = 0;
  while (size-- > 0) value = value << 8 | from.at(at++);
  return value;
}
uint32_t sum(const Bytes& bytes) {
  uint32_t all = 0;
  for (size_t i = 0; i < bytes.size(); i++)
    all += i % 2 ? bytes[i] : static_cast<uint32_t>(bytes[i] << 8);
  while (all > 0xffff) all = (all & 0xffff) + (all >> 16);
  return all;
}
void set_sum(Bytes& bytes, size_t at, uint32_t value) {
  while (value > 0xffff) value = (value & 0xffff) + (value >> 16);
  bytes[at] = static_cast<uint8_t>(~value >> 8);
  bytes[at + 1] = static_cast<uint8_t>(~value);
}

Bytes addresses() {
  Bytes bytes(ipv6 ? 32 : 8);
  const int family = ipv6 ? AF_INET6 : AF_INET;
  CHECK(inet_pton(family, ipv6 ? "fd3d:fa7b:d17d::1" : "192.0.2.1", bytes.data()) == 1);
  CHECK(inet_pton(family, ipv6 ? "fd3d:a0b:17d6::1" : "192.168.0.1",
                  bytes.data() + bytes.size() / 2) == 1);
  return bytes;
}

void send(uint8_t flags, uint32_t seq, uint32_t ack, const Bytes& options,
          const std::string& data) {
  Bytes tcp;
  put(tcp, kOurs, 2);
  put(tcp, kTheirs, 2);
  put(tcp, seq, 4);
  put(tcp, ack, 4);
  tcp.push_back(static_cast<uint8_t>((5 + options.size() / 4) << 4));
  tcp.push_back(flags);
  put(tcp, 30000, 2);
  put(tcp, 0, 4);
  tcp.insert(tcp.end(), options.begin(), options.end());
  tcp.insert(tcp.end(), data.begin(), data.end());
  const Bytes both = addresses();
  set_sum(tcp, 16, sum(both) + 6 + static_cast<uint32_t>(tcp.size()) + sum(tcp));
  Bytes ip;
  if (ipv6) {
    put(ip, 6u << 28, 4);
    put(ip, static_cast<uint32_t>(tcp.size()), 2);
    put(ip, 6 << 8 | 64, 2);
  } else {
    put(ip, 0x4500, 2);
    put(ip, static_cast<uint32_t>(20 + tcp.size()), 2);
    put(ip, 0, 4);
    put(ip, 64 << 8 | 6, 2);
    put(ip, 0, 2);
  }
  ip.insert(ip.end(), both.begin(), both.end());
  if (!ipv6) set_sum(ip, 10, sum(ip));
  ip.insert(ip.end(), tcp.begin(), tcp.end());
  CHECK(kernel.netdev_send(kernel.userdata, ip.data(), ip.size()) == 0);
}

struct Packet {
  uint8_t flags;
  uint32_t seq, ack;
  Bytes options;
  std::string data;
};

// The next packet of the kernel, which is to come.
Packet receive() {
  Bytes bytes(65536);
  size_t size = 0;
  long long time = 0;
  for (int tries = 0; size == 0 && tries < 100; tries++) {
    size = bytes.size();
    CHECK(kernel.netdev_receive(kernel.userdata, bytes.data(), &size, &time) == 0);
  }
  CHECK(size > 0);
  timeval now;
  CHECK(kernel.gettimeofday(kernel.userdata, &now, nullptr) == 0);
  const long long age = now.tv_sec * 1000000LL + now.tv_usec - time;
  CHECK(age >= 0 && age < 60'000'000);
  bytes.resize(size);
  const size_t tcp = ipv6 ? 40 : 20;
  CHECK(get(bytes, tcp, 2) == kTheirs && get(bytes, tcp + 2, 2) == kOurs);
  const size_t header = static_cast<size_t>(bytes.at(tcp + 12) >> 4) * 4;
  return {bytes.at(tcp + 13), get(bytes, tcp + 4, 4), get(bytes, tcp + 8, 4),
          Bytes(bytes.begin() + static_cast<long>(tcp + 20),
                bytes.begin() + static_cast<long>(tcp + header)),
          std::string(bytes.begin() + static_cast<long>(tcp + header), bytes.end())};
}

bool has_option(const Bytes& options, uint8_t wanted) {
  for (size_t i = 0; i < options.size();) {
    if (options[i] == wanted) return true;
    i += options[i] <= 1 ? 1 : options.at(i + 1);
  }
  return false;
}

// As packetdrill: by the host's shell.
void run_commands(const std::string& script) {
  std::ostringstream text;
  text << std::ifstream(script).rdbuf();
  std::string line;
  bool inside = false;
  for (const char c : text.str()) {
    if (c != '`') {
      if (inside) line += c;
      continue;
    }
    if (inside) CHECK(system(line.c_str()) == 0);
    line.clear();
    inside = !inside;
  }
}

int server(uint16_t port) {
  const int fd =
      kernel.socket(kernel.userdata, ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM, IPPROTO_TCP);
  CHECK(fd >= 0);
  const int on = 1;
  CHECK(kernel.setsockopt(kernel.userdata, fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
  sockaddr_storage address = {};
  address.ss_family = ipv6 ? AF_INET6 : AF_INET;
  if (ipv6)
    reinterpret_cast<sockaddr_in6&>(address).sin6_port = htons(port);
  else
    reinterpret_cast<sockaddr_in&>(address).sin_port = htons(port);
  const socklen_t size = ipv6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  CHECK(kernel.bind(kernel.userdata, fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
  CHECK(kernel.listen(kernel.userdata, fd, 1) == 0);
  return fd;
}

void converse() {
  void* const k = kernel.userdata;
  const int listening = server(kTheirs);
  // errors come by errno
  errno = 0;
  CHECK(kernel.read(k, 12345, nullptr, 0) == -1 && errno == EBADF);
  const int timestamps = 8;
  send(kSyn, 1000, 0, {2, 4, 3, 232, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 0}, "");
  const Packet answer = receive();
  CHECK(answer.flags == (kSyn | kAck) && answer.ack == 1001);
  // a command of the script has switched them off
  CHECK(has_option(answer.options, timestamps) == (getenv("DRIVER_TIMESTAMPS") != nullptr));
  send(kAck, 1001, answer.seq + 1, {}, "");
  sockaddr_storage peer;
  socklen_t peer_size = sizeof peer;
  const int fd = kernel.accept(k, listening, reinterpret_cast<sockaddr*>(&peer), &peer_size);
  CHECK(fd >= 0 && peer.ss_family == (ipv6 ? AF_INET6 : AF_INET));
  CHECK(ntohs(reinterpret_cast<sockaddr_in&>(peer).sin_port) == kOurs);

  // a call that waits, in another thread, while a packet is sent
  char data[16] = "";
  ssize_t got = -2;
  std::thread reader([&] { got = kernel.read(k, fd, data, sizeof data); });
  kernel.usleep(k, 20000);
  send(kAck | kPush, 1001, answer.seq + 1, {}, "hello");
  reader.join();
  CHECK(got == 5 && memcmp(data, "hello", 5) == 0);
  CHECK(receive().ack == 1006);

  const int epoll = kernel.epoll_create(k, 1);
  epoll_event event = {};
  event.events = EPOLLOUT;
  event.data.u64 = 0x123456789abcdefULL;
  CHECK(kernel.epoll_ctl(k, epoll, EPOLL_CTL_ADD, fd, &event) == 0);
  epoll_event ready[2] = {};
  CHECK(kernel.epoll_wait(k, epoll, ready, 2, 0) == 1);
  CHECK(ready[0].events == EPOLLOUT && ready[0].data.u64 == 0x123456789abcdefULL);
  pollfd polled = {fd, POLLIN | POLLOUT, 0};
  CHECK(kernel.poll(k, &polled, 1, 0) == 1 && polled.revents == POLLOUT);
  CHECK((kernel.fcntl(k, fd, F_GETFL) & O_NONBLOCK) == 0);
  CHECK(kernel.fcntl(k, fd, F_SETFL, O_RDWR | O_NONBLOCK) == 0);
  CHECK(kernel.recv(k, fd, data, sizeof data, 0) == -1 && errno == EAGAIN);

  // all ways to send, one without copying
  char world[] = "world", bye[] = "bye";
  CHECK(kernel.setsockopt(k, fd, SOL_SOCKET, SO_ZEROCOPY, std::vector<int>{1}.data(),
                          sizeof(int)) == 0);
  CHECK(kernel.send(k, fd, world, 5, MSG_ZEROCOPY) == 5);
  iovec part = {bye, 3};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  CHECK(receive().data == "world");
  CHECK(kernel.sendmsg(k, fd, &message, 0) == 3);
  const Packet second = receive();
  CHECK(second.data == "bye" && second.seq == answer.seq + 6);
  send(kAck, 1006, second.seq + 3, {}, "");
  tcp_info info = {};
  socklen_t size = sizeof info;
  CHECK(kernel.getsockopt(k, fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
  CHECK(info.tcpi_state == TCP_ESTABLISHED && info.tcpi_unacked == 0);
  // nothing more has come
  Bytes none(2000);
  size = static_cast<socklen_t>(none.size());
  size_t room = none.size();
  long long time = 0;
  CHECK(kernel.netdev_receive(k, none.data(), &room, &time) == 0 && room == 0);

  int fds[2];
  CHECK(kernel.pipe(k, fds) == 0 && kernel.write(k, fds[1], "x", 1) == 1);
  CHECK(kernel.splice(k, fds[0], nullptr, fd, nullptr, 1, 0) == 1);
  CHECK(receive().data == "x");
  CHECK(kernel.shutdown(k, fd, SHUT_WR) == 0);
  CHECK((receive().flags & kFin) != 0);
  CHECK(kernel.close(k, fd) == 0 && kernel.close(k, listening) == 0);
  CHECK(kernel.close(k, fd) == -1 && errno == EBADF);
}

}  // namespace

int main(int count, char** words) {
  std::string library, flags;
  for (int i = 1; i < count; i++) {
    const std::string word = words[i];
    if (word.starts_with("--so_filename=")) library = word.substr(14);
    if (word.starts_with("--so_flags=")) flags = word.substr(11);
  }
  ipv6 = flags.find("ip_version=ipv6") != std::string::npos;
  void* const handle =
      dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | RTLD_DEEPBIND);
  if (handle == nullptr) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  const auto init = reinterpret_cast<packetdrill_interface_init_function>(
      dlsym(handle, "packetdrill_interface_init"));
  CHECK(init != nullptr);
  init(flags.empty() ? nullptr : flags.c_str(), &kernel);
  if (!std::string(words[count - 1]).starts_with("--")) run_commands(words[count - 1]);
  converse();
  kernel.free(kernel.userdata);
  printf("good\n");
}
