#!/bin/sh
# Installs the command agent-kernel from this checkout: deno task install
# It goes to $PREFIX/bin, by default ~/.local/bin. To uninstall it, delete that file.
set -eu

fail() {
  echo "agent-kernel: $1" >&2
  exit 1
}
# A word as a shell reads it back.
quoted() {
  printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"
}

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
prefix=${PREFIX:-${HOME:+$HOME/.local}}
[ -n "$prefix" ] || fail "HOME is not set, so say where to install: PREFIX=/usr/local deno task install"
deno=$(command -v deno) || fail "There is no deno in the PATH"
target=$prefix/bin/agent-kernel

echo "Loading what the command line imports (once, about 70 MB)"
"$deno" cache -q "--config=$root/deno.json" "--lock=$root/src/cli/deno.lock" --frozen "$root"/src/cli/*.ts ||
  fail "Cannot load the packages that the command line imports"

mkdir -p -- "$prefix/bin" 2>/dev/null && [ -w "$prefix/bin" ] ||
  fail "Cannot write to \"$prefix/bin\", expected a folder of yours: PREFIX=/some/folder deno task install"
rm -f -- "$target"
cat >"$target" <<END
#!/bin/sh
# agent-kernel of the checkout $(printf %s "$root" | tr '\n' ' '), made by "deno task install".
[ -n "\$(pwd -P 2>/dev/null)" ] || {
  echo "agent-kernel: The current folder was deleted, change to one that exists" >&2
  exit 1
}
# At the end: a deno of the caller's own PATH goes first.
PATH=\${PATH:+\$PATH:}$(quoted "$(dirname -- "$deno")")
export PATH
root=$(quoted "$root")
exec deno run -q --no-prompt "--config=\$root/deno.json" "--lock=\$root/src/cli/deno.lock" --frozen \\
  --allow-read --allow-env --allow-run=deno "\$root/src/cli/main.ts" "\$@"
END
chmod 755 "$target"
echo "Installed $target"
case ":${PATH:-}:" in
*":$prefix/bin:"*) ;;
*) echo "note: $prefix/bin is not in the PATH of this shell" ;;
esac
