// SPDX-License-Identifier: GPL-2.0
// System calls and hand-overs between threads: lkl_bench_calls
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "kernels.h"
#include "support/host_tools.h"

namespace {

template <typename K>
void Getppid(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(K::getppid());
}

template <typename K>
void PipeOneThread(benchmark::State& state) {
  int fds[2];
  K::pipe(fds);
  char c = 1;
  for (auto _ : state) {
    K::write(fds[1], &c, 1);
    K::read(fds[0], &c, 1);
  }
  K::close(fds[0]);
  K::close(fds[1]);
}

template <typename K>
void PipePingPong(benchmark::State& state) {
  int there[2], back[2];
  K::pipe(there);
  K::pipe(back);
  std::thread echo([&] {
    char c;
    while (K::read(there[0], &c, 1) == 1 && c) K::write(back[1], &c, 1);
  });
  char c = 1;
  for (auto _ : state) {
    K::write(there[1], &c, 1);
    K::read(back[0], &c, 1);
  }
  c = 0;
  K::write(there[1], &c, 1);
  echo.join();
  for (const int fd : {there[0], there[1], back[0], back[1]}) K::close(fd);
}

template <typename K>
struct Connection {
  int client = -1, server = -1;

  Connection() {
    static uint16_t port = 17000;
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(++port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int listener = K::socket();
    if (K::bind(listener, address) || K::listen(listener)) std::abort();
    client = K::socket();
    if (K::connect(client, address)) std::abort();
    server = K::accept(listener);
    K::close(listener);
    K::no_delay(client);
    K::no_delay(server);
  }
  ~Connection() {
    K::close(client);
    K::close(server);
  }
};

template <typename K>
void TcpRoundTrip(benchmark::State& state) {
  Connection<K> tcp;
  std::thread echo([&] {
    char c;
    while (K::read(tcp.server, &c, 1) == 1 && c) K::write(tcp.server, &c, 1);
  });
  char c = 1;
  for (auto _ : state) {
    K::write(tcp.client, &c, 1);
    K::read(tcp.client, &c, 1);
  }
  c = 0;
  K::write(tcp.client, &c, 1);
  echo.join();
}

template <typename K>
void TcpStream64K(benchmark::State& state) {
  Connection<K> tcp;
  std::vector<char> block(64 << 10, 1);
  std::thread sink([&] {
    std::vector<char> buffer(128 << 10);
    long count;
    while ((count = K::read(tcp.server, buffer.data(), buffer.size())) > 0)
      if (buffer[static_cast<size_t>(count) - 1] == 0) break;
  });
  for (auto _ : state)
    for (size_t sent = 0; sent < block.size();)
      sent += static_cast<size_t>(K::write(tcp.client, block.data() + sent, block.size() - sent));
  const char end = 0;
  K::write(tcp.client, &end, 1);
  sink.join();
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(block.size()));
}

#define BOTH(name)                         \
  BENCHMARK(name<Library>)->UseRealTime(); \
  BENCHMARK(name<Host>)->UseRealTime()

BOTH(Getppid);
// at once: the time of a call is that of all of them together
BENCHMARK(Getppid<Library>)->Threads(2)->Threads(4)->UseRealTime();
BENCHMARK(Getppid<Host>)->Threads(2)->Threads(4)->UseRealTime();
BOTH(PipeOneThread);
BOTH(PipePingPong);
BOTH(TcpRoundTrip);
BOTH(TcpStream64K);

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  lkl_host_ops.print = nullptr;
  const auto start = std::chrono::steady_clock::now();
  if (lkl_init(&lkl_host_ops) || lkl_start_kernel("mem=512M loglevel=0")) return 1;
  const std::chrono::duration<double, std::milli> boot = std::chrono::steady_clock::now() - start;
  std::printf("boot %.2f ms, resident %.1f MiB\n", boot.count(),
              static_cast<double>(lkl_test::resident_kib()) / 1024);
  lkl_if_up(1);
  benchmark::RunSpecifiedBenchmarks();
  lkl_sys_halt();
  lkl_cleanup();
}
