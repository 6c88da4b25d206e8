# Sourced by ./check and by the scripts in the folders beside this file, from the root of the repository.
#
#   examples CRATE NAME...   builds examples of a crate, with compression, as $examples/NAME
#
#   CARGO_TARGET_DIR   where everything is built (default target)

target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=$PWD/$target ;; esac
# Of all crates: no two examples have the same name.
examples=$target/release/examples

examples() {
    crate=$1
    shift
    # The tests' own crate always compresses, and has no such feature.
    case $crate in
    conformance) features= ;;
    ws-tokio) features='--features deflate,axum' ;;
    *) features='--features deflate' ;;
    esac
    # shellcheck disable=SC2046,SC2086 # lists of options
    cargo build --quiet --release -p "$crate" $features $(printf -- '--example %s ' "$@")
}
