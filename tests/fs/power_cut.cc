// SPDX-License-Identifier: GPL-2.0
#include "fs/power_cut.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <iostream>
#include <stdexcept>

#include "fs/power_cut_workload.h"
#include "support/host_tools.h"
#include "support/kernel_test.h"

namespace lkl_test {
namespace {

constexpr size_t kSector = 512;

// A stretch without a flush: where it begins and ends, and its writes.
struct Stretch {
  size_t begin = 0;
  size_t end = 0;
};

std::vector<Stretch> stretches(const DiskRecord& record) {
  std::vector<Stretch> result = {{}};
  for (size_t i = 0; i < record.size(); ++i)
    if (record[i].is_flush) {
      result.back().end = i;
      result.push_back({i + 1, 0});
    }
  result.back().end = record.size();
  return result;
}

std::span<char> map(int flags, int fd, size_t size) {
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("mmap of an image");
  return {static_cast<char*>(memory), size};
}

}  // namespace

std::string Cut::describe() const {
  const std::string at =
      " of the writes between requests " + std::to_string(flushed) + " and " + std::to_string(end);
  switch (kind) {
    case Kind::kNone:
      return "none" + at;
    case Kind::kAll:
      return "all" + at;
    case Kind::kAllButOne:
      return "all but " + std::to_string(one) + at;
    case Kind::kOnlyOne:
      return "only " + std::to_string(one) + at;
    case Kind::kSome:
      return "some (seed " + std::to_string(seed) + ")" + at;
    case Kind::kTorn:
      return "some sectors (seed " + std::to_string(seed) + ")" + at;
  }
  return "?";
}

std::vector<Cut> systematic_cuts(const DiskRecord& record) {
  std::vector<Cut> cuts;
  for (const auto [begin, end] : stretches(record)) {
    cuts.push_back({.kind = Cut::Kind::kNone, .flushed = begin, .end = end});
    for (size_t i = begin; i < end; ++i) {
      cuts.push_back({.kind = Cut::Kind::kAll, .flushed = begin, .end = i + 1});
      if (end - begin < 2) continue;
      cuts.push_back({.kind = Cut::Kind::kAllButOne, .flushed = begin, .end = end, .one = i});
      // of two writes "all but the one" is "only the other"
      if (end - begin > 2)
        cuts.push_back({.kind = Cut::Kind::kOnlyOne, .flushed = begin, .end = end, .one = i});
    }
  }
  return cuts;
}

std::vector<Cut> random_cuts(const DiskRecord& record, size_t count, uint32_t seed) {
  std::vector<Stretch> candidates = stretches(record);
  std::erase_if(candidates, [](const Stretch& stretch) { return stretch.begin == stretch.end; });
  std::mt19937 random(seed);
  std::vector<Cut> cuts;
  for (size_t i = 0; i < count && !candidates.empty(); ++i) {
    const auto [begin, end] = candidates[random() % candidates.size()];
    Cut cut;
    cut.kind = i % 2 ? Cut::Kind::kTorn : Cut::Kind::kSome;
    cut.flushed = begin;
    cut.end = begin + 1 + random() % (end - begin);
    cut.seed = static_cast<uint32_t>(random());
    cuts.push_back(cut);
  }
  return cuts;
}

CutImage::CutImage(const std::string& path, const std::string& type, const std::string& bytes)
    : path_(path),
      super_begin_(type == "ext4" ? 1024 : 65536),
      super_end_(super_begin_ + (type == "ext4" ? 1024 : 4096)),
      first_(bytes) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, static_cast<off_t>(bytes.size())) != 0)
    throw std::runtime_error(path + " cannot be made");
  bytes_ = map(MAP_SHARED, fd, bytes.size());
  close(fd);
  touched_ = map(MAP_SHARED | MAP_ANONYMOUS, -1, (bytes.size() + kPage - 1) / kPage);
  disk_.handle = this;
  disk_.ops = &ops_;
  restart();
}

CutImage::~CutImage() {
  munmap(bytes_.data(), bytes_.size());
  munmap(touched_.data(), touched_.size());
}

int CutImage::capacity(lkl_disk disk, unsigned long long* size) {
  *size = static_cast<CutImage*>(disk.handle)->bytes_.size();
  return 0;
}

int CutImage::request(lkl_disk disk, lkl_blk_req* request) {
  auto* self = static_cast<CutImage*>(disk.handle);
  if (request->type == LKL_DEV_BLK_TYPE_FLUSH) return LKL_DEV_BLK_STATUS_OK;
  uint64_t offset = request->sector * kSector;
  for (int i = 0; i < request->count; ++i) {
    const lkl_iovec& piece = request->buf[i];
    if (offset > self->bytes_.size() || piece.iov_len > self->bytes_.size() - offset)
      return LKL_DEV_BLK_STATUS_IOERR;
    if (request->type == LKL_DEV_BLK_TYPE_READ)
      std::memcpy(piece.iov_base, self->bytes_.data() + offset, piece.iov_len);
    else
      self->write(offset, {static_cast<const char*>(piece.iov_base), piece.iov_len});
    offset += piece.iov_len;
  }
  return LKL_DEV_BLK_STATUS_OK;
}

void CutImage::write(uint64_t offset, std::string_view data) {
  std::memcpy(bytes_.data() + offset, data.data(), data.size());
  for (size_t page = offset / kPage; page * kPage < offset + data.size(); ++page)
    touched_[page] = 1;
}

void CutImage::write_torn(uint64_t offset, std::string_view data, std::mt19937& random) {
  bool kept = false;
  for (size_t at = 0; at < data.size(); at += kSector) {
    const uint64_t sector = offset + at;
    const bool same_piece = at > 0 && sector > super_begin_ && sector < super_end_;
    if (!same_piece) kept = random() % 2 != 0;
    if (kept) write(sector, data.substr(at, kSector));
  }
}

void CutImage::revert() {
  for (size_t page = 0; page < touched_.size(); ++page) {
    if (!touched_[page]) continue;
    const size_t at = page * kPage;
    std::memcpy(bytes_.data() + at, base_.data() + at, std::min(kPage, base_.size() - at));
    touched_[page] = 0;
  }
}

void CutImage::restart() {
  base_ = first_;
  flushed_ = 0;
  std::ranges::copy(base_, bytes_.begin());
  std::ranges::fill(touched_, 0);
}

void CutImage::apply(const DiskRecord& record, const Cut& cut) {
  if (cut.flushed < flushed_) restart();
  for (; flushed_ < cut.flushed; ++flushed_) {
    const DiskRequest& done = record[flushed_];
    base_.replace(done.offset, done.data.size(), done.data);
    for (size_t at = done.offset; at < done.offset + done.data.size(); at += kSector)
      touched_[at / kPage] = 1;
  }
  revert();
  std::mt19937 random(cut.seed);
  for (size_t i = cut.flushed; i < cut.end; ++i) {
    const DiskRequest& pending = record[i];
    const std::string_view data = pending.data;
    switch (cut.kind) {
      case Cut::Kind::kNone:
        break;
      case Cut::Kind::kAll:
        write(pending.offset, data);
        break;
      case Cut::Kind::kAllButOne:
        if (i != cut.one) write(pending.offset, data);
        break;
      case Cut::Kind::kOnlyOne:
        if (i == cut.one) write(pending.offset, data);
        break;
      case Cut::Kind::kSome:
        if (random() % 2) write(pending.offset, data);
        break;
      case Cut::Kind::kTorn:
        write_torn(pending.offset, data, random);
        break;
    }
  }
}

namespace {

// What the copy of the kernel finds.
std::string mount_and_compare(CutImage& image, const std::string& type,
                              std::span<const KnownDirectory> directories, const Cut& cut) {
  const int id = lkl_disk_add(&image.disk());
  if (id < 0) return std::string("lkl_disk_add: ") + lkl_strerror(id) + "\n";
  const auto disk = static_cast<unsigned>(id);
  char point[32];
  const long error = lkl_mount_dev(disk, 0, type.c_str(), 0, nullptr, point, sizeof point);
  if (error)
    return std::string("mount: ") + lkl_strerror(static_cast<int>(error)) + "\n" + kernel_log();
  std::string wrong;
  for (const auto& [path, history] : directories)
    for (const std::string& loss : history->losses(read_tree(point + path), cut.end))
      wrong += path + loss + "\n";
  if (const long end = lkl_umount_dev(disk, 0, 0, 5000))
    wrong += std::string("umount: ") + lkl_strerror(static_cast<int>(end)) + "\n";
  if (const int end = lkl_disk_remove(image.disk()))
    wrong += std::string("lkl_disk_remove: ") + lkl_strerror(end) + "\n";
  if (!complaint_in_log().empty() || !wrong.empty()) wrong += kernel_log();
  return wrong;
}

std::string read_all(int fd) {
  std::string text;
  char chunk[4096];
  ssize_t count;
  while ((count = read(fd, chunk, sizeof chunk)) > 0)
    text.append(chunk, static_cast<size_t>(count));
  return text;
}

constexpr unsigned kLimit = 120;  // seconds

}  // namespace

std::string judge(CutImage& image, const std::string& type,
                  std::span<const KnownDirectory> directories, const Cut& cut) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return "pipe2 failed";
  const pid_t pid = fork();
  if (pid == 0) {
    alarm(kLimit);
    kernel_log().clear();
    std::string wrong;
    try {
      wrong = mount_and_compare(image, type, directories, cut);
    } catch (const std::exception& error) {
      wrong = std::string(error.what()) + "\n" + kernel_log();
    }
    (void)!write(report[1], wrong.data(), wrong.size());
    _exit(0);
  }
  close(report[1]);
  std::string wrong = read_all(report[0]);
  close(report[0]);
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid)
    wrong += "there is no copy of the kernel\n";
  else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    wrong += "the copy of the kernel hangs, or was not done in " + std::to_string(kLimit) + " s\n";
  else if (status != 0)
    wrong += "the copy of the kernel ended with status " + std::to_string(status) + "\n";
  if (!wrong.empty()) return wrong;
  const std::string check = type == "ext4" ? "e2fsck -fn " : "btrfs check ";
  std::string output;
  return run(check + image.path(), &output) == 0 ? "" : check + ":\n" + output;
}

Verdict judge_all(CutImage& image, const std::string& type, const DiskRecord& record,
                  std::span<const KnownDirectory> directories, std::vector<Cut> cuts) {
  constexpr size_t kTold = 5;
  std::ranges::stable_sort(cuts, {}, &Cut::flushed);
  Verdict verdict;
  size_t claims = 0;
  for (const Cut& cut : cuts) {
    for (const KnownDirectory& directory : directories)
      claims += directory.history->claims(cut.end);
    image.apply(record, cut);
    const std::string wrong = judge(image, type, directories, cut);
    if (wrong.empty()) continue;
    if (++verdict.lost <= kTold) verdict.report += cut.describe() + ":\n" + wrong + "\n";
  }
  const auto flushes = std::ranges::count_if(record, &DiskRequest::is_flush);
  std::cout << type << ": " << cuts.size() << " cuts of " << record.size() << " requests, "
            << flushes << " of them flushes; " << claims << " files compared; " << verdict.lost
            << " cuts lose something\n";
  return verdict;
}

std::vector<Cut> sample_cuts(const DiskRecord& record) {
  constexpr size_t kSystematic = 16, kRandom = 8;
  const std::vector<Cut> all = systematic_cuts(record);
  std::vector<Cut> result;
  for (size_t i = 0; i < kSystematic; ++i) result.push_back(all[i * all.size() / kSystematic]);
  for (const Cut& cut : random_cuts(record, kRandom, 1)) result.push_back(cut);
  return result;
}

std::vector<Cut> thousands_of_cuts(const DiskRecord& record) {
  std::vector<Cut> cuts = systematic_cuts(record);
  const size_t rest = cuts.size() < 1600 ? 2000 - cuts.size() : 400;
  for (const Cut& cut : random_cuts(record, rest, 2)) cuts.push_back(cut);
  return cuts;
}

DiskRecord with_lies(DiskRecord record, size_t every) {
  size_t flushes = 0;
  for (DiskRequest& request : record)
    if (request.is_flush && ++flushes % every == 0) request.is_flush = false;
  return record;
}

}  // namespace lkl_test
