// SPDX-License-Identifier: GPL-2.0
// Images through mounts: lkl_bench_mounts [FOLDER]
//
// The same work on the same image by lklfuse and, where they are installed, fuse2fs and guestmount,
// and by the host's loop driver (as root). Last the commands: `lkl ls` of an image that nothing has
// in memory, and `lkl cp` of a tree against a loop mount and cp -a.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/host_tools.h"

namespace {

constexpr std::size_t kBlock = 1 << 20;
constexpr int kBlocks = 256;
constexpr int kFiles = 2000;

struct Way {
  std::string name;
  std::string mount;    // @I: the image, @M: the mount point
  std::string unmount;  // returns when the image is written
  std::string needs;    // a command that shows that it is there
};

// The format is named, since the guest may not write the first block of what was only recognised.
const std::string kGuestMount =
    "LIBGUESTFS_BACKEND=direct guestmount --pid-file @M.pid --format=raw -a @I -m /dev/sda @M";
const std::string kGuestUnmount =
    "guestunmount @M; while kill -0 $(cat @M.pid) 2>/dev/null; do sleep .01; done";
const std::string kGuestStarts =
    "LIBGUESTFS_BACKEND=direct guestfish --format=raw -a /dev/null run";
const std::string kEmulated = "LIBGUESTFS_BACKEND_SETTINGS=force_tcg ";

const std::vector<Way> kWays = {
    {"lklfuse", LKL_FUSE_PATH " @I @M",
     "fusermount3 -u @M; while pgrep -f '^" LKL_FUSE_PATH " @I' >/dev/null; do sleep .01; done",
     "true"},
    {"fuse2fs", "fuse2fs @I @M -o rw,fakeroot",
     "fusermount3 -u @M; while pgrep -f '^fuse2fs @I' >/dev/null; do sleep .01; done",
     "fuse2fs --version"},
    {"guestmount", kGuestMount, kGuestUnmount, kGuestStarts},
    // Where KVM does not run the guest. What this measures is the emulation of the processor, too.
    {"guestmount_emulated", kEmulated + kGuestMount, kGuestUnmount,
     "! { " + kGuestStarts + "; } && " + kEmulated + kGuestStarts},
    {"loop", "mount -o loop @I @M", "umount @M",
     "test $(id -u) = 0 && modprobe -q loop; "
     "test $(id -u) = 0 && losetup -f"},
};

[[noreturn]] void give_up(const std::string& what) {
  throw std::runtime_error(what);
}

void must(const std::string& command) {
  std::string said;
  if (lkl_test::run(command, &said)) give_up(command + ": " + said);
}

// One file system for one way, made when the first benchmark of that way begins.
class Bench {
 public:
  Bench(const std::string& folder, const Way& way)
      : way_(way), image_(folder + "/" + way.name + ".img"), point_(folder + "/" + way.name) {
    must("mkdir -p " + point_ + "; truncate -s 2G " + image_ +
         " && mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 " + image_);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  ~Bench() { unmount(); }

  void mount() {
    if (mounted_) return;
    must(filled_in(way_.mount));
    mounted_ = true;
  }
  void unmount() {
    if (!mounted_) return;
    must(filled_in(way_.unmount));
    mounted_ = false;
  }
  // What was read before is not in memory, except the image in the host's cache.
  void remount() {
    unmount();
    must("cat " + image_ + " >/dev/null");
    mount();
  }
  std::string file(const std::string& name) const { return point_ + "/" + name; }

 private:
  std::string filled_in(std::string text) const {
    for (const auto& [key, value] : {std::pair{"@I", image_}, std::pair{"@M", point_}})
      for (std::size_t at; (at = text.find(key)) != text.npos;) text.replace(at, 2, value);
    return text;
  }

  const Way& way_;
  std::string image_, point_;
  bool mounted_ = false;
};

void write_big(const std::string& path) {
  const std::vector<char> block(kBlock, 7);
  const int fd = open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0644);
  for (int i = 0; i < kBlocks; ++i)
    if (write(fd, block.data(), kBlock) != static_cast<ssize_t>(kBlock)) give_up("write " + path);
  if (fsync(fd)) give_up("fsync " + path);
  close(fd);
}

void SequentialWriteFsync(benchmark::State& state, Bench& bench) {
  bench.mount();
  for (auto _ : state) {
    write_big(bench.file("new"));
    state.PauseTiming();
    unlink(bench.file("new").c_str());
    sync();
    state.ResumeTiming();
  }
  state.SetBytesProcessed(state.iterations() * kBlocks * static_cast<std::int64_t>(kBlock));
}

void SequentialRead(benchmark::State& state, Bench& bench) {
  bench.mount();
  if (access(bench.file("big").c_str(), F_OK)) write_big(bench.file("big"));
  std::vector<char> block(kBlock);
  for (auto _ : state) {
    state.PauseTiming();
    bench.remount();
    const int fd = open(bench.file("big").c_str(), O_RDONLY);
    state.ResumeTiming();
    while (read(fd, block.data(), kBlock) > 0) {
    }
    close(fd);
  }
  state.SetBytesProcessed(state.iterations() * kBlocks * static_cast<std::int64_t>(kBlock));
}

// Processes, which have nothing in common but the mount.
void RandomRead4K(benchmark::State& state, Bench& bench) {
  constexpr int kReads = 2000;
  bench.mount();
  if (access(bench.file("big").c_str(), F_OK)) write_big(bench.file("big"));
  const auto readers = static_cast<int>(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    bench.remount();
    state.ResumeTiming();
    for (int i = 0; i < readers; ++i)
      if (fork() == 0) {
        std::mt19937 random(static_cast<unsigned>(i));
        char page[4096];
        const int fd = open(bench.file("big").c_str(), O_RDONLY);
        posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
        for (int n = 0; n < kReads; ++n)
          if (pread(fd, page, sizeof page, static_cast<off_t>(random() % (kBlocks * 256)) * 4096) !=
              sizeof page)
            _exit(1);
        _exit(0);
      }
    for (int i = 0, status; i < readers; ++i)
      if (wait(&status) < 0 || status != 0) give_up("a reader failed");
  }
  state.SetItemsProcessed(state.iterations() * readers * kReads);
}

std::vector<std::string> names(const Bench& bench) {
  std::vector<std::string> names;
  for (int i = 0; i < kFiles; ++i) names.push_back(bench.file("dir/f" + std::to_string(i)));
  return names;
}

void create(const std::vector<std::string>& names) {
  const char text[100] = {};
  for (const std::string& name : names) {
    const int fd = open(name.c_str(), O_CREAT | O_WRONLY | O_EXCL, 0644);
    if (write(fd, text, sizeof text) != sizeof text) give_up("write " + name);
    close(fd);
  }
}

void remove(const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (unlink(name.c_str())) give_up("unlink " + name);
}

void Create(benchmark::State& state, Bench& bench) {
  bench.mount();
  mkdir(bench.file("dir").c_str(), 0755);
  for (auto _ : state) {
    create(names(bench));
    state.PauseTiming();
    remove(names(bench));
    sync();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * kFiles);
}

void Unlink(benchmark::State& state, Bench& bench) {
  bench.mount();
  mkdir(bench.file("dir").c_str(), 0755);
  for (auto _ : state) {
    state.PauseTiming();
    create(names(bench));
    sync();
    state.ResumeTiming();
    remove(names(bench));
  }
  state.SetItemsProcessed(state.iterations() * kFiles);
}

void WarmStat(benchmark::State& state, Bench& bench) {
  bench.mount();
  mkdir(bench.file("dir").c_str(), 0755);
  const std::vector<std::string> all = names(bench);
  create(all);
  struct stat st;
  for (const std::string& name : all) stat(name.c_str(), &st);
  for (auto _ : state)
    for (const std::string& name : all)
      if (stat(name.c_str(), &st)) give_up("stat " + name);
  remove(all);
  state.SetItemsProcessed(state.iterations() * kFiles);
}

// From the start of the process to its end, with nothing of the image in memory.
void ListCold(benchmark::State& state, const std::string& image) {
  for (auto _ : state) {
    state.PauseTiming();
    sync();
    const int fd = open(image.c_str(), O_RDONLY);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
    state.ResumeTiming();
    must(LKL_TOOL_PATH " ls " + image + " /");
  }
}

// A tree of 2000 files, into an image of its own, until the image has it.
void CopyTree(benchmark::State& state, const std::string& command, const std::string& image) {
  for (auto _ : state) {
    state.PauseTiming();
    must("rm -f " + image + "; truncate -s 1G " + image + "; mkfs.ext4 -q " + image + "; sync");
    state.ResumeTiming();
    must(command);
  }
  state.SetItemsProcessed(state.iterations() * kFiles);
}

void add(const std::string& name, std::function<void(benchmark::State&)> body,
         std::optional<int> argument = {}) {
  auto* const bench = benchmark::RegisterBenchmark(name.c_str(), std::move(body));
  bench->UseRealTime()->Unit(benchmark::kMillisecond);
  if (argument) bench->Arg(*argument);
}

}  // namespace

int main(int argc, char** argv) try {
  benchmark::Initialize(&argc, argv);
  const std::string folder = std::string(argc > 1 ? argv[1] : "/var/tmp") + "/lkl-bench-mounts";
  must("mkdir -p " + folder);

  std::vector<std::unique_ptr<Bench>> benches;
  std::vector<const Way*> ways;
  for (const Way& way : kWays) {
    if (lkl_test::run(way.needs)) {
      std::printf("not measured, since it is not there: %s\n", way.name.c_str());
      continue;
    }
    benches.push_back(std::make_unique<Bench>(folder, way));
    ways.push_back(&way);
  }
  const auto each = [&](const std::string& name, void (*body)(benchmark::State&, Bench&),
                        std::optional<int> argument = {}) {
    for (std::size_t i = 0; i < benches.size(); ++i)
      add(
          name + "/" + ways[i]->name,
          [body, bench = benches[i].get()](benchmark::State& state) { body(state, *bench); },
          argument);
  };
  each("SequentialWriteFsync", SequentialWriteFsync);
  each("SequentialRead", SequentialRead);
  each("RandomRead4K", RandomRead4K, 1);
  each("RandomRead4K", RandomRead4K, 4);
  each("Create", Create);
  each("Unlink", Unlink);
  each("WarmStat", WarmStat);

  const std::string tree = folder + "/tree", image = folder + "/tree.img";
  must("mkdir -p " + tree + "; for d in $(seq 20); do mkdir -p " + tree +
       "/$d; for f in $(seq 100); do head -c $((f * 200)) /dev/urandom >" + tree +
       "/$d/$f; done; done");
  add("CopyTree/lkl",
      [=](auto& s) { CopyTree(s, LKL_TOOL_PATH " cp -qr " + tree + " " + image + ":/", image); });
  if (lkl_test::run(kWays.back().needs) == 0)
    add("CopyTree/loop", [=](auto& s) {
      const std::string point = folder + "/tree.mnt";
      CopyTree(s,
               "mkdir -p " + point + " && mount -o loop " + image + " " + point + " && cp -a " +
                   tree + " " + point + " && umount " + point,
               image);
    });
  add("ListCold/lkl", [=](auto& s) { ListCold(s, image); });

  benchmark::RunSpecifiedBenchmarks();
  benches.clear();
  must("rm -rf --one-file-system " + folder);
} catch (const std::exception& e) {
  std::fprintf(stderr, "lkl_bench_mounts: %s\n", e.what());
  return 1;
}
