# SPDX-License-Identifier: GPL-2.0-or-later
# Completion for bash: daxfuse, daxfuse-stat, daxfuse-image, mkfs.daxfuse,
# fsck.daxfuse.  tests/project/completion.sh holds it against --help.

_daxfuse_mount_options='
	ro rw offset= sizelimit= img_offset= img_size= granularity= dax dax=
	durability= commit= errors= log= nolog norecovery force relatime
	strictatime noatime nodiratime lazytime sync dirsync acl user_xattr
	grpid nogrpid resuid= resgid= minixdf allow_other auto_unmount
	allow_root nosuid nodev noexec nosymfollow context= fscontext=
	defcontext= rootcontext= fsname= subtype= fakeroot mcsafe io_uring
	no_io_uring workers=
	noconfine debug debug_modules= drop_privileges nofail remount setuid=
	writeback'

_daxfuse_values() {
	case $1 in
	granularity) echo byte cacheline page ;;
	dax) echo inode always never ;;
	durability) echo write fsync ;;
	errors) echo continue remount-ro panic ;;
	debug_modules) echo util pmem txn ext2 fs daemon ;;
	esac
}

# The last word of a list "a,b=c,d": bash breaks words at "=", so the line is
# looked at.
_daxfuse_option_list() {
	local line=${COMP_LINE:0:COMP_POINT} list last word
	list=${line##* }
	list=${list#-o}
	last=${list##*,}
	case $last in
	*=*)
		word=${last#*=}
		mapfile -t COMPREPLY < <(compgen \
			-W "$(_daxfuse_values "${last%%=*}")" -- "$word") ;;
	*)
		mapfile -t COMPREPLY < <(compgen -P "${list%"$last"}" \
			-W "$_daxfuse_mount_options" -- "$last")
		compopt -o nospace 2>/dev/null ;;
	esac
}

_daxfuse_sources() {
	mapfile -t COMPREPLY < <(
		compgen -G '/dev/dax*' -- "$1"
		compgen -f -- "$1")
	compopt -o filenames 2>/dev/null
}

# The first word is a device or a file, what follows a directory.
_daxfuse_operand() {
	local i n=0
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-o) i=$((i + 1)) ;;
		-*) ;;
		*) n=$((n + 1)) ;;
		esac
	done
	if [ "$n" -eq 0 ]; then
		_daxfuse_sources "$1"
	else
		mapfile -t COMPREPLY < <(compgen -d -- "$1")
		compopt -o filenames 2>/dev/null
	fi
}

_daxfuse() {
	local cur=${COMP_WORDS[COMP_CWORD]} line=${COMP_LINE:0:COMP_POINT}
	case ${line% *} in
	*' -o')
		_daxfuse_option_list
		return ;;
	esac
	case $cur in
	-*) mapfile -t COMPREPLY < <(compgen -W '-o -r -f -d -s -h -V' -- "$cur") ;;
	*) _daxfuse_operand "$cur" ;;
	esac
}

_daxfuse_stat() {
	local cur=${COMP_WORDS[COMP_CWORD]}
	case $cur in
	-*) mapfile -t COMPREPLY < <(compgen -W '-j --json -w --watch -h --help
		-V --version' -- "$cur") ;;
	*) mapfile -t COMPREPLY < <(compgen \
		-W "$(awk '$3 ~ /^fuse\.daxfuse$/ { print $2 }' /proc/self/mounts)" \
		-- "$cur") ;;
	esac
}

_daxfuse_device() {
	local cur=${COMP_WORDS[COMP_CWORD]}
	case $cur in
	-*) mapfile -t COMPREPLY < <(compgen -W "$_daxfuse_flags" -- "$cur") ;;
	*) _daxfuse_sources "$cur" ;;
	esac
}

_daxfuse_image() {
	local _daxfuse_flags='--run -o -f -v -h -V'
	_daxfuse_device
}

_daxfuse_mkfs() {
	local _daxfuse_flags='-F --sparse -t -b -I -N -m -L -U -O -E -T -q -v -V --help'
	_daxfuse_device
}

_daxfuse_fsck() {
	local _daxfuse_flags='-a -p -n -y -f -v -C -V'
	_daxfuse_device
}

complete -F _daxfuse daxfuse
complete -F _daxfuse_stat daxfuse-stat
complete -F _daxfuse_image daxfuse-image
complete -F _daxfuse_mkfs mkfs.daxfuse
complete -F _daxfuse_fsck fsck.daxfuse
