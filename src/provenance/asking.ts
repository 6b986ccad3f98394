/**
 * One request and its session: what conditions ask, what the record says, what is learned from the result.
 *
 * @module
 */
import type { ActionResult, CanonicalRequest } from "../core/action.ts";
import { messageOf } from "../core/errors.ts";
import type { StageOutcome, StageRefusal } from "../core/admission.ts";
import type { Asked } from "../core/policy/constraint.ts";
import { type ActionTable, specOf } from "../core/resource/kind.ts";
import type { Stage, StageAnswer, StageContext } from "../stages/stage.ts";
import type { ResultProvenance } from "../stages/submit.ts";
import { escapedJson } from "../visible_text.ts";
import { valuesIn } from "./candidates.ts";
import type { Rule } from "../core/policy/policy.ts";
import { type ChangedFiles, changesFiles } from "./changed_files.ts";
import type { AskedSession, Finding } from "./condition.ts";
import { extract, type FieldPath, leavesOf, matches, payloadOf } from "./extraction.ts";
import { type FoundLink, linksIn } from "./links.ts";
import { MAX_VALUE, normaliseValue, type ValueKind } from "./normalise.ts";
import type { Provenance } from "./policy.ts";
import { approvedKey } from "./rule_reader.ts";
import { secretTextsOf } from "./secret_texts.ts";
import { ActiveSession } from "./session.ts";
import { SESSION_CODES, SessionError } from "./session_error.ts";
import { lessonOf, nameOf, type Seen } from "./session_state.ts";
import type { Source } from "./source.ts";
import type { Found } from "./source_knowledge.ts";

/** Most values that one record tells the source of. */
const MAX_FINDINGS = 50;
/** Most that is looked at of a result that is not trusted, to say later where a value was seen. */
const MAX_SEEN_CHARACTERS = 64 * 1024;
const MAX_SEEN_VALUE = 512;
const MAX_BY = 200;
const WORD = /[^\s<>()[\],;"'`|{}]*[^\s<>()[\],;"'`|{}.:!?]/g;
const MAYBE_IBAN = /[A-Za-z]{2}\d{2}[ \u00a0]?[A-Za-z0-9]{4}/;
const MAYBE_PHONE = /(?:\+|00)[ ()]?\d/;
/** Who sent or wrote something, by the names that programs give it. */
const SENDER_KEYS = [
  "from",
  "sender",
  "author",
  "by",
  "user",
  "sender_name",
  "from_email",
  "organizer",
];

/** What one request is asked and told with. */
export interface AskingOptions {
  /** Missing for a request that belongs to no session; only its id if that is not open. */
  readonly session: ActiveSession | { readonly id: string } | undefined;
  readonly provenance: Provenance;
  readonly actions: ActionTable;
  /** Gets the files that were changed; missing where nothing is carried out. */
  readonly changed?: (() => ChangedFiles) | undefined;
  /** Of the policy. */
  readonly rules: readonly Rule[];
}

/** One request of a session. */
export class Asking implements AskedSession {
  readonly fields: Readonly<Record<string, unknown>> | undefined;
  readonly #options: Omit<AskingOptions, "session"> & {
    readonly session: ActiveSession | undefined;
  };
  /** Why none of its requests may go on, if the session is not open. */
  readonly #missing: StageRefusal | undefined;
  #normals: Map<string, string | undefined> | undefined;
  #links: Map<string, readonly FoundLink[] | undefined> | undefined;
  /** Secret sources of which something was read, and the record of that. */
  readonly #secretReads: (readonly [secret: string, record: string])[] = [];
  /** How the result is to be labelled; set when there is one. */
  label: ResultProvenance | undefined;

  constructor(options: AskingOptions) {
    const { session } = options;
    const active = session instanceof ActiveSession ? session : undefined;
    this.#options = { ...options, session: active };
    const id = session instanceof ActiveSession ? session.header.id : session?.id;
    this.fields = id === undefined ? undefined : { provenance: { id } };
    this.#missing = active === undefined && id !== undefined
      ? {
        refusal: `not permitted: there is no open session "${id}"`,
        code: SESSION_CODES.SESSION_CLOSED,
      }
      : undefined;
  }

  /** Whether what is not found is in none of its sources. */
  get isComplete(): boolean {
    return this.#options.session?.state.isComplete ?? false;
  }

  find(source: string, kind: ValueKind, normal: string): Found | undefined {
    return this.#options.session?.state.find(source, kind, normal);
  }

  normal(kind: ValueKind, value: unknown): string | undefined {
    if (typeof value !== "string" || value.length > MAX_VALUE) return normaliseValue(kind, value);
    const key = `${kind} ${value}`;
    const normals = this.#normals ??= new Map();
    if (!normals.has(key)) normals.set(key, normaliseValue(kind, value));
    return normals.get(key);
  }

  links(text: string): readonly FoundLink[] | undefined {
    const links = this.#links ??= new Map();
    if (!links.has(text)) links.set(text, linksIn(text));
    return links.get(text);
  }

  whereSeen(kind: ValueKind, normal: string): Seen | undefined {
    return this.#options.session?.state.whereSeen(kind, normal);
  }

  /** The reason of a denial says more: which value of which rule, and where it was seen; never the value. */
  lacks(rules: readonly string[], asked: Asked): string {
    const { provenance, session } = this.#options;
    for (const id of rules) {
      const failing = provenance.rules.get(id)?.trace({ ...asked, session: this })
        .filter(({ truth }) => truth !== true) ?? [];
      if (failing.length === 0) continue;
      const why = session === undefined ? " (the request belongs to no session)" : "";
      const told = failing.slice(0, 3).map((one) => `${one.at} ${one.wants}${this.#seen(one)}`);
      const more = failing.length > 3 ? ` and ${failing.length - 3} more` : "";
      return `: rule "${id}" wants ${told.join(", ")}${more}${why}`;
    }
    return "";
  }

  /** For the person who is asked: what a request lacks of its rule. */
  notes(request: CanonicalRequest, rule: string): string | undefined {
    const known = this.#options.provenance.rules.get(rule);
    if (known?.asks !== true) return undefined;
    const failing = known.trace({ ...request, session: this }).filter(({ truth }) =>
      truth !== true
    );
    const lines = failing.map((one) => {
      const seen = one.normal === undefined ? undefined : this.whereSeen(one.kind, one.normal);
      const by = seen?.by === undefined ? "" : `, in something by ${escapedJson(seen.by)}`;
      const where = seen === undefined
        ? "seen in no result"
        : `seen in ${seen.action} (record ${seen.record})${by}`;
      return `${escapedJson(one.at)} is ${escapedJson(one.value)}: not ${one.wants}; ${where}`;
    });
    if (known.remembers && failing.some(({ normal }) => normal !== undefined)) {
      lines.push(`A yes counts for these values in rule "${known.of}" until the session ends`);
    }
    return lines.length === 0 ? undefined : lines.join("\n");
  }

  /** The stage of this request. */
  stage(): Stage {
    return {
      name: "provenance",
      enter: (request, context) => this.#enter(request, context),
    };
  }

  #enter(request: CanonicalRequest, context: StageContext): StageAnswer {
    const { rule, recordId, isPermit } = context;
    const { session, provenance } = this.#options;
    const refusal = this.#missing ?? session?.over ?? session?.outOfScope(request, context) ??
      this.#untracked(request, isPermit === true) ?? this.#moved(request, rule) ??
      session?.disclosure(request, provenance, rule);
    if (refusal !== undefined) return { ...refusal, fields: this.#own({}) };
    const known = provenance.rules.get(rule);
    if (
      session === undefined && known === undefined &&
      !changesFiles(request.action, this.#options.actions)
    ) return undefined;
    const findings = known?.trace({ ...request, session: this }) ?? [];
    const fields = this.#own(originsOf(findings));
    return {
      ...Object.keys(fields).length === 0 ? {} : { fields },
      // Asked again: it may have been closed while somebody was asked.
      confirm: () => session?.over ?? this.#noteChanged(request),
      settle: (outcome) => {
        if (known?.remembers === true && outcome.executed) {
          this.#remember(findings, known.of, recordId);
        }
        if (isPermit !== true) this.learn(request, recordId, outcome);
      },
    };
  }

  /** Why something secret may not be read: nobody would know later that it is in what goes out. */
  #untracked({ action, target }: CanonicalRequest, isPermit: boolean): StageRefusal | undefined {
    const { session, provenance } = this.#options;
    if (session !== undefined && !isPermit) return undefined;
    const source = provenance.sources.find((one) => one.isSecret && one.covers(action, target));
    if (source === undefined) return undefined;
    const why = session === undefined
      ? "the request belongs to no session; it has to be made in one"
      : "the caller would read it without the kernel; it has to be submitted";
    return {
      refusal:
        `not permitted: it reads the secret source "${source.id}", and ${why} (Kernel.session), ` +
        "so that what is read is found in what goes out",
      code: SESSION_CODES.SESSION_REQUIRED,
    };
  }

  /** Why something may not be moved out of a secret source: from its new place it could be read as any other. */
  #moved({ action, target, params }: CanonicalRequest, rule: string): StageRefusal | undefined {
    const { provenance, actions } = this.#options;
    const { implies = [], resources = [] } = specOf(actions, action);
    for (const { id, isSecret, covers } of provenance.sources) {
      if (!isSecret || provenance.rules.get(rule)?.to?.includes(id) === true) continue;
      for (const { action: part, param } of implies) {
        const from = param === undefined ? target : params[param];
        if (typeof from !== "string" || !covers(part, from)) continue;
        const goal = resources.map(({ param }) => params[param]).find((to) =>
          typeof to === "string" && !covers(part, to)
        );
        if (goal === undefined) continue;
        return {
          refusal:
            `not permitted: it takes what is in the secret source "${id}" out of it; only a rule with ` +
            `"to: [${id}]" may do that`,
          code: SESSION_CODES.SECRET_DISCLOSED,
        };
      }
    }
    return undefined;
  }

  /**
   * Notes what a request is about to change, before it is carried out: else what is read meanwhile would be trusted.
   *
   * INVARIANT: what cannot be noted is not carried out.
   */
  #noteChanged(request: CanonicalRequest): StageRefusal | undefined {
    const { actions, changed, rules } = this.#options;
    if (changed === undefined || !changesFiles(request.action, actions)) return undefined;
    try {
      changed().note(request, { actions, rules });
      return undefined;
    } catch (error) {
      return {
        refusal:
          "not permitted: it changes files, and it could not be kept which, so that they would be trusted " +
          `later: ${messageOf(error)}`,
        code: SESSION_CODES.SESSION_UNAVAILABLE,
      };
    }
  }

  #own(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    const { session } = this.#options;
    // Frozen: the record takes it as it is.
    return Object.freeze(session === undefined ? fields : { id: session.header.id, ...fields });
  }

  #remember(findings: readonly Finding[], rule: string, record: string): void {
    const { session } = this.#options;
    const values = findings.flatMap(({ truth, normal }) =>
      truth === true || normal === undefined ? [] : [[normal, ""] as const]
    );
    if (values.length > 0) session?.learn({ source: approvedKey(rule), record, values, texts: [] });
  }

  /** Takes in how a request ended. */
  learn(request: CanonicalRequest, record: string, outcome: StageOutcome): void {
    const { session, provenance, actions, changed } = this.#options;
    if (outcome.executed) {
      for (const source of session === undefined ? [] : provenance.sources) {
        if (source.isChangedBy(request.action)) session?.learn({ changed: source.key });
      }
    }
    if (session === undefined) return;
    const { action, target } = request;
    const sources = provenance.sources.filter((source) => source.covers(action, target));
    // First: what else fails here must not let a secret go unknown.
    const secrets = sources.filter(({ isSecret }) => isSecret);
    if (outcome.executed) { for (const { id } of secrets) this.#secretReads.push([id, record]); }
    if (outcome.data === undefined) return;
    for (const { id: secret } of secrets) {
      session.learn({ secret, record, texts: secretTextsOf(outcome.data) });
    }
    if (outcome.status !== "OK") return;
    const isChanged = sources.length > 0 && specOf(actions, action).kind === "path" &&
      changed?.().has(target) === true;
    const trusted: Source[] = [];
    for (const source of sources) {
      if (isChanged || session.state.isChanged(source.key)) continue;
      trusted.push(source);
      if (!provenance.used.has(source.key)) continue;
      const extraction = extract(outcome.data, source);
      if (extraction !== undefined) session.learn(lessonOf(source.key, record, extraction));
    }
    this.#label(trusted, sources);
    const isWhole = trusted.some(({ fields, links }) => fields === undefined && links !== true);
    if (provenance.rules.size > 0 && !isWhole) {
      const known = trusted.flatMap(({ fields }) => fields ?? []);
      see(session, outcome.data, { where: { action, record }, known });
    }
  }

  /** Takes in what a caller is told of a request that failed: a provider's error may say what it read. */
  learnError({ status, error, details }: ActionResult): void {
    if (status === "OK") return;
    for (const [secret, record] of this.#secretReads) {
      const texts = secretTextsOf([error, details]);
      try {
        this.#options.session?.learn({ secret, record, texts });
      } catch (error) {
        // The session is over, and its operator warned: the caller is still told how the request ended.
        if (!(error instanceof SessionError)) throw error;
      }
    }
  }

  #label(trusted: readonly Source[], sources: readonly Source[]): void {
    const isWhole = trusted.some(({ fields, links }) => fields === undefined && links !== true);
    const some = trusted.length === 0 ? "none" : "part";
    const secret = sources.filter(({ isSecret }) => isSecret).map(({ id }) => id);
    this.label = {
      trusted: isWhole ? "all" : some,
      ...trusted.length === 0 ? {} : { sources: trusted.map(({ id }) => id) },
      ...secret.length === 0 ? {} : { secret },
    };
  }

  #seen({ kind, normal }: Finding): string {
    const seen = normal === undefined ? undefined : this.whereSeen(kind, normal);
    return seen === undefined ? "" : ` (it was seen in ${seen.action}, record ${seen.record})`;
  }
}

/** Which source let which value pass; never the value. */
function originsOf(
  findings: readonly Finding[],
): { readonly from?: Readonly<Record<string, string>> } {
  const found = findings.flatMap(({ at, found }): [string, string][] => {
    if (found === undefined) return [];
    const { source, record } = found;
    return [[at, record === undefined ? nameOf(source) : `${nameOf(source)}#${record}`]];
  });
  if (found.length === 0) return {};
  const more = found.length - MAX_FINDINGS;
  return {
    from: Object.freeze(Object.fromEntries([
      ...found.slice(0, MAX_FINDINGS),
      ...more > 0 ? [["more", String(more)]] : [],
    ])),
  };
}

/** Notes the values of a result that is not trusted, by their fingerprints. */
function see({ state }: ActiveSession, data: unknown, { where, known }: {
  readonly where: Omit<Seen, "by">;
  /** Fields that are trusted: these values are known by themselves. */
  readonly known: readonly FieldPath[];
}): void {
  let left = MAX_SEEN_CHARACTERS;
  for (const { value, parent, path } of leavesOf(payloadOf(data))) {
    if (known.some((field) => matches(field, path))) continue;
    left -= value.length;
    if (left < 0) return;
    const by = senderOf(parent);
    const seen = by === undefined ? where : { ...where, by };
    const note = (kind: ValueKind, normal: string | undefined) => {
      if (normal !== undefined && normal.length >= 4) state.see(kind, normal, seen);
    };
    if (value.length <= MAX_SEEN_VALUE) note("text", normaliseValue("text", value));
    // Only to say more to a person: a link that is hidden in a text is found when somebody uses it, not here.
    for (const [word] of /[@/]/.test(value) ? value.matchAll(WORD) : []) {
      if (word.includes("://")) note("url", normaliseValue("url", word));
      else if (word.includes("@")) note("email", normaliseValue("email", word));
    }
    if (MAYBE_IBAN.test(value)) { for (const iban of valuesIn(value, "iban")) note("iban", iban); }
    if (MAYBE_PHONE.test(value)) {
      for (const phone of valuesIn(value, "phone")) note("phone", phone);
    }
  }
}

function senderOf(parent: Readonly<Record<string, unknown>> | undefined): string | undefined {
  if (parent === undefined) return undefined;
  for (const key of SENDER_KEYS) {
    const sender = parent[key];
    const { email, name, address } = Object(sender);
    const found = [sender, email, address, name].find((one) =>
      typeof one === "string" && one !== ""
    );
    if (found !== undefined) return String(found).slice(0, MAX_BY);
  }
  return undefined;
}
