// SPDX-License-Identifier: GPL-2.0
// Files on an image: lkl_bench_files TYPE [IMAGE-FOLDER]
//
// The library mounts one image; the host mounts another one, made the same way, by
// its loop driver (as root; without, only the library is measured). In a folder on a tmpfs the
// host has both images at hand; elsewhere its own is cold where its caches are dropped.
#include <benchmark/benchmark.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernels.h"
#include "support/host_tools.h"

namespace {

constexpr size_t kBlock = 1 << 20;
constexpr int kBlocks = 256;
constexpr int kFiles = 2000;

std::string points[2];

template <typename K>
const std::string& point() {
  return points[std::is_same_v<K, Host>];
}

template <typename K>
void SequentialWriteFsync(benchmark::State& state) {
  const std::vector<char> block(kBlock, 7);
  const std::string path = point<K>() + "/seq";
  for (auto _ : state) {
    state.PauseTiming();
    K::unlink(path.c_str());
    K::sync();
    state.ResumeTiming();
    const int fd = K::open(path.c_str(), true);
    for (int i = 0; i < kBlocks; ++i)
      if (K::write(fd, block.data(), kBlock) != static_cast<long>(kBlock)) std::abort();
    if (K::fsync(fd)) std::abort();
    K::close(fd);
  }
  state.SetBytesProcessed(state.iterations() * kBlocks * static_cast<int64_t>(kBlock));
}

// The kernel's own cache is cold, the host's (of the image) warm.
template <typename K>
void SequentialRead(benchmark::State& state) {
  std::vector<char> block(kBlock);
  const std::string path = point<K>() + "/seq";
  for (auto _ : state) {
    state.PauseTiming();
    K::drop_caches();
    const int fd = K::open(path.c_str(), false);
    state.ResumeTiming();
    while (K::read(fd, block.data(), kBlock) > 0) {
    }
    K::close(fd);
  }
  state.SetBytesProcessed(state.iterations() * kBlocks * static_cast<int64_t>(kBlock));
}

template <typename K>
void RandomRead4KCached(benchmark::State& state) {
  std::mt19937 random(1);
  char page[4096];
  const int fd = K::open((point<K>() + "/seq").c_str(), false);
  for (int i = 0; i < kBlocks * 256; ++i) K::pread(fd, page, sizeof page, i * 4096l);
  for (auto _ : state)
    if (K::pread(fd, page, sizeof page, static_cast<long>(random() % (kBlocks * 256)) * 4096) !=
        4096)
      std::abort();
  K::close(fd);
}

template <typename K>
void RandomRead4KUncached(benchmark::State& state) {
  std::mt19937 random(2);
  char page[4096];
  constexpr int kReads = 5000;
  for (auto _ : state) {
    state.PauseTiming();
    K::drop_caches();
    const int fd = K::open((point<K>() + "/seq").c_str(), false);
    state.ResumeTiming();
    for (int i = 0; i < kReads; ++i)
      K::pread(fd, page, sizeof page, static_cast<long>(random() % (kBlocks * 256)) * 4096);
    K::close(fd);
  }
  state.SetItemsProcessed(state.iterations() * kReads);
}

// The file through a mapping, all of it. The kernel's own cache is cold.
template <typename K>
void MappedRead(benchmark::State& state) {
  std::vector<char> block(kBlock);
  const int fd = K::open((point<K>() + "/seq").c_str(), false);
  for (auto _ : state) {
    state.PauseTiming();
    K::drop_caches();
    state.ResumeTiming();
    const char* const at = K::map(fd, kBlocks * kBlock);
    if (!at) {
      state.SkipWithError("no mappings in this kernel");
      break;
    }
    for (int i = 0; i < kBlocks; ++i) {
      std::memcpy(block.data(), at + i * kBlock, kBlock);
      benchmark::DoNotOptimize(block.data());
    }
    K::unmap(at, kBlocks * kBlock);
  }
  K::close(fd);
  state.SetBytesProcessed(state.iterations() * kBlocks * static_cast<int64_t>(kBlock));
}

// One page of each 64 KiB, which is what a kernel maps by one fault, of a file that it has.
template <typename K>
void MappedFault(benchmark::State& state) {
  constexpr size_t kAround = 64 << 10, kFaults = kBlocks * kBlock / kAround;
  std::vector<char> block(kBlock);
  const int fd = K::open((point<K>() + "/seq").c_str(), false);
  while (K::read(fd, block.data(), kBlock) > 0) {
  }
  for (auto _ : state) {
    state.PauseTiming();
    const char* const at = K::map(fd, kBlocks * kBlock);
    if (!at) {
      state.SkipWithError("no mappings in this kernel");
      break;
    }
    state.ResumeTiming();
    const volatile char* const pages = at;
    for (size_t i = 0; i < kFaults; ++i) (void)pages[i * kAround];
    state.PauseTiming();
    K::unmap(at, kBlocks * kBlock);
    state.ResumeTiming();
  }
  K::close(fd);
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kFaults));
}

// The least that it can cost who has memory in a file: the host's own page faults of it, no signal
// and no kernel.
void MappedFaultOfMemory(benchmark::State& state) {
  constexpr size_t kAround = 64 << 10, kSize = kBlocks * kBlock;
  const int fd = memfd_create("lkl-bench", MFD_CLOEXEC);
  const std::vector<char> block(kBlock, 7);
  for (int i = 0; i < kBlocks; ++i)
    if (write(fd, block.data(), kBlock) != static_cast<ssize_t>(kBlock)) std::abort();
  for (auto _ : state) {
    state.PauseTiming();
    const char* const at = Host::map(fd, kSize);
    state.ResumeTiming();
    const volatile char* const pages = at;
    for (size_t i = 0; i < kSize; i += kAround) (void)pages[i];
    state.PauseTiming();
    Host::unmap(at, kSize);
    state.ResumeTiming();
  }
  close(fd);
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kSize / kAround));
}

template <typename K>
void CreateStatUnlink(benchmark::State& state) {
  const char text[1024] = {};
  std::vector<std::string> names;
  for (int i = 0; i < kFiles; ++i) names.push_back(point<K>() + "/f" + std::to_string(i));
  for (auto _ : state) {
    for (const std::string& name : names) {
      const int fd = K::open(name.c_str(), true);
      K::write(fd, text, sizeof text);
      K::close(fd);
    }
    K::sync();
    for (const std::string& name : names)
      if (!K::exists(name.c_str())) std::abort();
    for (const std::string& name : names) K::unlink(name.c_str());
    K::sync();
  }
  state.SetItemsProcessed(state.iterations() * kFiles);
}

template <typename K>
void add() {
  const std::string suffix = std::string("/") + K::kName;
  const auto real = [](auto* b) { b->UseRealTime()->Unit(benchmark::kMillisecond); };
  real(benchmark::RegisterBenchmark(("SequentialWriteFsync" + suffix).c_str(),
                                    SequentialWriteFsync<K>));
  real(benchmark::RegisterBenchmark(("SequentialRead" + suffix).c_str(), SequentialRead<K>));
  benchmark::RegisterBenchmark(("RandomRead4KCached" + suffix).c_str(), RandomRead4KCached<K>)
      ->UseRealTime();
  real(benchmark::RegisterBenchmark(("RandomRead4KUncached" + suffix).c_str(),
                                    RandomRead4KUncached<K>));
  real(benchmark::RegisterBenchmark(("MappedRead" + suffix).c_str(), MappedRead<K>));
  real(benchmark::RegisterBenchmark(("MappedFault" + suffix).c_str(), MappedFault<K>));
  real(benchmark::RegisterBenchmark(("CreateStatUnlink" + suffix).c_str(), CreateStatUnlink<K>));
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const std::string type = argc > 1 ? argv[1] : "ext4";
  const std::string folder = argc > 2 ? argv[2] : "/var/tmp";
  const std::string image = folder + "/lkl-bench.img", other = folder + "/lkl-bench-host.img";
  const std::string mnt = folder + "/lkl-bench-mnt";
  std::string said;
  for (const std::string& path : {image, other})
    if (lkl_test::run(
            "rm -f " + path + "; truncate -s 2G " + path + " && mkfs." + type + " -q " + path,
            &said)) {
      std::fprintf(stderr, "mkfs.%s: %s\n", type.c_str(), said.c_str());
      return 1;
    }

  lkl_host_ops.print = nullptr;
  if (lkl_init(&lkl_host_ops) || lkl_start_kernel("mem=1G loglevel=0")) return 1;
  lkl_disk disk = {};
  disk.fd = open(image.c_str(), O_RDWR);
  const int id = lkl_disk_add(&disk);
  char mounted[32];
  if (id < 0 || lkl_mount_dev(static_cast<unsigned>(id), 0, type.c_str(), 0, nullptr, mounted,
                              sizeof mounted))
    return 1;
  points[0] = mounted;
  add<Library>();
  const bool host =
      lkl_test::run("mkdir -p " + mnt + " && mount -o loop " + other + " " + mnt, &said) == 0;
  if (host) {
    points[1] = mnt;
    add<Host>();
  } else {
    std::printf("the host's own mount is not measured: %s\n", said.c_str());
  }
  benchmark::RegisterBenchmark("MappedFault/memory_of_host", MappedFaultOfMemory)
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
  benchmark::RunSpecifiedBenchmarks();
  if (host) lkl_test::run("umount " + mnt + " && rmdir " + mnt);
  lkl_umount_dev(static_cast<unsigned>(id), 0, 0, 5000);
  lkl_disk_remove(disk);
  lkl_sys_halt();
  lkl_cleanup();
  lkl_test::run("rm -f " + image + " " + other);
}
