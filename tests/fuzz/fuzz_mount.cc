// SPDX-License-Identifier: GPL-2.0
// Mounts an image whose metadata has been changed, looks at all there is, changes it,
// unmounts. Compiled once for each type of file system.
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "fuzz/engine.h"
#include "fuzz/finding.h"
#include "fuzz/metadata.h"
#include "fuzz/patch.h"
#include "fuzz/runner.h"
#include "fuzz/walk.h"

using namespace lkl_fuzz;

namespace {

const std::string type = LKL_FUZZ_TYPE;
std::unique_ptr<Runner> runner;
std::vector<std::unique_ptr<Metadata>> metadata;

// What the image says is not what is to be done about errors: panic, if it could.
const char* mount_options() {
  return type == "ext4" ? "errors=continue" : "";
}

void use(Kernel& kernel, size_t image) {
  if (kernel.mount(image, mount_options())) return;
  walk(Kernel::mount_point());
  disturb(Kernel::mount_point());
  kernel.unmount();
}

// Once before the first run: threads and caches that the kernel makes when they are first
// needed are there, and need not be made by each copy.
void warm_up(Kernel& kernel) {
  for (size_t image = 0; image < kernel.images().size(); ++image) {
    use(kernel, image);
    kernel.images()[image].reset();
  }
}

void run(Kernel& kernel, std::span<const uint8_t> data) {
  const MountInput input = decode(data);
  const size_t image = input.image % kernel.images().size();
  apply(input, *metadata[image], kernel.images()[image].bytes());
  use(kernel, image);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  engine_defaults(argc, argv);
  std::vector<ImageFile> images = images_of(image_folder(), type);
  for (const ImageFile& image : images) metadata.push_back(metadata_of(type, image.bytes()));
  runner = std::make_unique<Runner>(std::move(images), options_of_environment(), run, warm_up);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  handle(runner->run({data, size}), {data, size});
  return 0;
}

namespace {

size_t put(const MountInput& input, uint8_t* to, size_t room) {
  const std::vector<uint8_t> bytes = encode(input);
  const size_t size = std::min(bytes.size(), room);
  std::memcpy(to, bytes.data(), size);
  return size;
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  MountInput input = decode({data, size});
  mutate(input, seed);
  return put(input, data, max_size);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* one, size_t one_size,
                                            const uint8_t* other, size_t other_size, uint8_t* out,
                                            size_t max_size, unsigned seed) {
  return put(cross(decode({one, one_size}), decode({other, other_size}), seed), out, max_size);
}
