#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the kernel object: unpack, configure, compile, link. Called by CMake
# with the paths in the environment; each step does nothing when nothing changed.
#
#   kernel.sh unpack     SOURCE (a tarball or a tree) -> TREE, with arch/lkl overlaid
#   kernel.sh configure  PROFILE's FRAGMENTS -> OBJ/.config, checked; with TESTS=kunit all
#                        KUnit suites of the tree that can be had are added, with
#                        TESTS=boot all its other built-in tests
#   kernel.sh compile    OBJ/vmlinux.o
#   kernel.sh headers    OBJ/usr/include
#   kernel.sh link       OUTPUT: one relocatable object, only lkl_kernel_* global
#   kernel.sh verify     TREE is SOURCE but for arch/lkl
set -euo pipefail

# Which tests the tree has, by their kind: TESTS is kunit, boot or empty.
SCRIPTS=$(dirname "$(realpath "$0")")
TESTS_CONFIG="$SCRIPTS/${TESTS:-no}_config.py"

die() { echo "kernel.sh: $*" >&2; exit 1; }

kmake() {
	# One time stamp and one user for all builds: the same tree gives the same
	# bytes, and ccache knows objects from another build folder.
	local ccache=()
	if command -v ccache >/dev/null; then
		ccache=("CC=ccache ${CC:-gcc}" "HOSTCC=ccache gcc")
		export CCACHE_BASEDIR="$(dirname "$TREE")" CCACHE_NOHASHDIR=1
		export CCACHE_SLOPPINESS=time_macros
	else
		ccache=("CC=${CC:-gcc}")
	fi
	MAKEFLAGS='' make -C "$TREE" O="$OBJ" ARCH=lkl -j"$(nproc)" -s --no-print-directory \
		KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 1970' \
		KBUILD_BUILD_USER=lkl KBUILD_BUILD_HOST=lkl KBUILD_BUILD_VERSION=1 \
		KCFLAGS="${KCFLAGS_EXTRA:-}" "${ccache[@]}" "$@"
}

# Links, so that a change in the user's tree is seen at once; a new file or folder at the top
# of it as well.
link_tree() {
	local file

	SOURCE=$(realpath "$SOURCE")
	find "$TREE" "$TREE/arch" -maxdepth 1 -xtype l ! -name lkl -delete
	for file in "$SOURCE"/* "$SOURCE"/arch/*; do
		[ "$file" = "$SOURCE/arch" ] || [ -L "$TREE/${file#"$SOURCE/"}" ] ||
			ln -s "$file" "$TREE/${file#"$SOURCE/"}"
	done
}

unpack() {
	local mark="$TREE/.lkl-source"
	local want="$SOURCE"

	# another tarball under the same name; a folder is only linked to
	[ -d "$SOURCE" ] || want+=" $(stat -Lc '%Y %s' "$SOURCE")"
	if [ ! -e "$mark" ] || [ "$(cat "$mark")" != "$want" ]; then
		[ -e "$SOURCE" ] || die "$SOURCE: no such kernel source (Debian: apt install linux-source-6.12, or -DLKL_KERNEL_SOURCE=DIR)"
		rm -rf "$TREE"
		mkdir -p "$TREE"
		if [ -d "$SOURCE" ]; then
			SOURCE=$(realpath "$SOURCE")
			[ -e "$SOURCE/Kbuild" ] || die "$SOURCE: not a kernel source tree"
			[ ! -e "$SOURCE/.config" ] || die "$SOURCE: has been built in (.config is there): run 'make mrproper' in it first"
			mkdir "$TREE/arch"
		else
			echo "Unpacking $(basename "$SOURCE")"
			# Debian's tarballs have blocks, which can be unpacked side by side
			XZ_OPT=-T0 tar xf "$SOURCE" -C "$TREE" --strip-components=1
		fi
	fi
	[ ! -d "$SOURCE" ] || link_tree
	ln -sfn "$ARCH_DIR" "$TREE/arch/lkl"
	echo "$want" >"$mark"
}

# A later fragment overrides an earlier one: each option once, as it was said last.
last_words() {
	awk '{ name = $1 == "#" ? $2 : $1; sub(/=.*/, "", name) } name ~ /^CONFIG_/ { line[name] = $0 }
	     END { for (name in line) print line[name] }' "$1" | sort
}

settle() { # FRAGMENT -> OBJ/.config
	last_words "$1" >"$OBJ/lkl-all.config"
	KCONFIG_ALLCONFIG="$OBJ/lkl-all.config" kmake allnoconfig
	kmake olddefconfig
}

# Every test whose dependencies can be met, found in the tree. One that is not granted
# is no error: it is in the table, with the reason.
add_tests() { # FRAGMENT
	local found="$OBJ/$TESTS-found.config"

	python3 "$TESTS_CONFIG" choose --tree "$TREE" --config "$OBJ/.config" --output "$found"
	cat "$1" "$found" >"$OBJ/$TESTS-all.config"
	settle "$OBJ/$TESTS-all.config"
	python3 "$TESTS_CONFIG" report --tree "$TREE" --config "$OBJ/.config" \
		--fragment "$found" --output "$OBJ/$TESTS-options.tsv"
}

# A tree that somebody works in may have other options than before.
options_changed() {
	local list="$OBJ/include/config/auto.conf.cmd"

	[ -d "$SOURCE" ] && [ -e "$list" ] || return 1
	cd "$TREE"
	sed -n '/^deps_config/,/^$/s/^\t\([^ ]*\).*/\1/p' "$list" |
		xargs -d '\n' sh -c 'find -L "$@" -newer "$0" 2>&1' "$OBJ/.config" | grep . >/dev/null
}

# What a fragment says of this kernel: a line that ends in "# since A.B" says nothing of older ones,
# one that ends in "# before A.B" nothing of that one and later ones, or in both: "# since A.B before C.D".
for_this_kernel() { # FRAGMENT
	awk '$1 == "VERSION" { version = $3 } $1 == "PATCHLEVEL" { level = $3 }
	     FNR == NR { next }
	     match($0, / #( (since|before) [0-9]+\.[0-9]+)+$/) {
		count = split(substr($0, RSTART + 3), words, " ")
		$0 = substr($0, 1, RSTART - 1)
		for (i = 1; i < count; i += 2) {
			split(words[i + 1], limit, ".")
			if ((version * 1000 + level < limit[1] * 1000 + limit[2]) == (words[i] == "since")) next
		}
	     }
	     { print }' "$TREE/Makefile" "$1"
}

configure() {
	local wanted="$OBJ/.lkl-wanted" fragment line option value bad=0

	mkdir -p "$OBJ"
	: >"$wanted.new"
	for fragment in $FRAGMENTS; do
		[ -e "$fragment" ] || die "$fragment: no such configuration fragment"
		for_this_kernel "$fragment" >>"$wanted.new"
	done
	if cmp -s "$wanted.new" "$wanted" && [ "$OBJ/.config" -nt "$wanted" ] &&
	   [ -z "$(find "$ARCH_DIR"/Kconfig* ${TESTS:+"$TESTS_CONFIG" "$SCRIPTS/kconfig.py" "$SCRIPTS/option_search.py"} -newer "$OBJ/.config")" ] &&
	   ! (options_changed); then
		rm "$wanted.new"
		return
	fi
	rm -f "$wanted"
	settle "$wanted.new"
	[ -z "${TESTS:-}" ] || add_tests "$wanted.new"
	while read -r line; do
		case "$line" in
		'# CONFIG_'*' is not set')
			option=${line#\# }; option=${option% is not set}
			if grep -q "^$option=" "$OBJ/.config"; then
				echo "kernel.sh: $option was asked to be off and is on" >&2; bad=1
			fi ;;
		CONFIG_*=*)
			option=${line%%=*}; value=${line#*=}
			if ! grep -qxF "$option=$value" "$OBJ/.config"; then
				echo "kernel.sh: $option=$value was asked for and not granted: $(grep "$option[ =]" "$OBJ/.config" || echo 'unknown here, or a dependency is missing')" >&2; bad=1
			fi ;;
		esac
	done < <(last_words "$wanted.new")
	[ $bad = 0 ] || { rm -f "$OBJ/.config"; die "profile $PROFILE can't be had from this kernel tree"; }
	mv "$wanted.new" "$wanted"
	touch "$OBJ/.config"
}

compile() {
	kmake vmlinux_o
	kmake init/version-timestamp.o
	! grep -q '^CONFIG_GDB_SCRIPTS=y' "$OBJ/.config" || kmake scripts_gdb
}

headers() { kmake headers; }

# CONFIG_LKL_BOOT_TESTS: the table of initcalls that are tests. Initcalls have no global
# names, so those of the table are made global in a copy.
boot_tests() {
	${NM:-nm} "$OBJ/vmlinux.o" | grep __initcall__ >"$OBJ/lkl-initcalls"
	python3 "$SCRIPTS/boot_config.py" link --tree "$TREE" --config "$OBJ/.config" \
		--symbols "$OBJ/lkl-initcalls" --entries "$OBJ/lkl-tests.entries" \
		--output "$OBJ/lkl-tests.S"
	${CC:-gcc} -c -Wa,--noexecstack -o "$OBJ/lkl-tests.o" "$OBJ/lkl-tests.S"
	${OBJCOPY:-objcopy} --globalize-symbols="$OBJ/lkl-tests.entries" "$OBJ/vmlinux.o" \
		"$OBJ/lkl-vmlinux.o"
}

# Initcalls that kernel/initcalls.c may leave out: their entries have no global names, and get some in a
# copy.
name_initcalls() { # OBJECT FUNCTION...
	local from=$1 function entry globalize=() redefine=()
	shift

	for function; do
		entry=$(${NM:-nm} "$from" | awk -v end="_${function}6$" '$3 ~ /^__initcall__/ && $3 ~ end { print $3 }')
		[ -n "$entry" ] || die "$function is no initcall"
		globalize+=("--globalize-symbol=$entry")
		redefine+=(--redefine-sym "$entry=lkl_initcall_$function")
	done
	${OBJCOPY:-objcopy} "${globalize[@]}" "$from" "$OBJ/lkl-named.o"
	${OBJCOPY:-objcopy} "${redefine[@]}" "$OBJ/lkl-named.o"
}

# CONFIG_KALLSYMS: the table of functions, for backtraces with names. kbuild makes it
# when it links vmlinux, which we do not; its tool is the same.
kallsyms() { # LINKER-SCRIPT OBJECTS...
	local lds=$1 all=() option
	shift

	for option in ALL:--all-symbols BASE_RELATIVE:--base-relative; do
		grep -q "^CONFIG_KALLSYMS_${option%%:*}=y" "$OBJ/.config" && all+=("${option#*:}")
	done
	${LD:-ld} -r -T "$lds" -o "$OBJ/lkl-nosyms.o" "$@"
	# Functions only: sections of a relocatable object have no common address space.
	${NM:-nm} -n "$OBJ/lkl-nosyms.o" | grep -iE '^[0-9a-f]+ [tw] ' >"$OBJ/lkl.syms"
	"$OBJ/scripts/kallsyms" "${all[@]}" "$OBJ/lkl.syms" |
		sed 's/\.section \.rodata, "a"/.section .data.rel.ro, "aw"/' >"$OBJ/lkl-kallsyms.S"
	${CC:-gcc} -c -fPIC -D__ASSEMBLY__ -DBITS_PER_LONG=64 -Wa,--noexecstack -I"$TREE/arch/lkl/include/uapi" -I"$TREE/include/uapi" \
		-I"$TREE/include" -I"$OBJ/arch/lkl/include/generated/uapi" \
		-o "$OBJ/lkl-kallsyms.o" "$OBJ/lkl-kallsyms.S"
}

link() {
	local tmp="$OUTPUT.tmp" lds="$OBJ/arch/lkl/kernel/vmlinux.lds"
	local objects=("$OBJ/vmlinux.o" "$OBJ/init/version-timestamp.o") initcalls=() left

	if grep -q '^CONFIG_LKL_BOOT_TESTS=y' "$OBJ/.config"; then
		boot_tests
		objects[0]="$OBJ/lkl-vmlinux.o"
		objects+=("$OBJ/lkl-tests.o")
	fi
	for left in CRYPTO_JITTERENTROPY:jent_mod_init IP_VS:ip_vs_init; do
		! grep -q "^CONFIG_${left%%:*}=y" "$OBJ/.config" || initcalls+=("${left#*:}")
	done
	if [ ${#initcalls[@]} -gt 0 ]; then
		name_initcalls "${objects[0]}" "${initcalls[@]}"
		objects[0]="$OBJ/lkl-named.o"
	fi
	if grep -q '^CONFIG_KALLSYMS=y' "$OBJ/.config"; then
		kallsyms "$lds" "${objects[@]}"
		objects+=("$OBJ/lkl-kallsyms.o")
	fi
	${LD:-ld} -r -T "$lds" -o "$tmp" "${objects[@]}"
	${OBJCOPY:-objcopy} -w -G 'lkl_kernel_*' -G lkl_cpu "$tmp"
	if cmp -s "$tmp" "$OUTPUT"; then rm "$tmp"; touch "$OUTPUT"; else mv "$tmp" "$OUTPUT"; fi
}

# No file of the tree but arch/lkl differs from the pristine source.
verify() {
	local bad=0

	if [ -d "$SOURCE" ]; then
		# all there is, but for arch/lkl and the build folder, are links to it
		find "$TREE" "$TREE/arch" -mindepth 1 -maxdepth 1 ! -name build ! -name .lkl-source \
			! -path "$TREE/arch" ! -path "$TREE/arch/lkl" \
			! -lname "$(realpath "$SOURCE")/*" | grep . && bad=1
		# and where they lead is no build's
		find "$SOURCE/" -name '*.o' -print -quit | grep . && bad=1
	else
		# what the tarball has is unchanged
		tar df "$SOURCE" -C "$(dirname "$TREE")" --transform "s,^[^/]*,$(basename "$TREE"),S" \
			2>&1 | grep -vE ': (Uid|Gid|Mod time) differs$' && bad=1
		# and there is nothing else
		diff <(tar tf "$SOURCE" | sed 's,^[^/]*/,,; s,/$,,; /^$/d' | sort) \
		     <(cd "$TREE" && find . -mindepth 1 -path ./build -prune -o -path ./arch/lkl -prune -o \
			-name .lkl-source -prune -o -print | sed 's,^\./,,' | sort) || bad=1
	fi
	[ $bad = 0 ] || die "the built tree differs from $SOURCE outside of arch/lkl"
	echo "$TREE is $SOURCE with arch/lkl and nothing else"
}

case "${1:-}" in
unpack|configure|compile|headers|link|verify) "$1" ;;
*) die "usage: kernel.sh unpack|configure|compile|headers|link|verify" ;;
esac
