// SPDX-License-Identifier: GPL-2.0
//
// What WinFsp's driver and its DLL do between a program that opens files and a file system: as its
// documentation tells it, no more than the tests want. Not WinFsp's code, and not what it does
// inside.
#pragma once

#include "winfsp/api.h"

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace lkl_fake_winfsp {

using lkl::winfsp::DirectoryInfo;
using lkl::winfsp::FileInfo;
using lkl::winfsp::NtStatus;
using lkl::winfsp::Operations;
using lkl::winfsp::Volume;
using lkl::winfsp::VolumeParameters;

// A program's request to open a name, as NtCreateFile() has it.
struct Request {
  std::wstring name;
  ULONG disposition = 0, options = 0, access = 0, attributes = 0;
  std::uint64_t allocation = 0;
};

struct Handle {
  void* context = nullptr;
  std::wstring name;
  bool remove = false, cleaned = false;
};

// FSP_FILE_SYSTEM of the fake.
struct FakeVolume : Volume {
  VolumeParameters parameters;
  Operations operations = {};
  std::wstring mount_point;
  std::mutex mutex;
  std::map<unsigned, Handle> handles;
  unsigned next = 1;
};

class Driver {
 public:
  explicit Driver(FakeVolume& volume) : volume_(volume) {}

  // `information`: FILE_OPENED, FILE_CREATED ...
  NtStatus open(Request request, unsigned& handle, ULONG& information, FileInfo& info);
  void cleanup(unsigned handle);
  void close(unsigned handle);
  Handle get(unsigned handle);
  NtStatus set_delete(unsigned handle, bool yes);
  NtStatus rename(unsigned handle, const std::wstring& name, bool replace);
  const Operations& operations() const { return volume_.operations; }
  FakeVolume& volume() { return volume_; }

  // Of GetSecurityByName().
  NtStatus look_up(const std::wstring& name, std::uint32_t& attributes,
                   std::vector<std::byte>& descriptor);

 private:
  NtStatus open_once(const Request& request, void** context, ULONG& information, FileInfo& info);
  NtStatus create(const Request& request, void** context, FileInfo& info);
  NtStatus follow(const Request& request, NtStatus status, bool last, std::wstring& name);

  FakeVolume& volume_;
};

// What FspFileSystemResolveReparsePoints() does for links that stay on the volume.
NtStatus resolve(Volume* volume, lkl::winfsp::GetReparsePointByName get, void* context,
                 const wchar_t* name, bool last, IO_STATUS_BLOCK* status, void* buffer,
                 std::size_t* size);

}  // namespace lkl_fake_winfsp
