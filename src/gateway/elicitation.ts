/**
 * What a server wants to be answered by a user.
 *
 * @module
 */
import { escapedText } from "../visible_text.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * Words for what nobody types into a form of a server. MCP forbids servers to ask for it: "Servers MUST NOT use form
 * mode elicitation to request sensitive information".
 */
const SECRET =
  /pass ?(word|phrase|code|wd)|passwort|kennwort|secret|credential|api ?key|private ?key|access ?key|access ?token|auth ?token|bearer|security ?code|\b(token|pin|otp|cvv|cvc|ssn|iban|mfa|2fa)\b|seed ?phrase|recovery ?(code|phrase)|(credit|debit) ?card|card ?number|social ?security/i;
const MAX_MESSAGE = 4000;

/**
 * Why a question of a server is not put to a user.
 *
 * Words are looked for in the message and in names, titles and descriptions of the fields. Whoever puts it in other
 * words is not found: what a user types is up to the user.
 *
 * @returns `undefined` if it may be put.
 */
export function whyNotAsked(params: Json): string | undefined {
  if (params["mode"] === "url") return problemOfUrl(params["url"]);
  const { properties } = Object(params["requestedSchema"]) as Json;
  const fields = Object.entries(Object(properties) as Json).flatMap(([name, field]) => {
    const { title, description } = Object(field) as Json;
    return [name, title, description];
  });
  for (const text of [params["message"], ...fields]) {
    const words = String(text ?? "").normalize("NFKC").replace(/[\p{Cf}\p{DI}]/gu, "")
      .replace(/([a-z])([A-Z])/g, "$1 $2").replace(/[_\-.\s]+/g, " ");
    const [found] = SECRET.exec(words) ?? [];
    if (found !== undefined) {
      return `it asks for what is secret ("${found.toLowerCase()}"); a server has to use a URL for that`;
    }
  }
  return undefined;
}

function problemOfUrl(url: unknown): string | undefined {
  const parsed = typeof url === "string" && URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol === "https:" && parsed.username === "" && parsed.password === "") {
    return undefined;
  }
  return "its URL is not one with https: and without credentials";
}

/** The same params with a message that shows who asks, and every character. */
export function shownElicitation(params: Json, server: string | undefined): Json {
  const message = escapedText(String(params["message"] ?? ""), MAX_MESSAGE);
  return {
    ...params,
    message: server === undefined ? message : `MCP server "${server}": ${message}`,
  };
}
