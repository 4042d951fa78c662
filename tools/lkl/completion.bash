# SPDX-License-Identifier: GPL-2.0
# bash completion for lkl

_lkl() {
  local cur prev words cword
  _init_completion -n : 2>/dev/null || {
    cur=${COMP_WORDS[COMP_CWORD]}
    prev=${COMP_WORDS[COMP_CWORD - 1]}
    words=("${COMP_WORDS[@]}")
    cword=$COMP_CWORD
  }

  local common="--add --domain --disk --connect --ro --snapshot --commit --format --type --partition"
  common+=" --offset --force"
  common+=" --key-file --mem --mount-options --no-sandbox --quiet --verbose --help"
  local commands="bisect build cat chmod chown cp df diff domains du find info ln ls mkdir mount mv rm rmdir"
  commands+=" sh stat tar test touch truncate umount write"
  local command="" i
  for ((i = 1; i < cword; i++)); do
    if [[ " $commands " == *" ${words[i]} "* ]]; then
      command=${words[i]}
      break
    fi
  done

  case $prev in
    -t | --type)
      if [[ $command == find && $prev == --type ]]; then
        COMPREPLY=($(compgen -W "f d l c b p s" -- "$cur"))
        return
      fi
      COMPREPLY=($(compgen -W "ext4 btrfs vfat exfat squashfs iso9660 udf" -- "$cur"))
      return
      ;;
    --domain)
      COMPREPLY=($(compgen -W "$(lkl domains --json 2>/dev/null |
        sed -n 's/^    "name": "\([^" ]*\)",$/\1/p')" -- "$cur"))
      return
      ;;
    -P | --partition)
      compopt -o nospace 2>/dev/null
      COMPREPLY=($(compgen -W "UUID= LABEL= PARTUUID= PARTLABEL=" -- "$cur"))
      return
      ;;
    --disk | --connect | -m | --mem | --mount-options | --owner | --mode | --date | --size | --text | \
      --offset | --name | --max-depth | --exclude | --label | --uuid | --mkfs-options | --filter | \
      --timeout | --seconds | --good | --bad | -j | --jobs)
      return
      ;;
    --format)
      COMPREPLY=($(compgen -W "raw qcow2 qed vmdk vdi vhd vhdx" -- "$cur"))
      return
      ;;
    --sparse)
      COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
      return
      ;;
    --preserve | --no-preserve)
      COMPREPLY=($(compgen -W "mode ownership timestamps links xattr all" -- "$cur"))
      return
      ;;
  esac

  local options=""
  case $command in
    "") options="--version" ;;
    bisect) options="--tree --good --bad --build --log" ;;
    build) options="--size --label --uuid --owner --mkfs-options --force --reproducible" ;;
    cp)
      options="--recursive --dereference --no-dereference --force --no-clobber --update
        --no-target-directory --preserve --no-preserve --archive --no-owner --owner --sparse --trusted"
      ;;
    chmod) options="--recursive" ;;
    chown) options="--recursive --no-dereference" ;;
    df) options="--human-readable --inodes --json" ;;
    diff) options="--times --no-owner --exclude --json" ;;
    domains) options="--json" ;;
    du) options="--summarize --human-readable --max-depth --json" ;;
    find)
      options="--name --iname --type --size --max-depth --min-depth --print0 --json"
      options+=" -name -iname -type -size -maxdepth -mindepth -print0"
      ;;
    info) options="--json" ;;
    ln) options="--symbolic --force --no-dereference" ;;
    ls)
      options="--all --long --human-readable --one-column --recursive --directory --inode --json"
      ;;
    mkdir) options="--parents --mode" ;;
    mount) options="--rw --options --foreground --keep-owners" ;;
    mv) options="--force --no-clobber" ;;
    rm) options="--recursive --force" ;;
    rmdir) options="--parents" ;;
    stat) options="--dereference --json" ;;
    tar) options="--file --gzip --bzip2 --xz --zstd --auto-compress" ;;
    test)
      options="--filter --list --skip-slow --ktap --junit --json --timeout --seconds --jobs --tree
        --config --build --build-only --profile --coverage --path"
      ;;
    touch) options="--no-create --date" ;;
    truncate) options="--size --no-create" ;;
    umount) options="--lazy" ;;
    write) options="--text --append --offset" ;;
  esac

  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$common $options" -- "$cur"))
  elif [[ -z $command && $prev != -a && $prev != --add ]]; then
    COMPREPLY=($(compgen -W "$commands" -- "$cur"))
  elif [[ $command == tar && $prev == tar ]]; then
    COMPREPLY=($(compgen -W "in out" -- "$cur"))
  elif [[ $command == test && $prev == test ]]; then
    COMPREPLY=($(compgen -W "boot kunit list" -- "$cur"))
  else
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$cur"))
  fi
}

complete -F _lkl lkl

# The other names of the program.
_lkl_face() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  local options="--filesystem-type --partition --enable-printk --help"
  case $1 in
    fs2tar) options+=" --selinux-contexts" ;;
    *) options+=" --filesystem-image --memory --owner --group --selinux" ;;
  esac
  case $prev in
    -t | --filesystem-type)
      COMPREPLY=($(compgen -W "ext4 btrfs vfat exfat squashfs iso9660 udf" -- "$cur"))
      return
      ;;
    --domain)
      COMPREPLY=($(compgen -W "$(lkl domains --json 2>/dev/null |
        sed -n 's/^    "name": "\([^" ]*\)",$/\1/p')" -- "$cur"))
      return
      ;;
    -P | --partition)
      compopt -o nospace 2>/dev/null
      COMPREPLY=($(compgen -W "UUID= LABEL= PARTUUID= PARTLABEL=" -- "$cur"))
      return
      ;;
    --disk | --connect | -m | --mb | --memory | -o | --owner | -g | --group)
      return
      ;;
  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$cur"))
  else
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$cur"))
  fi
}

complete -F _lkl_face cptofs cpfromfs fs2tar
