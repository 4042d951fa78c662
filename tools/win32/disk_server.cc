// SPDX-License-Identifier: GPL-2.0
//
// The program is in a job with us: when we end, in whatever way, it does. What it says goes to a
// temporary file.
#include "image/disk_server.h"

#include <windows.h>

#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "base/host_calls.h"
#include "base/process.h"
#include "host/win32/handle.h"
#include "host/win32/path.h"
#include "host/win32/windows_error.h"
#include "win32/tcp_port.h"
#include "win32/words.h"

namespace lkl::tool {

namespace {

using lkl::host::Handle;
using lkl::host::wide;

struct Program {
  Handle job, process, output;
  DWORD id = 0;
};

Program& program_of(const std::shared_ptr<void>& memory) {
  return *static_cast<Program*>(memory.get());
}

[[noreturn]] void fail(const std::string& name, const char* step) {
  throw Failure(
      fmt::format("{}: {}: {}", name, step, describe(host_error(-lkl::host::last_errno()))));
}

Handle temporary_file(const std::string& name) {
  std::wstring folder(MAX_PATH + 1, 0), file(MAX_PATH + 1, 0);
  if (GetTempPathW(static_cast<DWORD>(folder.size()), folder.data()) == 0 ||
      GetTempFileNameW(folder.c_str(), L"lkl", 0, file.data()) == 0)
    fail(name, "no place for what it says");
  SECURITY_ATTRIBUTES handed_on = {sizeof handed_on, nullptr, TRUE};
  Handle handle(CreateFileW(file.c_str(), GENERIC_READ | GENERIC_WRITE | DELETE,
                            FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, &handed_on,
                            CREATE_ALWAYS, FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE,
                            nullptr));
  if (!handle) fail(name, "no place for what it says");
  return handle;
}

Handle job_of_ours(const std::string& name) {
  Handle job(CreateJobObjectW(nullptr, nullptr));
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {};
  limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
  if (!job || !SetInformationJobObject(job.get(), JobObjectExtendedLimitInformation, &limits,
                                       sizeof limits))
    fail(name, "no job for it");
  return job;
}

// With these handles and no others of ours: the image's, among them.
class HandedOn {
 public:
  explicit HandedOn(std::vector<HANDLE> handles) : handles_(std::move(handles)) {
    SIZE_T size = 0;
    InitializeProcThreadAttributeList(nullptr, 1, 0, &size);
    memory_.resize(size);
    good_ = InitializeProcThreadAttributeList(list(), 1, 0, &size) &&
            UpdateProcThreadAttribute(list(), 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles_.data(),
                                      handles_.size() * sizeof(HANDLE), nullptr, nullptr);
  }
  HandedOn(const HandedOn&) = delete;
  HandedOn& operator=(const HandedOn&) = delete;
  ~HandedOn() { DeleteProcThreadAttributeList(list()); }

  LPPROC_THREAD_ATTRIBUTE_LIST list() {
    return reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(memory_.data());
  }
  bool good() const { return good_; }

 private:
  std::vector<HANDLE> handles_;
  std::vector<std::byte> memory_;
  bool good_ = false;
};

}  // namespace

DiskServer::DiskServer(std::string uri, unsigned port, const std::vector<std::string>& arguments)
    : name_(arguments.front()), uri_(std::move(uri)) {
  const std::string path = require_program(name_, {});
  auto program = std::make_shared<Program>();
  program->output = temporary_file(name_);
  program->job = job_of_ours(name_);
  SECURITY_ATTRIBUTES handed_on = {sizeof handed_on, nullptr, TRUE};
  const Handle nothing(CreateFileW(L"NUL", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE,
                                   &handed_on, OPEN_EXISTING, 0, nullptr));
  HandedOn handles({nothing.get(), program->output.get()});
  STARTUPINFOEXW startup = {};
  startup.StartupInfo.cb = sizeof startup;
  startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
  startup.StartupInfo.hStdInput = nothing.get();
  startup.StartupInfo.hStdOutput = startup.StartupInfo.hStdError = program->output.get();
  startup.lpAttributeList = handles.list();
  std::wstring words = wide(command_line(arguments));
  PROCESS_INFORMATION process = {};
  // Ctrl-C is for us: we may have something to write to the image yet.
  constexpr DWORD kFlags =
      CREATE_SUSPENDED | CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP | EXTENDED_STARTUPINFO_PRESENT;
  if (!handles.good() || !CreateProcessW(wide(path).c_str(), words.data(), nullptr, nullptr, TRUE,
                                         kFlags, nullptr, nullptr, &startup.StartupInfo, &process))
    fail(path, "cannot start it");
  program->process = Handle(process.hProcess);
  program->id = process.dwProcessId;
  const Handle thread(process.hThread);
  if (!AssignProcessToJobObject(program->job.get(), process.hProcess)) {
    TerminateProcess(process.hProcess, 1);
    fail(path, "cannot have it in a job");
  }
  ResumeThread(thread.get());
  on_windows_ = std::move(program);
  constexpr DWORD kPause = 25, kPatience = 30'000;
  for (DWORD waited = 0; waited < kPatience && !listens(port, program_of(on_windows_).id);
       waited += kPause)
    if (WaitForSingleObject(program_of(on_windows_).process.get(), kPause) == WAIT_OBJECT_0) return;
}

DiskServer::DiskServer(DiskServer&& other) noexcept
    : name_(std::move(other.name_)),
      uri_(std::move(other.uri_)),
      connected_(other.connected_),
      stopped_(std::exchange(other.stopped_, true)),
      on_windows_(std::move(other.on_windows_)) {}

DiskServer::~DiskServer() {
  try {
    stop();
  } catch (const std::exception&) {
    // who wants to know calls stop()
  }
}

// It has one client, and we are that.
void DiskServer::close_door() {
  connected_ = true;
}

std::string DiskServer::complaints() {
  constexpr DWORD kMost = 64 << 10, kPatience = 1000;
  Program& program = program_of(on_windows_);
  WaitForSingleObject(program.process.get(), kPatience);
  std::string text(kMost, '\0');
  OVERLAPPED place = {};
  DWORD count = 0;
  if (!ReadFile(program.output.get(), text.data(), kMost, &count, &place)) count = 0;
  text.resize(count);
  std::erase(text, '\r');
  return as_said(std::move(text));
}

void DiskServer::stop() {
  if (std::exchange(stopped_, true)) return;
  Program& program = program_of(on_windows_);
  const bool before = WaitForSingleObject(program.process.get(), 0) == WAIT_OBJECT_0;
  // What it has written without a client is nothing.
  if (!before && !connected_) {
    TerminateProcess(program.process.get(), 1);
    return;
  }
  DWORD status = 1;
  WaitForSingleObject(program.process.get(), INFINITE);
  GetExitCodeProcess(program.process.get(), &status);
  if (status == 0 && connected_) return;
  throw Failure(fmt::format("{} {}:\n  {}", name_, before ? "ended too early" : "failed at the end",
                            complaints()));
}

}  // namespace lkl::tool
