// SPDX-License-Identifier: GPL-2.0
// What a fuzzer relies on: each run starts from the same kernel, and each way to go
// wrong is told from the others.
#include "fuzz/runner.h"

#include <gtest/gtest.h>
#include <lkl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "fuzz/engine.h"
#include "fuzz/finding.h"
#include "fuzz/metadata.h"
#include "fuzz/patch.h"
#include "fuzz/walk.h"

using namespace lkl_fuzz;
using Kind = Outcome::Kind;

namespace {

// The first byte of the input says what happens.
void body(Kernel& kernel, std::span<const uint8_t> input) {
  char c;
  int pipe[2];
  switch (input[0]) {
    case 'f':
      if (lkl_sys_mkdir("/made", 0755)) fail("a run sees what another one did");
      if (kernel.mount(0, nullptr)) fail("mount");
      std::ranges::fill(kernel.images()[0].bytes().subspan(65536), std::byte{0xff});
      return;
    case 'e':  // found a place to go on in the host's signal handler
      if (lkl_sys_mkdir(nullptr, 0755) != -LKL_EFAULT) fail("a bad pointer");
      return;
    case 'c':
      fail("this is it");
    case 'h':  // for ever
      lkl_sys_pipe2(pipe, 0);
      lkl_sys_read(static_cast<unsigned>(pipe[0]), &c, 1);
      return;
    case 'a':
      std::abort();
    case 'p':
      if (kernel.mount(0, "errors=panic")) fail("mount");
      std::ranges::fill(kernel.images()[0].bytes().subspan(4096), std::byte{0xff});
      walk(Kernel::mount_point());
      fail("no panic");
  }
}

Runner& runner() {
  static Runner runner(images_of(image_folder(), "ext4"), {.memory = "32M", .limit_seconds = 2},
                       body);
  return runner;
}

Outcome run(char what) {
  const auto input = static_cast<uint8_t>(what);
  return runner().run({&input, 1});
}

TEST(Runner, EachRunIsTheFirst) {
  for (int i = 0; i < 20; ++i) {
    const Outcome outcome = run('f');
    ASSERT_EQ(outcome.kind, Kind::kFine) << outcome.signature << outcome.log;
  }
}

TEST(Runner, BlocksAreCounted) {
  std::ranges::fill(engine_counters(), 0);
  ASSERT_EQ(run('f').kind, Kind::kFine);
  const long of_a_mount = std::ranges::count_if(engine_counters(), [](int c) { return c != 0; });
  EXPECT_GT(of_a_mount, 500);
  std::ranges::fill(engine_counters(), 0);
  run('c');
  EXPECT_LT(std::ranges::count_if(engine_counters(), [](int c) { return c != 0; }),
            of_a_mount / 10);
}

TEST(Runner, BadPointersWithCounters) {
  const Outcome outcome = run('e');
  EXPECT_EQ(outcome.kind, Kind::kFine) << outcome.signature << outcome.log;
}

TEST(Runner, WhatGoesWrongIsTold) {
  Outcome outcome = run('c');
  EXPECT_EQ(outcome.kind, Kind::kCheck);
  EXPECT_EQ(outcome.signature, "check this is it");
  outcome = run('a');
  EXPECT_EQ(outcome.kind, Kind::kHost);
  EXPECT_EQ(outcome.signature, "signal Aborted");
  outcome = run('h');
  EXPECT_EQ(outcome.kind, Kind::kHang);
  outcome = run('p');
  EXPECT_EQ(outcome.kind, Kind::kKernel) << outcome.signature;
  EXPECT_EQ(outcome.signature.substr(0, 13), "panic EXT4-fs") << outcome.signature;
  EXPECT_NE(outcome.log.find("Kernel panic"), std::string::npos);
  EXPECT_EQ(run('f').kind, Kind::kFine);
}

TEST(Signature, TheSameBugHasTheSame) {
  EXPECT_EQ(signature_of("[ 1.0] BUG: failure at fs/ext4/inode.c:123/ext4_writepages()!\n"
                         "[ 1.0] Kernel panic - not syncing: BUG!\n"),
            "BUG ext4_writepages");
  EXPECT_EQ(signature_of("BUG: unable to handle access to address 00000008 at "
                         "read_extent_buffer+0x12/0x34\nKernel panic - not syncing: x\n"),
            "fault read_extent_buffer");
  EXPECT_EQ(signature_of("Kernel panic - not syncing: stack overflow\n"), "panic stack overflow");
  EXPECT_EQ(signature_of("all is well\n"), "");
}

TEST(Patch, AnyBytesAreAnInput) {
  std::vector<uint8_t> data = {3};
  for (int i = 0; i < 300; ++i) data.push_back(static_cast<uint8_t>(i * 37));
  const MountInput input = decode(data);
  EXPECT_EQ(input.image, 3);
  EXPECT_GT(input.patches.size(), 20u);
  EXPECT_EQ(encode(decode(encode(input))), encode(input));
  EXPECT_TRUE(decode({}).patches.empty());
}

// What is changed is what the kernel sees: checksums are right again.
class Sealed : public ::testing::TestWithParam<const char*> {};

TEST_P(Sealed, TheSameBytesHaveTheSameChecksums) {
  const std::string type = GetParam();
  for (const ImageFile& image : images_of(image_folder(), type)) {
    const auto metadata = metadata_of(type, image.bytes());
    ASSERT_GT(metadata->blocks().size(), 8u) << image.path();
    const std::vector<std::byte> before(image.bytes().begin(), image.bytes().end());
    for (const Block& block : metadata->blocks()) metadata->seal(image.bytes(), block);
    EXPECT_TRUE(std::ranges::equal(before, image.bytes())) << image.path();
    // as the kernel sees it while a byte is another one
    for (const Block& block : metadata->blocks()) {
      image.bytes()[block.offset + 130] ^= std::byte{1};
      metadata->seal(image.bytes(), block);
      image.bytes()[block.offset + 130] ^= std::byte{1};
    }
    const bool has_checksums =
        type != "ext4" || image.path().find("checksums") != std::string::npos;
    EXPECT_NE(std::ranges::equal(before, image.bytes()), has_checksums) << image.path();
  }
}

INSTANTIATE_TEST_SUITE_P(Of, Sealed, ::testing::Values("ext4", "btrfs", "xfs", "f2fs"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace

std::span<uint8_t> lkl_fuzz::engine_counters() {
  static const auto counters = static_cast<uint8_t*>(
      mmap(nullptr, 1 << 16, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  return {counters, 1 << 16};
}
