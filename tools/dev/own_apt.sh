# SPDX-License-Identifier: GPL-2.0
#
# For scripts that get something of Debian by apt with a list of sources and a state of its own: nothing that apt knows of
# this machine changes. $work is a folder for this run, $cache is where what was got is kept.

keyring=${LKL_DEBIAN_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lkl/sources
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" # for apt, which gets things as another user

# Asks what $work/sources.list has; false if it could not be asked, and why is in $work/log. By "${own_apt[@]}" apt-get and
# apt-cache know that list, and nothing of this machine's packages.
ask_sources() {
	mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/trusted"
	: >"$work/status"
	own_apt=(-o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o "Dir::Etc::TrustedParts=$work/trusted" -o Dir::Etc::Trusted=/dev/null
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
		-o "Dir::State=$work/state" -o "Dir::State::Lists=$work/state/lists" -o "Dir::State::Status=$work/status"
		-o "Dir::Cache=$work/cache" -o APT::Default-Release= -o Acquire::Languages=none)
	apt-get "${own_apt[@]}" -q -o Acquire::Retries=2 -o APT::Update::Error-Mode=any update >"$work/log" 2>&1
}
