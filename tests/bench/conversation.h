// SPDX-License-Identifier: GPL-2.0
// What is measured on a network: a server and a client, written once for both kernels.
#pragma once

#include <arpa/inet.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <thread>
#include <vector>

#include "kernels.h"

namespace lkl_bench {

inline constexpr uint16_t kPort = 5001;
inline constexpr size_t kPiece = 128 << 10;

// What the client wants next, at the beginning of each request.
enum class Want : uint64_t {
  kTake,   // so many bytes follow; then a word back
  kGive,   // so many bytes
  kEcho,   // so many times a byte there and back
  kCount,  // a word: datagrams that have come since this was asked for the last time
  kHttp,   // not asked of this server: see http.h
};
struct Request {
  Want want;
  uint64_t amount;
};

inline sockaddr_in address_of(const char* host, uint16_t port = kPort) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = inet_addr(host);
  return address;
}

template <class K>
bool read_all(int fd, void* to, size_t size) {
  for (size_t done = 0; done < size;) {
    const long count = K::read(fd, static_cast<char*>(to) + done, size - done);
    if (count <= 0) return false;
    done += static_cast<size_t>(count);
  }
  return true;
}

template <class K>
bool write_all(int fd, const void* from, size_t size) {
  for (size_t done = 0; done < size;) {
    const long count = K::write(fd, static_cast<const char*>(from) + done, size - done);
    if (count <= 0) return false;
    done += static_cast<size_t>(count);
  }
  return true;
}

// In pieces, whatever is in them.
template <class K>
bool take(int fd, uint64_t amount, std::vector<char>& room) {
  while (amount > 0) {
    const long count = K::read(fd, room.data(), std::min<uint64_t>(amount, room.size()));
    if (count <= 0) return false;
    amount -= static_cast<uint64_t>(count);
  }
  return true;
}
template <class K>
bool give(int fd, uint64_t amount, const std::vector<char>& room) {
  for (; amount > 0; amount -= std::min<uint64_t>(amount, room.size()))
    if (!write_all<K>(fd, room.data(), std::min<uint64_t>(amount, room.size()))) return false;
  return true;
}

template <class K>
void serve_one(int fd, std::atomic<uint64_t>& datagrams) {
  std::vector<char> room(kPiece);
  Request request;
  char byte = 0;
  K::no_delay(fd);
  while (read_all<K>(fd, &request, sizeof request)) {
    bool good = true;
    switch (request.want) {
      case Want::kTake:
        good = take<K>(fd, request.amount, room) && write_all<K>(fd, &request.amount, 8);
        break;
      case Want::kGive:
        good = give<K>(fd, request.amount, room);
        break;
      case Want::kEcho:
        for (uint64_t i = 0; good && i < request.amount; ++i)
          good = read_all<K>(fd, &byte, 1) && write_all<K>(fd, &byte, 1);
        break;
      case Want::kCount: {
        const uint64_t count = datagrams.exchange(0);
        good = write_all<K>(fd, &count, sizeof count);
        break;
      }
      case Want::kHttp:
        good = false;
    }
    if (!good) break;
  }
  K::close(fd);
}

// For ever. Aborts if the port is somebody else's.
template <class K>
void serve() {
  static std::atomic<uint64_t> datagrams = 0;
  const sockaddr_in here = address_of("0.0.0.0");
  const int udp = K::socket(SOCK_DGRAM), listener = K::socket();
  if (K::bind(udp, here) || K::bind(listener, here) || K::listen(listener)) std::abort();
  std::thread([udp] {
    std::vector<char> packet(1 << 16);
    while (K::read(udp, packet.data(), packet.size()) >= 0) ++datagrams;
  }).detach();
  for (int fd; (fd = K::accept(listener)) >= 0;)
    std::thread([fd] { serve_one<K>(fd, datagrams); }).detach();
}

// How long something took, and how much was done.
struct Result {
  uint64_t ns = 0, done = 0;
};

template <class K>
class Client {
 public:
  explicit Client(const char* server) : room_(kPiece) {
    const sockaddr_in there = address_of(server);
    // it may be on its way up
    for (int tries = 0; tries < 500; ++tries) {
      tcp_ = K::socket();
      if (K::connect(tcp_, there) == 0) break;
      K::close(tcp_);
      tcp_ = -1;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    udp_ = K::socket(SOCK_DGRAM);
    if (tcp_ < 0 || K::connect(udp_, there)) std::abort();
    K::no_delay(tcp_);
  }

  // Of kCount: sends so many datagrams of a byte each, and asks how many have come.
  Result run(Want want, uint64_t amount) {
    const auto begin = std::chrono::steady_clock::now();
    const Request request = {.want = want, .amount = amount};
    Result result = {.ns = 0, .done = amount};
    bool good = true;
    char byte = 1;
    if (want == Want::kCount)
      for (uint64_t i = 0; i < amount; ++i) K::write(udp_, &byte, 1);
    good = write_all<K>(tcp_, &request, sizeof request);
    switch (want) {
      case Want::kTake: {
        uint64_t answer;
        good = good && give<K>(tcp_, amount, room_) && read_all<K>(tcp_, &answer, sizeof answer);
        break;
      }
      case Want::kGive:
        good = good && take<K>(tcp_, amount, room_);
        break;
      case Want::kEcho:
        for (uint64_t i = 0; good && i < amount; ++i)
          good = write_all<K>(tcp_, &byte, 1) && read_all<K>(tcp_, &byte, 1);
        break;
      case Want::kCount:
        good = good && read_all<K>(tcp_, &result.done, sizeof result.done);
        break;
      case Want::kHttp:
        good = false;
    }
    if (!good) std::abort();
    result.ns = static_cast<uint64_t>(
        std::chrono::nanoseconds(std::chrono::steady_clock::now() - begin).count());
    return result;
  }

 private:
  int tcp_ = -1, udp_ = -1;
  std::vector<char> room_;
};

}  // namespace lkl_bench
