/* SPDX-License-Identifier: GPL-2.0 */
OUTPUT_FORMAT(elf64-x86-64)
