/* SPDX-License-Identifier: GPL-2.0 */
struct exception_table_entry {
	int insn;
};
