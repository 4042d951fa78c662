// SPDX-License-Identifier: GPL-2.0
#include "block/scratch_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "host.h"
#include "posix/whole.h"

namespace lkl::host {

int ScratchFile::make(uint64_t size, ScratchFile& result) {
  const char* folder = environment("TMPDIR");
  if (!folder) folder = "/var/tmp";
  Descriptor file(open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
  if (!file) {
    if (errno != EOPNOTSUPP && errno != EISDIR) return -errno;
    std::string name = std::string(folder) + "/lkl-overlay-XXXXXX";
    file = Descriptor(mkostemp(name.data(), O_CLOEXEC));
    if (!file) return -errno;
    unlink(name.c_str());
  }
  if (ftruncate(file.get(), static_cast<off_t>(size)) < 0) return -errno;
  result.file_ = std::move(file);
  return 0;
}

int ScratchFile::read(std::byte* to, uint64_t length, uint64_t offset) const {
  return read_whole(file_.get(), to, length, offset);
}

int ScratchFile::write(const std::byte* from, uint64_t length, uint64_t offset) const {
  return write_whole(file_.get(), from, length, offset);
}

int ScratchFile::punch(uint64_t length, uint64_t offset) const {
  const int result = fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                               static_cast<off_t>(offset), static_cast<off_t>(length));
  return result < 0 ? -errno : 0;
}

}  // namespace lkl::host
