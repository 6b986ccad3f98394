import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { redactOnce, redactText, redactValue } from "../src/redaction.ts";

const BASE62 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE64URL = `${BASE62}-_`;
const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** Random text over an alphabet. It holds a digit, as all but one in a thousand of the real keys do. */
function random(alphabet: string, minLength: number, maxLength = minLength): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(...alphabet), {
    minLength: minLength - 1,
    maxLength: maxLength - 1,
  })
    .map((chars) => `${chars.join("")}7`);
}

function prefixed(prefix: string, rest: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return rest.map((text) => prefix + text);
}

function base64url(json: unknown): string {
  return new TextEncoder().encode(JSON.stringify(json)).toBase64({
    alphabet: "base64url",
    omitPadding: true,
  });
}

const JWT = fc.tuple(fc.string(), random(BASE64URL, 43)).map(([sub, signature]) =>
  `${base64url({ alg: "HS256", typ: "JWT" })}.${base64url({ sub })}.${signature}`
);
const PEM = fc.tuple(
  fc.constantFrom("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "),
  random(`${BASE62}+/\n`, 64, 400),
).map(([kind, body]) =>
  `-----BEGIN ${kind}PRIVATE KEY-----\n${body}\n-----END ${kind}PRIVATE KEY-----`
);

/** Secrets that are known by their form alone. */
const FORMS: Readonly<Record<string, fc.Arbitrary<string>>> = {
  "OpenAI key": prefixed("sk-", random(BASE62, 48)),
  "OpenAI project key": prefixed("sk-proj-", random(BASE64URL, 48, 156)),
  "Anthropic key": prefixed("sk-ant-api03-", random(BASE64URL, 95)),
  "GitHub token": fc.constantFrom("p", "o", "u", "s", "r").chain((kind) =>
    prefixed(`gh${kind}_`, random(BASE62, 36))
  ),
  "GitHub fine-grained token": prefixed("github_pat_", random(`${BASE62}_`, 82)),
  "GitLab token": fc.constantFrom("pat", "dt", "rt", "cbt", "ptt", "ft", "soat").chain((kind) =>
    prefixed(`gl${kind}-`, random(BASE64URL, 20))
  ),
  "AWS key id": fc.constantFrom("AKIA", "ASIA").chain((kind) => prefixed(kind, random(UPPER, 16))),
  "Google key": prefixed("AIza", random(BASE64URL, 35)),
  "Slack token": fc.constantFrom("xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-").chain((kind) =>
    prefixed(kind, random(`${BASE62}-`, 24, 60))
  ),
  "Stripe key": fc.constantFrom("sk_live_", "rk_live_", "sk_test_").chain((kind) =>
    prefixed(kind, random(BASE62, 24))
  ),
  "npm token": prefixed("npm_", random(BASE62, 36)),
  "Hugging Face token": prefixed("hf_", random(BASE62, 34)),
  "SendGrid key": fc.tuple(random(BASE64URL, 22), random(BASE64URL, 43)).map((parts) =>
    `SG.${parts.join(".")}`
  ),
  "age key": prefixed("AGE-SECRET-KEY-1", random(UPPER, 58)),
  "JWT": JWT,
  "private key block": PEM,
};

const PROSE = fc.string({ unit: "grapheme", maxLength: 40 });
/** What stands before a key: anything but a letter or a digit. */
const BEFORE = fc.tuple(PROSE, fc.constantFrom(" ", "\n", "(", "=", ": ", "/", "'", '"', "_", "-"))
  .map((parts) => parts.join(""));
const BEHIND = fc.tuple(fc.constantFrom("", " ", "\n", ")", ",", "'", '"', "/", "&x=1", "…"), PROSE)
  .map((parts) => parts.join(""));

/** Ways in which a text comes to stand in another one. */
const PLACES: Readonly<Record<string, (secret: string) => string>> = {
  "as it is": (secret) => secret,
  "a query": (secret) => `https://example.org/x?a=1&q=${encodeURIComponent(secret)}&b=2`,
  "a path of a URL": (secret) => `https://example.org/${encodeURIComponent(secret)}/x`,
  "a query in a query": (secret) =>
    `https://a.org/?u=${encodeURIComponent(`https://b.org/?q=${encodeURIComponent(secret)}`)}`,
  "a user of a URL": (secret) => `https://${encodeURIComponent(secret)}@github.com/a/b`,
  "JSON": (secret) => JSON.stringify({ a: 1, note: secret, b: [secret] }),
  "JSON behind a line": (secret) => JSON.stringify({ note: `a\n${secret}\tb` }),
  "JSON in JSON": (secret) => JSON.stringify(JSON.stringify({ note: `a\n${secret}` })),
  "an error message": (secret) => new TypeError(`Cannot use "${secret}": 401`).toString(),
  "a command": (secret) => `curl -sS -d '${secret}' https://example.org`,
};

for (const [form, secrets] of Object.entries(FORMS)) {
  Deno.test(`redactText() takes out a ${form}, wherever it stands`, () => {
    fc.assert(
      fc.property(
        secrets,
        BEFORE,
        BEHIND,
        fc.constantFrom(...Object.keys(PLACES)),
        (secret, before, behind, place) => {
          const text = before + PLACES[place]?.(secret) + behind;
          assertHidden(redactText(text), secret);
          assertStringIncludes(redactText(text), "[redacted]");
          assertHidden(JSON.stringify(redactValue({ a: [{ [text]: 1, b: text }] })), secret);
        },
      ),
      { numRuns: 300 },
    );
  });
}

/** No part of the secret is left: none of its pieces of 12 characters. */
function assertHidden(text: string, secret: string): void {
  const body = secret.startsWith("-----") ? secret.slice(secret.indexOf("\n")) : secret;
  const start = body.startsWith("eyJ") ? body.lastIndexOf(".") : 0;
  for (let i = start; i + 12 <= body.length; i += 6) {
    const piece = body.slice(i, i + 12);
    assert(!/[0-9A-Za-z]{4}/.test(piece) || !text.includes(piece), `"${piece}" is left in ${text}`);
  }
}

const SECRET_NAMES = [
  ..."password PASSWORD passwd pwd passphrase secret token apikey credential".split(" "),
  ..."api_key api-key apiKey X-Api-Key access_key AccessKey client_secret clientSecret".split(" "),
  ..."authorization Proxy-Authorization cookie set-cookie session session_id sessionToken".split(
    " ",
  ),
  ..."private_key privateKey signature sig jwt db_password DB_PASSWORD_2 aws_secret_access_key"
    .split(
      " ",
    ),
  ..."AWS_SESSION_TOKEN X-Amz-Signature access_token refreshToken id_token csrfToken".split(" "),
  ..."password_hash credentials spring.datasource.password db-pass auth _authToken".split(" "),
];
const PLAIN_NAMES = [
  ..."user name id tokenize tokenizer max_tokens total_tokens token_count secretary author".split(
    " ",
  ),
  ..."authority design signal keyboard key monkey public_key primaryKey passed bypass path".split(
    " ",
  ),
  ..."hash policy params sha256 assignee compass sessions status".split(" "),
];

/** Ways in which a name gets a value, and what the value may not hold there. */
const PAIRS: readonly (readonly [string, (name: string, value: string) => string, RegExp])[] = [
  ["a query", (name, value) => `?a=1&${name}=${encodeURIComponent(value)}&b=2`, /(?!)/],
  ["a form in prose", (name, value) => `sent ${name}=${encodeURIComponent(value)} to b`, /(?!)/],
  ["a nested query", (name, value) => `?u=${encodeURIComponent(`/?${name}=${value}&b=2`)}`, /&/],
  ["an assignment", (name, value) => `${name} = ${value}\nb = 2`, /[\s&;'"`\\<>,)}\]]|^[{[]/],
  ["single quotes", (name, value) => `${name}='${value}' b=2`, /['\\]/],
  ["double quotes", (name, value) => `export ${name}="${value}"; b=2`, /["\\]/],
  ["JSON", (name, value) => JSON.stringify({ a: 1, [name]: value, b: 2 }), /(?!)/],
  [
    "indented JSON",
    (name, value) => JSON.stringify({ a: { [name]: value }, b: 2 }, null, 2),
    /(?!)/,
  ],
  [
    "JSON in JSON",
    (n, value) => JSON.stringify({ a: JSON.stringify({ [n]: value, b: 2 }) }),
    /(?!)/,
  ],
  [
    "JSON in JSON in JSON",
    (n, value) => JSON.stringify([JSON.stringify([JSON.stringify({ [n]: value, b: 2 })])]),
    /(?!)/,
  ],
  [
    "a list in JSON",
    (name, value) => JSON.stringify({ a: 1, [name]: [[value], { c: value }] }),
    /(?!)/,
  ],
  ["a printed object", (name, value) => Deno.inspect({ [`_${name}`]: value, b: 2 }), /['\\\n]/],
  ["Python", (name, value) => `{'${name}': b'${value}', 'b': 2}`, /['\\]/],
  ["an option", (name, value) => `run --${name} ${value} --b 2`, /[\s&;'"`\\<>,)}\]]|^[-{[]/],
  ["an option with =", (name, value) => `run --${name}=${value} --b 2`, /[\s&;'"`\\<>,)}\]]|^[{[]/],
  ["arguments", (name, value) => JSON.stringify(["run", `--${name}`, value, "b"]), /(?!)/],
];
const VALUE = fc.string({ unit: "grapheme-ascii", minLength: 12, maxLength: 30 }).map((text) =>
  `q7X${text}`
);

for (const [way, write, not] of PAIRS) {
  Deno.test(`redactText() takes out what has a secret name in ${way}, and keeps the rest`, () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...SECRET_NAMES),
        VALUE.filter((value) => !not.test(value)),
        (name, value) => {
          const redacted = redactText(`${write(name, value)}\n and the rest`);
          for (const part of ["q7X", value.slice(3, 9), value.slice(-6)]) {
            if (write(name, "").includes(part)) continue;
            assert(!redacted.includes(part), `"${part}" is left in ${redacted}`);
          }
          assertStringIncludes(redacted, "\n and the rest");
          assertStringIncludes(redacted, name);
        },
      ),
      { numRuns: 500 },
    );
  });
}

for (const [way, write] of PAIRS) {
  Deno.test(`redactText() keeps what has another name in ${way}`, () => {
    for (const name of PLAIN_NAMES) {
      const text = write(name, "value-1");
      assertEquals(redactText(text), text);
    }
  });
}

const SHEET: readonly (readonly [string, string])[] = [
  ["Bearer abc123def", "Bearer [redacted]"],
  ["sent bearer 0123456789abcdefghij.~+/=", "sent bearer [redacted]"],
  ["Basic dXNlcjpwYXNz", "Basic [redacted]"],
  ["Authorization: Token abc def\nHost: b", "Authorization: [redacted]\nHost: b"],
  [
    `curl -H "authorization: Digest a, b=c" https://d`,
    `curl -H "authorization: [redacted]" https://d`,
  ],
  [`curl -H 'Cookie: a=it's; b=c' https://d`, `curl -H 'Cookie: [redacted]' https://d`],
  [`Cookie: a="b, c", d=e; f="g"\r\nHost: h`, "Cookie: [redacted]\r\nHost: h"],
  [`{"h":"Cookie: a=\\"b\\"; c=d\\r\\nHost: e"}`, `{"h":"Cookie: [redacted]\\r\\nHost: e"}`],
  ["Set-Cookie: a=b; Path=/; HttpOnly", "Set-Cookie: [redacted]"],
  ["postgres://bob:hunter2@db:5432/x", "postgres://bob:[redacted]@db:5432/x"],
  ["redis://:hunter2@db", "redis://:[redacted]@db"],
  ["https:\\/\\/bob:p@ss@host", "https:\\/\\/bob:[redacted]@host"],
  ["https://bob:p/ss?#@host/x", "https://bob:[redacted]@host/x"],
  ["https://bob:8080x@host/x", "https://bob:[redacted]@host/x"],
  ["Server=db;Uid=sa;Pwd=hunter2;Pool=5", "Server=db;Uid=sa;Pwd=[redacted];Pool=5"],
  ["user[password]=x&b=2", "user[password]=[redacted]&b=2"],
  ["(password=hunter2), b", "(password=[redacted]), b"],
  // A limit: quotes doubled as in SQL end the value.
  ["password='it''s' b", "password='[redacted]''s' b"],
  ["password=a,b, then", "password=[redacted], then"],
  ["password=12345 token: null", "password=[redacted] token: [redacted]"],
  [`"credentials": {"a": "}", "b": [1]}, "c": 1`, `"credentials": [redacted], "c": 1`],
  ["-----BEGIN PRIVATE KEY-----\nMIIE and no end", "[redacted]"],
  [
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\nx\n-----END PGP PRIVATE KEY BLOCK----- b",
    "[redacted] b",
  ],
  ['{"password":"not closed', '{"password":"[redacted]'],
  ["password=", "password="],
  ['{"password":""}', '{"password":""}'],
  ["password=[redacted], token: '[redacted]'", "password=[redacted], token: '[redacted]'"],
  // Decided: a word of prose behind `name:` is lost.
  ["Invalid token: expired", "Invalid token: [redacted]"],
  // Decided: the working directory of a shell is lost.
  ["PWD=/workspace", "PWD=[redacted]"],
];
for (const [text, expected] of SHEET) {
  Deno.test(`redactText() makes ${JSON.stringify(expected)} of ${JSON.stringify(text)}`, () => {
    assertEquals(redactText(text), expected);
  });
}

const KEPT = [
  "tokenize the secretary's passage; keys, cookies and sessions were authored by design",
  "https://host:8080/",
  "http://host:8080",
  "https://host:8080/@scope/pkg@1.0?x=a:b@c",
  "http://[::1]:8080/pkg@1.0",
  "git@github.com:org/repo.git",
  "npm:@scope/pkg@1.2.3",
  "file:///data/a:b@c",
  "550e8400-e29b-41d4-a716-446655440000",
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  'policy: "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"',
  "/home/bob/.ssh/id_rsa",
  "/workspace/secrets/token.txt",
  "Cannot read /src/auth/token.ts:12:5 at secret.ts:3:7",
  "npm_config_registry npm_package_version hf_hub sk_live_x",
  "task-2024-01-01-nightly-build-run disk-usage-of-the-last-30-days",
  "sk-circle-fade-dot-animation-slow",
  "Basic authentication and bearer authorities, basic english",
  'eyJ is how base64 of {" begins; eyJhbGciOiJIUzI1NiJ9 is a header',
  "max_tokens: 512, tokenizer=bpe, secretary: Ann, author: Bob",
  "AKIA is no key, nor is AIza, ghp_, xoxb- or SG.a.b",
  "2026-01-31T12:00:00.000Z",
  "C:\\Users\\bob\\token",
  "",
];
for (const text of KEPT) {
  Deno.test(`redactText() keeps ${JSON.stringify(text)}`, () => {
    assertEquals(redactText(text), text);
  });
}

Deno.test("redactText() keeps base64 images, digests and UUIDs", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 100, maxLength: 3000 }),
      fc.uuid(),
      (bytes, uuid) => {
        const text =
          `<img src="data:image/png;base64,${bytes.toBase64()}"> ${bytes.toHex()} ${uuid}`;
        assertEquals(redactText(text), text);
      },
    ),
  );
});

/** Pieces that mean something to the redaction, to be put together in all ways. */
const PIECE = fc.oneof(
  fc.constantFrom(
    ...[
      "password",
      "token",
      "Cookie",
      "Authorization",
      "--secret",
      "user",
      "=",
      ":",
      ": ",
      "%3D",
      "'",
    ],
    ...[
      '"',
      '\\"',
      "\\\\",
      "\\n",
      "`",
      "{",
      "}",
      "[",
      "]",
      "(",
      ")",
      ",",
      ";",
      "&",
      " ",
      "\n",
      "@",
    ],
    ...[
      "://",
      "://a:",
      "Bearer ",
      "basic ",
      "eyJ",
      ".",
      "sk-",
      "ghp_",
      "-----BEGIN PRIVATE KEY-----",
    ],
    ...[
      "-----END PRIVATE KEY-----",
      "[redacted]",
      "8080/",
      "a1B2c3D4e5F6g7H8i9J0k1L2",
      "b'",
      "x",
      "=",
    ],
  ),
  fc.string({ maxLength: 3 }),
);
const JUMBLE = fc.array(PIECE, { maxLength: 25 }).map((pieces) => pieces.join(""));

Deno.test("redactText() reveals nothing when applied again", () => {
  fc.assert(
    fc.property(JUMBLE, (text) => {
      const once = redactText(text);
      // What is left after the second time is a part of what was left after the first.
      const left = redactText(once).split("[redacted]");
      let at = 0;
      for (const part of left) {
        const found = once.indexOf(part, at);
        assert(found !== -1, `${once} → ${left}`);
        at = found + part.length;
      }
    }),
    { numRuns: 20_000 },
  );
});

Deno.test("redactText() finds a key in any jumble, if the key does not stand in a word", () => {
  const key = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
  fc.assert(
    fc.property(JUMBLE, JUMBLE, (before, behind) => {
      assert(!redactText(`${before} ${key} ${behind}`).includes(key));
    }),
    { numRuns: 5000 },
  );
});

const ADVERSARIAL = [
  ...["a", "eyJ", "eyJ-", "eyJaaaaaaaaaa.", "sk-", "ghp_", "SG.aaaaaaaaaaaaaaaaa", "xoxb-", "AKIA"],
  ...[
    "-----BEGIN PRIVATE KEY",
    "-----BEGIN RSA ",
    "://a:b",
    "://a:b/",
    "://",
    "bearer ",
    "basic  ",
  ],
  ...[
    "token",
    "token=",
    "token:[",
    "token:{'",
    'token:"',
    'token:\\"',
    "token=,",
    "token-1",
    "--",
    "-",
  ],
  ...[
    "--token ",
    "--token,",
    "\\",
    '\\"',
    'Cookie:="',
    'Cookie:=";',
    "Cookie:'",
    " ",
    "\n",
    "_pass",
    "%",
  ],
  ...[
    "[redacted]",
    "token=[redacted]",
    "secret_",
    "api",
    "session_id",
    "session1",
    ".",
    "\\u0026",
    '"a":',
    "gl",
    "glpat",
    "glpat-",
  ],
];

Deno.test("redactText() comes to an end on long hostile texts", async () => {
  // Linear in their lengths, all of them together take seconds; one that were quadratic takes hours. No
  // time is measured: the program is ended when a machine that is a hundred times as slow would be done.
  const program = `
    import { redactText } from ${JSON.stringify(new URL("../src/redaction.ts", import.meta.url))};
    for (const unit of ${JSON.stringify(ADVERSARIAL)}) {
      redactText("token=x " + unit.repeat(1_000_000 / unit.length));
    }
    console.log("done");
  `;
  const { stdout } = await new Deno.Command("/usr/bin/timeout", {
    args: [
      "900",
      "deno",
      "run",
      "-q",
      "--no-lock",
      `data:text/typescript,${encodeURIComponent(program)}`,
    ],
  }).output();
  assertEquals(new TextDecoder().decode(stdout), "done\n");
});

Deno.test("redactText() never throws, however long the text is", () => {
  assertEquals(redactText(`token=x ${"a".repeat(40_000_000)}`).startsWith("token=x"), false);
});

/** How often texts are rewritten meanwhile. */
function replacements(work: () => void): number {
  const { replace } = String.prototype;
  let count = 0;
  try {
    String.prototype.replace = function (this: string, ...args: unknown[]) {
      count++;
      return Reflect.apply(replace, this, args);
    } as typeof replace;
    work();
  } finally {
    String.prototype.replace = replace;
  }
  return count;
}

Deno.test("redactText() rewrites nothing when nothing is suspicious", () => {
  const plain = 'Cannot read "/workspace/data/2026/report-final.csv": no such file or directory';
  assertEquals(replacements(() => redactText(plain)), 0);
  assert(replacements(() => redactText("token=abc")) > 0);
});

Deno.test("redactValue() copies what is not secret", () => {
  const value = { a: [1, "two", null, true, { b: {} }], c: -0.5, d: "", max_tokens: 5, e: [] };
  const copy = redactValue(value);
  assertEquals(copy, value);
  assert(copy !== value);
});

const HIDDEN: readonly unknown[] = ["x", 1, null, true, [], ["x"], {}, { a: { b: "x" } }];
for (const value of HIDDEN) {
  Deno.test(`redactValue() hides ${JSON.stringify(value)} under a secret name at any depth`, () => {
    for (const name of SECRET_NAMES) {
      assertEquals(redactValue({ a: [{ [name]: value }], b: 2 }), {
        a: [{ [name]: "[redacted]" }],
        b: 2,
      });
    }
  });
}

Deno.test("redactValue() never shows the value of a secret name, in any JSON", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...SECRET_NAMES),
      fc.jsonValue({ maxDepth: 4 }),
      fc.jsonValue({ maxDepth: 2 }),
      (name, around, value) => {
        const secret = { marker: "q7Xq7Xq7X", value };
        const json = JSON.stringify(redactValue([around, { a: { [name]: secret } }, around]));
        assert(!json.includes("q7Xq7X"));
      },
    ),
  );
});

Deno.test("redactValue() hides arguments behind options, pairs, and value beside name", () => {
  assertEquals(
    redactValue({
      args: ["--token", "x", "--verbose", "y", "--password=z"],
      headers: [["Cookie", "x"], ["Accept", "y"]],
      env: [{ name: "DB_PASSWORD", value: "x" }, { key: "USER", value: "y" }],
      words: ["token", "x", "y"],
    }),
    {
      args: ["--token", "[redacted]", "--verbose", "y", "--password=[redacted]"],
      headers: [["Cookie", "[redacted]"], ["Accept", "y"]],
      env: [{ name: "DB_PASSWORD", value: "[redacted]" }, { key: "USER", value: "y" }],
      words: ["token", "x", "y"],
    },
  );
});

Deno.test("redactValue() cuts long strings after the redaction and says so", () => {
  const key = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
  const text = redactValue(`${"a ".repeat(990)}${key} ${"b".repeat(3000)}`) as string;
  assertEquals(text, `${"a ".repeat(990)}[redacted] ${"b".repeat(9)}… (2991 more characters)`);
  assertEquals(redactValue("x".repeat(2000)), "x".repeat(2000));
  assertEquals(
    redactValue(`${"x".repeat(1999)}😀`),
    `${"x".repeat(1999)}… (2 more characters)`,
    "not in the middle of a character",
  );
});

Deno.test("redactValue() treats __proto__ as a field, and ends on what is nested too deeply", () => {
  const copy = redactValue(JSON.parse('{"__proto__":{"a":1},"constructor":2}'));
  assertEquals(JSON.stringify(copy), '{"__proto__":{"a":1},"constructor":2}');
  assertEquals(Object.getPrototypeOf(copy), Object.prototype);
  let nested: unknown = "deep";
  for (let i = 0; i < 100_000; i++) nested = [nested];
  assertEquals(JSON.stringify(redactValue(nested)).includes("[redacted]"), true);
});

Deno.test("redactOnce() freezes what it has redacted, and hides its secrets wherever it stands", () => {
  const constant = redactOnce({ token: "s3cr3t-value", limit: "a" });
  assert(Object.isFrozen(constant));
  const redacted = { token: "[redacted]", limit: "a" };
  assertEquals(redactValue({ list: [constant, constant] }), { list: [redacted, redacted] });
  assertEquals(redactValue({ password: constant }), { password: "[redacted]" });
});
