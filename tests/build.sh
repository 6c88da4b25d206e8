# Sourced by ./check and by the scripts in the folders beside this file, from the root of the repository.
#
#   examples CRATE NAME...   builds examples of a crate and copies them to $target/examples/CRATE,
#                            because those of one name, of ws-std and of ws-mio, overwrite each other
#
#   CARGO_TARGET_DIR   where everything is built (default target)

target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=$PWD/$target ;; esac

examples() {
    crate=$1
    shift
    # shellcheck disable=SC2046 # a list of options
    cargo build --quiet --release -p "$crate" $(printf -- '--example %s ' "$@") || return
    mkdir -p "$target/examples/$crate"
    for name in "$@"; do
        cp -f "$target/release/examples/$name" "$target/examples/$crate/" || return
    done
}
