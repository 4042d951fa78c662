// SPDX-License-Identifier: GPL-2.0
//
// WinFsp's interface for programs, as its documentation has it (winfsp.dev: API reference): what it
// is told of a volume and of files, the operations that it calls, and its functions, which are in
// winfsp-x64.dll. Names are ours, beside those of the documentation; places and sizes are its.
#ifndef LKL_WINFSP_API_H
#define LKL_WINFSP_API_H

#include <lkl.h>

#include "winfsp/nt_status.h"

#include <cstddef>
#include <cstdint>

namespace lkl::winfsp {

// FSP_FSCTL_VOLUME_PARAMS
struct VolumeParameters {
  std::uint16_t version = 504;  // the size of this
  std::uint16_t sector_size = 512;
  std::uint16_t sectors_per_unit = 8;  // an allocation unit
  std::uint16_t longest_name = 255;
  std::uint64_t created = 0;
  std::uint32_t serial = 0;
  std::uint32_t transact_timeout = 0, irp_timeout = 0, irp_capacity = 0;
  std::uint32_t file_info_timeout = 0;  // milliseconds; for ever: contents are kept, too
  std::uint32_t flags = 0;              // kCaseSensitive ...
  wchar_t prefix[192] = {};
  wchar_t type[16] = {};
  std::uint32_t valid_timeouts = 0;
  std::uint32_t volume_info_timeout = 0, directory_timeout = 0, security_timeout = 0,
                stream_timeout = 0, attribute_timeout = 0;
  std::uint32_t extension = 0;
  std::uint32_t reserved = 0;
  std::uint64_t reserved_too[2] = {};
};
static_assert(sizeof(VolumeParameters) == 504);
static_assert(offsetof(VolumeParameters, created) == 8);
static_assert(offsetof(VolumeParameters, file_info_timeout) == 32);
static_assert(offsetof(VolumeParameters, flags) == 36);
static_assert(offsetof(VolumeParameters, prefix) == 40);
static_assert(offsetof(VolumeParameters, type) == 424);
static_assert(offsetof(VolumeParameters, valid_timeouts) == 456);
static_assert(offsetof(VolumeParameters, reserved_too) == 488);

enum VolumeFlag : std::uint32_t {
  kCaseSensitive = 1U << 0,          // CaseSensitiveSearch
  kKeepsCase = 1U << 1,              // CasePreservedNames
  kUnicode = 1U << 2,                // UnicodeOnDisk
  kAccessLists = 1U << 3,            // PersistentAcls
  kReparsePoints = 1U << 4,          // ReparsePoints
  kReadOnlyVolume = 1U << 9,         // ReadOnlyVolume
  kAsksForOneEntry = 1U << 13,       // PassQueryDirectoryFileName
  kContextIsOpenFile = 1U << 16,     // UmFileContextIsUserContext2
  kReparsePointsAreBoth = 1U << 18,  // UmNoReparsePointsDirCheck
  kUnlinksWhatIsOpen = 1U << 29,     // SupportsPosixUnlinkRename
};

// FSP_FSCTL_VOLUME_INFO
struct VolumeInfo {
  std::uint64_t total;
  std::uint64_t free;
  std::uint16_t label_bytes;
  wchar_t label[32];
};
static_assert(sizeof(VolumeInfo) == 88 && offsetof(VolumeInfo, label) == 18);

// FSP_FSCTL_FILE_INFO
struct FileInfo {
  std::uint32_t attributes;
  std::uint32_t reparse_tag;
  std::uint64_t allocated;
  std::uint64_t size;
  std::uint64_t created, accessed, written, changed;  // as FILETIME
  std::uint64_t index;
  std::uint32_t links;
  std::uint32_t attribute_bytes;  // of extended attributes
};
static_assert(sizeof(FileInfo) == 72 && offsetof(FileInfo, created) == 24 &&
              offsetof(FileInfo, index) == 56);

// FSP_FSCTL_DIR_INFO; the name is behind it, without an end.
struct DirectoryInfo {
  std::uint16_t size;  // of all, the name too
  FileInfo file;
  std::uint64_t next_offset;
  std::uint8_t padding[16];

  wchar_t* name() { return reinterpret_cast<wchar_t*>(this + 1); }
};
static_assert(sizeof(DirectoryInfo) == 104 && offsetof(DirectoryInfo, file) == 8 &&
              offsetof(DirectoryInfo, next_offset) == 80);

// The beginning of FSP_FILE_SYSTEM; the rest is WinFsp's.
struct Volume {
  std::uint16_t version;
  void* context;  // ours
};
static_assert(offsetof(Volume, context) == 8);

struct Operations;

// FspCleanup...
enum CleanupFlag : std::uint32_t { kCleanupDelete = 1 };

// FSP_FILE_SYSTEM_INTERFACE
struct Operations {
  NtStatus (*get_volume_info)(Volume*, VolumeInfo*);
  NtStatus (*set_volume_label)(Volume*, wchar_t* label, VolumeInfo*);
  NtStatus (*get_security_by_name)(Volume*, wchar_t* name, std::uint32_t* attributes,
                                   void* descriptor, std::size_t* size);
  NtStatus (*create)(Volume*, wchar_t* name, std::uint32_t options, std::uint32_t access,
                     std::uint32_t attributes, void* descriptor, std::uint64_t allocation,
                     void** file, FileInfo*);
  NtStatus (*open)(Volume*, wchar_t* name, std::uint32_t options, std::uint32_t access, void** file,
                   FileInfo*);
  NtStatus (*overwrite)(Volume*, void* file, std::uint32_t attributes, BOOLEAN replace,
                        std::uint64_t allocation, FileInfo*);
  void (*cleanup)(Volume*, void* file, wchar_t* name, ULONG flags);
  void (*close)(Volume*, void* file);
  NtStatus (*read)(Volume*, void* file, void* buffer, std::uint64_t offset, ULONG length,
                   ULONG* transferred);
  NtStatus (*write)(Volume*, void* file, void* buffer, std::uint64_t offset, ULONG length,
                    BOOLEAN at_end, BOOLEAN constrained, ULONG* transferred, FileInfo*);
  NtStatus (*flush)(Volume*, void* file, FileInfo*);
  NtStatus (*get_file_info)(Volume*, void* file, FileInfo*);
  NtStatus (*set_basic_info)(Volume*, void* file, std::uint32_t attributes, std::uint64_t created,
                             std::uint64_t accessed, std::uint64_t written, std::uint64_t changed,
                             FileInfo*);
  NtStatus (*set_file_size)(Volume*, void* file, std::uint64_t size, BOOLEAN is_allocation,
                            FileInfo*);
  NtStatus (*can_delete)(Volume*, void* file, wchar_t* name);
  NtStatus (*rename)(Volume*, void* file, wchar_t* name, wchar_t* new_name, BOOLEAN replace);
  NtStatus (*get_security)(Volume*, void* file, void* descriptor, std::size_t* size);
  NtStatus (*set_security)(Volume*, void* file, ULONG what, void* descriptor);
  NtStatus (*read_directory)(Volume*, void* file, wchar_t* pattern, wchar_t* marker, void* buffer,
                             ULONG length, ULONG* transferred);
  NtStatus (*resolve_reparse_points)(Volume*, wchar_t* name, std::uint32_t index, BOOLEAN last,
                                     IO_STATUS_BLOCK* status, void* buffer, std::size_t* size);
  NtStatus (*get_reparse_point)(Volume*, void* file, wchar_t* name, void* buffer,
                                std::size_t* size);
  NtStatus (*set_reparse_point)(Volume*, void* file, wchar_t* name, void* buffer, std::size_t size);
  NtStatus (*delete_reparse_point)(Volume*, void* file, wchar_t* name, void* buffer,
                                   std::size_t size);
  void* get_stream_info;
  NtStatus (*get_dir_info_by_name)(Volume*, void* file, wchar_t* name, DirectoryInfo*);
  void* control;
  NtStatus (*set_delete)(Volume*, void* file, wchar_t* name, BOOLEAN yes);
  void* create_ex;
  void* overwrite_ex;
  void* get_attributes;
  void* set_attributes;
  void* obsolete;
  void (*dispatcher_stopped)(Volume*, BOOLEAN normally);
  void* reserved[31];
};
static_assert(sizeof(Operations) == 64 * sizeof(void*));
static_assert(offsetof(Operations, read_directory) == 18 * sizeof(void*));
static_assert(offsetof(Operations, set_delete) == 26 * sizeof(void*));
static_assert(offsetof(Operations, dispatcher_stopped) == 32 * sizeof(void*));

// What a symbolic link is by its name, as FspFileSystemResolveReparsePoints() asks for it.
using GetReparsePointByName = NtStatus (*)(Volume*, void* context, wchar_t* name,
                                           BOOLEAN is_directory, void* buffer, std::size_t* size);

// The functions; each is Fsp and its name here, but for the first's letter.
struct Functions {
  NtStatus (*Version)(std::uint32_t* version);
  NtStatus (*FileSystemCreate)(wchar_t* device, const VolumeParameters*, const Operations*,
                               Volume**);
  void (*FileSystemDelete)(Volume*);
  NtStatus (*FileSystemSetMountPoint)(Volume*, wchar_t* mount_point);
  void (*FileSystemRemoveMountPoint)(Volume*);
  wchar_t* (*FileSystemMountPointF)(Volume*);
  NtStatus (*FileSystemStartDispatcher)(Volume*, ULONG threads);
  void (*FileSystemStopDispatcher)(Volume*);
  void (*FileSystemSetDebugLogF)(Volume*, ULONG log);
  void (*DebugLogSetHandle)(HANDLE);
  BOOLEAN (*FileSystemAcquireDirectoryBuffer)(void** buffer, BOOLEAN reset, NtStatus*);
  BOOLEAN (*FileSystemFillDirectoryBuffer)(void** buffer, DirectoryInfo*, NtStatus*);
  void (*FileSystemReleaseDirectoryBuffer)(void** buffer);
  void (*FileSystemReadDirectoryBuffer)(void** buffer, wchar_t* marker, void* to, ULONG length,
                                        ULONG* transferred);
  void (*FileSystemDeleteDirectoryBuffer)(void** buffer);
  NtStatus (*FileSystemResolveReparsePoints)(Volume*, GetReparsePointByName, void* context,
                                             wchar_t* name, std::uint32_t index, BOOLEAN last,
                                             IO_STATUS_BLOCK*, void* buffer, std::size_t* size);
};

}  // namespace lkl::winfsp

#endif  // LKL_WINFSP_API_H
