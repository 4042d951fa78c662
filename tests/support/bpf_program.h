// SPDX-License-Identifier: GPL-2.0
// Programs of BPF, instruction by instruction, and maps of it: what libbpf would send.
#pragma once

#include <lkl.h>
#include <lkl/linux/bpf.h>

#include <cstdint>
#include <span>

namespace lkl_test {

constexpr lkl_bpf_insn insn(int code, int target, int source, int offset, int value) {
  lkl_bpf_insn made = {};
  made.code = static_cast<std::uint8_t>(code);
  made.dst_reg = static_cast<std::uint8_t>(target & 15);
  made.src_reg = static_cast<std::uint8_t>(source & 15);
  made.off = static_cast<std::int16_t>(offset);
  made.imm = value;
  return made;
}

inline long bpf_call(int command, union lkl_bpf_attr& attr) {
  // not lkl_sys_bpf(), which has more arguments in newer kernels
  lkl_long arguments[6] = {command, reinterpret_cast<lkl_long>(&attr), sizeof attr};
  return lkl_syscall(__lkl__NR_bpf, arguments);
}

// Its number, or an error.
inline int load_bpf(unsigned type, std::span<const lkl_bpf_insn> program) {
  union lkl_bpf_attr attr = {};
  attr.prog_type = type;
  attr.insns = reinterpret_cast<std::uintptr_t>(program.data());
  attr.insn_cnt = static_cast<std::uint32_t>(program.size());
  attr.license = reinterpret_cast<std::uintptr_t>("GPL");
  return static_cast<int>(bpf_call(LKL_BPF_PROG_LOAD, attr));
}

}  // namespace lkl_test
