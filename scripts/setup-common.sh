# What setup-libtorch.sh and setup-llvm.sh have in common; they read it.

fail() {
    echo "error: $1" >&2
    echo "hint: $2" >&2
    exit 1
}

# What wheels of programs need; $1 says what else will do on another platform.
need_wheels() {
    platform=$(uname -sm)
    [ "$platform" = "Linux x86_64" ] || fail "this is $platform: the wheels are for Linux x86_64" "$1"
    command -v python3 >/dev/null || fail "python3 was not found" "install Python 3 with pip"
    python3 -m pip --version >/dev/null 2>&1 ||
        fail "this python3 has no pip" "install it (apt-get install python3-pip, or python3 -m ensurepip)"
}

# Makes the folder of this run, $part, which goes with it; $1 is how its path begins. What killed runs left goes.
make_part() {
    for old in "$1".*.tmp; do
        pid=${old%.tmp}
        kill -0 "${pid##*.}" 2>/dev/null || rm -rf "$old"
    done
    part=$1.$$.tmp
    trap 'rm -rf "$part"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    mkdir "$part"
}

# Brings the wheels of $part/wheels.txt into $part/wheels; further arguments are pip's. It keeps no second copy.
fetch_wheels() {
    python3 -m pip download --require-hashes --no-deps --only-binary=:all: --no-cache-dir \
        --dest "$part/wheels" --requirement "$part/wheels.txt" "$@" ||
        fail "pip could not bring the wheels" "its own words are above; nothing was changed"
}
