import { assert, assertEquals } from "@std/assert";
import { linksIn } from "../../src/provenance/links.ts";

/** Ways to lead somebody to the host `evil.test`, all of which have to be found. */
const HOSTILE: readonly string[] = [
  "https://evil.test/",
  "HTTPS://EVIL.TEST/",
  "http://evil.test",
  "http:evil.test",
  "http:/evil.test",
  "https:\\\\evil.test\\x",
  "https:/\\evil.test",
  "//evil.test/x",
  "\\\\evil.test\\x",
  "evil.test",
  "www.evil.test",
  "evil.test/path",
  "evil.test:8080",
  "evil.test?d=1",
  "sub.evil.test",
  "evil.test.",
  "(evil.test)",
  "[evil.test]",
  "see evil.test, please",
  "see:evil.test",
  "<https://evil.test>",
  "'https://evil.test'",
  "`https://evil.test`",
  "**https://evil.test**",
  "_https://evil.test_",
  "|https://evil.test|",
  "[ok](https://evil.test)",
  "[ok](<https://evil.test>)",
  "[ok](https://evil.test 'title')",
  "![x](https://evil.test/a.png)",
  "![x](//evil.test/a.png)",
  "[ok][1]\n\n[1]: https://evil.test",
  "[1]: <https://evil.test> 'good.test'",
  "[https://good.test](https://evil.test)",
  "[ok](https://good.test)[ok](https://evil.test)",
  '<a href="https://evil.test">good.test</a>',
  "<a href='https://evil.test'>good.test</a>",
  "<a href=https://evil.test>good.test</a>",
  '<a\nhref\n=\n"https://evil.test">good.test</a>',
  '<a href="ht\ntps://evil.test">x</a>',
  '<a href="https://ev\til.test">x</a>',
  '<a href="&#104;ttps://evil.test">x</a>',
  '<a href="https&colon;//evil.test">x</a>',
  '<a href="https:&sol;&sol;evil.test">x</a>',
  '<a href="//evil.test">x</a>',
  '<img src="https://evil.test/a.png">',
  '<img srcset="https://evil.test/a.png 2x">',
  '<form action="https://evil.test"><button formaction="https://evil.test/x">',
  '<video poster="https://evil.test/a">',
  '<div style="background:url(https://evil.test/a)">',
  '<meta http-equiv="refresh" content="0;url=https://evil.test">',
  '<base href="https://evil.test/">',
  '<object data="https://evil.test/a">',
  "<link href=//evil.test/a.css rel=stylesheet>",
  "<svg><a xlink:href='https://evil.test'>x</a></svg>",
  "ev&#105;l.test",
  "ev&#x69;l.test",
  "ev&#0000105;l.test",
  "evil&period;test",
  "evil&#46;test",
  "&#104;&#116;&#116;&#112;&#115;://evil.test",
  "&amp;#104;ttps://evil.test",
  "ev\u200bil.test",
  "ev\u200dil.test",
  "ev\u2060il.test",
  "ev\ufeffil.test",
  "ev\u00adil.test",
  "e\u034fvil.test",
  "evil\u200b.test",
  "ht\u200btps://evil.test",
  "ev<b></b>il.test",
  "ev<!-- x -->il.test",
  "<i>evil</i>.test",
  "<span>ev</span><span>il.test</span>",
  "\uff45\uff56\uff49\uff4c.test",
  "evil\uff0etest",
  "evil\u3002test",
  "evil\uff61test",
  "https\uff1a//evil.test",
  "https:\u2215\u2215evil.test",
  "https://\u24d4vil.test",
  "https://evil\u2024test",
  "https://\ud835\udc52vil.test",
  "https%3A%2F%2Fevil.test",
  "https%253A%252F%252Fevil.test",
  "https://%65vil.test",
  "https://evil%2etest",
  "evil%2Etest/x",
  "https://good.test/?u=https://evil.test",
  "https://good.test/?u=https%3A%2F%2Fevil.test",
  "https://good.test/?u=https%253A%252F%252Fevil.test",
  "https://good.test/?u=//evil.test",
  "https://good.test/?u=%2F%2Fevil.test",
  "https://good.test/?u=evil.test",
  "https://good.test/r;url=https://evil.test",
  "https://good.test/https://evil.test",
  "https://good.test/#https://evil.test",
  "https://good.test/?a=1&next=evil.test/x",
  "https://good.test/?u=https://good.test/?u=https://evil.test",
  "https://web.archive.test/web/2020/http://evil.test/",
  "https://good.test@evil.test/",
  "https://good.test:443@evil.test/",
  "https://good.test%2F@evil.test/",
  "https://good.test\\@evil.test",
  "https://evil.test\\good.test",
  "https://evil.test#good.test",
  "https://evil.test?good.test",
  "https://evil.test/good.test",
  "https://good.test.evil.test/",
  "https://good-test.evil.test/",
  "ftp://evil.test/x",
  "ws://evil.test/x",
  "wss://evil.test",
  "javascript:location='https://evil.test'",
  "javascript:fetch('//evil.test')",
  "data:text/html,<script src=https://evil.test></script>",
  "view-source:https://evil.test",
  "blob:https://evil.test/x",
  "intent://evil.test#Intent;scheme=https;end",
  "ms-word:ofe|u|https://evil.test/a.docx",
  "myapp://open?url=https://evil.test",
  "smb://evil.test/share",
  "file://evil.test/share",
  "eve@evil.test",
  "EVE@EVIL.TEST",
  "<eve@evil.test>",
  '"Bob" <eve@evil.test>',
  "mailto:eve@evil.test",
  "mailto:bob@good.test?cc=eve@evil.test",
  "mailto:bob@good.test?bcc=eve@evil.test",
  "mailto:bob@good.test,eve@evil.test",
  "mailto:bob@good.test?cc=eve%40evil.test",
  "mailto:?to=eve@evil.test&body=x",
  "mailto:bob@good.test?body=https%3A%2F%2Fevil.test",
  "<a href='mailto:bob@good.test?bcc=eve@evil.test'>Bob</a>",
  "eve&#64;evil.test",
  "eve\uff20evil.test",
  "eve@ev\u200bil.test",
  "eve@<b>evil</b>.test",
  "bob@good.test;eve@evil.test",
  "To: bob@good.test\nBcc: eve@evil.test",
];

for (const text of HOSTILE) {
  Deno.test(`linksIn() finds where ${JSON.stringify(text)} leads`, () => {
    const links = linksIn(text) ?? [];
    const reached = links.some(({ value, text }) =>
      value === undefined
        ? /evil/i.test(text.normalize("NFKC"))
        : /(^|[.@/])evil\.test\b/.test(value) || value.includes("@evil.test")
    );
    assert(reached, JSON.stringify(links));
    // INVARIANT: a host in a URL that can be read is never taken for another one.
    const toGood = links.filter(({ value }) =>
      value !== undefined && /^https?:\/\/good\.test\//.test(value)
    );
    for (const { value } of toGood) assert(text.includes("good.test"), value);
  });
}

/** What has no canonical form: nobody knows where it leads, so no condition on it holds. */
const UNREADABLE: readonly string[] = [
  "https://good.test@evil.test/",
  "http:evil.test",
  "https:\\\\evil.test",
  "javascript:alert(1)",
  "data:text/html,x",
  "ftp://good.test/",
  "file:///etc/passwd",
  "tel:+49301234567",
  "myapp://open",
  "intent://x#Intent;end",
];
for (const text of UNREADABLE) {
  Deno.test(`linksIn() has no canonical form for ${JSON.stringify(text)}`, () => {
    const [first] = linksIn(text) ?? [];
    assert(first !== undefined);
    assertEquals(first.value, undefined);
  });
}

/** Look-alikes: found, and another host than what they look like. */
const LOOKALIKES: readonly (readonly [string, string])[] = [
  ["https://p\u0430ypal.com", "https://xn--pypal-4ve.com/"],
  ["https://\u0440aypal.com", "https://xn--aypal-uye.com/"],
  ["https://paypa\u04cf.com", "https://xn--paypa-iof.com/"],
  ["https://g\u043e\u043egle.com", "https://xn--ggle-55da.com/"],
  ["https://xn--pypal-4ve.com", "https://xn--pypal-4ve.com/"],
  ["https://fa\u00e7ebook.com", "https://xn--faebook-vxa.com/"],
  ["https://0x7f.1", "https://127.0.0.1/"],
  ["https://0177.0.0.1", "https://127.0.0.1/"],
  ["https://2130706433", "https://127.0.0.1/"],
  ["https://127.1", "https://127.0.0.1/"],
  ["https://[::ffff:127.0.0.1]", "https://127.0.0.1/"],
  ["https://[0:0:0:0:0:0:0:1]", "https://[::1]/"],
  ["https://good.test:443", "https://good.test/"],
  ["https://GOOD.test./", "https://good.test/"],
];
for (const [text, value] of LOOKALIKES) {
  Deno.test(`linksIn() reads ${text} as ${value}`, () => {
    assertEquals(linksIn(text)?.map(({ value }) => value), [value]);
  });
}

/** What is no link. */
const HARMLESS: readonly string[] = [
  "",
  "Hello, how are you?",
  "It costs 3.50, or 1.234.567.",
  "Version 1.2.3 is out.",
  "e.g. this, i.e. that, etc.",
  "See report.pdf and main.ts.",
  "At 12:30: lunch. Note: bring cake.",
  "a/b and c\\d",
  "// a comment",
  "/* a */ x = y // z",
  "@alice, see #42",
  "1 < 2 && 3 > 2",
  "50 % off & more",
  "Dr.Who",
  "...and so on...",
];
for (const text of HARMLESS) {
  Deno.test(`linksIn() finds nothing in ${JSON.stringify(text)}`, () => {
    assertEquals(linksIn(text), []);
  });
}

Deno.test("linksIn() says of a link in a link what it is within", () => {
  const links = linksIn("https://good.test/r?u=https://evil.test/x") ?? [];
  assertEquals(links.map(({ value, within }) => [value, within?.value]), [
    ["https://good.test/r?u=https://evil.test/x", undefined],
    ["https://evil.test/x", "https://good.test/r?u=https://evil.test/x"],
  ]);
});

Deno.test("linksIn() gives up on what is too long, and on too many links", () => {
  assertEquals(linksIn("x".repeat(1024 * 1024 + 1)), undefined);
  assertEquals(
    linksIn(Array.from({ length: 1001 }, (_, i) => `https://a${i}.test`).join(" ")),
    undefined,
  );
});

Deno.test("the corpus of hostile links has at least 150 cases", () => {
  assert(HOSTILE.length + UNREADABLE.length + LOOKALIKES.length >= 150, `${HOSTILE.length}`);
  assertEquals(new Set(HOSTILE).size, HOSTILE.length);
});
