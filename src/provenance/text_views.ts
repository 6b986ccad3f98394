/**
 * The ways in which one text may be read by what shows or opens it: a mail program, a browser, a chat.
 *
 * @module
 */

/** Most that is read of one text, in UTF-16 code units; what is longer cannot be read. */
export const MAX_TEXT = 1024 * 1024;
const MAX_DECODING = 3;

/** Names of entities that stand for characters of links (HTML Living Standard, named character references). */
const ENTITIES: Readonly<Record<string, string>> = {
  ...{ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " ", colon: ":", sol: "/" },
  ...{ bsol: "\\", period: ".", commat: "@", num: "#", quest: "?", equals: "=", percnt: "%" },
  ...{ lowbar: "_", hyphen: "-", dash: "-", Tab: "\t", NewLine: "\n", lpar: "(", rpar: ")" },
  ...{
    plus: "+",
    excl: "!",
    semi: ";",
    comma: ",",
    shy: "",
    zwj: "",
    zwnj: "",
    ZeroWidthSpace: "",
  },
};

/**
 * The readings of a text: as it is; with entities, invisible characters and compatibility forms resolved; the
 * same without tags; and percent-decoded, up to three times.
 *
 * @returns Each once, the text itself first.
 */
export function viewsOf(text: string): string[] {
  const views = new Set([text]);
  // Most texts have nothing of it.
  const hasEntities = text.includes("&");
  // deno-lint-ignore no-control-regex -- characters beyond ASCII are what it looks for
  const isPlain = !/[^\x00-\x7f]/.test(text);
  const seen = hasEntities ? decodeEntities(text) : text;
  const visible = isPlain && seen === text ? seen : foldForms(seen);
  views.add(visible);
  if (visible.includes("<")) {
    views.add(visible.replaceAll(/<!--[^]*?-->|<\/?[A-Za-z][^<>]*>/g, ""));
  }
  // A browser drops them inside of a URL; "\r\n" of a mail is the end of a line.
  for (const view of [...views]) {
    let decoded = view;
    for (let i = 0; i < MAX_DECODING && decoded.includes("%"); i++) {
      decoded = decodePercent(decoded);
      views.add(decoded);
    }
  }
  return Array.from(views);
}

function decodeEntities(text: string): string {
  let decoded = text;
  // "&amp;#104;" is decoded by whoever decodes twice.
  for (let i = 0; i < 2 && decoded.includes("&"); i++) {
    decoded = decoded.replaceAll(
      /&(?:#[xX]([0-9A-Fa-f]{1,6})|#(\d{1,7})|([A-Za-z]{2,15}));?/g,
      (all, hex?: string, decimal?: string, name?: string) => {
        if (name !== undefined) return Object.hasOwn(ENTITIES, name) ? ENTITIES[name] ?? all : all;
        const code = hex === undefined ? Number(decimal) : parseInt(hex, 16);
        return code > 0x10ffff || code >= 0xd800 && code < 0xe000
          ? all
          : String.fromCodePoint(code);
      },
    );
  }
  return decoded;
}

/** Without invisible characters, compatibility forms (full-width letters, ideographic stops) as what they stand for. */
function foldForms(text: string): string {
  return text.replaceAll(/[\p{Cf}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f]/gu, "")
    .normalize("NFKC").replaceAll(/[\u3002\uff0e\uff61]/g, ".").replaceAll(
      /[\u2044\u2215\u29f8]/g,
      "/",
    )
    .replaceAll(/[\ua789\u02d0\u2236]/g, ":");
}

/** Percent-encoded ASCII, so that no text becomes undecodable. */
function decodePercent(text: string): string {
  return text.replaceAll(
    /%([2-7][0-9A-Fa-f])/g,
    (_, hex) => String.fromCharCode(parseInt(hex, 16)),
  );
}
