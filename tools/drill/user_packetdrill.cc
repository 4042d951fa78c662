// SPDX-License-Identifier: GPL-2.0
#include "drill/user_packetdrill.h"

#include <errno.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <system_error>

#include "base/error.h"
#include "base/plugin.h"
#include "drill/lexer.h"

namespace lkl::tool::drill {

namespace {

namespace fs = std::filesystem;

constexpr char kPlugin[] = "liblkl-packetdrill.so";
constexpr char kClient[] = "command.py";
constexpr char kClientText[] = R"(import socket, sys
control = socket.socket(socket.AF_UNIX)
control.connect(sys.argv[1])
control.sendall(open(sys.argv[2], "rb").read())
control.shutdown(socket.SHUT_WR)
status, _, said = control.makefile().read().partition("\n")
sys.stderr.write(said)
sys.exit(int(status) & 255)
)";

void write_file(const fs::path& path, std::string_view text) {
  std::ofstream file(path);
  file << text;
  file.close();
  if (!file) throw std::system_error(errno, std::system_category(), path);
}

}  // namespace

UserPacketdrill::UserPacketdrill(const std::string& program)
    : program_(fs::absolute(program)), plugin_(find_plugin(kPlugin)) {
  if (::access(program_.c_str(), X_OK) != 0)
    throw Failure(
        fmt::format("--packetdrill {}: {}", program, describe({errno, std::system_category()})));
  std::string pattern = (fs::temp_directory_path() / "lkl-packetdrill-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    throw std::system_error(errno, std::system_category(), pattern);
  folder_ = pattern;
  write_file(folder_ / kClient, kClientText);
}

UserPacketdrill::~UserPacketdrill() {
  std::error_code ec;
  fs::remove_all(folder_, ec);
}

fs::path UserPacketdrill::copy(const Script& script, const fs::path& control) {
  std::ostringstream whole;
  whole << std::ifstream(script.name).rdbuf();
  const std::string text = whole.str();
  std::string out;
  std::size_t at = 0;
  unsigned number = 0;
  for (const Token& token : split_script(script.name, text)) {
    if (token.kind != Token::Kind::kCommand) continue;
    const fs::path file = fmt::format("{}.{}", control.string(), number++);
    write_file(file, token.text);
    out += text.substr(at, token.begin - at);
    out += fmt::format("`python3 -I {} {} {}`", (folder_ / kClient).string(), control.string(),
                       file.string());
    // the lines that follow keep their numbers
    for (std::size_t i = token.begin; i < token.end; i++)
      if (text[i] == '\n') out += '\n';
    at = token.end;
  }
  out += text.substr(at);
  const fs::path folder = control.string() + ".d";
  fs::create_directory(folder);
  const fs::path path = folder / fs::path(script.name).filename();
  write_file(path, out);
  return path;
}

std::vector<std::string> UserPacketdrill::command_line(
    const Script& script, const Settings& settings,
    const std::vector<std::pair<std::string, std::string>>& options) {
  const NetworkSetup& network = settings.network;
  const std::string family = family_name(settings.family);
  const fs::path control = folder_ / std::to_string(count_++);
  std::vector<std::string> words = {
      program_,
      "--so_filename=" + plugin_.string(),
      fmt::format("--so_flags=ip_version={},local_ip={},remote_ip={},mtu={},control={},folder={}",
                  family, to_text(network.local), to_text(network.remote), network.mtu,
                  control.string(), script.folder),
      "--ip_version=" + family,
      "--local_ip=" + to_text(network.local),
      "--remote_ip=" + to_text(network.remote),
      fmt::format("--mtu={}", network.mtu)};
  if (settings.family == Family::kIpv6) {
    words.emplace_back("--gateway_ip=fd3d:a0b:17d6:8888::1");
  } else {
    words.push_back("--gateway_ip=" + to_text(network.local));
    words.emplace_back("--netmask_ip=255.255.0.0");
  }
  for (const auto& [name, value] : options)
    if (name != "define") words.push_back(fmt::format("--{}={}", name, value));
  for (const auto& [name, value] : settings.definitions) {
    words.emplace_back("-D");
    words.push_back(fmt::format("{}={}", name, value));
  }
  words.push_back(copy(script, control));
  return words;
}

void UserPacketdrill::become(std::vector<std::string> arguments, int output) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  if (::dup2(output, STDOUT_FILENO) < 0 || ::dup2(output, STDERR_FILENO) < 0) return;
  ::execv(pointers[0], pointers.data());
}

}  // namespace lkl::tool::drill
