/** Random lines of shell, for the comparison with the real bash. */
import fc from "fast-check";

const PROGRAMS = ["p", "q", "ls", "cat", "echo", "true", "false", ":", "printf", "test"];
const PLAIN = [
  "x",
  "yy",
  "-l",
  "--opt=1",
  "in.txt",
  "a",
  "missing",
  "a.b",
  "1",
  "+",
  "%",
  "@",
  ",",
];
const NAMES = ["v", "w", "X"];

const plain = fc.constantFrom(...PLAIN);

/** Pieces that a word is put together from. */
const piece: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: plain },
  plain.map((text) => `'${text} $v * "'`),
  plain.map((text) => `"${text} '\\$ \\" \\x"`),
  fc.constantFrom(...NAMES).map((name) => `"$${name}"`),
  fc.constantFrom(...NAMES).map((name) => `$${name}`),
  fc.constantFrom(...NAMES).map((name) => `"a\${${name}}b"`),
  fc.constantFrom(
    "{$v,b}",
    '{"$v",b}',
    "{$,x}",
    "{a,b}",
    "{1..3}",
    "{c,{d,e}}",
    "{}",
    "{x}",
    "{a,}",
    "{03..1}",
    "{a..c..2}",
    "{,}",
  ),
  fc.constantFrom(
    "\\ ",
    "\\;",
    "\\\\",
    "\\{",
    "\\\n",
    "\\$v",
    "\\'",
    "\\n",
    "$'a\\nb\\x41'",
    "$'\\''",
  ),
  fc.constantFrom(
    "~",
    "~/x",
    "#",
    "a#b",
    "=",
    "!",
    "$",
    '""',
    "''",
    "$?",
    '"$?"',
    "[",
    "]",
    "^",
    ":",
  ),
  fc.constantFrom("*", "?", "[a]", "`", "$(p)", "$((1))", "(", ")", "<(p)", "&", "'", '"'),
);

const word = fc.array(piece, { minLength: 1, maxLength: 3 }).map((pieces) => pieces.join(""));

const redirection = fc.tuple(
  fc.constantFrom(">", ">>", "<", "2>", "&>", ">|", "<>", "2>>", "1>", "> ", ">&", "0<"),
  fc.constantFrom("out", "in.txt", "a/out", '"o p"', "/dev/null", "o{1,2}", "$v", "b/$X", "1", "2"),
).map((parts) => parts.join(""));

const simple: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(
      fc.constantFrom(...PROGRAMS),
      fc.array(fc.oneof({ weight: 5, arbitrary: word }, redirection), { maxLength: 3 }),
    ).map(([name, words]) => [name, ...words].join(" ")),
  },
  fc.tuple(fc.constantFrom(...NAMES), word).map((parts) => parts.join("=")),
  fc.constantFrom(
    "cd a",
    "cd b",
    "cd missing",
    "cd sub/deep",
    "cd ..",
    "cd ./a",
    "cd 'a b'",
    "cd",
    "cd ~",
  ),
  fc.constantFrom(
    "exit 1",
    "exit",
    "break",
    "continue",
    "set -e",
    "set -eu",
    "pwd",
    "wait",
    "command p",
  ),
  fc.constantFrom(
    "v=b > o$v",
    "v=b p > o$X",
    "CI=1 p > out$v",
    "> out",
    "[ -f in.txt ]",
    '[ "$v" = x ]',
    "[[ $v == x* ]]",
    "[[ -d a && -f b ]]",
  ),
  fc.constantFrom(
    "env p",
    "nice q",
    "timeout 1 p x",
    "CI=1 p",
    "command cd a",
    "builtin cd b",
    "export CI=1",
  ),
  fc.constantFrom(
    "p <<< 'x'",
    "cat <<'E'\n$v `p`\nE\n",
    "p <<E\nx $v\nE\n",
    "p <<-E | q\n\tx\n\tE\n",
  ),
  fc.constantFrom(
    "p \"$(cat <<'E'\nx ) \" '\n\nE\n)\"",
    "v=$(cat <<'E'\nx y\nE\n)",
    "time p",
    "! p",
  ),
);

const list: fc.Arbitrary<string> = fc.letrec<{ list: string; command: string }>((tie) => ({
  command: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    { weight: 6, arbitrary: simple },
    { weight: 1, arbitrary: tie("list").map((list) => `( ${list} )`) },
    { weight: 1, arbitrary: tie("list").map((list) => `{ ${list}\n}`) },
    {
      weight: 1,
      arbitrary: fc.tuple(tie("list"), tie("list"), tie("list")).map(([a, b, c]) =>
        `if ${a}\nthen ${b}\nelse ${c}\nfi`
      ),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom(...NAMES), fc.array(word, { maxLength: 3 }), tie("list"))
        .map(([name, words, list]) => `for ${name} in ${words.join(" ")}; do ${list}\ndone`),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom("while", "until"), tie("list"), tie("list"))
        .map(([kind, a, b]) => `${kind} ${a}\ndo ${b}\nbreak\ndone`),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(word, tie("list"), tie("list")).map(([value, a, b]) =>
        `case ${value} in x|yy) ${a}\n;; *) ${b}\n;; esac`
      ),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom("bash -c", "sh -c", "bash -ec"), tie("list")).map((
        [shell, list],
      ) => `${shell} '${list.replaceAll("'", "'\\''")}'`),
    },
  ),
  list: fc.tuple(
    tie("command"),
    fc.array(
      fc.tuple(
        fc.constantFrom(" ; ", " && ", " || ", " | ", "\n", " # c\n", ";", "&&", "|", " & "),
        tie("command"),
      ),
      { maxLength: 2 },
    ),
  ).map(([first, rest]) => [first, ...rest.flat()].join("")),
})).list;

/** A line, by a small grammar. Most have values for its variables. */
export const line: fc.Arbitrary<string> = fc.tuple(
  fc.constantFrom("v=x w='a b' X=; ", "v=-l; w=yy; X='a  b '\n", 'v=x; w=$v; X="$w y"; ', ""),
  list,
).map((parts) => parts.join(""));

/** A line with some characters changed: what is quoted and what is not moves. */
export function mutated(lines: readonly string[]): fc.Arbitrary<string> {
  return fc.tuple(
    fc.constantFrom(...lines),
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.constantFrom(0, 0, 1),
        fc.constantFrom(
          ..." ;&|<>()'\"$`\\{}#!~=*?[],\n\t-1x".split(""),
          "",
          "",
          "$v",
          "&&",
          "\\\n",
        ),
      ),
      { minLength: 1, maxLength: 3 },
    ),
  ).map(([text, changes]) =>
    changes.reduce((line, [at, removed, added]) => {
      const place = at % (line.length + 1);
      return line.slice(0, place) + added + line.slice(place + removed);
    }, text)
  );
}
