// SPDX-License-Identifier: GPL-2.0
#include "disk/luks_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace lkl::tool {

namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kSector = 512;
constexpr std::uint64_t kBinaryHeader = 4096;   // of LUKS2; the JSON is behind it
constexpr std::uint64_t kMostHeader = 4 << 20;  // each of the two copies
constexpr std::uint64_t kMostLength = 256 << 20;

std::uint64_t number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size())
    throw Failure(fmt::format("the LUKS2 header is damaged: {} is no number", text));
  return value;
}

LuksData data_of(const Json& json) {
  const Json& segments = json.at("segments");
  LuksData data;
  const Json no_requirements = Json::array();
  const Json& config = json.at("config");
  if (config.contains("requirements"))
    for (const Json& word : config["requirements"].value("mandatory", no_requirements)) {
      const auto name = word.get<std::string>();
      data.refused = name.find("reencrypt") != std::string::npos
                         ? "it is being re-encrypted; finish that with cryptsetup reencrypt"
                         : "it requires " + name + ", which is not supported";
    }
  if (segments.size() != 1) {
    if (data.refused.empty()) data.refused = "it has several segments, which is not supported";
    return data;
  }
  const Json& segment = segments.front();
  const auto type = segment.at("type").get<std::string>();
  if (type != "crypt") {
    if (data.refused.empty())
      data.refused = "it has a segment of type " + type + ", which is not supported";
    return data;
  }
  if (segment.contains("integrity") && data.refused.empty())
    data.refused = "it has integrity protection (" +
                   segment["integrity"].value("type", std::string("dm-integrity")) +
                   "), which is not supported";
  data.cipher = segment.at("encryption").get<std::string>();
  data.offset = number(segment.at("offset").get<std::string>());
  const auto size = segment.at("size").get<std::string>();
  if (size != "dynamic") data.size = number(size);
  data.first_iv = number(segment.at("iv_tweak").get<std::string>());
  data.sector_size = segment.at("sector_size").get<unsigned>();
  return data;
}

void read_version_1(const Block<512>& sector, LuksHeader& header) {
  header.cipher = field_text(sector.text(8, 32)) + "-" + field_text(sector.text(40, 32));
  header.uuid = field_text(sector.text(168, 40));
  header.length = sector.be(104, 4) * kSector;
}

void read_version_2(const BlockReader& device, const Block<512>& sector, LuksHeader& header) {
  header.label = field_text(sector.text(24, 48));
  header.uuid = field_text(sector.text(168, 40));
  const std::uint64_t copy = sector.be(8, 8);
  // If one copy is damaged, the other one may be good: libcryptsetup is to see all.
  header.length = 16 << 20;
  if (copy <= kBinaryHeader || copy > kMostHeader) return;
  std::vector<std::byte> bytes(copy - kBinaryHeader);
  if (!device.read(kBinaryHeader, bytes)) return;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  try {
    const Json json = Json::parse(text.substr(0, text.find('\0')));
    header.length = 2 * copy + number(json.at("config").at("keyslots_size").get<std::string>());
    header.cipher = data_of(json).cipher;
  } catch (const Json::exception&) {
  } catch (const Failure&) {
  }
}

}  // namespace

std::optional<LuksHeader> read_luks_header(const BlockReader& device) {
  const Block<512> sector(device, 0);
  if (!sector.has(0, "LUKS\xba\xbe")) return {};
  LuksHeader header;
  header.version = static_cast<unsigned>(sector.be(6, 2));
  if (header.version == 1)
    read_version_1(sector, header);
  else if (header.version == 2)
    read_version_2(device, sector, header);
  header.length = std::min({header.length, kMostLength, device.size});
  return header;
}

LuksData parse_luks2_data(std::string_view text) {
  try {
    return data_of(Json::parse(text));
  } catch (const Json::exception& error) {
    throw Failure(fmt::format("the LUKS2 header is damaged: {}", error.what()));
  }
}

}  // namespace lkl::tool
