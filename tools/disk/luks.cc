// SPDX-License-Identifier: GPL-2.0
#include "disk/luks.h"

#include <errno.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/descriptor.h"
#include "base/error.h"
#include "disk/cryptsetup_library.h"
#include "disk/kernel_device.h"

namespace lkl::tool {

namespace {

constexpr std::uint64_t kSector = 512;

void append_hex(std::string& to, std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    to += kDigits[byte >> 4];
    to += kDigits[byte & 15];
  }
}

}  // namespace

// A file in memory that looks like the container, but has only its header.
class LuksContainer::HeaderCopy {
 public:
  HeaderCopy(const std::string& name, const BlockReader& device, std::uint64_t length)
      : file_(memfd_create("luks-header", MFD_CLOEXEC)) {
    if (!file_ || ftruncate(file_.get(), static_cast<off_t>(device.size)) != 0)
      throw Failure(
          fmt::format("{}: no memory for the LUKS header: {}", name, describe(host_error(errno))));
    std::vector<std::byte> chunk(1 << 20);
    for (std::uint64_t at = 0; at < length;) {
      const auto part = std::span(chunk).first(std::min<std::uint64_t>(chunk.size(), length - at));
      if (!device.read(at, part))
        throw Failure(fmt::format("{}: the LUKS header cannot be read", name));
      if (pwrite(file_.get(), part.data(), part.size(), static_cast<off_t>(at)) !=
          static_cast<ssize_t>(part.size()))
        throw Failure(fmt::format("{}: no memory for the LUKS header", name));
      at += part.size();
    }
  }
  std::string path() const { return fmt::format("/proc/self/fd/{}", file_.get()); }

 private:
  Descriptor file_;
};

LuksContainer::LuksContainer(std::string name, const BlockReader& device, const LuksHeader& header)
    : name_(std::move(name)),
      message_(std::make_unique<std::string>()),
      copy_(std::make_unique<HeaderCopy>(name_, device, header.length)) {
  if (header.version != 1 && header.version != 2)
    throw Failure(fmt::format("{}: LUKS version {} is not known", name_, header.version));
  const CryptsetupLibrary& library = cryptsetup();
  // Nobody else has the copy.
  library.crypt_metadata_locking(nullptr, 0);
  crypt_device* context = nullptr;
  if (const int result = library.crypt_init(&context, copy_->path().c_str()); result < 0)
    fail("libcryptsetup cannot be used", -result);
  context_.reset(context);
  library.crypt_set_log_callback(
      context,
      [](int level, const char* message, void* to) {
        if (level != CRYPT_LOG_ERROR) return;
        auto& text = *static_cast<std::string*>(to);
        text = message;
        while (text.ends_with('\n')) text.pop_back();
      },
      message_.get());
  const char* type = header.version == 1 ? CRYPT_LUKS1 : CRYPT_LUKS2;
  if (const int result = library.crypt_load(context, type, nullptr); result < 0)
    fail("the LUKS header is damaged; restore it from a backup", -result);

  if (header.version == 2) {
    const char* json = nullptr;
    if (const int result = library.crypt_dump_json(context, &json, 0); result < 0)
      fail("the LUKS header cannot be read", -result);
    data_ = parse_luks2_data(json);
  } else {
    data_.cipher = fmt::format("{}-{}", library.crypt_get_cipher(context),
                               library.crypt_get_cipher_mode(context));
    data_.offset = library.crypt_get_data_offset(context) * kSector;
    data_.first_iv = library.crypt_get_iv_offset(context);
  }
  if (!data_.refused.empty()) throw Failure(fmt::format("{}: {}", name_, data_.refused));
  const std::uint64_t room = device.size - std::min(device.size, data_.offset);
  if (room < kSector || data_.size.value_or(0) > room)
    throw Failure(
        fmt::format("{}: the LUKS container reaches beyond its end; it is truncated, get "
                    "it anew",
                    name_));
}

LuksContainer::LuksContainer(LuksContainer&&) noexcept = default;
LuksContainer::~LuksContainer() = default;

void LuksContainer::Free::operator()(crypt_device* context) const {
  cryptsetup().crypt_free(context);
}

void LuksContainer::fail(const std::string& what, int error) const {
  std::string why = message_->empty() ? describe(host_error(error)) : *message_;
  // The library only knows the copy.
  const std::string copy = copy_->path();
  if (const std::size_t at = why.find(copy); at != std::string::npos)
    why.replace(at, copy.size(), name_);
  throw Failure(fmt::format("{}: {}: {}", name_, what, why));
}

bool LuksContainer::unlock(std::string_view passphrase) {
  const CryptsetupLibrary& library = cryptsetup();
  const int size = library.crypt_get_volume_key_size(context_.get());
  if (size <= 0) fail("the LUKS header is damaged", EINVAL);
  Secret key(static_cast<std::size_t>(size));
  std::size_t length = key.capacity();
  message_->clear();
  const int result = library.crypt_volume_key_get(context_.get(), CRYPT_ANY_SLOT, key.data(),
                                                  &length, passphrase.data(), passphrase.size());
  if (result == -EPERM) return false;
  if (result == -ENOENT) fail("it has no key slot with a passphrase", -result);
  if (result < 0) fail("its key cannot be had", -result);
  key.set_size(length);
  key_ = std::move(key);
  return true;
}

DmTable LuksContainer::table(std::uint32_t device, std::uint64_t size) const {
  const std::uint64_t length = data_.size.value_or(size - data_.offset) / data_.sector_size;
  std::string parameters;
  // Never moved to another place by growing: the key would stay behind.
  parameters.reserve(data_.cipher.size() + 2 * key_.size() + 200);
  parameters += data_.cipher + " ";
  append_hex(parameters, key_.text());
  parameters +=
      fmt::format(" {} {} {}", data_.first_iv, major_minor(device), data_.offset / kSector);
  if (data_.sector_size != kSector)
    parameters += fmt::format(" 1 sector_size:{}", data_.sector_size);
  DmTable table;
  table.emplace_back(0, length * data_.sector_size / kSector, "crypt", std::move(parameters));
  return table;
}

}  // namespace lkl::tool
