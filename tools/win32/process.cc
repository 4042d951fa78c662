// SPDX-License-Identifier: GPL-2.0
#include "base/process.h"

#include <windows.h>

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/host_calls.h"
#include "base/signals.h"
#include "host/win32/handle.h"
#include "host/win32/path.h"
#include "host/win32/windows_error.h"
#include "win32/words.h"

namespace lkl::tool {

namespace {

using lkl::host::Handle;
using lkl::host::narrow;
using lkl::host::wide;

std::string find_program(const std::string& name) {
  // "mkfs.ext4" has an ending already, to Windows.
  for (const std::string& file : {name + ".exe", name}) {
    std::wstring found(32768, L'\0');
    const DWORD length = SearchPathW(nullptr, wide(file).c_str(), nullptr,
                                     static_cast<DWORD>(found.size()), found.data(), nullptr);
    if (length > 0 && length < found.size()) return narrow({found.data(), length});
  }
  return {};
}

std::string quoted(const std::string& word) {
  if (!word.empty() && word.find_first_of(" \t\n\v\"") == std::string::npos) return word;
  std::string text = "\"";
  std::size_t backslashes = 0;
  for (const char c : word) {
    if (c == '\\') {
      backslashes++;
      continue;
    }
    text.append(c == '"' ? 2 * backslashes + 1 : backslashes, '\\');
    backslashes = 0;
    text += c;
  }
  return text.append(2 * backslashes, '\\') + '"';
}

std::wstring variables(const std::vector<std::pair<std::string, std::string>>& environment) {
  std::wstring block;
  wchar_t* const ours = GetEnvironmentStringsW();
  for (const wchar_t* one = ours; *one != 0; one += wcslen(one) + 1) {
    const std::string text = narrow(one);
    const bool replaced = std::any_of(environment.begin(), environment.end(), [&](const auto& v) {
      return text.starts_with(v.first + "=");
    });
    if (!replaced) block.append(one).push_back(0);
  }
  FreeEnvironmentStringsW(ours);
  for (const auto& [name, value] : environment) block.append(wide(name + "=" + value)).push_back(0);
  block.push_back(0);
  return block;
}

struct Streams {
  HANDLE in, out;
};

// The program, with its output and errors in `streams.out`.
Handle start(const std::string& program, const std::vector<std::string>& arguments,
             const std::vector<std::pair<std::string, std::string>>& environment,
             const Streams& streams) {
  std::wstring words = wide(command_line(arguments));
  std::wstring block = variables(environment);
  STARTUPINFOW startup = {};
  startup.cb = sizeof startup;
  startup.dwFlags = STARTF_USESTDHANDLES;
  startup.hStdInput = streams.in;
  startup.hStdOutput = startup.hStdError = streams.out;
  PROCESS_INFORMATION process = {};
  if (!CreateProcessW(wide(program).c_str(), words.data(), nullptr, nullptr, TRUE,
                      CREATE_UNICODE_ENVIRONMENT, block.data(), nullptr, &startup, &process))
    throw Failure(fmt::format("{}: cannot start it: {}", program,
                              describe(host_error(-lkl::host::last_errno()))));
  CloseHandle(process.hThread);
  return Handle(process.hProcess);
}

DWORD end_of(const Handle& process) {
  DWORD status = 1;
  while (WaitForSingleObject(process.get(), 100) == WAIT_TIMEOUT)
    if (pending_signal() != 0) TerminateProcess(process.get(), 1);
  GetExitCodeProcess(process.get(), &status);
  return status;
}

}  // namespace

std::string command_line(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + quoted(word);
  return line;
}

std::string require_program(const std::string& name, std::string_view) {
  std::string program = find_program(name);
  if (program.empty())
    throw Failure(fmt::format("{}: no such program; it has to be in a folder of PATH", name));
  return program;
}

std::string run_program(const std::vector<std::string>& arguments,
                        const std::vector<std::pair<std::string, std::string>>& environment,
                        std::string_view package) {
  check_interrupted();
  const std::string& name = arguments.front();
  const std::string program = require_program(name, package);
  SECURITY_ATTRIBUTES handed_on = {sizeof handed_on, nullptr, TRUE};
  HANDLE ends[2];
  if (!CreatePipe(&ends[0], &ends[1], &handed_on, 0))
    throw Failure(fmt::format("{}: no pipe to it", name));
  const Handle out(ends[0]);
  Handle in(ends[1]);
  SetHandleInformation(out.get(), HANDLE_FLAG_INHERIT, 0);
  const Handle nothing(CreateFileW(L"NUL", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE,
                                   &handed_on, OPEN_EXISTING, 0, nullptr));
  const Handle process = start(program, arguments, environment, {nothing.get(), in.get()});
  in.reset();
  std::string output;
  char chunk[4096];
  for (DWORD count = 0; ReadFile(out.get(), chunk, sizeof chunk, &count, nullptr) && count > 0;)
    output.append(chunk, count);
  const DWORD status = end_of(process);
  check_interrupted();
  if (status == 0) return output;
  while (output.ends_with('\n') || output.ends_with('\r')) output.pop_back();
  output = as_said(std::move(output));
  throw Failure(fmt::format("{} failed with status {}:\n  {}", name, status,
                            output.empty() ? "(it said nothing)" : output));
}

}  // namespace lkl::tool
